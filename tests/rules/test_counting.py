"""How many crimes one report makes and which records meet them, through the whole engine.

Each row is a day at one force: a report, the records that follow, and what stands when the deadline has
passed and every source is read.
"""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.timeline import Timeline

NOW = datetime(2025, 3, 3, 9, tzinfo=UTC)
"""The most serious crime alone is recorded, as since mid-May 2023."""
CONDUCT_BESIDE = datetime(2019, 3, 4, 9, tzinfo=UTC)
"""A conduct crime is recorded beside the next most serious."""
BEFORE = datetime(2016, 3, 7, 9, tzinfo=UTC)
"""The most serious crime alone, as until 2017/18."""
ASSAULT, HARASSMENT, DAMAGE = "105/01", "195/94", "058/00"

Record = dict[str, Any]


def people(*roles: str) -> list[dict[str, str]]:
    """``victim:a`` has a hash, ``victim`` has none."""
    split = [role.partition(":") for role in roles]
    return [{"role": role, **({"key": f"k:{key}"} if key else {})} for role, _, key in split]


def made(code: str, *victims: str, **more: Any) -> Record:
    """A crime record an hour after the report, naming these victims."""
    return {"offence_code": code, "victims": [f"k:{each}" for each in victims], **more}


def day(received: datetime, records: list[Record], **report: Any) -> Timeline:
    """A day from the report to the moment its deadline has provably passed."""
    since = received - timedelta(days=400)
    line = Timeline("england_and_wales", code_map=None, since=since).at(received)
    line.report("R1", **report)
    line.at(received + timedelta(hours=1))
    for number, record in enumerate(records, start=1):
        line.record(f"C{number}", incident_refs=["R1"], **record)
    return line.at(received + timedelta(days=1)).heartbeat()


def verdicts(line: Timeline) -> dict[str, str]:
    """Verdict of each clear crime, by id."""
    return {c.id: c.verdict.value for c in line.lines["R1"].crimes if c.grade == "clear"}


TWO = people("victim:a", "victim:b")


@pytest.mark.parametrize(
    ("report", "records", "expected"),
    [
        pytest.param(
            {"people": TWO},
            [made(ASSAULT, "a"), made(ASSAULT, "b")],
            "recorded",
            id="one crime per victim",
        ),
        pytest.param(
            {"people": TWO}, [made(ASSAULT)] * 2, "recorded", id="two records that name nobody"
        ),
        pytest.param(
            {"people": TWO},
            [made(ASSAULT)],
            "partly_recorded",
            id="one record never settles two crimes",
        ),
        pytest.param(
            {"people": people("victim", "victim")},
            [made(ASSAULT)],
            "partly_recorded",
            id="victims without a hash count",
        ),
        pytest.param(
            {"people": people("victim:a")},
            [made(ASSAULT, "z")],
            "missed",
            id="a record of another victim settles nothing",
        ),
        pytest.param(
            {"people": people("victim:a", "suspect:s")},
            [made(ASSAULT, suspects=["k:s"])],
            "recorded",
            id="a record that names only its suspect may be of this victim",
        ),
    ],
)
def test_one_crime_per_victim(report: dict[str, Any], records: list[Record], expected: str) -> None:
    day(NOW, records, opening_codes=["assault"], **report).verdict("R1", expected)


@pytest.mark.parametrize("order", list(permutations([("a",), (), ("b",)])))
def test_records_find_their_victims_in_any_order(order: tuple[tuple[str, ...], ...]) -> None:
    three = people("victim:a", "victim:b", "victim:c")
    records = [made(ASSAULT, *victims) for victims in order]
    day(NOW, records, opening_codes=["assault"], people=three).verdict("R1", "recorded")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([made("019/08", "a", suspects=["k:s"])], "partly_recorded", id="one of two"),
        pytest.param(
            [made("019/08", "a", suspects=["k:s"]), made("019/08", "a", suspects=["k:t"])],
            "recorded",
            id="one each",
        ),
        pytest.param(
            [made("019/08", "a"), made("019/08", "a")], "recorded", id="offenders unnamed"
        ),
    ],
)
def test_rape_one_crime_per_person_who_penetrated(records: list[Record], expected: str) -> None:
    who = people("victim:a", "suspect:s", "suspect:t")
    day(NOW, records, opening_codes=["rape"], people=who).verdict("R1", expected)


def test_burglary_one_crime_per_household() -> None:
    line = day(NOW, [made("028/03", "a")], opening_codes=["burglary"], people=TWO)
    line.verdict("R1", "recorded")


