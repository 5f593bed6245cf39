"""Packs: what is refused, with its line and remedy, and what the shipped ones hold."""

import csv
import re
from datetime import UTC, date, datetime
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.hosts.files import read_pack, shipped
from service.rules.pack import Pack, PackError, parse_pack

SHIPPED = resources.files("service.rules") / "packs" / "offences.csv"

SOUND = """\
name: p
title: t
code_map_yes: violence
limits:
  - {id: one, hours: 72, until: 2015-04-01, sourced: s}
  - {id: two, hours: 24, since: 2015-04-01, sourced: s}
eras:
  - {id: era, counts: principal, sourced: s}
categories:
  violence: {rank: 40, classes: [8N], sourced: s}
codes:
  - {id: hit, category: violence, codes: [assault], sourced: s}
offences: offences.csv
reasons: reasons.yaml
lexicon: lexicon.yaml
"""
BESIDE = {
    "offences.csv": "code,class,based,until\n008/06,8N,V,\n",
    "reasons.yaml": (
        "decisions:\n  not_notifiable: {demands: [told], sourced: s}\n"
        "cancellations:\n  C4: {demands: [independent], sourced: s}\n"
    ),
    "lexicon.yaml": "terms:\n  - {id: violence.hit, phrases: [punched]}\n",
}


def parsed(text: str, beside: dict[str, str] | None = None) -> Pack:
    files = {**BESIDE, **(beside or {})}
    return parse_pack(text, "p.yaml", files.__getitem__)


def test_the_sound_one_is_sound() -> None:
    pack = parsed(SOUND)
    assert pack.classes_of == {"008/06": ("8N",)}
    assert [limit.id for _, limit in pack.limits] == ["two", "one"]


@pytest.mark.parametrize(
    ("was", "becomes", "line", "said"),
    [
        ("  - {id: one, hours: 72,", "  - {id: one, hours: many,", 5, "Expected `int`"),
        ("hours: 24, since: 2015-04-01, sourced: s", "hours: 24, sourced: s", 6, "begins"),
        ("since: 2015-04-01", "since: 2015-05-01", 6, "begins 2015-05-01; begin it 2015-04-01"),
        ("since: 2015-04-01", "since: 2015-03-01", 6, "begins 2015-03-01; begin it 2015-04-01"),
        ("since: 2015-04-01, ", "since: 2015-04-01, until: 2030-01-01, ", 6, "nothing holds from"),
        ("until: 2015-04-01, ", "", 5, "has no end"),
        ("{id: two", "{id: one", 6, "id 'one' is given twice"),
        ("principal, sourced: s", "principal", 8, "exactly one of sourced, inference, unsourced"),
        ("sourced: s}\ncodes", "sourced: s, inference: i}\ncodes", 10, "exactly one of"),
        ("classes: [8N]", "classes: [8X]", 10, "class '8X' is in no offence"),
        ("rank: 40", "ranks: 40", 9, "did you mean 'rank'?"),
        ("category: violence", "category: violent", 12, "'violent' is no category"),
        ("code_map_yes: violence", "code_map_yes: yes please", 3, "'yes please' is no category"),
        ("[assault]", "[assault, Assault]", 12, "code 'assault' is in hit and in hit"),
        ("counts: principal", "counts: all", 8, "use principal, conduct_and_next"),
        ("rank: 40,", "rank: 40, per: house,", 10, "use victim, suspect, incident"),
        ("rank: 40,", "rank: 40, per_class: {8N: house},", 10, "use victim, suspect, incident"),
        (
            "rank: 40,",
            "rank: 40, per_class: {8M: victim},",
            10,
            "'8M' does not belong here; use 8N",
        ),
        ("rank: 40,", "rank: 40, offences: [008/31],", 10, "'008/31' is no offence of the classes"),
        ("codes: [assault]", "classes: [8M], codes: [assault]", 12, "'8M' does not belong here"),
        ("title: t\n", "title: t\nzone: London\n", 3, "'London' is no time zone"),
        ("title: t\n", "title: t\ntitle: t\n", 3, "'title' is given twice"),
    ],
)
def test_what_is_refused_and_where(was: str, becomes: str, line: int, said: str) -> None:
    assert was in SOUND
    with pytest.raises(PackError) as refused:
        parsed(SOUND.replace(was, becomes, 1))
    assert said in str(refused.value)
    assert refused.value.line == line
    assert refused.value.origin == "p.yaml"
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("file", "was", "becomes", "said"),
    [
        ("reasons.yaml", "[told]", "[tolled]", "Invalid enum value 'tolled'"),
        ("reasons.yaml", "[told]", "[independent]", "Invalid enum value 'independent'"),
        ("reasons.yaml", "not_notifiable", "not_noticeable", "Invalid enum value"),
        ("reasons.yaml", "[told], sourced: s", "[told]", "exactly one of"),
        ("reasons.yaml", "[told]", "[told], categories: [arson]", "for no category of this pack"),
        ("lexicon.yaml", "violence.hit", "hit", "names no category"),
        ("lexicon.yaml", "[punched]", "[punched, Punched]", "phrase 'punched'"),
    ],
)
def test_what_is_refused_in_the_files_beside_it(
    file: str, was: str, becomes: str, said: str
) -> None:
    assert was in BESIDE[file]
    with pytest.raises(PackError) as refused:
        parsed(SOUND, {file: BESIDE[file].replace(was, becomes, 1)})
    assert said in str(refused.value)
    assert refused.value.origin == file


def test_a_pack_and_every_file_it_names_make_its_digest() -> None:
    plain = parsed(SOUND).digest
    assert parsed(SOUND).digest == plain
    for file, text in BESIDE.items():
        assert parsed(SOUND, {file: text + "\n"}).digest != plain
    assert parsed(SOUND + "\n").digest != plain


@pytest.mark.parametrize("name", shipped("packs"))
def test_shipped_packs_are_sound(name: str) -> None:
    assert read_pack(name).name == name


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


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("code,class", "codes,class", "there is no column code"),
        ("008/06,8N,V,", "8/6,8N,V,", "'8/6' is no code"),
        ("008/06,8N,V,", "008/06,8N,V,\n008/06,8N,V,", "008/06 is 8N twice"),
        ("008/06,8N,V,", "008/06,8N,V,soon", "'soon' is no day"),
    ],
)
def test_what_is_refused_in_a_list_of_offences(was: str, becomes: str, said: str) -> None:
    with pytest.raises(PackError) as refused:
        parsed(SOUND, {"offences.csv": BESIDE["offences.csv"].replace(was, becomes, 1)})
    assert said in str(refused.value)
    assert refused.value.origin == "offences.csv"
    assert refused.value.line == (1 if "column" in said else 3 if "twice" in said else 2)


def test_a_code_may_say_another_thing_from_a_day_on() -> None:
    until = SOUND.replace("[assault], s", "[assault], until: 2020-01-01, s")
    since = until.replace(
        "offences: o",
        "  - {id: none, codes: [assault], since: 2020-01-01, sourced: s}\noffences: o",
    )
    pack = parsed(since)
    shows = [
        pack.codes[pack.edition_at(datetime(year, 6, 1, tzinfo=UTC))]["assault"].category
        for year in (2019, 2020)
    ]
    assert shows == ["violence", ""]
    with pytest.raises(PackError, match="code 'assault' is in hit and in none"):
        parsed(since.replace("since: 2020-01-01", "since: 2019-12-31"))
