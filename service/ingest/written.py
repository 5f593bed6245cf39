"""A source mapping as a person writes it: every key it may have, with what it means."""

from typing import Any

from msgspec import Struct


class Condition(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One condition on a row; a row is read when all of them hold. Case does not matter."""

    column: str
    equals: str | None = None
    not_equals: str | None = None
    among: tuple[str, ...] = ()
    not_among: tuple[str, ...] = ()
    matches: str | None = None
    """Regular expression that must be found in the column."""
    blank: bool | None = None
    """True: the column must be empty; False: it must not be."""


class Expression(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    rename={"with_": "with", "else_": "else"},
):
    """Where a field's value comes from. Exactly one of the first five, then what is done to it."""

    column: str | None = None
    constant: Any = None
    join: tuple[str, ...] = ()
    """Columns joined by ``with_``, blanks left out (date and time in two columns)."""
    first_of: tuple[Any, ...] = ()
    """Columns or expressions; the first that is not blank is taken."""
    file_name: bool = False
    """The name of the file itself; use with ``pattern``."""
    pattern: str | None = None
    """Regular expression; its group ``value`` is taken (in a list: of every match), no match means
    blank."""
    with_: str = " "
    values: dict[str, Any] | None = None
    """Their word to ours; a word not listed is refused unless ``else_`` is given."""
    else_: str | bool | None = None
    split: str | None = None
    """Separator of several values in one column."""
    formats: tuple[str, ...] = ()
    zone: str | None = None
    without_clock: str | None = None
    """A date with no time of day: ``start_of_day``, ``blank`` or ``refuse`` (the default)."""


class PersonColumns(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Somebody in the row: the columns that identify them become one keyed hash and are let go."""

    role: str
    identity: tuple[Any, ...] = ()
    """Columns, or expressions; a date with ``formats`` is hashed alike however it is written."""
    age_band: Any = None
    """A band's name, or an age in years."""


class EntryColumns(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One narrative entry."""

    text: Any
    writer: Any = None
    at: Any = None
    category: Any = None


class LinkColumns(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A column that names another log."""

    ref: Any
    relation: str


class CodeSlot(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the codes of one slot indicate: inline, from a CSV beside the mapping, or both."""

    indicates: dict[str, Any] = {}
    """Code to ``yes``, ``no`` or a category of the rule pack."""
    file: str | None = None
    """CSV with the columns column, code, indicates; rows of other columns are left out."""
    blank: str = "unknown"
    """What an empty code says: ``no_crime``, ``unknown`` or ``next``."""


class Codes(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A source's own answer to whether a report shows a crime."""

    opening: CodeSlot | None = None
    closing: CodeSlot | None = None
    combine: str = "any"
    """``any`` slot may show a crime, or ``first_not_blank`` decides, in ``order``."""
    order: tuple[str, ...] = ("opening", "closing")
    """Precedence of the slots."""


class CompleteTo(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far a file is complete, as its rows say. Exactly one of the first three."""

    newest: Any = None
    """The newest value of this column."""
    last_capture: Any = None
    """When the rows were captured, by column or file name: complete to the last capture."""
    each_capture: Any = None
    """The same, for a file that holds one capture after another: its newest capture decides."""
    minus: str = "0m"
    """... less this lag."""


class CoverageWritten(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"from_": "from"}
):
    """What a source answers for."""

    from_: Any = None
    """Local date or time from which it is complete."""
    until: Any = None
    """Local date or time before which it is complete."""
    complete_to: Any = None
    """A date or time (as ``until``), a column, or ``CompleteTo``."""
    cut_by: str = "recorded"
    """The time the file was cut by: ``received``, ``occurred`` or ``recorded``."""


class Side(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"from_": "from"}):
    """One input: incidents, records or referrals."""

    fields: dict[str, Any] = {}
    native: bool = False
    """The file holds contracts already, one JSON object a line."""
    from_: str | None = None
    """Read another side's file (``incidents``) once more for this side."""
    format: str = "csv"
    """``csv`` or ``json`` (lines, or one list of objects)."""
    encoding: str = "utf-8"
    """Of a CSV; another one-byte encoding by name, such as windows-1252."""
    delimiter: str = ","
    header: tuple[str, ...] = ()
    """Column names of a file that has no header row."""
    skip_lines: int = 0
    """Lines before the header row (a title, the date of the report)."""
    short_rows: str = "refuse"
    """Rows with fewer columns than the header: ``refuse``, or ``blank`` where the program that wrote
    them leaves out empty columns at the end."""
    where: tuple[Condition, ...] = ()
    ordered: bool = False
    """Rows are in order of arrival; otherwise they are sorted on disk first."""
    people: tuple[PersonColumns, ...] = ()
    officer: tuple[Any, ...] = ()
    """Columns that identify the officer in the case; they become a keyed hash."""
    narrative: tuple[EntryColumns, ...] = ()
    linked_logs: tuple[LinkColumns, ...] = ()
    unique: tuple[str, ...] = ()
    """Columns that tell rows apart where ``ref`` repeats: each such row is a record of its own."""
    version: str | None = None
    """A column, or ``file_order`` (the last row of a ref stands) or ``first_row`` (the first)."""
    codes: Codes | None = None
    coverage: CoverageWritten = CoverageWritten()
    lateness: str = "0m"
    believable_silence: str | None = None
    idle_advance: bool = False
    lag: str = "24h"
    levels: tuple[str, ...] = ("crime_ref", "incident_ref", "repaired_ref", "same_incident")


class Coordinates(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The coordinate system of ``place.latitude`` and ``place.longitude`` columns."""

    system: str = "wgs84"
    """``wgs84`` (degrees) or ``osgb36`` (northing as latitude, easting as longitude, metres)."""
    within: tuple[float, float, float, float] | None = None
    """South, west, north, east in degrees: axes that fit only when swapped are swapped back, and a
    point outside is left out."""


class MappingWritten(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole mapping."""

    name: str
    title: str = ""
    force: str | None = None
    """The one force all rows belong to; otherwise each side maps the field ``force``."""
    zone: str = "UTC"
    formats: tuple[str, ...] = ("iso",)
    ambiguous: str = "refuse"
    nonexistent: str = "refuse"
    blank: tuple[str, ...] = ()
    """Values that mean nothing, beside the empty one; blank references never match."""
    fold_case: bool = False
    """Read all text in capitals, so that duplicates differing only in case are one."""
    drop: tuple[str, ...] = ()
    """Columns that must not be read by anything below."""
    limit: str | None = None
    """Recording limit, where it is not the rule pack's."""
    coordinates: Coordinates = Coordinates()
    incidents: Side | None = None
    records: Side | None = None
    referrals: Side | None = None
