"""People by keyed hash: alike on both sides, nothing of them left."""

import hashlib
import hmac

import pytest

from service.ingest.people import PersonKey, keyed_hash, normalised
from tests.ingest.reading import KEY, log, one, records

REPORT = log(
    below="""
  people:
    - {role: victim, identity: [surname, forename, {column: dob, formats: ['%d/%m/%Y']}], age_band: age}
  officer: [collar]
"""
)
RECORD = records(
    below="""
  people:
    - {role: victim, identity: [last, first, {column: born, formats: [iso]}]}
  officer: [oic]
"""
)


def test_both_sides_hash_the_same_person_alike_and_keep_nothing_else() -> None:
    report = one(
        REPORT,
        """
        id,at,surname,forename,dob,age,collar
        1,2025-01-01T10:00,O'Brïen,Ann-Marie,03/04/1990,34,PC 0123
        """,
    )
    record = one(
        RECORD,
        """
        id,at,last,first,born,oic
        9,2025-01-01T10:00,OBRIEN,ANN MARIE,1990-04-03,pc 0123
        """,
    )
    assert report.people[0].key == record.victims[0]
    assert report.officer == record.officer
    assert report.people[0].age_band == "adult"
    assert report.people[0].key.startswith("k1:")
    kept = report.model_dump_json() + record.model_dump_json()
    assert not [word for word in ("brien", "BRIEN", "1990", "0123", "Ann") if word in kept]


def test_nobody_is_there_where_all_is_blank_and_somebody_where_an_age_is() -> None:
    rows = "id,at,surname,forename,dob,age,collar\n1,2025-01-01T10:00,,,,{},\n"
    nobody = one(REPORT, rows.format(""))
    assert (nobody.people, nobody.officer) == ((), None)
    child = one(REPORT, rows.format("9"))
    assert [(each.key, each.age_band) for each in child.people] == [(None, "under_13")]


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("0", "under_13"),
        ("12", "under_13"),
        ("13", "13_to_15"),
        ("15", "13_to_15"),
        ("16", "16_to_17"),
        ("17", "16_to_17"),
        ("18", "adult"),
        ("101", "adult"),
        ("Adult", "adult"),
    ],
)
def test_an_age_in_years_is_a_band(age: str, band: str) -> None:
    row = f"id,at,surname,forename,dob,age,collar\n1,2025-01-01T10:00,X,Y,,{age},\n"
    assert one(REPORT, row).people[0].age_band == band


def test_keys_differ_and_never_show_their_secret() -> None:
    other = PersonKey("k2", KEY.secret)
    assert keyed_hash(KEY, ["A"]) != keyed_hash(other, ["A"])
    assert keyed_hash(KEY, ["A", "B"]) != keyed_hash(KEY, ["AB", ""])
    assert keyed_hash(KEY, ["", " - "]) is None
    assert KEY.secret.decode() not in repr(KEY)


def test_a_change_of_key_carries_over_what_was_hashed_before() -> None:
    new = PersonKey("k2", b"another secret of no meaning, 32", wraps=KEY)
    before = keyed_hash(KEY, ["Smith", "1980-01-01"])
    assert before is not None
    carried = hmac.new(new.secret, before.removeprefix("k1:").encode(), hashlib.sha256).hexdigest()
    assert keyed_hash(new, ["Smith", "1980-01-01"]) == f"k2:{carried[:32]}"


@pytest.mark.parametrize(
    ("one_way", "other_way"),
    [("Müller", "MULLER"), ("d’Arcy", "DARCY"), (" anne  marie ", "Anne-Marie"), ("ﬁnn", "Finn")],
)
def test_one_name_written_twice(one_way: str, other_way: str) -> None:
    assert normalised(one_way) == normalised(other_way)
