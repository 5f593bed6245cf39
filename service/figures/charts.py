"""Charts as inline SVG: small functions from numbers to markup, readable in print and in grey.

Every text is escaped here. Each chart carries a title and a description for people who hear the page
rather than see it. Shades differ in lightness, so that they survive a grey printer; only *no crime
record found* has a colour, and *cannot tell* is hatched.
"""

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup, escape
from msgspec import Struct

from service.alerts.words import visible

WIDTH = 720
"""Units across the page; a chart is scaled to its column."""

SHADES = {
    "recorded": "#c5ccd3",
    "late": "#7f8b96",
    "missed": "#8c1d18",
    "accounted": "#eef0f2",
    "untold": "url(#hatch)",
}
"""Fill by what became of a crime."""

INK = "#1c2126"
PALE = "#aab3bb"
RAMP = ("#f6f7f8", "#dfe3e7", "#bcc4cb", "#8f9aa4", "#5f6b76", "#333c45")
"""From none to most."""

PATTERNS = Markup(  # a constant
    '<svg width="0" height="0" aria-hidden="true" focusable="false"><defs>'
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="6" height="6" fill="#fff"/>'
    '<rect width="2" height="6" fill="#6b7680"/></pattern></defs></svg>'
)
"""Stands once on the page, before the charts that use it."""


class Part(Struct, frozen=True):
    """One part of a bar."""

    label: str
    value: int
    shade: str
    """Key of ``SHADES``."""


class Bin(Struct, frozen=True):
    """One column of a histogram: its parts from the ground up."""

    label: str
    parts: tuple[Part, ...]
    apart: bool = False
    """Stands apart from its neighbours (before receipt)."""


class Cell(Struct, frozen=True):
    """One cell of a heat map."""

    value: int
    of: int


class Point(Struct, frozen=True):
    """A share with its interval at one place of a series; None: nothing to share."""

    label: str
    share: float | None = None
    low: float = 0
    high: float = 0


class Span(Struct, frozen=True):
    """What one source covers, and how far it is read; all None: not connected."""

    label: str
    since: datetime | None = None
    until: datetime | None = None
    read_to: datetime | None = None


def stacked(title: str, parts: Sequence[Part], height: int = 26) -> Markup:
    """One bar of the whole width, divided; its labels stand beside it on the page."""
    total = sum(part.value for part in parts)
    description = "; ".join(f"{part.label} {part.value:,}" for part in parts)
    drawn, x = [], 0.0
    for part in parts:
        wide = WIDTH * part.value / total if total else 0
        if wide:
            hint = f"{part.label}: {part.value:,}"
            drawn.append(_rect(x, 0, wide, height, SHADES[part.shade], hint, outlined=True))
        x += wide
    return _svg(title, description, WIDTH, height, drawn)


def swatch(key: str) -> Markup:
    """A small square of one shade, for a legend; it says nothing to those who hear the page."""
    return Markup('<svg class="swatch" viewBox="0 0 12 12" aria-hidden="true">{}</svg>').format(
        _rect(0.5, 0.5, 11, 11, SHADES[key], outlined=True)
    )


def whisker(title: str, share: float, low: float, high: float, start: float = 0) -> Markup:
    """A share as a dot on a line with its interval; the line runs from ``start`` to 1."""
    wide, tall = 180, 18

    def x(value: float) -> float:
        return 4 + (wide - 8) * (max(value, start) - start) / (1 - start)

    description = f"{share:.1%}, interval {low:.1%} to {high:.1%}"
    return _svg(
        title,
        description,
        wide,
        tall,
        [
            _line(4, 9, wide - 4, 9, PALE),
            *[_line(x(tick), 6, x(tick), 12, PALE) for tick in (start, (1 + start) / 2, 1)],
            _line(x(low), 9, x(high), 9, INK, 2),
            _line(x(low), 5, x(low), 13, INK, 1.5),
            _line(x(high), 5, x(high), 13, INK, 1.5),
            Markup('<circle cx="{}" cy="9" r="4" fill="{}"/>').format(_n(x(share)), INK),
        ],
    )