@pytest.mark.parametrize(
    ("received", "records", "expected"),
    [
        pytest.param(BEFORE, [HARASSMENT], "recorded", id="until 2017/18 the principal covers"),
        pytest.param(CONDUCT_BESIDE, [HARASSMENT], "partly_recorded", id="then the next is owed"),
        pytest.param(CONDUCT_BESIDE, [ASSAULT], "partly_recorded", id="and so is the conduct"),
        pytest.param(CONDUCT_BESIDE, [HARASSMENT, ASSAULT], "recorded", id="both recorded"),
        pytest.param(NOW, [HARASSMENT], "recorded", id="since mid-May 2023 one again"),
    ],
)
def test_conduct_and_the_next_most_serious_by_era(
    received: datetime, records: list[str], expected: str
) -> None:
    line = day(
        received,
        [made(code, "a") for code in records],
        closing_codes=["harassment", "assault", "criminal damage"],
        people=people("victim:a"),
    )
    line.verdict("R1", expected)


@pytest.mark.parametrize("received", [BEFORE, CONDUCT_BESIDE, NOW])
@pytest.mark.parametrize(
    ("closing", "beside"),
    [
        pytest.param("breach of restraining order", "008/31", id="breach of an order"),
        pytest.param("modern slavery", "036/06", id="modern slavery"),
    ],
)
def test_always_in_addition(received: datetime, closing: str, beside: str) -> None:
    report = {"closing_codes": ["assault", closing], "people": people("victim:a")}
    day(received, [made(ASSAULT, "a")], **report).verdict("R1", "partly_recorded")
    day(received, [made(beside, "a")], **report).verdict("R1", "partly_recorded")
    day(received, [made(ASSAULT, "a"), made(beside, "a")], **report).verdict("R1", "recorded")


@pytest.mark.parametrize("code", [HARASSMENT, "066/01"], ids=["harassment", "affray"])
def test_a_breach_is_not_met_by_another_offence_of_its_class(code: str) -> None:
    line = day(NOW, [made(code)], closing_codes=["breach of restraining order"])
    line.verdict("R1", "missed", "recorded_as_something_else")


@pytest.mark.parametrize(
    ("report", "records", "expected"),
    [
        pytest.param(
            {"opening_codes": ["assault"], "closing_codes": ["crime"]},
            [ASSAULT],
            "recorded",
            id="closed as crime and not which: no second crime",
        ),
        pytest.param(
            {"opening_codes": ["concern for safety"], "closing_codes": ["crime"]},
            [],
            "missed",
            id="closed as crime and nothing recorded",
        ),
        pytest.param(
            {"opening_codes": ["harassment"], "closing_codes": ["assault"]},
            [ASSAULT],
            "recorded",
            id="the police's later classification, and a crime of it",
        ),
        pytest.param(
            {"opening_codes": ["harassment"], "closing_codes": ["assault"]},
            [],
            "missed",
            id="the police's later classification, and no crime",
        ),
        pytest.param(
            {"opening_codes": ["assault"], "closing_codes": ["asb personal"]},
            [],
            "missed",
            id="a closing code alone never removes what the opening showed",
        ),
        pytest.param(
            {"opening_codes": ["rape"], "closing_codes": ["assault"]},
            [ASSAULT],
            "missed",
            id="the gravest stay owed",
        ),
        pytest.param(
            {"opening_codes": ["assault"]}, [DAMAGE], "missed", id="recorded as something else"
        ),
    ],
)
def test_what_the_closing_code_changes(
    report: dict[str, Any], records: list[str], expected: str
) -> None:
    line = day(NOW, [made(code) for code in records], **report)
    line.verdict("R1", expected)


@pytest.mark.parametrize(
    ("concern", "category"),
    [
        ("sexual abuse", "sexual"),
        ("physical abuse", "violence"),
        ("neglect", "child_cruelty"),
        ("criminal exploitation", "modern_slavery"),
    ],
)
def test_a_referrals_concern_type_shows_a_possible_crime_and_alerts_nobody(
    concern: str, category: str
) -> None:
    line = day(NOW, [], source="referrals", reported_by="professional", opening_codes=[concern])
    line.verdict("R1", "missed").says()
    assert [(c.category, c.grade) for c in line.lines["R1"].crimes] == [(category, "possible")]


def test_who_is_at_risk_is_known_and_shows_no_crime() -> None:
    codes = ["child protection", "domestic abuse", "MARAC"]
    line = day(NOW, [], source="referrals", reported_by="professional", opening_codes=codes)
    line.verdict("R1", "no_crime_indicated")


def test_the_verdicts_of_two_victims_are_their_own() -> None:
    line = day(NOW, [made(ASSAULT, "b")], opening_codes=["assault"], people=TWO)
    assert verdicts(line) == {"violence:k:a": "missed", "violence:k:b": "recorded"}
