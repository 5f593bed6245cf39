"""One report: why a crime is expected, what became of it, what would settle it, and who knows."""

from collections.abc import Sequence
from http import HTTPStatus
from itertools import accumulate
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from msgspec import Struct
from sqlalchemy import Connection
from starlette.datastructures import FormData

from schemas.words import Grade, Verdict
from service.alerts import words
from service.alerts.actors import Action
from service.alerts.queues import RESTRICTED
from service.control_room.acting import BadField, Slip, forms, give, slip, status_of, unread
from service.control_room.consulting import consult
from service.control_room.desk import Desk, desk_of
from service.control_room.knowing import Told, known_by
from service.control_room.pages import Frame, framed, render
from service.control_room.problems import not_found
from service.control_room.rights import Special, View, Viewer, allowed, needed, require
from service.control_room.sign_in import safe_path
from service.ledger.consulted import Purpose
from service.ledger.reading import Reading, reading, with_crime
from service.ledger.worklist import PAGE, entries
from service.matching.judgement import Line, LinkLine, RefusedLine
from service.matching.linkage_model import explain
from service.matching.linkage_profile import of_record, of_report

router = APIRouter(include_in_schema=False)

WIDE = 160
"""Units across a waterfall."""

MICRO = 1_000_000
"""Match weights are whole millionths."""

UNREADABLE = HTTPStatus.UNPROCESSABLE_ENTITY

Asks = Annotated[Viewer, Depends(require(View.REPORT))]


class Step(Struct, frozen=True):
    """One part of a match weight, in bits."""

    name: str
    bits: float
    drawn: Markup
    """From where the sum stood to where it stands."""


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


class Sheet(Struct, frozen=True):
    """One report, opened by somebody who may."""

    frame: Frame
    found: Reading
    known: tuple[Told, ...]
    """Who was told of it."""


@router.get("/reports/{force}/{ref:path}")
async def report(request: Request, viewer: Asks, force: str, ref: str) -> HTMLResponse:
    """One report, on one page and on one sheet."""
    sheet = await opened(request, viewer, force, ref)
    return shown(request, viewer, sheet, done=request.query_params.get("done", ""))


async def opened(
    request: Request, viewer: Viewer, force: str, ref: str, view: View = View.REPORT
) -> Sheet:
    """One report, noted as read before it is shown. Raises ``Problem``."""

    def ask(connection: Connection, frame: Frame) -> tuple[Reading, tuple[Told, ...]]:
        found = reading(connection, force, ref)
        if found is None:
            raise not_found("report")
        return found, known_by(connection, found)

    frame, (found, known) = await framed(request, viewer, "report", ask, force)
    await consult(request, viewer, force, ref, needs_of(found), view=view)
    return Sheet(frame, found, known)


def shown(
    request: Request,
    viewer: Viewer,
    sheet: Sheet,
    status: int = 200,
    slip: Slip | None = None,
    done: str = "",
) -> HTMLResponse:
    """The page, with what was wrong where something was sent."""
    frame, found = sheet.frame, sheet.found
    line = found.head or found.line
    desk = desk_of(request)
    weights = weighed(desk, found)
    return render(
        frame,
        "report.html.j2",
        status,
        found=found,
        facts=found.state.facts,
        line=line,
        headline=headline(line, frame, found),
        nearest=nearest(line),
        weights=weights,
        with_crime=with_crime(found.earlier),
        forms=forms(desk, viewer, found),
        certain=certain(line, frame),
        slip=slip,
        known=sheet.known,
        may_read_typed=allowed(View.TYPED, viewer.roles) and any(r.typed for r in found.happened),
        may_disclose=allowed(View.DISCLOSE, viewer.roles),
        purposes=tuple(Purpose),
        done=words.DONE.get(done, ""),
    )


def needs_of(found: Reading) -> frozenset[Special]:
    """Rights that it takes to read it: a log that shares another's crimes is as protected as that."""
    group = str(found.entry.group) if found.entry.group else None
    needs = needed(referral=found.state.facts.referral, group=group)
    if found.head_group is not None:
        needs |= needed(referral=False, group=str(found.head_group))
    return needs


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


def certain(line: Line, frame: Frame) -> str:
    """How sure a miss is, and why one cannot tell, in a sentence."""
    reasons = sorted({c.reason for c in line.crimes if c.verdict is Verdict.NOT_PROVABLE})
    if reasons:
        return words.sentence("; ".join(map(words.reason, reasons))) + "."
    if line.verdict in (Verdict.MISSED, Verdict.PARTLY_RECORDED) and line.sources:
        read = ", ".join(map(frame.label, line.sources))
        return f"Read past the deadline: {read}; so this is certain."
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


