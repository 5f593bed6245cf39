"""What a rule pack is refused for: each fault with its line and remedy."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from service.ingest.lined import Fault, Table, line_of
from service.rules.written import Demands, Era, Indication, Limit, Mark, Reasons, Written, fold_code

Dated = TypeVar("Dated", Limit, Era)


def check(written: Written, table: Table, origin: str) -> None:
    """Marks, dates, and names that must lead somewhere."""
    groups: list[tuple[str, list[Mark]]] = [
        ("limits", list(written.limits)),
        ("eras", list(written.eras)),
        ("codes", list(written.codes)),
        ("qualifiers", list(written.qualifiers)),
        ("carve_outs", list(written.carve_outs)),
        ("reported_incidents", list(written.reported_incidents)),
    ]
    for key, rules in groups:
        for index, rule in enumerate(rules):
            _check_mark(rule, f"$.{key}[{index}]", table, origin)
    for name, category in written.categories.items():
        _check_mark(category, f"$.categories.{name}", table, origin)
    for key in ("transferred_in", "text", "offence_codes"):
        if (single := getattr(written, key)) is not None:
            _check_mark(single, f"$.{key}", table, origin)
    try:
        ZoneInfo(written.zone)
    except (ZoneInfoNotFoundError, ValueError):
        remedy = "name one such as Europe/London"
        line = line_of(table, "$.zone")
        raise Fault(origin, line, f"'{written.zone}' is no time zone", remedy) from None
    _check_words(written, table, origin)
    _check_dates("limits", written.limits, table, origin)
    _check_dates("eras", written.eras, table, origin)
    _check_ids(written, table, origin)
    known = set(written.categories)
    for index, each in enumerate(written.codes):
        if each.category and each.category not in known:
            line = line_of(table, f"$.codes[{index}].category")
            remedy = f"categories are {', '.join(sorted(known))}"
            raise Fault(origin, line, f"'{each.category}' is no category of this pack", remedy)
    for index, rule in enumerate(written.reported_incidents):
        _one_of(
            tuple(known), rule.category, line_of(table, f"$.reported_incidents[{index}]"), origin
        )
    if written.code_map_yes not in known:
        line = line_of(table, "$.code_map_yes")
        raise Fault(origin, line, f"'{written.code_map_yes}' is no category", "name one that is")


def _check_dates(key: str, rules: Sequence[Dated], table: Table, origin: str) -> None:
    """One rule holds on each day: the first from the beginning, each until the next begins."""
    expected: date | None = None
    order = sorted(enumerate(rules), key=lambda pair: pair[1].since or date.min)
    for position, (index, rule) in enumerate(order):
        line = line_of(table, f"$.{key}[{index}]")
        if rule.since != expected:
            message = f"'{rule.id}' begins {rule.since or 'at the beginning'}"
            remedy = (
                f"begin it {expected}, where the one before ends" if expected else "remove 'since'"
            )
            raise Fault(origin, line, message, remedy)
        if rule.until is None and position < len(order) - 1:
            raise Fault(origin, line, f"'{rule.id}' has no end", "say 'until' when the next begins")
        expected = rule.until
    if rules and expected is not None:
        line = line_of(table, f"$.{key}[{order[-1][0]}].until")
        raise Fault(origin, line, f"nothing holds from {expected} on", "remove the last 'until'")


def _check_ids(written: Written, table: Table, origin: str) -> None:
    """Each rule has an id of its own, and each code one rule."""
    ids: set[str] = set()
    codes: dict[str, list[Indication]] = {}
    for key in ("limits", "eras", "codes", "qualifiers", "carve_outs", "reported_incidents"):
        for index, rule in enumerate(getattr(written, key)):
            line = line_of(table, f"$.{key}[{index}]")
            if rule.id in ids:
                raise Fault(origin, line, f"id '{rule.id}' is given twice", "rename one of them")
            ids.add(rule.id)
    for index, indication in enumerate(written.codes):
        for code in map(fold_code, indication.codes):
            for other in codes.setdefault(code, []):
                if _overlap(other, indication):
                    line = line_of(table, f"$.codes[{index}].codes")
                    message = f"code '{code}' is in {other.id} and in {indication.id}"
                    raise Fault(origin, line, message, "a code says one thing a day; remove one")
            codes[code].append(indication)


def _overlap(one: Indication, other: Indication) -> bool:
    return (one.since or date.min) < (other.until or date.max) and (other.since or date.min) < (
        one.until or date.max
    )


COUNTS = ("principal", "conduct_and_next")
PER = ("victim", "suspect", "incident")


def _check_words(written: Written, table: Table, origin: str) -> None:
    """Words of a short list, and classes that their own category holds."""
    for index, era in enumerate(written.eras):
        _one_of(COUNTS, era.counts, line_of(table, f"$.eras[{index}].counts"), origin)
    for name, category in written.categories.items():
        _one_of(PER, category.per, line_of(table, ("categories", name, "per")), origin)
        for each, per in category.per_class.items():
            line = line_of(table, ("categories", name, "per_class", each))
            _one_of(PER, per, line, origin)
            _one_of(category.classes, each, line, origin)
    for index, rule in enumerate(written.codes):
        held = written.categories.get(rule.category)
        for each in rule.classes:
            line = line_of(table, f"$.codes[{index}].classes")
            _one_of(held.classes if held else (), each, line, origin)


def _one_of(words: Sequence[str], word: str, line: int, origin: str) -> None:
    if word not in words:
        raise Fault(origin, line, f"'{word}' does not belong here", f"use {', '.join(words)}")


def check_classes(
    written: Written, classes: dict[str, tuple[str, ...]], table: Table, origin: str
) -> None:
    """Every class a category names is in the list of offences."""
    listed = {name for names in classes.values() for name in names}
    for name, category in written.categories.items():
        for index, each in enumerate(category.classes):
            if listed and each not in listed:
                line = line_of(table, ("categories", name, "classes", index))
                remedy = "mend it, or add its codes to the list"
                raise Fault(origin, line, f"class '{each}' is in no offence of the list", remedy)
        for code in category.offences:
            if {*classes.get(code, ())}.isdisjoint(category.classes):
                line = line_of(table, ("categories", name, "offences"))
                message = f"'{code}' is no offence of the classes of {name}"
                raise Fault(origin, line, message, "mend the code, or name its class too")


def check_reasons(reasons: Reasons, written: Written, table: Table, origin: str) -> None:
    """Each reason has its mark, and the categories it is for are the pack's."""
    kinds: dict[str, Mapping[Any, Demands]] = {
        "decisions": reasons.decisions,
        "cancellations": reasons.cancellations,
    }
    for key, rules in kinds.items():
        for reason, rule in rules.items():
            at = f"$.{key}.{reason.value}"
            _check_mark(rule, at, table, origin)
            lost = written.categories.keys().isdisjoint(rule.categories)
            if rule.categories and written.offences and lost:
                remedy = f"categories are {', '.join(sorted(written.categories))}"
                message = f"'{reason.value}' is for no category of this pack"
                raise Fault(origin, line_of(table, at), message, remedy)


def _check_mark(rule: Mark, path: str, table: Table, origin: str) -> None:
    if sum(bool(mark) for mark in (rule.sourced, rule.inference, rule.unsourced)) != 1:
        message = "a rule needs exactly one of sourced, inference, unsourced"
        remedy = "say where it comes from, or mark it unsourced"
        raise Fault(origin, line_of(table, path), message, remedy)
