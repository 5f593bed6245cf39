"""Packs that must be refused, each with its line and its remedy; and those that are shipped."""

import csv
import re
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.hosts.files import faults_of_pack, read_pack, shipped
from service.ingest.lined import Fault
from service.rules.pack import PackError, pack_faults, parse_pack
from service.rules.values import CancellationDemand, DecisionDemand

SHIPPED = resources.files("service.rules") / "packs" / "offences.csv"

PACK = """\
name: small
title: A small pack
code_map_yes: theft
lexicon: words.yaml
offences: offences.csv
reasons: reasons.yaml
limits:
  - {id: old, hours: 72, until: 2015-04-01, unsourced: told}
  - {id: new, hours: 24, since: 2015-04-01, sourced: p10}
eras:
  - {id: then, counts: principal, until: 2023-05-15, inference: practice}
  - {id: now, counts: conduct_and_next, since: 2023-05-15, sourced: p12}
categories:
  theft:
    rank: 2
    classes: ["39", "45"]
    sourced: p1
  assault: {rank: 1, classes: [8N], sourced: p2}
codes:
  - {id: code.theft, category: theft, codes: [theft, stealing], inference: named}
  - {id: code.noise, codes: [noise], sourced: p3}
carve_outs:
  - {id: led-elsewhere, bodies: [nca], sourced: p4}
text:
  distinct_terms: 2
  inference: two agree
"""
BESIDE = {
    "words.yaml": "terms:\n  - {id: theft.taken, phrases: [stolen]}\n",
    "offences.csv": "code,class\n039/00,39\n045/00,45\n008/06,8N\n",
    "reasons.yaml": """\
decisions:
  schools_protocol:
    demands: [decided_by, school]
    categories: [theft]
    sourced: p5
cancellations:
  C1: {demands: [other_ref], sourced: p6}
""",
}


def faults(old: str, new: str, file: str = "pack.yaml") -> list[Fault]:
    """What is wrong once ``old`` is written ``new`` in one of the files."""
    files = {"pack.yaml": PACK, **BESIDE}
    assert not old or old in files[file]
    files[file] = files[file].replace(old, new, 1) if old else new
    return pack_faults(files["pack.yaml"], "pack.yaml", files.__getitem__)


def test_the_pack_of_these_tests_is_sound() -> None:
    assert faults("", PACK) == []


