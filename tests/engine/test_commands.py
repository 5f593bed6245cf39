"""What people do about reports, told as it happens: commands are inputs like any other."""

from datetime import timedelta
from typing import Any

import pytest

from schemas.words import CancellationCode, NotRecordedReason
from service.alerts.handling import REFUSED_HOLDS, HoldReason
from service.alerts.mutes import Matchers, Subject, matches
from service.effects import (
    AcceptCancellation,
    Acknowledge,
    ApproveHold,
    AskHold,
    Assign,
    ChainCommand,
    CommandGiven,
    ConfirmMatch,
    Decide,
    EndMute,
    Input,
    Lane,
    LinkRecord,
    MuteAlerts,
    QueryCancellation,
    RaiseEvent,
    RefuseHold,
    RefuseMatch,
    Reopen,
    UnlinkRecord,
)
from service.engine import decide
from tests.timeline import MONDAY, Timeline

CRIME: dict[str, Any] = {"opening_codes": ["crime"]}


def due_soon() -> Timeline:
    """R1, received Monday 09:00, is due in three hours with nothing recorded."""
    day = Timeline().at("09:00").report("R1", **CRIME)
    return day.at("+1 06:00").heartbeat("log", "crimes").says("due_soon R1")


def missed() -> Timeline:
    """... and is missed on Tuesday at 10:00."""
    return due_soon().at("+1 10:00").heartbeat("log", "crimes").says("missed R1")


def not_recorded(**more: Any) -> Decide:
    """A decision that brings everything, told on Tuesday at 05:00."""
    reason = NotRecordedReason.BALANCE_NOT_MET
    return Decide(**{"reason": reason, "told_at": MONDAY + timedelta(hours=29), **more})


# -- stories ------------------------------------------------------------------------------------


def test_acknowledged_not_recorded_it_comes_back() -> None:
    day = due_soon().does(Acknowledge(), role="call_handler").answered()
    day.stands("R1", "acknowledged").says()
    assert day.lane.reports["R1"].handling.acknowledged_by == "p-1"
    day.at("+1 10:00").heartbeat("log", "crimes").says("missed R1").stands("R1", "missed")
    handling = day.lane.reports["R1"].handling
    assert handling.acknowledged_at is None
    day.does(Acknowledge(), expected=1).answered("changed_meanwhile")
    day.does(Acknowledge(), expected=handling.version).answered()


def test_a_record_that_arrives_late_settles_what_was_in_hand() -> None:
    day = missed().does(Assign("desk-2"), role="supervisor").stands("R1", "assigned")
    day.at("+2 09:00").record("C1", incident_refs=["R1"]).says("recorded_late R1")
    day.stands("R1", "settled").does(Acknowledge()).answered("not_now")
    assert day.lane.reports["R1"].handling.assigned_to == "desk-2"


def test_a_hold_is_refused_and_the_miss_is_said_all_the_same() -> None:
    until = MONDAY + timedelta(hours=40)
    day = due_soon()
    day.does(AskHold(reason=HoldReason.VICTIM_UNFIT, until=until), role="supervisor").answered()
    day.stands("R1", "due_soon").does(RefuseHold()).answered()
    day.does(ApproveHold()).answered("no_hold_asked")
    day.at("+1 10:00").heartbeat("log", "crimes").says("missed R1").stands("R1", "missed")


def test_a_hold_pauses_the_escalation_and_never_the_clock() -> None:
    until = MONDAY + timedelta(hours=40)
    day = due_soon().does(AskHold(reason=HoldReason.VICTIM_UNFIT, until=until))
    day.does(ApproveHold()).answered().stands("R1", "held").says()
    day.at("+1 10:00").heartbeat("log", "crimes").says("missed R1")
    day.stands("R1", "held").verdict("R1", "missed")
    day.at("+1 16:00").tick().says().stands("R1", "missed")
    day.at("+1 17:00").record("C1", incident_refs=["R1"]).says("recorded_late R1")
    assert not day.lines["R1"].crimes[0].delay_approved


def test_recorded_within_the_delay_it_is_late_and_the_delay_approved() -> None:
    until = MONDAY + timedelta(hours=40)
    day = due_soon().does(AskHold(reason=HoldReason.FORCE_UNCLEAR, until=until))
    day.does(ApproveHold()).at("+1 15:00").record("C1", incident_refs=["R1"])
    assert day.lines["R1"].crimes[0].delay_approved
    day.verdict("R1", "recorded_late").stands("R1", "settled")


