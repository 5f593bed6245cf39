"""Packs: what is refused, with its line and remedy, and what the shipped ones hold."""

import csv
import re
from datetime import date
from pathlib import Path

import pytest

from service.hosts.files import read_pack, shipped
from service.rules.pack import Pack, PackError, parse_pack

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
    "offences.csv": "code,class,based,current\n008/06,8N,V,Y\n",
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
    since = [began.date() for began, _ in pack.eras]
    assert since == [date(2023, 5, 15), date(2017, 4, 1), date.min]


PUBLISHED_CLASS = re.compile(r"(NFIB ?\d+[A-Z]?|\d+[A-Z]?(?:/\d+)?)\b")


def test_offences_are_those_published(shared_data: Path) -> None:
    """The list is derived again from the published table. Two frauds stand there under no class of
    their own and are left out."""
    published: dict[str, set[str]] = {}
    path = shared_data / "reference" / "notifiable_offences_2026-27.csv"
    with path.open(encoding="utf-8-sig") as lines:
        for row in csv.DictReader(lines):
            name = PUBLISHED_CLASS.match(row["Offence category"].strip())
            if name is not None:
                code = row["Home Office code"].strip()
                published.setdefault(code, set()).add(name.group(1).replace("NFIB ", "NFIB"))
    held = read_pack("england_and_wales").classes_of
    assert {code: set(names) for code, names in held.items()} == published
