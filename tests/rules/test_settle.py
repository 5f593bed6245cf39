"""What settles an expected crime, and what takes a record away again: rules.md's second section, row by
row, for the shipped pack."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from schemas.words import RecordKind, RecordStatus, ReportedBy, Role, VictimConfirmed, VictimKind
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.settle import Because, classes, settle
from service.rules.standing import standing
from service.rules.values import Bearing, CancellationDemand, Expected
from tests.rules.facts import (
    DAY,
    RECEIVED,
    cancelled,
    expected,
    log,
    pack,
    record,
    unconfirmed,
)
from tests.timeline import Timeline

LAG = timedelta(hours=24)
SETTLES, ACCOUNTS = Bearing.SETTLES, Bearing.ACCOUNTS
ELSE, NOTHING = Bearing.SOMETHING_ELSE, Bearing.NOTHING
CONDUCT_ERA = RECEIVED.replace(year=2019)


def kind(word: str, code: str = "") -> RecordFacts:
    return record(code, kind=RecordKind(word))


@pytest.mark.parametrize(
    ("crime", "made", "bearing", "because"),
    [
        pytest.param(
            expected(), record("105/01"), SETTLES, "recorded", id="the expected class settles"
        ),
        pytest.param(
            expected(), record("8/6"), SETTLES, "recorded", id="an old code without its zeros"
        ),
        pytest.param(expected(), record("8N"), SETTLES, "recorded", id="a class instead of a code"),
        pytest.param(
            expected("breach"),
            record("008/31"),
            SETTLES,
            "recorded",
            id="a breach is its own record",
        ),
        pytest.param(
            expected("breach"),
            record("195/94"),
            ELSE,
            "other_class",
            id="harassment is no breach, though it shares the class",
        ),
        pytest.param(
            expected("harassment_stalking"),
            record("008/31"),
            ELSE,
            "other_class",
            id="... nor a breach harassment: it is recorded in addition",
        ),
        pytest.param(
            expected("theft"),
            record("066/39"),
            ELSE,
            "other_class",
            id="what is recorded in addition outranks nothing",
        ),
        pytest.param(
            expected("theft"), record("106"), ELSE, "other_class", id="... nor does modern slavery"
        ),
        pytest.param(
            expected("burglary"),
            record("066/01"),
            ELSE,
            "other_class",
            id="affray does not outrank burglary for sharing a class with breaches",
        ),
        pytest.param(
            expected("public_order"), record("125/11"), SETTLES, "recorded", id="public order: fear"
        ),
        pytest.param(
            expected("sexual"),
            record("020/02"),
            SETTLES,
            "recorded",
            id="an old offence is recorded under its old code",
        ),
        pytest.param(
            expected(), record("00806"), SETTLES, "recorded", id="a code without its stroke"
        ),
        pytest.param(expected(), record("8n"), SETTLES, "recorded", id="a class in small letters"),
        pytest.param(
            expected(),
            record("999/99"),
            NOTHING,
            "offence_code_unknown",
            id="an offence code nobody knows settles nothing, and says so",
        ),
        pytest.param(
            expected(), record(""), NOTHING, "offence_code_unknown", id="... nor does a blank one"
        ),
        pytest.param(
            expected("public_order"),
            record("125/12"),
            NOTHING,
            "not_notifiable",
            id="section 5 is no notifiable crime now",
        ),
        pytest.param(
            expected("public_order", received_at=CONDUCT_ERA),
            record("125/12", recorded_at=CONDUCT_ERA),
            SETTLES,
            "recorded",
            id="... and was one until 2023",
        ),
        pytest.param(
            expected("rape"),
            record("100/01"),
            ACCOUNTS,
            "reported_rape_n100",
            id="an N100 called a crime is an N100 all the same",
        ),
        pytest.param(
            expected("damage_arson"),
            record("105/01"),
            SETTLES,
            "outranks",
            id="a more serious crime outranks",
        ),
        pytest.param(
            expected(),
            record("058/00"),
            ELSE,
            "other_class",
            id="a less serious crime is something else",
        ),
        pytest.param(
            expected("rape"), record("058/00"), ELSE, "other_class", id="damage is no rape record"
        ),
        pytest.param(
            expected("rape"), record("019/08"), SETTLES, "recorded", id="class 19 settles rape"
        ),
        pytest.param(
            expected("breach"),
            record("105/01"),
            ELSE,
            "other_class",
            id="nothing outranks a breach, which is always in addition",
        ),
        pytest.param(
            expected("modern_slavery"),
            record("019/08"),
            ELSE,
            "other_class",
            id="nothing outranks modern slavery",
        ),
        pytest.param(
            expected(victim="k:a"),
            record(victims=("k:b",)),
            ELSE,
            "other_victim",
            id="a record of another victim is something else",
        ),
        pytest.param(
            expected(victim="k:a"),
            record(victims=("k:b", "k:a")),
            SETTLES,
            "recorded",
            id="the victim among several",
        ),
        pytest.param(
            expected(victim="k:a"),
            record(suspects=("k:s",)),
            SETTLES,
            "recorded",
            id="a record that names no victim is not refused for its suspect",
        ),
        pytest.param(
            expected("rape", victim="k:s"),
            record("019/08", suspects=("k:t",), victims=("k:s",)),
            ELSE,
            "other_victim",
            id="rape is counted by who penetrated",
        ),
        pytest.param(
            expected("any_crime"),
            record("046/00"),
            SETTLES,
            "recorded",
            id="a crime of no stated kind is settled by any",
        ),
        pytest.param(
            expected(), kind("unknown"), NOTHING, "record_kind_unknown", id="an unknown kind"
        ),
        pytest.param(
            expected(),
            kind("non_crime_occurrence"),
            NOTHING,
            "not_a_crime_record",
            id="a non-crime record",
        ),
        pytest.param(
            expected(),
            kind("reported_incident", "100/01"),
            NOTHING,
            "not_a_crime_record",
            id="an N100 is for rape alone",
        ),
        pytest.param(
            expected(),
            kind("reported_incident", "300/02"),
            NOTHING,
            "not_a_crime_record",
            id="an N300 accounts for no crime",
        ),
        pytest.param(
            expected("rape"),
            kind("reported_incident", "100/00"),
            NOTHING,
            "n100_without_reason",
            id="an N100 needs its reason",
        ),
        *[
            pytest.param(
                expected("rape"),
                kind("reported_incident", f"100/{n}"),
                ACCOUNTS,
                "reported_rape_n100",
                id=f"an N100 with reason {n} accounts and is never a recorded crime",
            )
            for n in ("01", "02", "03")
        ],
        pytest.param(
            expected(),
            kind("crime_related_incident"),
            NOTHING,
            "crime_related_incident_demands_not_met",
            id="a crime-related incident needs its own demands",
        ),
        pytest.param(
            expected(),
            record(recorded_at=RECEIVED - timedelta(hours=24)),
            SETTLES,
            "recorded",
            id="a record from a day before the report settles",
        ),
        pytest.param(
            expected(),
            record(recorded_at=RECEIVED - timedelta(hours=24, seconds=1)),
            ELSE,
            "too_early",
            id="an older one is of an earlier matter",
        ),
        pytest.param(
            expected("harassment_stalking", received_at=CONDUCT_ERA),
            record("105/01", recorded_at=CONDUCT_ERA),
            ELSE,
            "other_class",
            id="2017 to 2023: the next most serious does not cover the conduct crime",
        ),
        pytest.param(
            expected(received_at=CONDUCT_ERA),
            record("008/66", recorded_at=CONDUCT_ERA),
            ELSE,
            "other_class",
            id="2017 to 2023: nor does the conduct crime cover the next most serious",
        ),
        pytest.param(
            expected(),
            record("008/66"),
            SETTLES,
            "outranks",
            id="since 2023: the conduct crime is the principal one",
        ),
    ],
)
def test_what_a_record_does_for_a_crime(
    crime: Expected, made: RecordFacts, bearing: Bearing, because: str
) -> None:
    how = settle(pack(), crime, made, [log()])
    assert (how.bearing, how.reason) == (bearing, because)


@pytest.mark.parametrize(
    ("report", "made", "bearing"),
    [
        pytest.param(
            log(victim_kind=VictimKind.NONE),
            kind("crime_related_incident"),
            ACCOUNTS,
            id="no identifiable victim",
        ),
        pytest.param(
            log(**unconfirmed()),
            kind("crime_related_incident"),
            ACCOUNTS,
            id="a third party's report that the victim denies",
        ),
        pytest.param(
            log(**unconfirmed(VictimConfirmed.UNTRACEABLE)),
            kind("crime_related_incident"),
            ACCOUNTS,
            id="... or whose victim cannot be traced",
        ),
        pytest.param(
            log(**unconfirmed(VictimConfirmed.NOT_ASKED)),
            kind("crime_related_incident"),
            NOTHING,
            id="... but not where nobody asked",
        ),
        pytest.param(
            log(recording_body="btp", recording_body_ref="B1"),
            kind("crime_related_incident"),
            ACCOUNTS,
            id="another force records, with its reference",
        ),
        pytest.param(
            log(recording_body="btp"),
            kind("crime_related_incident"),
            NOTHING,
            id="... not without it",
        ),
        pytest.param(
            log(recording_body_ref="B1"),
            kind("crime_related_incident"),
            NOTHING,
            id="... nor with the reference of nobody",
        ),
        pytest.param(
            log(),
            record(
                "",
                kind=RecordKind("crime_related_incident"),
                transferred_to="33",
                transferred_ref="T",
            ),
            ACCOUNTS,
            id="the incident itself was passed on, with the other force's reference",
        ),
        pytest.param(
            log(school_premises=True, school_in_hours=True),
            kind("crime_related_incident"),
            ACCOUNTS,
            id="at school, in school hours",
        ),
        pytest.param(
            log(school_premises=True, school_in_hours=True, school_crime_requested=True),
            kind("crime_related_incident"),
            NOTHING,
            id="... unless somebody asked for a crime",
        ),
    ],
)
def test_when_a_crime_related_incident_accounts(
    report: ReportFacts, made: RecordFacts, bearing: Bearing
) -> None:
    assert settle(pack(), expected(), made, [report]).bearing is bearing


def test_a_crime_related_incident_needs_no_victim_only_where_the_crime_has_one() -> None:
    report = log(victim_kind=VictimKind.NONE)
    how = settle(pack(), expected("drugs"), kind("crime_related_incident"), [report])
    assert how.bearing is NOTHING


@pytest.mark.parametrize(
    ("code", "report", "bearing"),
    [
        pytest.param(
            "100/01",
            {"reported_by": ReportedBy.PROFESSIONAL},
            NOTHING,
            id="a professional's report is the victim's word: a crime is owed",
        ),
        pytest.param(
            "100/01", {"reported_by": ReportedBy.PARENT_OR_CARER}, NOTHING, id="a parent's too"
        ),
        pytest.param(
            "100/02", {"victim_confirmed": VictimConfirmed.YES}, NOTHING, id="confirmed: owed"
        ),
        pytest.param(
            "100/03",
            {"victim_confirmed": VictimConfirmed.YES},
            ACCOUNTS,
            id="confirmed, and another force's to record",
        ),
        pytest.param("100", {}, NOTHING, id="no reason given"),
        pytest.param("100/04", {}, NOTHING, id="no such reason"),
    ],
)
def test_what_an_n100_needs(code: str, report: dict[str, Any], bearing: Bearing) -> None:
    how = settle(pack(), expected("rape"), kind("reported_incident", code), [log(**report)])
    assert how.bearing is bearing


def test_a_confirmed_n100_owes_a_crime() -> None:
    report = log(victim_confirmed=VictimConfirmed.YES)
    how = settle(pack(), expected("rape"), kind("reported_incident", "100/01"), [report])
    assert (how.bearing, how.reason) == (NOTHING, "n100_confirmed_owes_a_crime")


# -- an earlier course of conduct -----------------------------------------------------------------

EARLIER: dict[str, Any] = {
    "code": "195/94",
    "recorded_at": RECEIVED - 60 * DAY,
    "victims": ("k:a",),
    "suspects": ("k:s",),
}
REPORT = log(victims=("k:a",), suspects=("k:s",))


@pytest.mark.parametrize(
    ("crime", "change", "settles"),
    [
        pytest.param("harassment_stalking", {}, True, id="it takes in continuing conduct"),
        pytest.param("any_crime", {}, True, id="... also where the log says only 'crime'"),
        pytest.param("violence", {"code": "105/01"}, False, id="never assault"),
        pytest.param("damage_arson", {"code": "058/00"}, False, id="never damage"),
        pytest.param("theft", {"code": "049/10"}, False, id="never theft"),
        pytest.param("breach", {"code": "008/31"}, False, id="never a breach"),
        pytest.param(
            "harassment_stalking", {"victims": ("k:b",)}, False, id="of another victim: no"
        ),
        pytest.param(
            "harassment_stalking", {"suspects": ("k:t",)}, False, id="by another offender: no"
        ),
        pytest.param(
            "harassment_stalking", {"suspects": ()}, True, id="by an offender it does not name: yes"
        ),
        pytest.param(
            "harassment_stalking",
            {"recorded_at": RECEIVED - 91 * DAY},
            False,
            id="after a gap of three months: no",
        ),
        pytest.param(
            "harassment_stalking",
            {"recorded_at": RECEIVED - 200 * DAY, "committed_to": RECEIVED - 20 * DAY},
            True,
            id="the gap counts from the last act known",
        ),
        pytest.param(
            "harassment_stalking",
            {"offender_dealt_with_at": RECEIVED - DAY},
            False,
            id="once the offender is dealt with: no",
        ),
        pytest.param(
            "harassment_stalking",
            {"offender_dealt_with_at": RECEIVED + DAY},
            True,
            id="dealt with only afterwards: yes",
        ),
    ],
)
def test_an_earlier_conduct_crime(crime: str, change: dict[str, Any], settles: bool) -> None:
    due = expected(crime, victim="" if crime == "any_crime" else "k:a")
    how = settle(pack(), due, record(**{**EARLIER, **change}), [REPORT])
    assert (how.bearing is SETTLES) == settles, how
    if settles:
        assert how.reason == Because.CONTINUING_CONDUCT


# -- taken away again -----------------------------------------------------------------------------

DEMANDS: dict[CancellationDemand, dict[str, Any]] = {
    CancellationDemand.REGISTRAR_OR_DECISION_MAKER: {"decided_by": Role.SUPERVISOR},
    CancellationDemand.NOT_OFFICER_IN_CASE: {"decided_by": Role.OFFICER_IN_CASE},
    CancellationDemand.INDEPENDENT: {"independent": False},
    CancellationDemand.DECIDED_AT: {"decided_at": None},
    CancellationDemand.WHAT: {"what": False},
    CancellationDemand.WHERE_FROM: {"where_from": False},
    CancellationDemand.VERIFIABLE: {"verifiable": False},
    CancellationDemand.VICTIM_TOLD: {"victim_told_at": None},
    CancellationDemand.VICTIM_TOLD_FIRST: {"victim_told_at": RECEIVED + 3 * DAY},
    CancellationDemand.OTHER_REF: {"other_ref": ""},
    CancellationDemand.OTHER_RECORD_LIVE: {"other_ref": "gone"},
    CancellationDemand.SELF_DEFENCE_CLASS: {},
}
"""How to take away what each demand asks for (self-defence: by the offence)."""
ASKED = {
    "C1": {"not_officer_in_case", "decided_at", "other_ref", "victim_told"},
    "C2": {"registrar_or_decision_maker", "independent", "decided_at", "what", "where_from"}
    | {"verifiable", "victim_told_first"},
    "C3": {"independent", "decided_at", "other_ref", "other_record_live"},
    "C4": {"independent", "decided_at"},
    "C5": {"registrar_or_decision_maker", "decided_at", "self_defence_class", "victim_told_first"},
}


def stands(made: RecordFacts) -> Any:
    return standing(pack(), made, made.recorded_at, LAG, lambda ref: ref == "C2")


@pytest.mark.parametrize("code", ASKED)
def test_a_cancellation_that_brings_what_its_code_demands_accounts(code: str) -> None:
    held = stands(cancelled(code))
    assert (held.live, held.accounts, held.reason) == (False, True, f"cancelled_{code}")
    assert held.other_ref == ("C2" if code == "C3" else "")


@pytest.mark.parametrize("code", ASKED)
@pytest.mark.parametrize("demand", CancellationDemand)
def test_a_cancellation_lacks_what_its_code_demands(code: str, demand: CancellationDemand) -> None:
    offence = "028/03" if demand is CancellationDemand.SELF_DEFENCE_CLASS else "105/01"
    held = stands(cancelled(code, offence, **DEMANDS[demand]))
    lacks = demand in ASKED[code]
    assert (demand in held.lacks) == lacks
    if lacks:
        assert not held.accounts
        assert held.reason == "cancelled_without_proof"


@pytest.mark.parametrize(
    ("role", "offence", "accounts"),
    [
        (Role.DECISION_MAKER, "105/01", True),
        (Role.REGISTRAR, "019/08", True),
        (Role.DECISION_MAKER, "019/08", False),
        (Role.DECISION_MAKER, "001/01", False),
        (Role.OFFICER_IN_CASE, "105/01", False),
    ],
)
def test_rape_and_homicide_are_cancelled_by_the_registrar_alone(
    role: Role, offence: str, accounts: bool
) -> None:
    assert stands(cancelled("C2", offence, decided_by=role)).accounts is accounts


def test_a_milder_class_given_first_does_not_free_a_rape_from_the_registrar() -> None:
    made = replace(
        cancelled("C2", "020/05", decided_by=Role.DECISION_MAKER), reclassified_from="019/08"
    )
    assert not stands(made).accounts


@pytest.mark.parametrize(
    ("offence", "accounts"),
    [("008/06", True), ("104", True), ("105/01", True), ("008/01", False), ("008/77", False)],
)
def test_self_defence_cancels_actual_bodily_harm_and_assault_alone(
    offence: str, accounts: bool
) -> None:
    assert stands(cancelled("C5", offence)).accounts is accounts


@pytest.mark.parametrize(("code", "accounts"), [("C2", False), ("C3", False), ("C4", True)])
def test_an_n100_is_cancelled_for_genuine_error_only(code: str, accounts: bool) -> None:
    held = stands(replace(cancelled(code, "100/01"), kind=RecordKind.REPORTED_INCIDENT))
    assert held.accounts is accounts
    assert ("genuine_error" in held.lacks) is not accounts


@pytest.mark.parametrize("code", ["C1", "C3", "C4"])
def test_somebody_decided_a_cancellation(code: str) -> None:
    assert not stands(cancelled(code, decided_by=None)).accounts


@pytest.mark.parametrize(
    ("made", "live", "accounts", "reason"),
    [
        pytest.param(record(), True, False, "recorded", id="a record stands"),
        pytest.param(
            record(status=RecordStatus.CANCELLED),
            False,
            False,
            "cancelled_without_proof",
            id="cancelled without any code",
        ),
        pytest.param(
            record(status=RecordStatus.TRANSFERRED),
            False,
            False,
            "transferred_without_reference",
            id="transferred without the other force's reference",
        ),
        pytest.param(
            record(status=RecordStatus.TRANSFERRED, transferred_ref="T1"),
            False,
            True,
            "transferred",
            id="transferred with it",
        ),
        pytest.param(
            record("105/01", status=RecordStatus.RECLASSIFIED),
            True,
            False,
            "recorded",
            id="reclassified to another notifiable class",
        ),
        pytest.param(
            record("999/99", status=RecordStatus.RECLASSIFIED),
            False,
            False,
            "reclassified_to_non_notifiable",
            id="reclassified to a class that is not notifiable",
        ),
        pytest.param(
            record("100/01", status=RecordStatus.RECLASSIFIED),
            False,
            False,
            "reclassified_to_n100",
            id="a crime becomes an N100 by nobody in particular",
        ),
        pytest.param(
            record("100/01", status=RecordStatus.RECLASSIFIED, reclassified_by=Role.DECISION_MAKER),
            False,
            False,
            "reclassified_to_n100",
            id="... or by a decision-maker",
        ),
        pytest.param(
            record("100/01", status=RecordStatus.RECLASSIFIED, reclassified_by=Role.REGISTRAR),
            True,
            False,
            "recorded",
            id="... by the accredited registrar",
        ),
        pytest.param(
            record("100/01", reclassified_from="019/08"),
            False,
            False,
            "reclassified_to_n100",
            id="... whatever its status says",
        ),
        pytest.param(
            record("100/02", reclassified_from="100/01", status=RecordStatus.RECLASSIFIED),
            True,
            False,
            "recorded",
            id="one N100 becomes another",
        ),
        pytest.param(
            record("019/08", reclassified_from="100/01", status=RecordStatus.RECLASSIFIED),
            True,
            False,
            "recorded",
            id="a confirmed N100 becomes a crime",
        ),
        pytest.param(
            record("999/99", status=RecordStatus.RECLASSIFIED, reclassified_by=Role.REGISTRAR),
            False,
            True,
            "reclassified_to_non_notifiable",
            id="not notifiable, by the registrar",
        ),
    ],
)
def test_whether_a_record_still_stands(
    made: RecordFacts, live: bool, accounts: bool, reason: str
) -> None:
    held = stands(made)
    assert (held.live, held.accounts, held.reason) == (live, accounts, reason)


@pytest.mark.parametrize(("late", "backdated"), [(0, False), (24, False), (25, True)])
def test_a_record_first_seen_later_than_its_feed_lags_is_backdated(
    late: int, backdated: bool
) -> None:
    made = record()
    held = standing(pack(), made, made.recorded_at + timedelta(hours=late), LAG, lambda ref: True)
    assert held.backdated is backdated


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("105/01", ("105A",)),
        ("8/06", ("8N", "8S", "8T")),
        ("105A", ("105A",)),
        ("", ()),
        ("nonsense", ()),
        ("1/2/3", ()),
    ],
)
def test_offence_codes_lead_to_their_classes(code: str, found: tuple[str, ...]) -> None:
    assert set(classes(pack(), code)) == set(found)


# -- through the whole engine ---------------------------------------------------------------------


def england_and_wales() -> Timeline:
    return Timeline("england_and_wales", code_map=None, since=RECEIVED - 400 * DAY)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"kind": "unknown", "offence_code": "105/01"}, "record_kind_unknown"),
        ({"offence_code": "xyz"}, "offence_code_unknown"),
        ({"kind": "non_crime_occurrence"}, "not_a_crime_record"),
        ({"kind": "crime_related_incident"}, "crime_related_incident_demands_not_met"),
        ({"offence_code": "058/00"}, "recorded_as_something_else"),
    ],
)
def test_a_miss_says_what_kept_its_record_from_counting(made: dict[str, Any], reason: str) -> None:
    day = england_and_wales().at(RECEIVED).report("R1", opening_codes=["assault"])
    day.record("C1", incident_refs=["R1"], **made)
    day.at(RECEIVED + DAY).heartbeat("log", "crimes").verdict("R1", "missed", reason)


def test_two_victims_and_one_crime_is_partly_recorded() -> None:
    people = [{"role": "victim", "key": "k:a"}, {"role": "victim", "key": "k:b"}]
    day = england_and_wales().at(RECEIVED).report("R1", opening_codes=["assault"], people=people)
    day.record("C1", incident_refs=["R1"], offence_code="105/01", victims=["k:a"])
    day.at(RECEIVED + DAY).heartbeat("log", "crimes").verdict("R1", "partly_recorded")
    verdicts = {crime.id: crime.verdict.value for crime in day.lines["R1"].crimes}
    assert verdicts == {"violence:k:a": "recorded", "violence:k:b": "missed"}


def test_a_damage_record_on_a_rape_log_is_recorded_as_something_else() -> None:
    day = england_and_wales().at(RECEIVED).report("R1", opening_codes=["rape"])
    day.record("C1", incident_refs=["R1"], offence_code="058/00")
    day.at(RECEIVED + DAY).heartbeat("log", "crimes")
    day.verdict("R1", "missed", "recorded_as_something_else")
    assert [(each.record, each.reason) for each in day.lines["R1"].refused] == [
        ("C1", "other_class")
    ]
    assert [link.record for link in day.lines["R1"].links] == ["C1"]


def test_a_cancelled_duplicate_is_settled_by_the_record_it_continues_in() -> None:
    day = england_and_wales().at(RECEIVED).report("R1", opening_codes=["assault"])
    day.record("C2", offence_code="105/01")
    day.record(
        "C1",
        version=1,
        incident_refs=["R1"],
        offence_code="105/01",
        status="cancelled",
        cancellation={
            "code": "C3",
            "decided_by": "decision_maker",
            "independent": True,
            "decided_at": RECEIVED,
            "other_ref": "C2",
        },
    )
    day.verdict("R1", "accounted")
    day.at(RECEIVED + timedelta(hours=2)).record(
        "C2", version=1, status="cancelled", offence_code="105/01", recorded_at=RECEIVED
    )
    day.verdict("R1", "pending")