@pytest.mark.parametrize("reason", sorted(REFUSED_HOLDS))
def test_recording_never_waits_for_these(reason: HoldReason) -> None:
    day = due_soon().does(AskHold(reason=reason, until=MONDAY + timedelta(hours=40)))
    day.answered("hold_never_for_this")
    assert day.lane.reports["R1"].handling.version == 0


def test_a_mute_ends_by_itself_or_before_its_time() -> None:
    until = MONDAY + timedelta(hours=40)
    day = due_soon().does(MuteAlerts(matchers=Matchers(category="any_crime"), until=until), ref="")
    day.answered()
    (mute,) = day.lane.mutes.values()
    what = Subject(subject="R1", category="any_crime")
    assert matches(mute, what)
    assert not matches(mute, Subject(subject="R1", category="rape"))
    assert [mute.runs(at) for at in (day.now, until)] == [True, False]
    day.at("+1 07:00").does(EndMute(mute.id), ref="").answered()
    assert not day.lane.mutes[mute.id].runs(day.now)
    day.does(EndMute(mute.id), ref="").answered("not_now")
    day.does(EndMute("nobody"), ref="").answered("mute_unknown")
    day.does(MuteAlerts(matchers=Matchers(), until=day.now), ref="").answered("not_ahead")
    later = MuteAlerts(matchers=Matchers(), until=until)
    day.does(later, ref="", typed=()).answered("comment_missing")


@pytest.mark.parametrize(
    ("matchers", "held"),
    [
        (Matchers(subject="R1"), True),
        (Matchers(subject="source:native/log"), True),
        (Matchers(area="Beat 12", category="any_crime"), True),
        (Matchers(subject="Ann Example"), False),
        (Matchers(subject="source:Ann Example"), False),
        (Matchers(area="behind the old mill, second door on the left"), False),
        (Matchers(category="\n"), False),
    ],
)
def test_a_mute_holds_words_and_references_alone(matchers: Matchers, held: bool) -> None:
    until = MONDAY + timedelta(hours=40)
    day = due_soon().does(MuteAlerts(matchers=matchers, until=until), ref="")
    day.answered("" if held else "bad_reference")
    assert bool(day.lane.mutes) is held


def test_a_decision_is_taken_and_an_appeal_reopens_it() -> None:
    day = missed().does(not_recorded(), typed=["rationale"]).answered()
    day.says("accounted R1").verdict("R1", "accounted", "balance_not_met").stands("R1", "settled")
    assert day.lines["R1"].told
    day.at("+3 09:00").does(Reopen(), role="supervisor").answered()
    day.says("log_reopened R1", "missed R1").verdict("R1", "missed").stands("R1", "missed")
    assert day.lane.reports["R1"].handling.appealed_at == day.now
    day.at("+3 12:00").does(not_recorded(), typed=["rationale"]).answered()
    day.says("accounted R1")


def test_an_appeal_reopens_what_the_log_itself_decided() -> None:
    closure = {
        "reason": "balance_not_met",
        "decided_by": "decision_maker",
        "decided_at": MONDAY + timedelta(hours=10),
        "rationale_given": True,
        "told_at": MONDAY + timedelta(hours=11),
    }
    day = (
        Timeline()
        .at("12:00")
        .report(
            "R1",
            closed_at=MONDAY + timedelta(hours=11),
            closure=closure,
            received_at=MONDAY + timedelta(hours=9),
            **CRIME,
        )
    )
    day.verdict("R1", "accounted").says()
    day.at("13:00").does(Reopen()).answered().stands("R1", "appealed").verdict("R1", "pending")
    assert day.lines["R1"].decision == "refused:balance_not_met:decided_after_appeal"
    day.does(Reopen()).answered("nothing_to_reopen")
    day.at("14:00").does(not_recorded(told_at=day.now), typed=["rationale"]).answered()
    day.verdict("R1", "accounted").stands("R1", "quiet").says()


def test_a_decision_covers_no_crime_that_shows_later() -> None:
    day = missed().does(not_recorded(crimes=("any_crime:9",))).answered("crime_unknown")
    day.does(not_recorded(), typed=()).answered("lacks", "rationale").verdict("R1", "missed")
    day.does(not_recorded(told_at=None), typed=["rationale"]).answered("lacks", "told")
    future = not_recorded(told_at=day.now + timedelta(hours=1))
    day.does(future, typed=["rationale"]).answered("lacks", "told").says()


# -- records ------------------------------------------------------------------------------------