class Weight(Struct, frozen=True):
    """Why a likely record is likely: what each comparison adds, as a waterfall."""

    record: str
    steps: tuple[Step, ...]
    total: float


def weighed(desk: Desk, found: Reading) -> tuple[Weight, ...]:
    """What speaks for each record that no reference ties; none where no linkage model is active."""
    model, pack = desk.rulebook.linkage, desk.rulebook.pack
    if model is None:
        return ()
    likely = {each.record for each in found.line.refused if each.weight is not None}
    mine = of_report(found.state.facts, pack, desk.rulebook.sources, model.rarity)
    drawn = []
    for state in found.records:
        if state.facts.ref not in likely:
            continue
        said = explain(model, mine, of_record(state.facts, pack, model.rarity))
        parts = [
            ("before any evidence", model.prior / 1000 / MICRO),
            *((f"{e.comparison}: {e.label}", (e.weight + e.rarity) / MICRO) for e in said),
        ]
        drawn.append(Weight(state.facts.ref, *waterfall(parts)))
    return tuple(drawn)


def waterfall(parts: Sequence[tuple[str, float]]) -> tuple[tuple[Step, ...], float]:
    """Parts of a weight, each drawn from where the sum stood to where it stands, and their sum."""
    sums = [0.0, *accumulate(bits for _, bits in parts)]
    low, high = min(sums), max(sums)
    scale = WIDE / ((high - low) or 1)
    steps = tuple(
        Step(name, bits, _drawn((before - low) * scale, (after - low) * scale))
        for (name, bits), before, after in zip(parts, sums, sums[1:], strict=False)
    )
    return steps, sums[-1]


def _drawn(begins: float, ends: float) -> Markup:
    kind = "for" if ends >= begins else "against"
    left, wide = min(begins, ends), max(abs(ends - begins), 1)
    return Markup(
        '<svg class="step" viewBox="0 0 {} 10" aria-hidden="true"><rect class="{}" x="{:.1f}" y="1" '
        'width="{:.1f}" height="8"/></svg>'
    ).format(WIDE, kind, left, wide)


# -- acting ---------------------------------------------------------------------------------------


async def act(request: Request, viewer: Viewer, action: Action, force: str) -> Response:
    """Do what a report's form asks, then show the report: as it is now, or with what was wrong."""
    form = await request.form()
    ref = str(form.get("ref", ""))
    sheet = await opened(request, viewer, force, ref)
    try:
        answer = await give(desk_of(request), viewer, action, force, ref, form)
    except BadField as bad:
        return shown(request, viewer, sheet, UNREADABLE, unread(action, bad, form))
    if answer.accepted:
        there = f"{sheet.frame.report(ref, force)}?done={action.value}"
        return RedirectResponse(there, HTTPStatus.SEE_OTHER)
    wrong = slip(action, answer, form)
    now = await opened(request, viewer, force, ref)
    return shown(request, viewer, now, status_of(answer), wrong)


def _route(action: Action) -> None:
    async def acts(
        request: Request, viewer: Annotated[Viewer, Depends(require(action))], force: str
    ) -> Response:
        return await act(request, viewer, action, force)

    router.add_api_route(f"/act/{action.value}/{{force}}", acts, methods=["POST"])


for _action in Action:
    if _action not in (Action.MUTE, Action.END_MUTE):
        _route(_action)


@router.post("/worklist/{force}/acknowledge")
async def acknowledge_all(
    request: Request,
    viewer: Annotated[Viewer, Depends(require(Action.ACKNOWLEDGE))],
    force: str,
) -> Response:
    """Acknowledge every report picked in a list, each by a command of its own."""
    form = await request.form()
    picked = [str(ref) for ref in form.getlist("ref")][:PAGE]
    desk = desk_of(request)
    known = await desk.read(lambda connection: entries(connection, force, picked))
    refs = [e.ref for e in known if viewer.protected or e.group not in RESTRICTED]
    answers = [await give(desk, viewer, Action.ACKNOWLEDGE, force, ref, FormData()) for ref in refs]
    done = sum(answer.accepted for answer in answers)
    back = safe_path(str(form.get("back", "/worklist")))
    joined = f"{back}{'&' if '?' in back else '?'}done={done}&of={len(picked)}"
    return RedirectResponse(joined, HTTPStatus.SEE_OTHER)
