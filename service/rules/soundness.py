"""What makes a rule pack unsound though its file can be read: names that lead nowhere, spans that overlap
or leave a gap, two rules for one code, a rule that does not say where it comes from.

Each is said with its file, its line and the remedy; all are found, not the first alone.
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from service.ingest.codes import fold
from service.ingest.lined import Fault, Table, line_of
from service.rules.marks import Mark
from service.rules.written import Category, Demands, Era, Indication, Limit, Reasons, Written

PER = ("victim", "suspect", "incident")
"""Whom the crimes of a category are counted by."""
COUNTS = ("principal", "conduct_and_next")
"""How many crimes one report makes."""
STARTS = ("receipt",)
"""When the clock of a report passed on by another force starts."""
RESERVED = frozenset({"yes", "no", "harmless"})
"""Words that mean something else in code maps and lexicons, and so name no category."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")

Path = tuple[str | int, ...]
"""Steps from the top of a file to a value."""


class Laid(Struct, frozen=True):
    """The files as written, for the lines of what is wrong."""

    pack: Table
    pack_origin: str
    reasons: Table | None
    reasons_origin: str

    def fault(self, path: Path, message: str, remedy: str) -> Fault:
        """What is wrong in the pack."""
        return Fault(self.pack_origin, line_of(self.pack, path), message, remedy)

    def of_reasons(self, path: Path, message: str, remedy: str) -> Fault:
        """What is wrong in the lists of reasons."""
        return Fault(self.reasons_origin, line_of(self.reasons, path), message, remedy)


def unsound(
    written: Written,
    reasons: Reasons,
    classes_of: Mapping[str, Collection[str]],
    laid: Laid,
) -> Iterator[Fault]:
    """Everything wrong with a pack whose files could be read."""
    yield from _numbers(written, laid)
    yield from _marks(written, laid)
    yield from _ids(written, laid)
    yield from _spans("limits", "limit", written.limits, laid)
    yield from _spans("eras", "way of counting", written.eras, laid)
    for index, era in enumerate(written.eras):
        if era.counts not in COUNTS:
            yield laid.fault(("eras", index, "counts"), *_no_word(era.counts, COUNTS))
    started = written.transferred_in
    if started is not None and started.starts not in STARTS:
        yield laid.fault(("transferred_in", "starts"), *_no_word(started.starts, STARTS))
    yield from _categories(written, classes_of, laid)
    yield from _codes(written, laid)
    yield from _reported_incidents(written, laid)
    yield from _reasons(written, reasons, laid)
    try:
        ZoneInfo(written.zone)
    except (ZoneInfoNotFoundError, ValueError):
        remedy = "name one such as Europe/London"
        yield laid.fault(("zone",), f"'{written.zone}' is no time zone", remedy)


def _no_word(word: str, words: Collection[str]) -> tuple[str, str]:
    return f"'{word}' is not known here", _one_of(word, words)


def _one_of(word: str, words: Collection[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1)
    return f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(sorted(words))}"


# -- numbers, marks, ids -----------------------------------------------------------------------


def _numbers(written: Written, laid: Laid) -> Iterator[Fault]:
    times, text = written.timing, written.text
    least: list[tuple[Path, int, int]] = [
        (("timing", "grace_minutes"), times.grace_minutes, 0),
        (("timing", "due_soon_hours"), times.due_soon_hours, 0),
        (("timing", "read_past_receipt_minutes"), times.read_past_receipt_minutes, 0),
        (("earlier_record_hours",), written.earlier_record_hours or 0, 0),
        (("conduct_gap_days",), written.conduct_gap_days, 0),
        (("text", "distinct_terms"), text.distinct_terms if text else 1, 1),
    ]
    least += [(("limits", n, "hours"), limit.hours, 1) for n, limit in enumerate(written.limits)]
    for path, number, smallest in least:
        if number < smallest:
            yield laid.fault(path, f"{number} is too little", f"write {smallest} or more")
    if not written.limits:
        yield laid.fault(("limits",), "there is no limit", "give at least one, with its hours")


def _marks(written: Written, laid: Laid) -> Iterator[Fault]:
    groups: dict[str, Sequence[Mark]] = {
        "limits": written.limits,
        "eras": written.eras,
        "codes": written.codes,
        "qualifiers": written.qualifiers,
        "carve_outs": written.carve_outs,
        "reported_incidents": written.reported_incidents,
    }
    marked: list[tuple[Path, Mark]] = [
        ((key, index), rule) for key, rules in groups.items() for index, rule in enumerate(rules)
    ]
    marked += [(("categories", name), each) for name, each in written.categories.items()]
    for key in ("text", "transferred_in", "offence_codes"):
        if (single := getattr(written, key)) is not None:
            marked.append(((key,), single))
    for path, rule in marked:
        if not _has_one_mark(rule):
            yield laid.fault(path, *_NO_MARK)