REFUSED = [
    # old, new, line, message, remedy
    ("code_map_yes: theft", "code_map_yes: thefts", 3, "'thefts' is no category", "did you mean"),
    ("category: theft,", "category: fraud,", 20, "'fraud' is no category", "use one of assault"),
    ('["39", "45"]', '["39", 45A]', 16, "class '45A' of theft is not in", "did you mean '45'?"),
    ("inference: named", "", 20, "exactly one of sourced, inference, unsourced", "mark it unsou"),
    (
        "sourced: p10",
        "sourced: p10, unsourced: told",
        9,
        "exactly one of",
        "say where it comes from",
    ),
    ("    sourced: p1\n", "", 14, "exactly one of", "say where"),
    ("  inference: two agree\n", "", 24, "exactly one of", "say where"),
    ("since: 2015-04-01", "since: 2015-04-02", 9, "no limit holds from 2015-04-01 to", "begin on"),
    ("since: 2015-04-01", "since: 2015-03-31", 9, "'new' overlaps 'old'", "other's 'until'"),
    ("since: 2015-04-01, ", "", 9, "'new' overlaps 'old'", "other's 'until'"),
    (", until: 2015-04-01", "", 9, "'new' overlaps 'old'", "other's 'until'"),
    (
        "hours: 24, ",
        "hours: 24, until: 2030-01-01, ",
        9,
        "no limit holds from 2030",
        "leave 'until'",
    ),
    (
        "hours: 72, ",
        "hours: 72, since: 2000-01-01, ",
        8,
        "no limit holds before 2000",
        "leave 'since'",
    ),
    (
        "hours: 24, ",
        "hours: 24, until: 2015-04-01, ",
        9,
        "'new' ends before it begins",
        "first day",
    ),
    ("since: 2023-05-15", "since: 2023-05-16", 12, "no way of counting holds from", "begin on"),
    ("counts: principal", "counts: all", 11, "'all' is not known here", "use one of"),
    ("id: now", "id: then", 12, "id 'then' is that of line 11 too", "a name of its own"),
    ("id: code.noise", "id: new", 21, "id 'new' is that of line 9 too", "a name of its own"),
    ("[noise]", "[noise, ' Theft']", 21, "'theft' of 'code.noise' is listed under", "remove one"),
    ("[noise]", "[]", 21, "'code.noise' lists no code", "list its codes"),
    ("bodies: [nca], ", "", 23, "names neither codes nor bodies", "say what it carves out"),
    ("  theft:\n", "  theft.x:\n", 14, "'theft.x' cannot name a category", "small letters"),
    ("rank: 1,", "rank: 1, per: person,", 18, "'person' is not known here", "use one of"),
    ("rank: 1,", "rank: 1, per_class: {8N: person},", 18, "'person' is not known", "use one of"),
    ("rank: 1,", "rank: 1, per_class: {8M: victim},", 18, "'8M' is no class of assault", "8N"),
    ("rank: 1,", "rank: 1, offences: [045/00],", 18, "'045/00' is no offence of", "its class too"),
    ("theft, codes:", 'theft, classes: ["46"], codes:', 20, "'46' is no class of theft", "use one"),
    ("title: A", "zone: London\ntitle: A", 2, "'London' is no time zone", "Europe/London"),
    (
        "text:\n",
        "reported_incidents:\n  - {id: n, codes: [100/01], category: rape, sourced: p}\ntext:\n",
        25,
        "'rape' is no category of this pack",
        "use one of",
    ),
    ("hours: 24", "hours: 0", 9, "0 is too little", "write 1 or more"),
    ("distinct_terms: 2", "distinct_terms: 0", 25, "0 is too little", "write 1 or more"),
    (
        "hours: 24",
        "hours: a day",
        9,
        "Expected `int`, got `str` at limits[1].hours",
        "whole number",
    ),
    ("hours: 24", "houres: 24", 9, "unknown field `houres` at limits[1]", "did you mean 'hours'?"),
    ("rank: 1,", "rank: 1, clases: [x],", 18, "unknown field `clases`", "did you mean 'classes'?"),
    ("rank: 1", "rank: first", 18, "got `str` at categories.assault.rank", "whole number"),
    ("title: A small pack\n", "", 1, "missing required field `title`", "add it"),
    ("title: A", "title: [", 2, "not YAML", "check indentation"),
]


@pytest.mark.parametrize(("old", "new", "line", "message", "remedy"), REFUSED)
def test_a_pack_is_refused_with_line_and_remedy(
    old: str, new: str, line: int, message: str, remedy: str
) -> None:
    found = faults(old, new)
    said = "\n".join(map(str, found))
    assert any(
        (each.origin, each.line) == ("pack.yaml", line)
        and message in each.message
        and remedy in each.remedy
        for each in found
    ), said
    text = PACK.replace(old, new, 1)
    with pytest.raises(PackError) as refused:
        parse_pack(text, "pack.yaml", BESIDE.__getitem__)
    assert str(refused.value) == str(found[0])


