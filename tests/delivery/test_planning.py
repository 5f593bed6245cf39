"""Who is told, and when: stories from the first sign to the last word."""

from collections import Counter
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from schemas.words import AlertType
from service.alerts.actors import ActorRole
from service.alerts.handling import REFUSED_HOLDS, HoldReason
from service.alerts.mutes import Matchers
from service.alerts.notice import NoticeClass
from service.alerts.routing_file import parse_routes
from service.delivery.dry_run import Load, would_tell
from service.delivery.numbers import give_numbers
from service.delivery.planning import plan_round
from service.effects import (
    Acknowledge,
    ApproveHold,
    Asked,
    AskHold,
    CoverageStated,
    EndMute,
    MuteAlerts,
    RefuseHold,
)
from service.hosts.planning import default_text
from service.ledger.acts import all_mutes
from service.ledger.attention import audit
from service.ledger.opening import Ledger, open_ledger
from service.ledger.tables import cursors, lanes
from service.ledger.upgrading import upgrade
from tests.conftest import Fresh
from tests.delivery.told import Story

HARM: dict[str, Any] = {"opening_codes": ["harassment"]}
PLAIN: dict[str, Any] = {"opening_codes": ["burglary"]}
STALKING: dict[str, Any] = {"offence_code": "8Q"}

UP = (
    "+1 05:00 control_room interrupt R1 last_hours.desk",
    "+1 09:00 bureau interrupt R1 missed",
    "+1 09:00 inspector interrupt R1 missed",
)


def begun(ledger: Ledger, **changes: Any) -> Story:
    story = Story(ledger, **changes).at("08:00")
    story.heartbeat()
    return story


def command(
    story: Story, asked: Asked, role: ActorRole = ActorRole.REGISTRAR, ref: str = "R1"
) -> None:
    answer = story.person_does(asked, role, ref)
    assert answer.accepted, answer


