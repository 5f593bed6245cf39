"""Every rule of escalation, one at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.words import AlertType, Grade
from service.alerts.escalation import (
    Admission,
    Asked,
    Pauses,
    Progress,
    Said,
    Tell,
    admit,
    changes,
    hear,
    look,
    rehearse,
    undone,
)
from service.alerts.notice import Channel
from service.alerts.routes import Frozen, Rank, StepKind, Told
from service.alerts.routing_file import parse_routes
from service.alerts.shifts import Shifts
from tests.alerts.test_routes import DEFAULT, routed

CLOCK = Shifts(starts=("07:00", "19:00"), hours=12)
RECEIVED = datetime(2026, 12, 1, 14, tzinfo=UTC)  # a Tuesday
DUE = RECEIVED + timedelta(hours=24)
HOUR = timedelta(hours=1)


def frozen(**given: Any) -> Frozen:
    return parse_routes(DEFAULT, "default").freeze(routed(**{"harm": True, **given}))


def said(type_: AlertType, n: int = 0, at: datetime = DUE - 4 * HOUR, **given: Any) -> Said:
    fields = {"due_at": DUE, "harm": True, "grade": Grade.CLEAR, **given}
    return Said(type=type_, n=n, at=at, **fields)


def told(tells: tuple[Tell, ...]) -> list[str]:
    return [f"{tell.receiver} {tell.kind}" for tell in tells]


RAISED = hear(Progress(), said(AlertType.DUE_SOON))
MISSED = hear(RAISED, said(AlertType.MISSED, 1, DUE))


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, StepKind.INTERRUPT),
        ({"harm": False}, StepKind.DIGEST),
        ({"grade": Grade.POSSIBLE}, StepKind.DIGEST),
        ({"quiet": True}, StepKind.DIGEST),
    ],
)
def test_only_the_grave_and_clear_interrupts(given: dict[str, Any], kind: StepKind) -> None:
    progress = hear(Progress(), said(AlertType.DUE_SOON, **given))
    (tell,) = look(frozen(), progress, Pauses(), DUE - 4 * HOUR).tells
    assert (tell.receiver, tell.kind) == ("bureau", kind)


def test_a_step_is_told_once() -> None:
    first = look(frozen(), RAISED, Pauses(), DUE - 4 * HOUR)
    assert told(first.tells) == ["bureau interrupt"]
    assert look(frozen(), first.progress, Pauses(), DUE - 3 * HOUR).tells == ()
    # The same event again changes nothing.
    assert hear(first.progress, said(AlertType.DUE_SOON)) == first.progress


def test_a_step_waits_for_its_time() -> None:
    early = hear(Progress(), said(AlertType.CLOSED_WITHOUT_REASON, at=RECEIVED + HOUR))
    seen = look(frozen(), early, Pauses(), RECEIVED + HOUR)
    assert told(seen.tells) == ["control_room worklist"]
    assert seen.next_at == DUE - 4 * HOUR


def test_the_miss_goes_up() -> None:
    seen = look(frozen(), MISSED, Pauses(), DUE)
    # Four hours before has gone by unlooked at, and is not said after the miss.
    assert told(seen.tells) == [
        "bureau interrupt",
        "inspector interrupt",
        "registrar digest",
        "chief digest",
    ]
    plain = hear(Progress(), said(AlertType.MISSED, harm=False, at=DUE))
    seen = look(frozen(harm=False), plain, Pauses(), DUE)
    assert told(seen.tells) == ["bureau digest", "registrar digest", "inspector digest"]
    assert seen.next_at == DUE + 24 * HOUR


@pytest.mark.parametrize(
    "pauses",
    [Pauses(acknowledged_until=DUE + 2 * HOUR), Pauses(held_until=DUE + 2 * HOUR)],
)
def test_acknowledging_and_holds_pause(pauses: Pauses) -> None:
    seen = look(frozen(), MISSED, pauses, DUE)
    assert (seen.tells, seen.next_at) == ((), DUE + 2 * HOUR)
    assert len(undone(frozen(), MISSED, pauses, DUE + HOUR)) == 0
    after = look(frozen(), seen.progress, pauses, DUE + 2 * HOUR)
    assert told(after.tells)[:2] == ["bureau interrupt", "inspector interrupt"]


def test_what_was_kept_back_is_told_quietly_afterwards() -> None:
    seen = look(frozen(), MISSED, Pauses(), DUE, kept_back=True)
    assert seen.tells == ()
    after = look(frozen(), seen.progress, Pauses(), DUE + HOUR)
    assert {tell.kind for tell in after.tells} == {StepKind.DIGEST}
    assert {tell.why for tell in after.tells} == {"settled_quietly"}
    assert not after.progress.kept_back


def test_off_shift_goes_to_the_desk_and_never_later() -> None:
    night = datetime(2026, 12, 2, 6, tzinfo=UTC)  # due at six: four hours before is two at night
    progress = hear(Progress(), said(AlertType.DUE_SOON, at=night - 4 * HOUR, due_at=night))
    seen = look(frozen(), progress, Pauses(), night - 4 * HOUR)
    assert told(seen.tells) == ["bureau digest", "control_room interrupt"]
    assert {tell.at for tell in seen.tells} == {night - 4 * HOUR}


def test_off_shift_is_brought_forward_where_it_is_known_in_time() -> None:
    night = datetime(2026, 12, 2, 6, tzinfo=UTC)
    evening = datetime(2026, 12, 1, 18, tzinfo=UTC)
    closed = said(AlertType.CLOSED_WITHOUT_REASON, at=evening, due_at=night)
    seen = look(frozen(), hear(Progress(), closed), Pauses(), evening)
    assert seen.next_at == datetime(2026, 12, 1, 19, 30, tzinfo=UTC)  # the bureau goes at eight
    after = look(frozen(), seen.progress, Pauses(), seen.next_at)
    assert [(t.receiver, t.why) for t in after.tells] == [("bureau", "brought_forward")]


def test_another_deadline_starts_anew() -> None:
    first = look(frozen(), RAISED, Pauses(), DUE - 4 * HOUR).progress
    moved = said(AlertType.DUE_SOON, 1, DUE - 2 * HOUR, due_at=DUE + HOUR)
    again = hear(first, moved)
    assert changes(first, moved)
    assert told(look(frozen(), again, Pauses(), DUE - 2 * HOUR).tells) == ["bureau interrupt"]


def test_a_miss_taken_back_and_said_again_is_told_again() -> None:
    progress = look(frozen(), MISSED, Pauses(), DUE).progress
    progress = hear(progress, said(AlertType.NOT_PROVABLE, 2, DUE + HOUR))
    assert look(frozen(), progress, Pauses(), DUE + HOUR).tells == ()
    progress = hear(progress, said(AlertType.MISSED, 3, DUE + 2 * HOUR))
    seen = look(frozen(), progress, Pauses(), DUE + 2 * HOUR)
    assert told(seen.tells)[:2] == ["bureau interrupt", "inspector interrupt"]


def test_settled_is_silent_and_opens_anew() -> None:
    progress = look(frozen(), MISSED, Pauses(), DUE).progress
    progress = hear(progress, said(AlertType.RECORDED_LATE, 2, DUE + HOUR))
    assert look(frozen(), progress, Pauses(), DUE + HOUR).next_at is None
    progress = hear(progress, said(AlertType.RECORD_WITHDRAWN, 3, DUE + 2 * HOUR))
    assert look(frozen(), progress, Pauses(), DUE + 2 * HOUR).tells == ()
    progress = hear(progress, said(AlertType.MISSED, 4, DUE + 2 * HOUR))
    assert len(look(frozen(), progress, Pauses(), DUE + 2 * HOUR).tells) == 4


@pytest.mark.parametrize(
    ("before", "after", "tells"),
    [
        (AlertType.DUE_SOON, AlertType.MISSED, False),
        (AlertType.CLOSED_WITHOUT_REASON, AlertType.DUE_SOON, False),
        (AlertType.DUE_SOON, AlertType.CLOSED_WITHOUT_REASON, False),
        (AlertType.DUE_SOON, AlertType.RECORDED, True),
        (AlertType.MISSED, AlertType.PARTLY_RECORDED, True),
        (AlertType.MISSED, AlertType.NOT_PROVABLE, True),
        (AlertType.MISSED, AlertType.DUE_SOON, True),
        (AlertType.RECORDED, AlertType.RECORD_WITHDRAWN, True),
        (AlertType.RECORD_WITHDRAWN, AlertType.MISSED, False),
        (AlertType.SOURCE_SILENT, AlertType.SOURCE_BACK, True),
        (AlertType.UNKNOWN_CODE, AlertType.UNKNOWN_CODE, False),
    ],
)
def test_what_people_who_were_told_must_hear(
    before: AlertType, after: AlertType, tells: bool
) -> None:
    held = hear(Progress(), said(before, at=DUE - 4 * HOUR))
    assert changes(held, said(after, 1, DUE)) is tells


def test_a_stopped_source_interrupts_each_time_it_stops() -> None:
    route = frozen(report="source", harm=False, grade=None)
    plain: dict[str, Any] = {"harm": False, "grade": None, "due_at": None}
    progress = hear(Progress(), said(AlertType.SOURCE_SILENT, **plain))
    seen = look(route, progress, Pauses(), DUE)
    assert told(seen.tells) == ["feeds interrupt"]
    progress = hear(seen.progress, said(AlertType.SOURCE_BACK, 1, **plain))
    assert look(route, progress, Pauses(), DUE).tells == ()
    progress = hear(progress, said(AlertType.SOURCE_SILENT, 2, DUE + HOUR, **plain))
    assert told(look(route, progress, Pauses(), DUE + HOUR).tells) == ["feeds interrupt"]


def test_an_auditor_counts_steps_nobody_took() -> None:
    assert len(undone(frozen(), MISSED, Pauses(), DUE - HOUR)) == 0
    assert len(undone(frozen(), MISSED, Pauses(), DUE + HOUR)) == 4
    after = look(frozen(), MISSED, Pauses(), DUE + HOUR).progress
    assert len(undone(frozen(), after, Pauses(), DUE + HOUR)) == 0


def receiver(rank: Rank = Rank.STAFF, digest_only: bool = False) -> Told:
    return Told(
        name="r",
        role="R",
        channel=Channel.EMAIL,
        address="r@force.example",
        shifts=CLOCK,
        rank=rank,
        digest_only=digest_only,
    )


def before(*minutes: int, given: bool = True) -> list[Asked]:
    return [Asked(DUE - timedelta(minutes=each), given) for each in minutes]


@pytest.mark.parametrize(
    ("who", "asked", "admission"),
    [
        (receiver(), [], Admission(True, False)),
        (receiver(), before(15, 20, 25, 30, 40), Admission(True, False)),
        (receiver(), before(15, 20, 25, 30, 40, 59), Admission(False, False)),
        (receiver(), before(15, 20, 25, 30, 40, 61), Admission(True, False)),
        (receiver(Rank.INSPECTOR), before(90), Admission(True, False)),
        (receiver(Rank.INSPECTOR), before(90, 700), Admission(False, False)),
        (receiver(Rank.INSPECTOR), before(90, 721), Admission(True, False)),
        (receiver(digest_only=True), [], Admission(False, False)),
        (receiver(), before(*range(10), given=False), Admission(False, True)),
        (receiver(), before(*range(9), given=False), Admission(True, False)),
    ],
)
def test_budgets(who: Told, asked: list[Asked], admission: Admission) -> None:
    assert admit(who, asked, DUE) == admission


def test_a_rehearsal_is_the_whole_ladder() -> None:
    tells = list(
        rehearse(
            frozen(), DUE, harm=True, grade=Grade.CLEAR, raised=4 * HOUR, upto=AlertType.MISSED
        )
    )
    assert [(t.receiver, (t.at - DUE) / HOUR) for t in tells] == [
        ("bureau", -4),
        ("bureau", 0),
        ("inspector", 0),
        ("registrar", 0),
        ("chief", 0),
    ]