_NO_MARK = (
    "a rule needs exactly one of sourced, inference, unsourced",
    "say where it comes from, or mark it unsourced",
)


def _has_one_mark(rule: Mark) -> bool:
    return sum(bool(mark.strip()) for mark in (rule.sourced, rule.inference, rule.unsourced)) == 1


def _ids(written: Written, laid: Laid) -> Iterator[Fault]:
    """Ids stand alone in verdicts, so one id is one rule, whatever it is a rule of."""
    groups: dict[str, list[str]] = {
        "limits": [rule.id for rule in written.limits],
        "eras": [rule.id for rule in written.eras],
        "codes": [rule.id for rule in written.codes],
        "qualifiers": [rule.id for rule in written.qualifiers],
        "carve_outs": [rule.id for rule in written.carve_outs],
        "reported_incidents": [rule.id for rule in written.reported_incidents],
    }
    seen: dict[str, int] = {}
    for key, ids in groups.items():
        for index, name in enumerate(ids):
            path: Path = (key, index, "id")
            if not name.strip():
                yield laid.fault(path, "an id is empty", "give the rule a name of its own")
            elif name in seen:
                message = f"id '{name}' is that of line {seen[name]} too"
                yield laid.fault(path, message, "give each rule a name of its own")
            else:
                seen[name] = line_of(laid.pack, path)


# -- spans -------------------------------------------------------------------------------------


def _spans(
    key: str, what: str, rules: Sequence[Limit] | Sequence[Era], laid: Laid
) -> Iterator[Fault]:
    """Every day has one rule: none has two, none is left out, before the first or after the last."""
    order = sorted(range(len(rules)), key=lambda index: rules[index].since or date.min)
    last = None
    for index in order:
        rule = rules[index]
        at: Path = (key, index, "since") if rule.since else (key, index)
        if rule.since and rule.until and rule.until <= rule.since:
            remedy = "'until' is the first day on which it no longer holds"
            yield laid.fault((key, index, "until"), f"'{rule.id}' ends before it begins", remedy)
            return
        if last is None:
            if rule.since is not None:
                remedy = "leave 'since' out of the first"
                yield laid.fault(at, f"no {what} holds before {rule.since}", remedy)
            last = index
            continue
        ends = rules[last].until
        if ends is None or rule.since is None or rule.since < ends:
            remedy = "let one begin on the day that is the other's 'until'"
            yield laid.fault(at, f"'{rule.id}' overlaps '{rules[last].id}'", remedy)
        elif rule.since > ends:
            message = f"no {what} holds from {ends} to {rule.since}"
            yield laid.fault(at, message, f"let '{rule.id}' begin on {ends}")
        if ends is not None and (rule.until is None or rule.until > ends):
            last = index
    if last is not None and (ends := rules[last].until) is not None:
        remedy = "leave 'until' out of the last"
        yield laid.fault((key, last, "until"), f"no {what} holds from {ends}", remedy)


# -- names -------------------------------------------------------------------------------------


def _categories(
    written: Written, classes_of: Mapping[str, Collection[str]], laid: Laid
) -> Iterator[Fault]:
    names = set(written.categories)
    listed = {name for classes in classes_of.values() for name in classes}
    for name, category in written.categories.items():
        path: Path = ("categories", name)
        if not _NAME.fullmatch(name) or name in RESERVED:
            remedy = "use small letters, digits and _; and not yes, no or harmless"
            yield laid.fault(path, f"'{name}' cannot name a category", remedy)
        if category.per not in PER:
            yield laid.fault((*path, "per"), *_no_word(category.per, PER))
        for index, held in enumerate(category.classes):
            if listed and held not in listed:
                message = f"class '{held}' of {name} is not in {written.offences}"
                near = difflib.get_close_matches(held, listed, n=1, cutoff=0.5)
                remedy = f"did you mean '{near[0]}'?" if near else "mend it, or add the offence"
                yield laid.fault((*path, "classes", index), message, remedy)
        yield from _exceptions(name, category, classes_of, laid)
    if written.code_map_yes not in names:
        message = f"'{written.code_map_yes}' is no category of this pack"
        yield laid.fault(("code_map_yes",), message, _one_of(written.code_map_yes, names))


def _exceptions(
    name: str, category: Category, classes_of: Mapping[str, Collection[str]], laid: Laid
) -> Iterator[Fault]:
    """What a category says of single classes and codes is of its own."""
    path: Path = ("categories", name)
    for held, per in category.per_class.items():
        if per not in PER:
            yield laid.fault((*path, "per_class", held), *_no_word(per, PER))
        if held not in category.classes:
            message = f"'{held}' is no class of {name}"
            remedy = _one_of(held, category.classes)
            yield laid.fault((*path, "per_class", held), message, remedy)
    for index, code in enumerate(category.offences):
        if {*classes_of.get(code, ())}.isdisjoint(category.classes):
            message = f"'{code}' is no offence of the classes of {name}"
            remedy = "mend the code, or name its class too"
            yield laid.fault((*path, "offences", index), message, remedy)