def test_a_record_linked_by_hand_settles_by_the_same_rules() -> None:
    day = missed().record("C1", recorded_at=MONDAY + timedelta(hours=12)).says()
    day.does(LinkRecord("C1"), role="supervisor").answered().says("recorded R1")
    (link,) = day.lines["R1"].links
    assert (link.record, link.level) == ("C1", "by_hand")
    assert list(day.lane.records["C1"].linked_to) == ["R1"]
    day.does(LinkRecord("C1")).answered("no_change")
    day.does(UnlinkRecord("C1")).answered().says("record_withdrawn R1", "missed R1")
    assert not day.lane.records["C1"].linked_to
    day.does(UnlinkRecord("C1")).answered("not_linked")
    day.does(LinkRecord("C9")).answered("record_unknown")


def test_a_linked_record_of_another_kind_settles_nothing_and_stays_linked() -> None:
    day = missed().record("C1", kind="non_crime_occurrence").does(ConfirmMatch("C1")).answered()
    day.says().verdict("R1", "missed", "not_a_crime_record")
    assert [each.record for each in day.lines["R1"].links] == ["C1"]


def test_a_new_version_of_the_record_keeps_the_link_made_by_hand() -> None:
    day = missed().record("C1", version=1).does(LinkRecord("C1")).says("recorded_late R1")
    day.at("+2 09:00").record(
        "C1",
        version=2,
        recorded_at=MONDAY + timedelta(hours=34),
        status="cancelled",
        cancellation={"code": "C4"},
    )
    day.says("record_withdrawn R1", "missed R1")


def test_what_a_reference_ties_nobody_need_confirm_or_can_refuse() -> None:
    day = missed().record("C1", incident_refs=["R1"]).does(LinkRecord("C1")).answered("no_change")
    day.does(RefuseMatch("C1")).answered("tied_by_reference").verdict("R1", "recorded_late")


def test_a_repaired_reference_is_refused_and_not_offered_again() -> None:
    day = Timeline().at("09:00").report("R1234", place={"area": "B1"}, **CRIME)
    day.at("10:00").record("C1", incident_refs=["R1243"], place={"area": "B1"})
    day.verdict("R1234", "recorded")
    day.does(RefuseMatch("C1"), ref="R1234").answered().verdict("R1234", "pending")
    day.at("11:00").record(
        "C1",
        version=2,
        incident_refs=["R1243"],
        place={"area": "B1"},
        recorded_at=MONDAY + timedelta(hours=10),
    )
    day.verdict("R1234", "pending").does(RefuseMatch("C1"), ref="R1234").answered("no_change")
    day.does(ConfirmMatch("C1"), ref="R1234").answered().verdict("R1234", "recorded")


# -- cancellations ------------------------------------------------------------------------------


def cancelled(code: str = "C4", offence: str = "008/06", **given: Any) -> Timeline:
    """A crime of class assault recorded at 10:00 and cancelled at 12:00 with this much said of it."""
    day = Timeline("england_and_wales", code_map=None).at("09:00")
    day.report(
        "R1", opening_codes=["assault" if offence == "008/06" else "rape"], reported_by="victim"
    )
    fields: dict[str, Any] = {"incident_refs": ["R1"], "offence_code": offence, "officer": "o-1"}
    day.at("10:00").record("C1", version=1, **fields)
    return day.at("12:00").record(
        "C1",
        version=2,
        recorded_at=MONDAY + timedelta(hours=10),
        status="cancelled",
        cancellation={"code": code, **given},
        **fields,
    )


WHAT = ("what", "where_from", "verifiable")
TOLD = MONDAY + timedelta(hours=12)


def test_an_accepted_cancellation_accounts_with_what_was_lacking() -> None:
    day = cancelled("C2").verdict("R1", "pending")
    day.does(AcceptCancellation(record="C1", victim_told_at=TOLD), typed=("what",))
    day.answered("lacks", "independent", "where_from", "verifiable").verdict("R1", "pending")
    accepted = AcceptCancellation(record="C1", victim_told_at=TOLD, independent=True)
    day.does(accepted, role="decision_maker", typed=WHAT).answered().verdict("R1", "accounted")
    day.does(accepted, typed=WHAT).answered("no_change")
    day.does(QueryCancellation("C1")).answered().verdict("R1", "pending")
    assert day.lines["R1"].links[0].lacks == ("answer_to_query",)
    day.does(QueryCancellation("C1")).answered("no_change")
    day.does(accepted, typed=WHAT).answered().verdict("R1", "accounted")
    day.does(Reopen()).answered().verdict("R1", "pending")


def test_c2_of_rape_is_accepted_by_the_registrar_alone() -> None:
    day = cancelled("C2", "019/07").verdict("R1", "pending")
    accepted = AcceptCancellation(record="C1", victim_told_at=TOLD, independent=True)
    day.does(accepted, role="decision_maker", typed=WHAT)
    day.answered("registrar_only", "registrar_or_decision_maker").verdict("R1", "pending")
    day.does(accepted, typed=WHAT).answered().verdict("R1", "accounted")


