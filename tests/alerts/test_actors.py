"""Every role against every action, by the table and through the engine."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from schemas.words import NotRecordedReason
from service.alerts.actors import (
    EVERY_FORCE,
    MAY,
    NEVER_ON_ONES_OWN_CASE,
    SPEAKS_AS,
    Action,
    Actor,
    ActorRole,
    acts_as,
    on_own_case,
)
from service.alerts.handling import HoldReason
from service.alerts.mutes import Matchers
from service.effects import (
    AcceptCancellation,
    Acknowledge,
    ApproveHold,
    Asked,
    AskHold,
    Assign,
    ConfirmMatch,
    Decide,
    EndMute,
    LinkRecord,
    MuteAlerts,
    QueryCancellation,
    RefuseHold,
    RefuseMatch,
    Reopen,
    UnlinkRecord,
)
from tests.timeline import MONDAY, Timeline

Role = ActorRole
LEADERS = {"registrar", "decision_maker", "public_protection", "duty_inspector", "supervisor"}
DECIDERS = {"registrar", "decision_maker", "public_protection"}
EXPECTED = {
    "acknowledge": LEADERS | {"call_handler"},
    "assign": LEADERS,
    "link": LEADERS,
    "unlink": LEADERS,
    "confirm_match": LEADERS,
    "refuse_match": LEADERS,
    "decide": DECIDERS,
    "accept_cancellation": DECIDERS,
    "query_cancellation": DECIDERS,
    "ask_hold": LEADERS,
    "approve_hold": {"registrar"},
    "refuse_hold": {"registrar"},
    "mute": LEADERS,
    "end_mute": LEADERS,
    "reopen": LEADERS,
}
"""The table once more, in other words; a protection team has referrals alone."""

UNTIL = MONDAY + timedelta(hours=60)
ASKED: dict[str, Asked] = {
    "acknowledge": Acknowledge(),
    "assign": Assign("desk-1"),
    "link": LinkRecord("C1"),
    "unlink": UnlinkRecord("C1"),
    "confirm_match": ConfirmMatch("C1"),
    "refuse_match": RefuseMatch("C1"),
    "decide": Decide(reason=NotRecordedReason.NOT_NOTIFIABLE, told_at=MONDAY),
    "accept_cancellation": AcceptCancellation(record="C1", independent=True),
    "query_cancellation": QueryCancellation("C1"),
    "ask_hold": AskHold(reason=HoldReason.EXCEPTIONAL, until=UNTIL),
    "approve_hold": ApproveHold(),
    "refuse_hold": RefuseHold(),
    "mute": MuteAlerts(matchers=Matchers(), until=UNTIL),
    "end_mute": EndMute("M1"),
    "reopen": Reopen(),
}


def test_every_action_is_in_the_table_and_asked_here() -> None:
    assert {action.value for action in Action} == set(EXPECTED) == set(ASKED)
    assert set(MAY) == set(Action)
    assert {action: {role.value for role in roles} for action, roles in MAY.items()} == EXPECTED


@pytest.mark.parametrize(("action", "role"), list(product(EXPECTED, [role.value for role in Role])))
def test_every_role_against_every_action(action: str, role: str) -> None:
    """Of a log and of a referral; what is refused for the role is refused before anything is looked at."""
    for source in ("log", "referrals"):
        day = Timeline().at("09:00").report("R1", source=source, opening_codes=["crime"])
        ref = "" if action in ("mute", "end_mute") else "R1"
        day.does(ASKED[action], ref=ref, role=role)
        may = role in EXPECTED[action]
        if role == "public_protection" and action != "acknowledge":
            may = may and source == "referrals" and ref != ""
        refused = day.answers[-1].refused
        assert (refused != "not_your_role") is may, (source, refused)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OPS, Role.AUDITOR])
def test_admin_ops_and_auditor_act_on_nothing_and_speak_as_nobody(role: ActorRole) -> None:
    actor = Actor(id="p-1", roles=(role,), forces=(EVERY_FORCE,), via="test")
    for action, referral in product(Action, [True, False]):
        assert acts_as(actor, action, referral=referral) is None
    assert role not in SPEAKS_AS


def test_of_several_roles_the_strongest_acts() -> None:
    roles = (Role.ADMIN, Role.SUPERVISOR, Role.REGISTRAR)
    actor = Actor(id="p-1", roles=roles, forces=("33",), via="test")
    assert acts_as(actor, Action.ASSIGN, referral=False) is Role.REGISTRAR
    actor = Actor(id="p-1", roles=roles[:2], forces=("33",), via="test")
    assert acts_as(actor, Action.ASSIGN, referral=False) is Role.SUPERVISOR
    assert acts_as(actor, Action.DECIDE, referral=False) is None


@pytest.mark.parametrize("action", Action)
def test_nobody_judges_his_own_case(action: Action) -> None:
    own: dict[str, Any] = {"roles": (Role.REGISTRAR,), "forces": ("33",), "via": "test"}
    officer = Actor(id="p-1", officer_hash="o-1", **own)
    judging = action in NEVER_ON_ONES_OWN_CASE
    assert on_own_case(officer, action, frozenset({"o-1", "o-2"})) is judging
    assert not on_own_case(officer, action, frozenset({"o-2"}))
    assert not on_own_case(Actor(id="p-1", **own), action, frozenset({""}))
    day = Timeline().at("09:00").report("R1", opening_codes=["crime"], officer="o-1")
    if action not in (Action.MUTE, Action.END_MUTE):
        day.does(ASKED[action.value], officer_hash="o-1")
        assert (day.answers[-1].refused == "officer_in_case") is judging