INCLUDED = [
    ("reasons.yaml", "[theft]", "[thefts]", 4, "'thefts' is no category of this pack"),
    ("reasons.yaml", "school]", "schol]", 3, "Invalid enum value 'schol'"),
    ("reasons.yaml", "[other_ref]", "[told]", 7, "Invalid enum value 'told'"),
    ("reasons.yaml", "    sourced: p5\n", "", 2, "exactly one of sourced"),
    ("reasons.yaml", "schools_protocol", "no_time", 2, "Invalid enum value 'no_time'"),
    ("reasons.yaml", "C1", "C9", 7, "Invalid enum value 'C9'"),
    ("words.yaml", "theft.taken", "taken", 2, "'taken' names no group"),
    ("offences.csv", "code,class", "code,klass", 1, "lacks a column"),
    ("offences.csv", "045/00,45", "045/00,", 3, "an offence without code or class"),
    ("offences.csv", "045/00,45", "45/0,45", 3, "'45/0' is no code"),
    ("offences.csv", "045/00,45", "039/00,39", 3, "039/00 is 39 twice"),
    ("offences.csv", "code,class\n039/00,39", "code,class,until\n039/00,39,soon", 2, "is no day"),
]


@pytest.mark.parametrize(("file", "old", "new", "line", "message"), INCLUDED)
def test_what_a_pack_includes_is_looked_at_too(
    file: str, old: str, new: str, line: int, message: str
) -> None:
    found = faults(old, new, file)
    assert any(
        (each.origin, each.line) == (file, line) and message in each.message for each in found
    ), "\n".join(map(str, found))


def test_all_faults_are_told_and_not_the_first_alone() -> None:
    wrong = PACK.replace("hours: 24", "hours: x").replace("rank: 1", "rank: x")
    assert [each.line for each in pack_faults(wrong, "p", BESIDE.__getitem__)] == [9, 18]
    wrong = PACK.replace("yes: theft", "yes: x").replace("id: now", "id: then")
    wrong = wrong.replace("since: 2015-04-01", "since: 2015-05-01")
    assert sorted(each.line for each in pack_faults(wrong, "p", BESIDE.__getitem__)) == [3, 9, 12]


def test_what_follows_from_a_fault_is_no_fault_of_its_own() -> None:
    assert len(faults("hours: 24", "houres: 24")) == 2
    assert len(faults("hours: 24", "hours: x")) == 1


@pytest.mark.parametrize("name", shipped("packs"))
def test_what_is_shipped_is_sound(name: str) -> None:
    assert faults_of_pack(name) == []
    assert read_pack(name).name == name


def test_every_demand_is_used_by_a_shipped_pack() -> None:
    """A demand that nothing asks for would be a check nobody sees fail."""
    reasons = read_pack("england_and_wales").reasons
    decided = {word for rule in reasons.decisions.values() for word in rule.demands}
    assert decided == set(DecisionDemand)
    cancelled = {word for rule in reasons.cancellations.values() for word in rule.demands}
    assert cancelled == set(CancellationDemand)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text(PACK, encoding="utf-8")
    said = [fault.message for fault in faults_of_pack(str(tmp_path / "pack.yaml"))]
    assert sorted(said) == sorted(f"'{name}' is not beside it" for name in BESIDE)


def test_a_pack_and_every_file_it_names_make_its_digest() -> None:
    plain = parse_pack(PACK, "p", BESIDE.__getitem__).digest
    for file, text in BESIDE.items():
        beside = {**BESIDE, file: text + "\n"}
        assert parse_pack(PACK, "p", beside.__getitem__).digest != plain
    assert parse_pack(PACK + "\n", "p", BESIDE.__getitem__).digest != plain


def test_the_limit_and_the_era_hold_from_midnight_on() -> None:
    pack = read_pack("england_and_wales")
    zone = ZoneInfo("Europe/London")
    since = [began.astimezone(zone).date() for began, _ in pack.eras[:-1]]
    assert since == [date(2023, 5, 15), date(2017, 4, 1)]


PUBLISHED_CLASS = re.compile(r"(NFIB ?\d+[A-Z]?|\d+[A-Z]?(?:/\d+)?)\b")