def series(title: str, points: Sequence[Point], start: float = 0, tall: int = 170) -> Markup:
    """Shares in their order, each with its interval, on an axis from ``start`` to 1; a point without a
    share leaves a gap. Labels are thinned where they would touch."""
    left, top, foot = 44, 12, 22
    wide = (WIDTH - left) / max(len(points), 1)
    every = -(-58 // int(max(wide, 1)))

    def y(share: float) -> float:
        return top + tall * (1 - (max(share, start) - start) / (1 - start))

    drawn = []
    for tick in (start, (1 + start) / 2, 1):
        drawn.append(_line(left, y(tick), WIDTH, y(tick), PALE, 0.6))
        drawn.append(_text(left - 6, y(tick) + 4, f"{tick:.0%}", "end"))
    for at, point in enumerate(points):
        x = left + wide * (at + 0.5)
        if at % every == 0:
            drawn.append(_text(x, top + tall + 16, point.label, "middle", size=10))
        if point.share is None:
            continue
        hint = f"{point.label}: {point.share:.1%} ({point.low:.1%} to {point.high:.1%})"
        drawn.append(_line(x, y(point.low), x, y(point.high), PALE if wide < 5 else INK, 1.2))
        drawn.append(
            Markup('<circle cx="{}" cy="{}" r="{}" fill="{}"><title>{}</title></circle>').format(
                _n(x), _n(y(point.share)), _n(min(3.5, max(wide / 2, 1.5))), INK, visible(hint)
            )
        )
    known = [(point.share, point.label) for point in points if point.share is not None]
    description = "no rate at all"
    if known:
        (low, at_low), (high, at_high) = min(known), max(known)
        description = f"lowest {low:.1%} ({at_low}), highest {high:.1%} ({at_high})"
    return _svg(title, description, WIDTH, top + tall + foot, drawn)


def shade(value: int, of: int) -> int:
    """Step of the ramp for a share: none, then up to 5, 10, 25, 50 % and more."""
    share = value / of if of else 0
    return 0 if not value else 1 + sum(share > edge for edge in (0.05, 0.1, 0.25, 0.5))


def heat(
    title: str, rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[Cell]]
) -> Markup:
    """Rows by columns, each cell shaded by its share, with its count; the last row and column are
    sums, set a little apart. A cell of fewer than five is left unshaded: it says nothing."""
    left, top, tall, gap = 40, 18, 24, 6
    wide = (WIDTH - left - gap) / len(columns)
    drawn = [
        _text(left + wide * (i + 0.5) + gap * (i == len(columns) - 1), 12, name, "middle")
        for i, name in enumerate(columns)
    ]
    for row, (name, line) in enumerate(zip(rows, cells, strict=True)):
        y = top + row * tall + gap * (row == len(rows) - 1)
        drawn.append(_text(0, y + 16, name))
        for column, cell in enumerate(line):
            x = left + column * wide + gap * (column == len(columns) - 1)
            step = shade(cell.value, cell.of)
            few = cell.of < 5
            hint = f"{name} {columns[column]}: {cell.value:,} of {cell.of:,}"
            fill = "#fff" if few else RAMP[step]
            drawn.append(_rect(x, y, wide - 1, tall - 1, fill, hint, outlined=few))
            if cell.value:
                ink = "#fff" if step >= 4 and not few else INK
                drawn.append(_text(x + wide / 2, y + 16, f"{cell.value:,}", "middle", ink, size=10))
    worst = max(
        (
            (cell.value / cell.of, f"{rows[r]} {columns[c]}: {cell.value} of {cell.of}")
            for r, line in enumerate(cells[:-1])
            for c, cell in enumerate(line[:-1])
            if cell.of >= 5 and cell.value
        ),
        default=(0, "none"),
    )
    description = f"{cells[-1][-1].value:,} of {cells[-1][-1].of:,} in all; highest {worst[1]}"
    return _svg(title, description, WIDTH, top + len(rows) * tall + gap, drawn)


