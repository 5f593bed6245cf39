"""Code maps: what each code of a source indicates, inline or from a CSV beside the mapping."""

import csv
from collections.abc import Mapping, Sequence

from service.ingest.expressions import Checker, Include, Path, word
from service.ingest.lined import Fault
from service.ingest.source import Blank, CodeColumn, CodeMap, Combine
from service.ingest.written import Codes, CodeSlot

SLOTS = ("opening", "closing")


def code_map(
    codes: Codes,
    path: Path,
    columns: Mapping[str, Sequence[str]],
    check: Checker,
    include: Include,
) -> CodeMap:
    """The map of one side; ``columns`` are those that fill each slot."""
    check.one_of((*path, "combine"), codes.combine, tuple(Combine))
    if sorted(codes.order) != sorted(SLOTS):
        raise check.fault((*path, "order"), "the order is not whole", "[closing, opening]")
    made = []
    for slot in codes.order:
        given: CodeSlot | None = getattr(codes, slot)
        if given is not None:
            made.append(_column(slot, given, (*path, slot), columns[slot], check, include))
    if not made:
        raise check.fault(path, "no slot is listed", "give opening, closing or both")
    return CodeMap(columns=tuple(made), combine=Combine(codes.combine))


def fold(code: str) -> str:
    """A code as look-ups hold it: lower case, spaces collapsed."""
    return " ".join(code.lower().split())


def _column(
    slot: str,
    given: CodeSlot,
    path: Path,
    columns: Sequence[str],
    check: Checker,
    include: Include,
) -> CodeColumn:
    check.one_of((*path, "blank"), given.blank, tuple(Blank))
    if not columns:
        remedy = f"map '{slot}_codes', or leave this out"
        raise check.fault(path, f"no column fills the {slot} codes", remedy)
    indicates: dict[str, str] = {}
    for code, said in given.indicates.items():
        at = (*path, "indicates", code)
        if said is None or not str(word(said)).strip():
            raise check.fault(at, f"code '{code}' is not decided", "write yes, no or a category")
        if not _put(indicates, code, str(word(said))):
            raise check.fault(at, f"code '{code}' has two answers", "keep one of them")
    if given.file is not None:
        _read(indicates, given.file, include(given.file), slot, columns)
    if not indicates:
        raise check.fault(path, "no code is listed", "give 'indicates' or 'file'")
    return CodeColumn(slot, indicates, Blank(given.blank))


def _read(
    indicates: dict[str, str], origin: str, text: str, slot: str, columns: Sequence[str]
) -> None:
    """Rows of a code list that belong to one slot: by its name, by a column that fills it, or by
    none."""
    rows = csv.reader([f"{line}\n" for line in text.removeprefix("\ufeff").splitlines()])
    header = [name.strip() for name in next(rows, [])]
    if not {"code", "indicates"} <= set(header):
        raise Fault(origin, 1, "the code list lacks a column", "use column,code,indicates")
    for row in rows:
        held = dict(zip(header, row, strict=False))
        code, said = held.get("code", ""), held.get("indicates", "").strip()
        if not row or held.get("column", "").strip() not in ("", slot, *columns):
            continue
        if not code.strip():
            remedy = "say 'blank' in the mapping and delete the row"
            raise Fault(origin, rows.line_num, "an empty code is not decided here", remedy)
        if not said:
            message = f"code '{code}' is not decided"
            raise Fault(origin, rows.line_num, message, "write yes, no or a category")
        if not _put(indicates, code, said):
            raise Fault(origin, rows.line_num, f"code '{code}' has two answers", "keep one of them")


def _put(indicates: dict[str, str], code: str, said: str) -> bool:
    """Add one answer; False where another stands already."""
    said = said.strip().lower()
    return indicates.setdefault(fold(code), said) == said