def test_nobody_acts_and_it_goes_up_to_the_registrar(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.passes("+1 04:45").tells()
    # 05:00, four hours before: the bureau is at home, so the desk is told, not the bureau at eight.
    story.passes("+1 09:05").passes("+3 12:00").tells(*UP)
    digests = [n for n in story.notices() if n.kind is NoticeClass.DIGEST]
    first = {
        receiver: next(d for d in digests if d.receiver == receiver)
        for receiver in {d.receiver for d in digests}
    }
    assert {name: f"{n.due_at:%d %H:%M}" for name, n in first.items()} == {
        "bureau": "16 08:00",  # at the start of the shift, an hour before the deadline
        "control_room": "16 07:00",
        "inspector": "16 19:00",
        "registrar": "16 13:00",  # four hours before the end
        "chief": "16 13:00",
    }


def test_due_soon_closed_without_a_reason_nobody_acts_missed_up_to_the_registrar(
    ledger: Ledger,
) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    closed = {**HARM, "received_at": story.now, "version": 2}
    story.at("10:00").report("R1", **closed, updated_at=story.now, closed_at=story.now)
    story.passes("12:00").tells()  # on the closing supervisor's worklist, without a sound
    story.passes("+1 04:45").tells("+0 19:30 bureau interrupt R1 last_hours")  # before it goes home
    story.passes("+1 08:55").tells()
    story.passes("+1 09:05").tells(*UP[1:])
    story.passes("+1 13:30").tells()
    registrar = [n for n in story.notices() if n.receiver == "registrar"]
    assert [(f"{n.due_at:%d %H:%M}", n.kind.value) for n in registrar] == [("16 13:00", "digest")]
    assert "No crime record found" in registrar[0].body.text
    assert [(e.type.value, e.n) for e in story.events] == [
        ("closed_without_reason", 0),
        ("due_soon", 1),
        ("missed", 2),
    ]


def test_what_is_not_grave_interrupts_nobody(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **PLAIN)
    story.passes("+1 09:05").passes("+4 12:00").tells()
    told = {n.receiver for n in story.notices()}
    assert told == {"bureau", "control_room", "registrar", "inspector", "chief"}


def test_a_closing_without_a_reason_goes_to_the_worklist_without_a_message(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    closed = {**HARM, "received_at": story.now, "version": 2}
    story.at("10:00").report("R1", **closed, updated_at=story.now, closed_at=story.now)
    story.passes("12:00")
    assert AlertType.CLOSED_WITHOUT_REASON in {event.type for event in story.events}
    assert story.notices() == []


def test_a_late_record_is_told_to_everyone_who_was_told_and_nobody_else(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.passes("+1 09:05").tells(*UP)
    story.at("+1 10:00").record("C1", incident_refs=["R1"], **STALKING)
    # Three were interrupted; the registrar had only a line on a worklist, and is told nothing.
    story.tells(
        *(f"+1 10:00 {name} thread R1 changed" for name in ("bureau", "control_room", "inspector"))
    )
    story.passes("+3 12:00").tells()
    assert "registrar" not in {n.receiver for n in story.notices()}
    thread = {n.thread for n in story.notices() if n.subject == "R1"}
    titles = {n.body.title for n in story.notices() if n.subject == "R1"}
    assert len(thread) == len(titles) == 1


def test_whoever_was_told_by_digest_hears_of_the_record_by_digest(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **PLAIN)
    story.passes("+1 09:05").passes("+1 14:00").new_notices()
    story.at("+1 15:00").record("C1", incident_refs=["R1"], offence_code="28")
    story.passes("+2 13:30").tells()
    texts = {
        n.receiver: n.body.text
        for n in story.notices()
        if n.due_at >= story.now - timedelta(days=1)
    }
    assert "Changed since you were told: 1" in texts["registrar"]
    assert "Recorded late" in texts["registrar"]


def test_a_record_taken_away_tells_again_those_who_were_told(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.passes("+1 09:05").tells(*UP)
    fields: dict[str, Any] = {"incident_refs": ["R1"], **STALKING}
    story.at("+1 10:00").record("C1", **fields)
    assert len(story.new_notices()) == 3
    cancelled: dict[str, Any] = {
        "version": 2,
        "status": "cancelled",
        "updated_at": story.now + timedelta(hours=1),
    }
    story.at("+1 11:00").record(
        "C1", recorded_at=story.now - timedelta(hours=1), **fields, **cancelled
    )
    story.heartbeat()
    told = story.new_notices()
    assert {n.receiver for n in told} >= {"bureau", "control_room", "inspector"}
    assert {n.body.data["type"] for n in told} <= {"record_withdrawn", "missed"}


def test_acknowledged_not_recorded_comes_back(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.passes("+1 05:30").tells(UP[0])
    story.at("+1 05:45")
    command(story, Acknowledge(), ActorRole.SUPERVISOR)
    # The miss is said, and what was acknowledged was another thing: it comes back at once.
    story.passes("+1 09:05").tells(*UP[1:])


def test_acknowledging_pauses_the_next_step(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **PLAIN)
    story.passes("+1 09:05").passes("+2 08:50")
    command(story, Acknowledge(), ActorRole.SUPERVISOR)
    story.new_notices()
    story.passes("+2 12:55")
    assert "chief" not in {n.receiver for n in story.new_notices()}
    story.passes("+2 13:15")  # four hours after, and at the next digest
    assert "chief" in {n.receiver for n in story.new_notices()}


def test_a_hold_pauses_until_it_ends(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.passes("+0 12:00")
    until = story.now + timedelta(hours=30)
    asked = AskHold(reason=HoldReason.SYSTEM_DOWN, until=until)
    command(story, asked, ActorRole.SUPERVISOR)
    command(story, ApproveHold())
    story.passes("+1 05:00").passes("+1 09:05").passes("+1 17:30").tells()
    story.passes("+1 18:15").tells(
        "+1 18:00 bureau interrupt R1 missed", "+1 18:00 inspector interrupt R1 missed"
    )


def test_a_hold_refused_pauses_nothing(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.passes("+0 12:00")
    until = story.now + timedelta(hours=30)
    for reason in sorted(REFUSED_HOLDS):  # an interview, a medical, an appointment: never
        answer = story.person_does(AskHold(reason=reason, until=until), ActorRole.SUPERVISOR)
        assert answer.refused == "hold_never_for_this"
    command(story, AskHold(reason=HoldReason.SYSTEM_DOWN, until=until), ActorRole.SUPERVISOR)
    asked = story.person_does(ApproveHold(), ActorRole.SUPERVISOR)
    assert asked.refused == "not_your_role"
    command(story, RefuseHold())
    story.passes("+1 09:05").tells(*UP)


def test_a_mute_ended_by_hand_lets_the_rest_through(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.at("10:00")
    mute = MuteAlerts(matchers=Matchers(subject="R1"), until=story.now + timedelta(days=3))
    command(story, mute, ActorRole.SUPERVISOR, ref="")
    story.passes("+1 08:30").tells()
    with ledger.reading() as connection:
        (held,) = all_mutes(connection, "33")
    command(story, EndMute(held.id), ActorRole.SUPERVISOR, ref="")
    # What fell due under it comes in a digest; the miss, which was said after it, aloud.
    story.passes("+1 09:05")
    told = [(n.receiver, n.kind.value, n.step) for n in story.new_notices() if n.subject == "R1"]
    assert told == [("bureau", "interrupt", "missed"), ("inspector", "interrupt", "missed")]


def test_what_fell_due_under_a_mute_is_told_by_digest_when_it_ends(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM).report("R2", **HARM)
    story.at("10:00")
    mute = MuteAlerts(matchers=Matchers(subject="R1"), until=story.now + timedelta(hours=25))
    command(story, mute, ActorRole.SUPERVISOR, ref="")
    story.passes("+1 09:05").tells(*(each.replace("R1", "R2") for each in UP))
    story.passes("+2 12:00").tells()
    late = [n for n in story.notices() if "settled at one time" in n.body.title]
    assert {n.receiver for n in late} >= {"bureau", "inspector"}
    assert all("R1" in n.body.text and n.due_at.hour == 11 for n in late)


def test_several_logs_of_one_incident_tell_once(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    links = [{"ref": "R1", "relation": "same_incident"}]
    story.at("09:10").report("R2", **HARM, linked_logs=links)
    story.passes("+1 09:05").tells(*UP)


def test_a_stopped_feed_is_one_alert_and_its_return_is_quiet(ledger: Ledger) -> None:
    quiet = {"believable_silence": timedelta(hours=6)}
    story = begun(ledger, crimes=quiet)
    story.at("09:00").report("R1", **HARM).report("R2", **HARM)
    story.passes("11:00")
    story.stopped = ("crimes",)
    story.passes("+1 09:30").tells("+0 17:00 feeds interrupt source:crimes stopped")
    story.stopped = ()
    story.passes("+1 10:00")
    assert [e.type for e in story.events if e.subject == "source:crimes"] == [
        AlertType.SOURCE_SILENT,
        AlertType.SOURCE_BACK,
    ]
    story.passes("+1 12:00")
    told = story.new_notices()
    assert [n.subject for n in told if n.kind is not NoticeClass.DIGEST] == ["source:crimes"]
    caught_up = Counter(n.receiver for n in told if n.subject == "digest" and "R1" in n.body.text)
    assert caught_up
    assert max(caught_up.values()) == 1


def test_going_live_on_six_months_of_history_is_one_digest_for_each(ledger: Ledger) -> None:
    story = begun(ledger)
    with ledger.writing() as connection:
        connection.execute(update(lanes).values(alert_from=int(story.now.timestamp() * 1e6)))
    with story.asleep():
        for n in range(180):
            received = story.now - timedelta(days=181 - n)
            kind = HARM if n % 4 == 0 else PLAIN
            story.report(f"H{n:03}", received_at=received, **kind)
    for name in ("log", "crimes", "referrals"):
        since = story.now - timedelta(days=200)
        story.apply(CoverageStated("33", name, since, story.now, story.now))
    story.plan()
    assert story.notices() == []  # settled first
    story.passes("+2 09:00")
    told = story.notices()
    assert {n.kind for n in told} == {NoticeClass.DIGEST}
    assert set(Counter(n.receiver for n in told).values()) == {1}
    assert {n.receiver for n in told} == {
        "bureau",
        "registrar",
        "inspector",
        "chief",
    }
    bureau = next(n for n in told if n.receiver == "bureau")
    assert "180" in bureau.body.text
    assert f"{bureau.due_at:%H:%M}" == "08:30"


def test_a_dry_run_counts_what_is_then_told(ledger: Ledger) -> None:
    """History that is settled quietly beside what is said aloud, over all receivers of a force."""
    story = begun(ledger)
    with ledger.writing() as connection:
        connection.execute(update(lanes).values(alert_from=int(story.now.timestamp() * 1e6)))
    with story.asleep():
        for n in range(12):
            received = story.now - timedelta(days=30 - n)
            story.report(f"H{n:02}", received_at=received, **(HARM if n % 3 == 0 else PLAIN))
        story.heartbeat()
        for n in range(9):
            story.report(f"N{n}", received_at=story.now, **HARM)
        story.passes("+1 08:30")
    with ledger.reading() as connection:
        counted = would_tell(connection, story.routes, story.now)
    assert (counted.alerts, counted.quiet) == (21, 12)
    story.plan()
    story.passes("+3 09:00")
    first: dict[str, Load] = {}
    seen: set[tuple[str, str, bool]] = set()
    for notice in story.notices():
        load = first.setdefault(notice.receiver, Load())
        quiet = "settled at one time" in notice.body.title
        if notice.kind is NoticeClass.INTERRUPT:
            load.interrupts += 1
        elif (notice.receiver, "digest", quiet) not in seen:  # the first of each: later ones repeat
            load.digests += 1
            seen.add((notice.receiver, "digest", quiet))
    for name, load in counted.receivers.items():
        told = first.get(name, Load())
        assert (load.interrupts, load.digests) == (told.interrupts, told.digests), name


def test_an_incident_night_is_one_digest_and_nothing_twice(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00")
    with story.asleep():
        for n in range(700):
            story.report(f"N{n:03}", received_at=story.now, **HARM)
    story.heartbeat()
    story.passes("+1 04:45").tells()
    story.passes("+1 05:45")
    told = story.new_notices()
    spoken = [n for n in told if n.kind is NoticeClass.INTERRUPT]
    assert len(spoken) == 6
    night = [n for n in told if n.kind is NoticeClass.DIGEST and n.receiver == "control_room"]
    assert [f"{n.due_at:%H:%M}" for n in night] == ["05:30"]
    assert "New on your worklist: 694" in night[0].body.text
    assert "and 674 more" in night[0].body.text


def test_planning_all_of_it_again_tells_nobody_twice(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.passes("+1 09:05")
    before = story.notices()
    with ledger.writing() as connection:
        connection.execute(update(cursors).values(position=0))
    story.plan()
    assert story.notices() == before


def test_an_auditor_counts_what_nobody_planned(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.passes("+1 04:45")
    with ledger.reading() as connection:
        late = audit(connection, story.now + timedelta(hours=1))
    assert late.steps_overdue == 0  # nothing was said yet that would have to be told
    story.passes("+1 05:00")
    with ledger.reading() as connection:
        sound = audit(connection, story.now + timedelta(hours=2, minutes=5))
        late = audit(connection, story.now + timedelta(hours=3, minutes=15))
    assert (sound.steps_overdue, sound.open) == (0, 1)
    assert late.digests_overdue == 2  # those of the shifts that began
    assert late.heartbeat_at == story.now


def test_sexual_offences_say_reference_time_and_link_alone(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00")
    story.report("R1", opening_codes=["rape"], place={"area": "B12"})
    story.report("R2", place={"area": "B12"}, **HARM)
    story.passes("+1 09:05")
    for notice in story.notices():
        words = [notice.body.title, notice.body.text, notice.body.html, str(notice.body.data)]
        if notice.subject == "R1":
            assert not any(w in " ".join(words).lower() for w in ("rape", "b12", "opening"))
    plain = next(n for n in story.notices() if n.subject == "R2")
    assert "Area: B12" in plain.body.text


def test_no_name_and_no_text_reaches_a_message(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00")
    entry = {
        "at": story.now,
        "text": "Zaphira Quendlebury says he follows her",
        "writer": "call_handler",
    }
    story.report("R1", narrative=[entry], **HARM)
    story.passes("+1 09:05")
    held = " ".join(f"{n.body}" for n in story.notices())
    assert held
    assert "Quendlebury" not in held
    assert "Zaphira" not in held


def test_an_alert_keeps_the_route_it_was_raised_with(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", **HARM)
    story.passes("12:00").passes("+1 05:00").tells(UP[0])
    changed = default_text().replace("tell: [bureau, inspector]", "tell: [registrar]")
    story.routes = parse_routes(changed, "changed.yaml")
    story.report("R2", received_at=story.now - timedelta(hours=19), **HARM)
    story.passes("+1 11:00").tells(
        "+1 06:00 control_room interrupt R2 last_hours.desk",
        *UP[1:],
        "+1 10:00 registrar interrupt R2 missed",
    )


def test_a_code_nobody_knows_is_told_once_and_not_at_every_shift(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00").report("R1", opening_codes=["nobody knows this"])
    story.passes("+1 09:00").passes("+3 09:00").tells()
    told = [n for n in story.notices() if "Code nobody knows" in n.body.text]
    assert [n.receiver for n in told] == ["feeds"]


def test_a_round_takes_no_more_than_it_should(ledger: Ledger) -> None:
    story = begun(ledger).at("09:00")
    with story.asleep():
        for n in range(30):
            story.report(f"R{n}", received_at=story.now, **HARM)
    with story.asleep():
        story.passes("+1 05:00")
    with ledger.writing() as connection:
        give_numbers(connection)
    rounds = []
    more = True
    while more:
        rounds.append(plan_round(ledger, story.routes, story.now, limit=7))
        more = rounds[-1].more
    assert max(each.heard for each in rounds) == max(each.looked_at for each in rounds) == 7
    assert sum(each.heard for each in rounds) == 30
    # While it was hearing, it told nobody.
    assert all(each.messages == 0 for each in rounds if each.heard == 7)


def test_postgresql_tells_the_same(postgres_databases: Fresh, ledger: Ledger) -> None:
    other = open_ledger(postgres_databases())
    upgrade(other.engine)
    try:
        told = []
        for each in (ledger, other):
            story = begun(each).at("09:00").report("R1", **HARM).report("R2", **PLAIN)
            mute = MuteAlerts(
                matchers=Matchers(subject="R2"), until=story.now + timedelta(hours=25)
            )
            command(story, mute, ActorRole.SUPERVISOR, ref="")
            story.passes("+1 09:30").at("+1 14:00").record("C1", incident_refs=["R1"], **STALKING)
            story.passes("+2 09:00")
            told.append(story.notices())
        assert told[0] == told[1]
        assert len(told[0]) > 8
    finally:
        other.close()
