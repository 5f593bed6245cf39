"""One report: why a crime is expected, what became of it, what would settle it, and who knows."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from msgspec import Struct
from sqlalchemy import Connection

from schemas.words import Grade, Verdict
from service.alerts import words
from service.control_room.acting import forms
from service.control_room.desk import Desk, desk_of
from service.control_room.pages import Frame, framed, render
from service.control_room.problems import not_found
from service.control_room.rights import View, Viewer, needed, require
from service.ledger.reading import Reading, reading, with_crime
from service.matching.judgement import Line, LinkLine, RefusedLine

router = APIRouter(include_in_schema=False)

MICRO = 1_000_000
"""Match weights are whole millionths."""

Asks = Annotated[Viewer, Depends(require(View.REPORT))]


class Near(Struct, frozen=True):
    """One record that belongs, or may belong, to the report."""

    record: str
    level: str
    """How strongly it belongs, in words."""
    says: str
    """What it does, or why it settles nothing."""
    lacks: tuple[str, ...]
    weight: float | None
    """Match weight in bits, where no reference ties it."""
    likely: bool
    """May a person confirm or refuse it?"""


@router.get("/reports/{force}/{ref:path}")
async def report(request: Request, viewer: Asks, force: str, ref: str) -> HTMLResponse:
    """One report, on one page and on one sheet."""
    return await shown(request, viewer, force, ref)


async def shown(
    request: Request,
    viewer: Viewer,
    force: str,
    ref: str,
    status: int = 200,
    problem: object = None,
) -> HTMLResponse:
    """The page, with what was wrong where something was sent. Raises ``Problem``."""

    def ask(connection: Connection, frame: Frame) -> Reading:
        found = reading(connection, force, ref)
        if found is None or not may_read(viewer, found):
            raise not_found("report")
        return found

    frame, found = await framed(request, viewer, "report", ask, force)
    line = found.head or found.line
    return render(
        frame,
        "report.html.j2",
        status,
        found=found,
        facts=found.state.facts,
        line=line,
        headline=headline(line, frame, found),
        nearest=nearest(line),
        signatures=(),
        with_crime=with_crime(found.earlier),
        forms=forms(desk_of(request), viewer, found),
        blinded=blinded(desk_of(request), line),
        problem=problem,
    )


def may_read(viewer: Viewer, found: Reading) -> bool:
    """May they read it? A log that shares another's crimes is as protected as that one."""
    group = str(found.entry.group) if found.entry.group else None
    needs = needed(referral=found.state.facts.referral, group=group)
    if found.head_group is not None:
        needs |= needed(referral=False, group=str(found.head_group))
    return viewer.may_read(found.entry.force, needs)


def headline(line: Line, frame: Frame, found: Reading) -> str:
    """The verdict in a sentence or two, and how sure it is."""
    told = words.VERDICTS[line.verdict]
    if line.verdict is Verdict.ACCOUNTED and line.crimes:
        told = words.accounted(line.crimes[0].reason)
    if line.deadline is not None and found.entry.deadline is not None:
        told += f". Due {frame.when(line.deadline)}, {frame.left(line.deadline)}"
    if line.grade is Grade.POSSIBLE:
        told += ". Only a possible crime: no alert, and in no rate"
    return told + "."


def blinded(desk: Desk, line: Line) -> str:
    """How sure a miss is, and why one cannot tell, in a sentence."""
    reasons = sorted({c.reason for c in line.crimes if c.verdict is Verdict.NOT_PROVABLE})
    if reasons:
        return words.sentence("; ".join(map(words.reason, reasons))) + "."
    if line.verdict in (Verdict.MISSED, Verdict.PARTLY_RECORDED) and line.sources:
        return f"Read past the deadline: {', '.join(line.sources)}; so this is certain."
    return ""


def nearest(line: Line) -> tuple[Near, ...]:
    """Records linked or likely, those that settle something first."""
    refused = {each.record: each for each in line.refused}
    settling = {crime.record: crime for crime in line.crimes if crime.record}
    links = {link.record: link for link in line.links}
    order = [*settling, *links, *refused]
    return tuple(
        _near(record, links.get(record), refused.get(record), record in settling)
        for record in dict.fromkeys(order)
    )


def _near(record: str, link: LinkLine | None, refused: RefusedLine | None, settles: bool) -> Near:
    says = "settles it" if settles else words.reason(refused.reason) if refused else "linked"
    if link is not None and link.standing:
        says = words.reason(link.standing)
    return Near(
        record=record,
        level=words.level(link.level) if link else "",
        says=says,
        lacks=tuple(map(words.demand, link.lacks)) if link else (),
        weight=refused.weight / MICRO if refused and refused.weight is not None else None,
        likely=link is None and refused is not None and refused.reason == "only_possible",
    )


def waterfall(parts: Sequence[tuple[str, float]]) -> list[tuple[str, float, float]]:
    """Parts of a weight, each with where it begins and ends."""
    at, drawn = 0.0, []
    for name, bits in parts:
        drawn.append((name, at, at + bits))
        at += bits
    return drawn