OLD_CLASSES = {
    **dict.fromkeys(("008/07", "008/08"), "104"),
    **dict.fromkeys(("008/19", "008/22"), "8N"),
    **dict.fromkeys(("008/33", "008/34", "008/40", "008/41", "008/46", "008/47"), "8P"),
    **dict.fromkeys(("008/35", "008/42", "008/48"), "105B"),
    **dict.fromkeys(("008/36", "008/43", "008/49"), "9B"),
    **dict.fromkeys(("008/37", "008/44", "008/50", "008/38", "008/45", "008/51"), "8M"),
    "008/39": "8L",
    **dict.fromkeys(("019/02", "019/03", "019/04"), "70"),
}
"""Old codes whose number holds several kinds of crime, by their titles; all others are their number."""


def test_offences_are_those_published(shared_data: Path) -> None:
    """The list is derived again: the notifiable offences by class; then codes that are no longer on it
    and were above summary, by number, for what was committed long ago."""
    based: dict[tuple[str, str], set[str]] = {}
    path = shared_data / "reference" / "notifiable_offences_2026-27.csv"
    with path.open(encoding="utf-8-sig") as lines:
        for row in csv.DictReader(lines):
            name = PUBLISHED_CLASS.match(row["Offence category"].strip())
            found = name.group(1).replace("NFIB ", "NFIB") if name else "NFIB"
            key = (row["Home Office code"].strip(), found)
            based.setdefault(key, set()).update(row["Victim or State Based"].upper().split("/"))
    listed = {code for code, _ in based}
    with (shared_data / "reference" / "ho_codes.csv").open(encoding="utf-8-sig") as lines:
        for row in csv.DictReader(lines):
            code, number = row["ho_code"], int(row["category"])
            summary = row["parent_group"] == "Other summary offences"
            if code not in listed and 0 < number < 100 and not summary:
                based[code, OLD_CLASSES.get(code, str(number))] = set()
    held = {
        (row["code"], row["class"]): {*row["based"]}
        for row in csv.DictReader(SHIPPED.read_text(encoding="utf-8").splitlines())
    }
    assert held == based


def test_every_class_belongs_to_a_kind_of_crime_and_nothing_else_does() -> None:
    rows = list(csv.DictReader(SHIPPED.read_text(encoding="utf-8").splitlines()))
    shipped_pack = read_pack("england_and_wales")
    assert all(shipped_pack.kinds_of[row["code"]] for row in rows)
    assert [row["code"] for row in rows if row["until"]] == ["125/12"]


def test_offences_against_the_state_are_those_that_are_mostly_so_published() -> None:
    """By code, as the list marks them; a code that is both counts as the victim's."""
    shipped_pack = read_pack("england_and_wales")
    for name, category in shipped_pack.written.categories.items():
        marks = [
            row["based"]
            for row in csv.DictReader(SHIPPED.read_text(encoding="utf-8").splitlines())
            if name in shipped_pack.kinds_of[row["code"]] and row["based"]
        ]
        if marks:
            state = sum(mark == "S" for mark in marks) * 2 > len(marks)
            assert category.state_based is state, name


def test_a_code_may_say_another_thing_from_a_day_on() -> None:
    until = PACK.replace("codes: [noise], ", "codes: [noise], until: 2020-01-01, ")
    added = "carve_outs:\n"
    later = "  - {id: later, category: theft, codes: [noise], since: 2020-01-01, sourced: p}\n"
    changed = until.replace(added, later + added, 1)
    pack = parse_pack(changed, "p", BESIDE.__getitem__)
    shows = [
        pack.codes[pack.edition_at(datetime(year, 6, 1, tzinfo=UTC))]["noise"].category
        for year in (2019, 2020)
    ]
    assert shows == ["", "theft"]
    overlapping = changed.replace("since: 2020-01-01", "since: 2019-12-31")
    (fault,) = pack_faults(overlapping, "p", BESIDE.__getitem__)
    assert "code 'noise' of 'later' is listed under 'code.noise' too" in fault.message