def test_nobody_judges_his_own_case() -> None:
    accepted = AcceptCancellation(record="C1", victim_told_at=TOLD, independent=True)
    day = cancelled("C2").does(accepted, typed=WHAT, officer_hash="o-1").answered("officer_in_case")
    day.does(QueryCancellation("C1"), officer_hash="o-1").answered("officer_in_case")
    day.does(accepted, typed=WHAT, officer_hash="o-2").answered()


def test_a_code_that_nobody_gave_is_given_and_another_one_later_undoes_it() -> None:
    day = Timeline("england_and_wales", code_map=None).at("09:00")
    day.report("R1", opening_codes=["assault"], reported_by="victim")
    fields: dict[str, Any] = {"incident_refs": ["R1"], "offence_code": "008/06"}
    day.at("10:00").record("C1", version=1, **fields)
    day.does(QueryCancellation("C1")).answered("not_cancelled")
    made = MONDAY + timedelta(hours=10)
    day.at("12:00").record("C1", version=2, recorded_at=made, status="cancelled", **fields)
    day.does(AcceptCancellation(record="C1", independent=True)).answered(
        "lacks", "cancellation_code"
    )
    c4 = AcceptCancellation(record="C1", code=CancellationCode.C4, independent=True)
    day.does(c4).answered().verdict("R1", "accounted")
    day.record(
        "C1", version=3, recorded_at=made, status="cancelled", cancellation={"code": "C2"}, **fields
    )
    day.verdict("R1", "pending")


# -- two people, and the same press twice ---------------------------------------------------------


def test_the_second_of_two_is_told_and_overwrites_nothing() -> None:
    day = missed().does(Assign("desk-1"), expected=0).answered()
    before = day.lane.reports["R1"]
    day.does(Assign("desk-2"), expected=0, person="p-2").answered("changed_meanwhile")
    assert day.answers[-1].version == 1
    assert day.lane.reports["R1"] == before
    day.does(Assign("desk-2"), expected=1, person="p-2").answered()


def test_a_repeated_command_has_the_same_answer_and_is_done_once() -> None:
    day = missed().does(Assign("desk-1"), command_id="x").answered()
    lane = day.lane
    day.does(Assign("desk-1"), command_id="x").answered()
    assert day.answers[0] == day.answers[1]
    assert day.lane == lane
    day.does(Assign("desk-2"), command_id="x").answered("command_id_taken")
    day.does(Assign("desk-2"), command_id="x", person="p-2").answered("command_id_taken")
    refused = day.does(Assign("two words"), command_id="y").answered("bad_reference").answers[-1]
    day.does(Assign("two words"), command_id="y")
    assert day.answers[-1] == refused


def test_another_log_of_the_incident_points_to_the_one_that_answers() -> None:
    day = missed().report("R2", linked_logs=[{"ref": "R1", "relation": "same_incident"}], **CRIME)
    day.does(Acknowledge(), ref="R2").answered("same_incident")
    assert day.answers[-1].see == "R1"
    day.does(Acknowledge(), ref="R9").answered("report_unknown")
    day.does(Acknowledge(), forces=("34",)).answered("not_your_force")


def test_a_fold_of_commands_may_be_cut_anywhere() -> None:
    until = MONDAY + timedelta(hours=40)
    day = missed().record("C1", recorded_at=MONDAY + timedelta(hours=50))
    day.does(Acknowledge()).does(AskHold(reason=HoldReason.EXCEPTIONAL, until=until))
    day.does(ApproveHold()).at("+1 17:00").tick().does(not_recorded(), typed=["rationale"])
    day.does(Reopen()).does(LinkRecord("C1")).does(Acknowledge(), command_id="command-1")
    inputs: list[Input] = day.inputs

    def fold(*parts: list[Input]) -> tuple[Lane, list[RaiseEvent | ChainCommand]]:
        lane = Lane(force="33")
        all_effects: list[RaiseEvent | ChainCommand] = []
        for part in parts:
            lane, effects = decide(lane, day.rulebook, part)
            all_effects += [e for e in effects if isinstance(e, RaiseEvent | ChainCommand)]
        return lane, all_effects

    whole = fold(inputs)
    assert sum(isinstance(each, CommandGiven) for each in inputs) == 7
    assert [each.seq for each in whole[1]] == list(range(1, len(whole[1]) + 1))
    for cut in range(len(inputs)):
        assert fold(inputs[:cut], inputs[cut:]) == whole
