"""What messages say: words and references, never a name, an address or free text.

Of a report: what, where (beat or area), what shows it, time left or over, what would settle it, a link.
Of sexual offences and of children: reference, time left and link alone. One thread for each report, so
its title never changes; what has become of it stands in the text.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader
from msgspec import Struct

from schemas.words import AlertType
from service.alerts import words
from service.alerts.notice import Body

SHOWN = 20
"""Reports that a digest names; the rest are counted."""


class Matter(Struct, frozen=True, kw_only=True):
    """What a message about one report may know."""

    ref: str
    type: AlertType
    """What was said last."""
    reason: str = ""
    category: str = ""
    area: str = ""
    indicators: tuple[str, ...] = ()
    """``slot:code`` and ``term:id``; names from the lexicon, never what was typed."""
    signs: tuple[str, ...] = ()
    """Ways of going unrecorded it bears the marks of, the most harmful first."""
    reference_only: bool = True
    """A sexual offence, or a child: say nothing but reference, time and link."""
    due_at: datetime | None = None
    link: str = ""


class Group(Struct, frozen=True, kw_only=True):
    """Part of a digest: how many, by kind of crime, and the nearest of them."""

    title: str
    counts: Mapping[str, int]
    """By category word; empty: not said."""
    nearest: tuple[Matter, ...] = ()

    @property
    def total(self) -> int:
        """How many reports."""
        return sum(self.counts.values())


def about_report(matter: Matter, now: datetime, zone: str) -> Body:
    """One report that somebody must look at, or that changed since they were told."""
    facts = _facts(matter, now, zone)
    head = words.said(matter.type, matter.reason)
    if matter.reference_only:
        head = "A report needs you" if _owed(matter) else "A report you were told of has changed"
    data = _data(matter)
    return _body(_title(matter), head, facts, (), data)


def about_source(name: str, type_: AlertType, at: datetime, zone: str, detail: str = "") -> Body:
    """A feed that stopped, came back, or brought what cannot be understood."""
    facts = [("Feed", name), ("Since", _clock(at, zone))]
    if detail:
        facts.append(("What", words.visible(detail)))
    ask = words.ASKS.get(type_)
    if ask:
        facts.append(("To do", ask))
    data = {"feed": name, "type": type_.value, "at": at}
    return _body(f"Feed {name}", words.said(type_), facts, (), data)


def digest(title: str, groups: Sequence[Group], now: datetime, zone: str) -> Body:
    """What has come onto somebody's worklist, and what is settled, in one message."""
    blocks = tuple(
        {
            "title": f"{group.title}: {group.total:,}",
            "counts": _by_kind(group.counts),
            "rows": [_row(each, now, zone) for each in group.nearest],
            "more": group.total - len(group.nearest) if group.nearest else 0,
        }
        for group in groups
        if group.total
    )
    data = {
        "digest": [
            {
                "title": group.title,
                "reports": group.total,
                "nearest": [_data(each) for each in group.nearest],
            }
            for group in groups
            if group.total
        ]
    }
    return _body(title, "", [], blocks, data)


def _title(matter: Matter) -> str:
    parts = [f"Report {words.visible(matter.ref)}"]
    if not matter.reference_only:
        parts.append(words.category(matter.category) if matter.category else "")
    return ", ".join(filter(None, parts))


def _facts(matter: Matter, now: datetime, zone: str) -> list[tuple[str, str]]:
    facts = [("Report", words.visible(matter.ref))]
    if not matter.reference_only:
        shown = [words.evidence(words.visible(each)) for each in matter.indicators]
        facts += [
            ("Crime expected", words.category(matter.category) if matter.category else ""),
            ("Area", words.visible(matter.area)),
            ("Shown by", ", ".join(shown)),
            ("Looks like", "; ".join(map(words.sign, matter.signs))),
        ]
    if matter.due_at is not None:
        left = time_left(matter.due_at, now) if _owed(matter) else ""
        facts.append(("Due", ", ".join(filter(None, [_clock(matter.due_at, zone), left]))))
    if not matter.reference_only and _owed(matter):
        facts.append(("What would settle it", words.SETTLE))
    facts.append(("Link", matter.link))
    return [(name, value) for name, value in facts if value]


def _row(matter: Matter, now: datetime, zone: str) -> str:
    said = "" if matter.reference_only else words.said(matter.type, matter.reason)
    what = "" if matter.reference_only else words.category(matter.category)
    where = "" if matter.reference_only else words.visible(matter.area)
    left = time_left(matter.due_at, now) if matter.due_at and _owed(matter) else ""
    parts = [words.visible(matter.ref), said, what, where, left, matter.link]
    return " | ".join(filter(None, parts))


def _owed(matter: Matter) -> bool:
    return matter.type in words.OWED


def _data(matter: Matter) -> dict[str, Any]:
    """The same for programs."""
    data: dict[str, Any] = {"ref": matter.ref, "due_at": matter.due_at, "link": matter.link}
    if not matter.reference_only:
        data |= {
            "type": matter.type.value,
            "category": matter.category,
            "area": matter.area,
            "indicators": list(matter.indicators),
            "signs": list(matter.signs),
        }
    return data


def _by_kind(counts: Mapping[str, int]) -> str:
    kinds = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{words.category(name)} {n:,}" for name, n in kinds if name)


def time_left(due_at: datetime, now: datetime) -> str:
    """``due in 3 h 20 min``, ``due now`` or ``past due by 45 min``."""
    over = now >= due_at
    minutes = int(abs(due_at - now) / timedelta(minutes=1))
    if not minutes:
        return "due now"
    hours, rest = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else ""]
    parts.append(f"{rest} min" if not days and (rest or not hours) else "")
    return ("past due by " if over else "due in ") + " ".join(filter(None, parts))


def _clock(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%a %d %b %Y %H:%M %Z}"


def _body(
    title: str,
    head: str,
    facts: Sequence[tuple[str, str]],
    blocks: Sequence[Mapping[str, Any]],
    data: dict[str, Any],
) -> Body:
    given = {"title": title, "head": head, "facts": facts, "blocks": blocks}
    pages = _pages()
    text = pages.get_template("message.txt.j2").render(given).strip() + "\n"
    html = pages.get_template("message.html.j2").render(given)
    return Body(title=title, text=text, html=html, data={"title": title, **data})


@cache
def _pages() -> Environment:
    return Environment(
        loader=PackageLoader("service.alerts", "templates"),
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),
        trim_blocks=True,
        lstrip_blocks=True,
    )
