"""Reports, records, crimes and closures for tables of cases, valid unless a case says otherwise."""

from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.words import (
    CancellationCode,
    Grade,
    NotRecordedReason,
    RecordKind,
    RecordStatus,
    ReportedBy,
    Role,
    VictimConfirmed,
    VictimKind,
)
from service.ingest.source import CodeMap, Source, Topic
from service.rules.expect import expect
from service.rules.facts import CancellationFacts, ClosureFacts, RecordFacts, ReportFacts, Term
from service.rules.pack import Pack
from service.rules.values import Expected
from tests.timeline import shipped_pack

RECEIVED = datetime(2025, 3, 3, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def pack() -> Pack:
    """England and Wales as shipped."""
    return shipped_pack("england_and_wales")


def log(*opening: str, **more: Any) -> ReportFacts:
    """A log under these opening codes, reported by the victim."""
    fields: dict[str, Any] = {
        "force": "33",
        "ref": "R1",
        "source": "log",
        "updated_at": RECEIVED,
        "digest": "",
        "received_at": RECEIVED,
        "reported_by": ReportedBy.VICTIM,
        "victim_kind": VictimKind.PERSON,
    }
    return ReportFacts(opening=opening, **{**fields, **more})


def crimes(*logs: ReportFacts, code_map: CodeMap | None = None) -> tuple[Expected, ...]:
    """What is expected of an incident."""
    sources = {"log": Source(name="log", topic=Topic.INCIDENT_LOG, code_map=code_map)}
    return expect(pack(), sources, logs).crimes


def shown(*logs: ReportFacts) -> list[tuple[str, str]]:
    """Category and grade of each crime expected, in order."""
    return [(crime.category, crime.grade.value) for crime in crimes(*logs)]


def words(*ids: str, writer: Role = Role.CALL_HANDLER, first: bool = True) -> dict[str, Any]:
    """Terms found in one account."""
    return {"terms": tuple(Term(each, writer, first) for each in ids)}


def expected(category: str = "violence", **more: Any) -> Expected:
    """One crime expected of a report."""
    held = pack().written.categories[category]
    fields: dict[str, Any] = {
        "id": f"{category}:1",
        "category": category,
        "classes": held.classes,
        "per": held.per,
        "rank": held.rank,
        "grade": Grade.CLEAR,
        "received_at": RECEIVED,
        "due_at": RECEIVED + DAY,
    }
    return Expected(**{**fields, **more})


def record(code: str = "105/01", **more: Any) -> RecordFacts:
    """A crime record made an hour after receipt."""
    fields: dict[str, Any] = {
        "force": "33",
        "ref": "C1",
        "source": "crimes",
        "updated_at": RECEIVED,
        "digest": "",
        "kind": RecordKind.CRIME,
        "recorded_at": RECEIVED + timedelta(hours=1),
    }
    return RecordFacts(code=code, **{**fields, **more})


def cancelled(code: str, offence: str = "105/01", **more: Any) -> RecordFacts:
    """A record cancelled with everything that any code demands, unless a case takes it away."""
    fields: dict[str, Any] = {
        "code": CancellationCode(code),
        "decided_by": Role.REGISTRAR,
        "independent": True,
        "decided_at": RECEIVED + 2 * DAY,
        "what": True,
        "where_from": True,
        "verifiable": True,
        "victim_told_at": RECEIVED + DAY,
        "other_ref": "C2",
    }
    given = CancellationFacts(**{**fields, **more})
    return record(offence, status=RecordStatus.CANCELLED, cancellation=given)


def closure(reason: NotRecordedReason, **more: Any) -> ClosureFacts:
    """A decision not to record that brings everything any reason demands of the decision itself."""
    fields: dict[str, Any] = {
        "reason": reason,
        "decided_by": Role.DECISION_MAKER,
        "decided_at": RECEIVED + DAY,
        "rationale": True,
        "told_at": RECEIVED + DAY,
        "evidence_what": True,
        "evidence_from": True,
        "evidence_at": RECEIVED + timedelta(hours=2),
        "other_ref": "X1",
        "other_body": "btp",
        "signed_off_by": Role.SUPERVISOR,
    }
    return ClosureFacts(**{**fields, **more})


def unconfirmed(answer: VictimConfirmed = VictimConfirmed.NO) -> dict[str, Any]:
    """Told by another third party; what the victim answered."""
    return {"reported_by": ReportedBy.OTHER_THIRD_PARTY, "victim_confirmed": answer}