def _reported_incidents(written: Written, laid: Laid) -> Iterator[Fault]:
    names = set(written.categories)
    for index, rule in enumerate(written.reported_incidents):
        if rule.category not in names:
            message = f"'{rule.category}' is no category of this pack"
            remedy = _one_of(rule.category, names)
            yield laid.fault(("reported_incidents", index, "category"), message, remedy)


def _codes(written: Written, laid: Laid) -> Iterator[Fault]:
    names = set(written.categories)
    ruled: dict[str, list[Indication]] = {}
    for index, rule in enumerate(written.codes):
        path: Path = ("codes", index)
        if rule.category and rule.category not in names:
            message = f"'{rule.category}' is no category of this pack"
            remedy = _one_of(rule.category, names)
            yield laid.fault((*path, "category"), message, remedy)
        held = written.categories[rule.category].classes if rule.category in names else ()
        for place, each in enumerate(rule.classes):
            if each not in held:
                message = f"'{each}' is no class of {rule.category or 'no category'}"
                yield laid.fault((*path, "classes", place), message, _one_of(each, held))
        if not rule.codes:
            yield laid.fault(path, f"'{rule.id}' lists no code", "list its codes, or remove it")
        for place, code in enumerate(rule.codes):
            folded = fold(code)
            if not folded:
                yield laid.fault((*path, "codes", place), "a code is empty", "remove it")
            for other in ruled.get(folded, ()):
                if _same_day(other, rule):
                    message = f"code '{folded}' of '{rule.id}' is listed under '{other.id}' too"
                    remedy = "a code says one thing a day; remove one"
                    yield laid.fault((*path, "codes", place), message, remedy)
            ruled.setdefault(folded, []).append(rule)
    for index, carve_out in enumerate(written.carve_outs):
        if not (carve_out.codes or carve_out.bodies):
            message = f"'{carve_out.id}' names neither codes nor bodies"
            yield laid.fault(("carve_outs", index), message, "say what it carves out")


def _same_day(one: Indication, other: Indication) -> bool:
    """Do both hold on any day?"""
    starts = max(one.since or date.min, other.since or date.min)
    return starts < min(one.until or date.max, other.until or date.max)


def _reasons(written: Written, reasons: Reasons, laid: Laid) -> Iterator[Fault]:
    lists: list[tuple[str, list[tuple[str, Demands]]]] = [
        ("decisions", [(key.value, rule) for key, rule in reasons.decisions.items()]),
        ("cancellations", [(key.value, rule) for key, rule in reasons.cancellations.items()]),
    ]
    for key, listed in lists:
        for name, rule in listed:
            path: Path = (key, name)
            if not _has_one_mark(rule):
                yield laid.of_reasons(path, *_NO_MARK)
            if not written.offences and written.categories.keys().isdisjoint(rule.categories):
                # A pack that knows no kinds of crime may share the lists of one that does.
                continue
            for index, word in enumerate(rule.categories):
                if word not in written.categories:
                    message = f"'{word}' is no category of this pack"
                    remedy = _one_of(word, written.categories)
                    yield laid.of_reasons((*path, "categories", index), message, remedy)


def wordless(
    written: Written, ids: Collection[str], groups: Collection[str], laid: Laid
) -> Iterator[Fault]:
    """What the rules on words name that is no term of the lexicon or no category."""
    rule = written.text
    if rule is None:
        return
    for key, names in (("shows", rule.shows), ("victims", rule.victims)):
        for name in names:
            if name not in ids and name not in groups:
                remedy = "name one of the lexicon, or add it"
                yield laid.fault(("text", key, name), f"'{name}' is no term", remedy)
    seen: set[str] = set()
    for index, each in enumerate(rule.combinations):
        at = ("text", "combinations", index)
        if each.id in seen:
            yield laid.fault(at, f"'{each.id}' is given twice", "rename one")
        seen.add(each.id)
        for name in [name for names in (*each.all, each.none) for name in names]:
            if name not in ids and name.removesuffix(".*") not in groups:
                remedy = "name one of the lexicon, or add it"
                yield laid.fault(at, f"'{name}' is no term", remedy)
        for name in (each.category, *each.shown, *each.not_shown, *each.replaces):
            if name not in ("", "*") and name not in written.categories:
                remedy = f"categories are {', '.join(sorted(written.categories))}"
                yield laid.fault(at, f"'{name}' is no category", remedy)
