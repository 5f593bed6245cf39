"""From a report to the crimes expected: rules.md's first section, row by row, for the shipped pack."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.words import (
    Grade,
    ReceivedVia,
    ReportedBy,
    Result,
    Role,
    VictimConfirmed,
)
from service.ingest.source import Source, Topic
from service.rules.expect import expect
from service.rules.facts import ReportFacts
from tests.rules.facts import RECEIVED, crimes, log, pack, shown, unconfirmed, words

ARREST: dict[str, Any] = {"results": (Result.ARREST,)}


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        pytest.param(log("assault"), [("violence", "clear")], id="the victim's word is enough"),
        pytest.param(
            log("Assault "), [("violence", "clear")], id="codes ignore capitals and spaces"
        ),
        pytest.param(
            log("concern for safety", closing=("assault",)),
            [("violence", "clear")],
            id="a closing code shows a crime",
        ),
        pytest.param(
            log("assault", closing=("no further action",)),
            [("violence", "clear")],
            id="a closing code removes nothing",
        ),
        pytest.param(
            log("assault", closing=("domestic incident",)),
            [("violence", "clear")],
            id="... not even one of a category that is no crime",
        ),
        pytest.param(log("domestic incident"), [], id="an incident category shows none"),
        pytest.param(
            log("domestic incident", qualifiers=("domestic abuse",)),
            [],
            id="a domestic-abuse qualifier alone shows none",
        ),
        pytest.param(
            log("asb nuisance", qualifiers=("racial",)),
            [],
            id="a prejudice qualifier alone shows none",
        ),
        pytest.param(
            log("drugs"), [("drugs", "possible")], id="state-based: a caller's words are possible"
        ),
        pytest.param(log("drugs", **ARREST), [("drugs", "clear")], id="... an arrest is clear"),
        pytest.param(
            log("drugs", results=(Result.SEIZURE,)), [("drugs", "clear")], id="... a seizure too"
        ),
        pytest.param(
            log("concern for safety", closing=("drugs",)),
            [("drugs", "clear")],
            id="... and a closing code",
        ),
        pytest.param(
            log("drugs", reported_by=ReportedBy.POLICE),
            [("drugs", "clear")],
            id="... and what an officer reports",
        ),
        pytest.param(
            log("section 4 public order"),
            [("public_fear", "clear")],
            id="fear of violence has a victim",
        ),
        pytest.param(
            log("concern for safety", closing=("8/6",)),
            [("violence", "clear")],
            id="an offence code shows its crime",
        ),
        pytest.param(
            log("concern for safety", closing=("008/31",)),
            [("breach", "clear")],
            id="... a breach of an order, though it shares its class with harassment",
        ),
        pytest.param(log("092/61"), [("drugs", "possible")], id="... possible from a caller"),
        pytest.param(
            log("asb nuisance", closing=("hate crime",)),
            [("any_crime", "clear")],
            id="a hate crime is a crime, and not which",
        ),
        pytest.param(
            log("assault", reported_by=ReportedBy.PROFESSIONAL),
            [("violence", "clear")],
            id="professionals speak for the victim",
        ),
        pytest.param(
            log("assault", reported_by=ReportedBy.PARENT_OR_CARER),
            [("violence", "clear")],
            id="parents and carers too",
        ),
        pytest.param(
            log("assault", **unconfirmed(VictimConfirmed.NOT_ASKED)),
            [("violence", "possible")],
            id="other third parties need confirmation",
        ),
        pytest.param(
            log("assault", **unconfirmed(VictimConfirmed.YES)),
            [("violence", "clear")],
            id="... given",
        ),
        pytest.param(
            log("fraud"), [("fraud", "possible")], id="fraud is national without a call for service"
        ),
        pytest.param(
            log("fraud", **ARREST), [("fraud", "clear")], id="... an arrest is a call for service"
        ),
        pytest.param(
            log("fraud in progress"), [("fraud", "clear")], id="... and an offender at work"
        ),
        pytest.param(log("nfib dissemination"), [("fraud", "clear")], id="... and a dissemination"),
        pytest.param(
            log("concern for safety", closing=("forgery",)),
            [("forgery", "clear")],
            id="forgery is local",
        ),
        pytest.param(
            log("assault", closing=("crime",)),
            [("violence", "clear")],
            id="'crime' and not which adds nothing to what is shown",
        ),
        pytest.param(
            log("concern for safety", closing=("crime",)),
            [("any_crime", "clear")],
            id="'crime' alone is one",
        ),
        pytest.param(
            log("breach of order", closing=("breach of order", "crime")),
            [("breach", "clear")],
            id="... nor to a breach",
        ),
        pytest.param(
            log("harassment", closing=("assault",)),
            [("harassment_stalking", "possible"), ("violence", "clear")],
            id="what only the opening names gives way to the closing code, and stays possible",
        ),
        pytest.param(
            log("rape", closing=("assault",)),
            [("rape", "clear")],
            id="... but never the gravest",
        ),
        pytest.param(
            log("harassment", **words("violence.hit", "violence.injured")),
            [("harassment_stalking", "clear")],
            id="words do not take an opening code away",
        ),
    ],
)
def test_what_a_report_shows(report: ReportFacts, expected: list[tuple[str, str]]) -> None:
    assert shown(report) == expected


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        pytest.param(datetime(2017, 3, 31, 12, tzinfo=UTC), ["violence"], id="until 2017/18"),
        pytest.param(
            datetime(2017, 4, 1, 12, tzinfo=UTC),
            ["harassment_stalking", "violence"],
            id="conduct and the next most serious",
        ),
        pytest.param(
            datetime(2023, 5, 14, 12, tzinfo=UTC),
            ["harassment_stalking", "violence"],
            id="to mid-May 2023",
        ),
        pytest.param(
            datetime(2023, 5, 15, 12, tzinfo=UTC), ["harassment_stalking"], id="since then"
        ),
    ],
)
def test_how_many_crimes_by_era(year: datetime, expected: list[str]) -> None:
    report = log(closing=("harassment", "assault", "criminal damage"), received_at=year)
    found = [category for category, grade in shown(report) if grade == "clear"]
    assert found == (expected if year.year > 2017 or year.month > 3 else ["harassment_stalking"])


@pytest.mark.parametrize(
    "code", ["breach of restraining order", "modern slavery"], ids=["breaches", "modern slavery"]
)
@pytest.mark.parametrize("year", [2016, 2019, 2025])
def test_always_in_addition(code: str, year: int) -> None:
    report = log(closing=("assault", code), received_at=RECEIVED.replace(year=year))
    categories = {category for category, _ in shown(report)}
    assert categories == {"violence", "breach" if "breach" in code else "modern_slavery"}


PEOPLE = {"victims": ("k:a", "k:b"), "suspects": ("k:s", "k:t", "k:u")}


@pytest.mark.parametrize(
    ("code", "count"),
    [
        pytest.param("assault", 2, id="violence: one per victim"),
        pytest.param("robbery", 2, id="robbery: one per victim"),
        pytest.param("harassment", 2, id="conduct: one per victim"),
        pytest.param("rape", 3, id="rape: one per person who penetrated"),
        pytest.param("burglary", 1, id="burglary: one per household"),
        pytest.param("criminal damage", 1, id="damage, and not of what: one"),
        pytest.param("damage to vehicle", 2, id="damage to vehicles: one per owner"),
        pytest.param("arson", 2, id="arson: one per owner"),
        pytest.param("theft from vehicle", 2, id="vehicle crime: one per owner"),
        pytest.param("theft from person", 2, id="theft from the person: one per person"),
        pytest.param("pedal cycle theft", 2, id="cycles: one per owner"),
        pytest.param("blackmail", 2, id="blackmail: one per intended victim"),
        pytest.param("shoplifting", 1, id="shoplifting: one per shop"),
        pytest.param("making off without payment", 1, id="making off: one"),
        pytest.param("theft", 1, id="theft, and not which: one"),
        pytest.param("bladed article", 3, id="blades: one per offender"),
        pytest.param("affray", 1, id="affray: one per group"),
        pytest.param("drugs", 1, id="drugs: one per group"),
        pytest.param("fear of violence", 2, id="fear of violence: one per intended victim"),
        pytest.param("039/00", 2, id="an offence code is counted as its class is"),
    ],
)
def test_one_crime_per(code: str, count: int) -> None:
    assert len(crimes(log(code, **PEOPLE))) == count


def test_victims_without_a_hash_count_too() -> None:
    found = crimes(log("assault", victims=("k:a",), unnamed_victims=2))
    assert sorted(crime.victim for crime in found) == ["", "", "k:a"]
    assert len({crime.id for crime in found}) == 3


def test_logs_of_one_incident_share_one_set_the_earliest_receipt_starts_it() -> None:
    first = log("concern for safety", victims=("k:a",))
    second = log(
        "assault", ref="R2", received_at=RECEIVED + timedelta(hours=3), victims=("k:a", "k:b")
    )
    found = crimes(first, second)
    assert {crime.victim for crime in found} == {"k:a", "k:b"}
    assert {crime.due_at for crime in found} == {RECEIVED + timedelta(hours=24)}


@pytest.mark.parametrize(
    ("received", "hours", "unsourced"),
    [
        (datetime(2015, 3, 31, 22, 59, tzinfo=UTC), 72, True),
        (datetime(2015, 3, 31, 23, tzinfo=UTC), 24, False),
        (RECEIVED, 24, False),
    ],
)
def test_the_limit_and_whether_it_is_sourced(
    received: datetime, hours: int, unsourced: bool
) -> None:
    (crime,) = crimes(log("assault", received_at=received))
    assert crime.due_at - received == timedelta(hours=hours)
    assert crime.unsourced is unsourced


def test_when_a_report_passed_on_by_another_force_starts_is_unsourced() -> None:
    passed = {"reported_by": ReportedBy.POLICE, "received_via": ReceivedVia.OTHER_AGENCY}
    (crime,) = crimes(log("assault", **passed))
    assert crime.unsourced


@pytest.mark.parametrize(
    ("report", "rule"),
    [
        (log("assault", recording_body="NCA"), "nca-led"),
        (log("complaint on-duty conduct", closing=("assault",)), "on-duty-conduct"),
    ],
)
def test_carve_outs_are_shown_and_not_due(report: ReportFacts, rule: str) -> None:
    found = expect(pack(), {"log": Source(name="log", topic=Topic.INCIDENT_LOG)}, [report])
    assert (found.crimes, found.carve_outs) == ((), (rule,))
    assert found.unknown_codes == ()


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (datetime(2023, 4, 30, 22, 59, tzinfo=UTC), [("public_order", "clear")]),
        (datetime(2023, 4, 30, 23, tzinfo=UTC), []),
    ],
    ids=["notifiable until the end of April 2023", "no longer"],
)
@pytest.mark.parametrize("code", ["section 5 public order", "125/12"])
def test_section_5_public_order(
    code: str, received: datetime, expected: list[tuple[str, str]]
) -> None:
    report = log("asb nuisance", closing=(code,), received_at=received)
    assert shown(report) == expected
    sources = {"log": Source(name="log", topic=Topic.INCIDENT_LOG)}
    assert expect(pack(), sources, [report]).unknown_codes == ()


@pytest.mark.parametrize(
    ("report", "harm"),
    [
        (log("assault"), False),
        (log("rape"), True),
        (log("assault", qualifiers=("Domestic Abuse",)), True),
        (log("assault", child_victim=True), True),
        (log("theft", referral=True), True),
    ],
)
def test_high_harm(report: ReportFacts, harm: bool) -> None:
    assert all(crime.harm is harm for crime in crimes(report))


def test_a_code_nobody_knows_is_never_no_crime() -> None:
    source = {"log": Source(name="log", topic=Topic.INCIDENT_LOG)}
    found = expect(pack(), source, [log("burgle", closing=("xyz",))])
    assert found.unknown_codes == ("closing:xyz", "opening:burgle")
    beside = expect(pack(), source, [log("assault", "burgle")])
    assert len(beside.crimes) == 1
    assert beside.unknown_codes == ("opening:burgle",)


@pytest.mark.parametrize(
    ("report", "grade"),
    [
        pytest.param(log(**words("violence.hit")), Grade.CLEAR, id="the act by its name"),
        pytest.param(
            log(**words("violence.officer")), Grade.CLEAR, id="a named act of its own rule"
        ),
        pytest.param(log(**words("violence.fight")), Grade.POSSIBLE, id="one word is a hint"),
        pytest.param(
            log(**words("violence.hit", "violence.injured")), Grade.CLEAR, id="two that agree"
        ),
        pytest.param(
            log(**words("violence.hit", "violence.injured", first=False)),
            Grade.POSSIBLE,
            id="not in the first account",
        ),
        pytest.param(
            log(**words("drugs.dealing", "drugs.other", writer=Role.CALL_HANDLER)),
            Grade.POSSIBLE,
            id="state-based: a caller's words are at most possible",
        ),
    ],
)
def test_words_alone(report: ReportFacts, grade: Grade) -> None:
    assert {crime.grade for crime in crimes(report)} == {grade}


def test_a_log_closed_as_crime_and_not_which_is_settled_by_a_record_of_any_class() -> None:
    assert [crime.classes for crime in crimes(log("harassment", closing=("crime",)))] == [()]
    assert all(crime.classes for crime in crimes(log("rape", closing=("crime",))))
    assert all(crime.classes for crime in crimes(log("harassment")))


def test_one_account_read_in_two_ways_owes_one_crime_that_a_record_of_either_settles() -> None:
    (owed,) = crimes(log("criminal damage", **words("violence.hit")))
    assert owed.beside == ("violence", "damage_arson")
    (firm,) = crimes(log("criminal damage", **words("rape.raped")))
    assert (firm.category, firm.beside) == ("rape", ())


def test_a_closing_code_outweighs_what_words_alone_name() -> None:
    found = crimes(
        log("concern for safety", closing=("theft",), **words("damage_arson.deliberate"))
    )
    assert {crime.category: crime.grade for crime in found} == {
        "damage_arson": Grade.POSSIBLE,
        "theft": Grade.CLEAR,
    }