def histogram(title: str, bins: Sequence[Bin], tall: int = 150) -> Markup:
    """Columns of stacked parts with their totals above and labels below."""
    top, foot, gap = 18, 34, 14
    most = max((sum(part.value for part in each.parts) for each in bins), default=0)
    breaks = sum(each.apart for each in bins)
    wide = (WIDTH - gap * breaks) / len(bins)
    drawn, x, said = [], 0.0, []
    for each in bins:
        total = sum(part.value for part in each.parts)
        y = float(top + tall)
        for part in each.parts:
            high = tall * part.value / most if most else 0
            y -= high
            if high:
                hint = f"{each.label}: {part.label} {part.value:,}"
                drawn.append(
                    _rect(x + 3, y, wide - 6, high, SHADES[part.shade], hint, outlined=True)
                )
        if total:
            drawn.append(_text(x + wide / 2, y - 5, f"{total:,}", "middle"))
            said.append(f"{each.label} {total:,}")
        for number, word in enumerate(each.label.split("\n")):
            drawn.append(_text(x + wide / 2, top + tall + 14 + 13 * number, word, "middle"))
        x += wide + gap * each.apart
    drawn.append(_line(0, top + tall, WIDTH, top + tall, INK))
    description = "; ".join(said).replace("\n", " ")
    return _svg(title, description, WIDTH, top + tall + foot, drawn)


def spans(
    title: str, rows: Sequence[Span], first: datetime, last: datetime, as_of: datetime
) -> Markup:
    """What each source covers, over time: a bar a source, hatched from where it is read to, and all
    hatched where a feed is not connected. ``first`` to ``last`` is when reports were received."""
    left, tall, top = 190, 26, 20
    known = [at for row in rows for at in (row.since, row.until, row.read_to) if at]
    start, end = min([first, *known]), max([last, as_of, *known])
    whole = (end - start).total_seconds() or 1

    def x(at: datetime) -> float:
        return left + (WIDTH - left - 4) * (at - start).total_seconds() / whole

    foot = top + len(rows) * tall
    drawn = [_rect(x(first), top - 4, max(x(last) - x(first), 1), foot - top + 4, "#eef0f2")]
    said = []
    for at, row in enumerate(rows):
        y = top + at * tall
        drawn.append(_text(0, y + 15, row.label))
        if row.since is None and row.until is None and row.read_to is None:
            hint = f"{row.label}: not connected"
            drawn.append(
                _rect(left, y + 4, WIDTH - left - 4, 14, SHADES["untold"], hint, outlined=True)
            )
            said.append(hint)
            continue
        begins, ends = row.since or start, row.until or end
        hint = f"{row.label}: {begins:%Y-%m-%d} to {ends:%Y-%m-%d}"
        said.append(hint)
        read = min(max(row.read_to or begins, begins), ends)
        drawn.append(_rect(x(begins), y + 4, x(read) - x(begins), 14, SHADES["late"], hint))
        drawn.append(_rect(x(read), y + 4, x(ends) - x(read), 14, SHADES["untold"], hint))
        if row.read_to:
            drawn.append(_line(x(row.read_to), y, x(row.read_to), y + 22, INK, 2))
    drawn += [_line(x(as_of), top - 4, x(as_of), foot, INK, 1, dashed=True)]
    drawn += [
        _text(left, 11, f"{start.day} {start:%b %Y}"),
        _text(WIDTH, 11, f"{end.day} {end:%b %Y}", "end"),
    ]
    return _svg(title, "; ".join(said), WIDTH, foot + 2, drawn)


# -- pieces -----------------------------------------------------------------------------------


def _n(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _svg(
    title: str, description: str, width: float, height: float, drawn: Sequence[Markup]
) -> Markup:
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title><desc>{}</desc>{}</svg>'
    ).format(
        _n(width),
        _n(height),
        visible(title),
        visible(title),
        visible(description),
        Markup("").join(drawn),
    )


def _rect(
    x: float,
    y: float,
    width: float,
    height: float,
    fill: str,
    hint: str = "",
    *,
    outlined: bool = False,
) -> Markup:
    edge = Markup(' stroke="{}" stroke-width="0.6"').format(INK) if outlined else Markup("")
    told = Markup("<title>{}</title>").format(visible(hint.replace("\n", " "))) if hint else ""
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"{}>{}</rect>').format(
        _n(x), _n(y), _n(width), _n(height), fill, edge, told
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, ink: str, width: float = 1, *, dashed: bool = False
) -> Markup:
    dash = Markup(' stroke-dasharray="4 3"') if dashed else Markup("")
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="{}"{}/>').format(
        _n(x1), _n(y1), _n(x2), _n(y2), ink, _n(width), dash
    )


def _text(
    x: float, y: float, text: str, anchor: str = "start", ink: str = INK, *, size: int = 11
) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}" fill="{}" font-size="{}">{}</text>').format(
        _n(x), _n(y), anchor, ink, size, escape(visible(text))
    )
