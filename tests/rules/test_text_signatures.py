"""Ways of going unrecorded: each row of the list with a case that bears it and one that does not."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.words import NotRecordedReason, ReceivedVia, ReportedBy, Role
from service.hosts.files import read_signatures
from service.ingest.lined import Fault
from service.ingest.source import Source, Topic
from service.rules.expect import expect
from service.rules.facts import ReportFacts, Term
from service.rules.signatures import Case, parse_signatures, signs
from tests.rules.facts import DAY, RECEIVED, cancelled, closure, log, pack, record

CLOSED: dict[str, Any] = {"closed_at": RECEIVED + timedelta(hours=2)}


def borne(report: ReportFacts, *records: Any, **more: Any) -> tuple[str, ...]:
    expected = expect(pack(), {"log": Source(name="log", topic=Topic.INCIDENT_LOG)}, [report])
    written = pack().written
    case = Case(written.text, written.categories, report, expected, records, **more)
    return tuple([each.id for each in signs(read_signatures(), case)])


def terms(*ids: str, first: bool = True, how: str = "affirmed") -> tuple[Term, ...]:
    return tuple(Term(each, Role.OFFICER, first, how) for each in ids)


CASES: list[tuple[str, ReportFacts, tuple[Any, ...], dict[str, Any]]] = [
    ("closed_without_reason", log("assault", **CLOSED), (), {}),
    ("referral_unrecorded", log("assault", referral=True), (), {}),
    ("fewer_crimes_than_victims", log("assault", victims=("k:a", "k:b")), (record(),), {}),
    (
        "domestic_abuse_as_incident",
        log(
            "domestic incident",
            qualifiers=("Domestic Abuse",),
            terms=terms("violence.hit"),
            **CLOSED,
        ),
        (),
        {},
    ),
    ("conduct_misread", log(terms=terms("harassment_stalking.repeated"), **CLOSED), (), {}),
    (
        "antisocial_behaviour_that_is_crime",
        log("ASB personal", terms=terms("threats.kill"), **CLOSED),
        (),
        {},
    ),
    ("antisocial_behaviour_that_is_crime", log("asb personal", **CLOSED), (), {"earlier": 2}),
    ("links_missing", log("assault", crime_refs=("C9",)), (), {}),
    ("awaiting_appointment", log("assault", terms=terms("closing.awaiting", first=False)), (), {}),
    ("recorded_late", log("assault"), (record(recorded_at=RECEIVED + 2 * DAY),), {}),
    (
        "professional_report_as_intelligence",
        log("assault", reported_by=ReportedBy.PROFESSIONAL, **CLOSED),
        (),
        {},
    ),
    (
        "first_account_overridden",
        log(terms=(*terms("violence.hit"), *terms("closing.nothing", first=False))),
        (),
        {},
    ),
    (
        "first_account_overridden",
        log(terms=(*terms("violence.hit"), *terms("violence.hit", first=False, how="negated"))),
        (),
        {},
    ),
    ("cancelled_wrongly", log("assault"), (cancelled("C2", victim_told_at=None),), {}),
    ("rape_without_record", log("rape"), (), {}),
    (
        "online_not_looked_at",
        log("theft", received_via=ReceivedVia.ONLINE, opened_at=RECEIVED + timedelta(hours=9)),
        (),
        {},
    ),
    (
        "closed_as_duplicate_without_the_other",
        log("assault", closing=("duplicate",), **CLOSED),
        (),
        {},
    ),
    (
        "victim_declined",
        log("assault", terms=terms("closing.declined", first=False), **CLOSED),
        (),
        {},
    ),
]


@pytest.mark.parametrize(("name", "report", "records", "more"), CASES)
def test_a_report_bears_its_signature(
    name: str, report: ReportFacts, records: tuple[Any, ...], more: dict[str, Any]
) -> None:
    assert name in borne(report, *records, **more)


def test_every_signature_that_a_stream_shows_has_a_case() -> None:
    shown = {each.id for each in read_signatures().signatures if not each.unseen}
    assert {name for name, *_ in CASES} == shown


@pytest.mark.parametrize(
    ("report", "records", "more"),
    [
        (log("concern for safety", **CLOSED), (), {}),
        (log("assault", **CLOSED), (record(),), {}),
        (log("asb personal", **CLOSED), (), {"earlier": 1}),
        (log("rape"), (record("019/08"),), {}),
        (
            log("assault", closure=closure(NotRecordedReason.CREDIBLE_CONTRARY_EVIDENCE), **CLOSED),
            (),
            {"accounted": True},
        ),
        (log("assault", received_via=ReceivedVia.ONLINE, opened_at=RECEIVED), (record(),), {}),
        (log("assault", closing=("duplicate",), same_incident=("R2",)), (), {}),
        (log("assault"), (cancelled("C2"), record(ref="C2")), {}),
    ],
)
def test_a_report_in_order_bears_none(
    report: ReportFacts, records: tuple[Any, ...], more: dict[str, Any]
) -> None:
    assert borne(report, *records, **more) == ()


def test_the_most_harmful_comes_first() -> None:
    report = log("rape", referral=True, **CLOSED)
    found = borne(report)
    harm = {each.id: each.harm for each in read_signatures().signatures}
    assert [harm[name] for name in found] == sorted(harm[name] for name in found)
    assert found[:2] == ("referral_unrecorded", "rape_without_record")


def test_what_no_stream_shows_says_why() -> None:
    known = read_signatures()
    assert {each.row for each in known.signatures} == set(range(1, 18))
    assert {each.row for each in known.signatures if each.unseen} == {15}
    assert {spot.row for spot in known.blind_spots} == {2, 3, 10, 14}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{id: a, row: 1, harm: 1, inference: x}", "both or neither"),
        ("{id: a, row: 1, harm: 1, needs: [closed], unseen: y, inference: x}", "both or neither"),
        ("{id: a, row: 1, harm: 1, needs: [closed]}", "exactly one of sourced"),
        ("{id: a, row: 1, harm: 1, needs: [shut], inference: x}", "shut"),
    ],
)
def test_a_signature_that_says_nothing_is_refused(line: str, said: str) -> None:
    with pytest.raises(Fault, match=said):
        parse_signatures(f"signatures:\n  - {line}\n", "signatures.yaml")
