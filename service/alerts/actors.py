"""Who may do what: the table of roles and actions.

Admin and ops decide nothing, the auditor reads. A protection team acts on referrals alone. Nobody
decides on his own case, and for the gravest crimes the registrar alone accepts a cancellation
[HOCR p25-26].
"""

from enum import StrEnum

from msgspec import Struct

from schemas.words import Role

EVERY_FORCE = "*"
"""Among an actor's forces: all of them."""


class ActorRole(StrEnum):
    """What somebody is to this service; strongest first, which is the order in which one acts."""

    REGISTRAR = "registrar"
    DECISION_MAKER = "decision_maker"
    PUBLIC_PROTECTION = "public_protection"
    DUTY_INSPECTOR = "duty_inspector"
    SUPERVISOR = "supervisor"
    CALL_HANDLER = "call_handler"
    AUDITOR = "auditor"
    OPS = "ops"
    ADMIN = "admin"


class Action(StrEnum):
    """What a person can do about a report, or for mutes, about a force."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    LINK = "link"
    UNLINK = "unlink"
    CONFIRM_MATCH = "confirm_match"
    REFUSE_MATCH = "refuse_match"
    DECIDE = "decide"
    ACCEPT_CANCELLATION = "accept_cancellation"
    QUERY_CANCELLATION = "query_cancellation"
    ASK_HOLD = "ask_hold"
    APPROVE_HOLD = "approve_hold"
    REFUSE_HOLD = "refuse_hold"
    MUTE = "mute"
    END_MUTE = "end_mute"
    REOPEN = "reopen"


class Actor(Struct, frozen=True, kw_only=True):
    """A person who acts, by opaque ids; never a name."""

    id: str
    """Opaque, the same for the same person always."""
    roles: tuple[ActorRole, ...]
    forces: tuple[str, ...]
    """Forces he acts for; ``*``: every one."""
    via: str
    """How he came: ``cli``, ``api``, ``page``."""
    officer_hash: str = ""
    """Keyed hash under which the feeds name him as an officer in a case; empty: not known."""


DECIDERS = frozenset({ActorRole.DECISION_MAKER, ActorRole.PUBLIC_PROTECTION, ActorRole.REGISTRAR})
LEADERS = DECIDERS | {ActorRole.SUPERVISOR, ActorRole.DUTY_INSPECTOR}
REGISTRAR = frozenset({ActorRole.REGISTRAR})

MAY: dict[Action, frozenset[ActorRole]] = {
    Action.ACKNOWLEDGE: LEADERS | {ActorRole.CALL_HANDLER},
    Action.ASSIGN: LEADERS,
    Action.LINK: LEADERS,
    Action.UNLINK: LEADERS,
    Action.CONFIRM_MATCH: LEADERS,
    Action.REFUSE_MATCH: LEADERS,
    Action.DECIDE: DECIDERS,
    Action.ACCEPT_CANCELLATION: DECIDERS,
    Action.QUERY_CANCELLATION: DECIDERS,
    Action.ASK_HOLD: LEADERS,
    Action.APPROVE_HOLD: REGISTRAR,
    Action.REFUSE_HOLD: REGISTRAR,
    Action.MUTE: LEADERS,
    Action.END_MUTE: LEADERS,
    Action.REOPEN: LEADERS,
}
"""The table. A role that is in no row acts on nothing."""

ONLY_REFERRALS = frozenset({ActorRole.PUBLIC_PROTECTION})
"""Roles that act on referrals to a protection team, and on nothing else, save acknowledging."""

NEVER_ON_ONES_OWN_CASE = frozenset(
    {
        Action.DECIDE,
        Action.ACCEPT_CANCELLATION,
        Action.QUERY_CANCELLATION,
        Action.APPROVE_HOLD,
        Action.REFUSE_HOLD,
    }
)
"""What the officer in the case does not do, whatever his role."""

SPEAKS_AS = {
    ActorRole.REGISTRAR: Role.REGISTRAR,
    ActorRole.DECISION_MAKER: Role.DECISION_MAKER,
    ActorRole.PUBLIC_PROTECTION: Role.PUBLIC_PROTECTION,
    ActorRole.DUTY_INSPECTOR: Role.DUTY_INSPECTOR,
    ActorRole.SUPERVISOR: Role.SUPERVISOR,
    ActorRole.CALL_HANDLER: Role.CALL_HANDLER,
}
"""A role here as the rules name it; auditor, ops and admin speak as nobody."""


def for_force(actor: Actor, force: str) -> bool:
    """Does he act for this force?"""
    return EVERY_FORCE in actor.forces or force in actor.forces


def acts_as(actor: Actor, action: Action, *, referral: bool) -> ActorRole | None:
    """The strongest of his roles that may do this to a referral, or to a log; None: he may not."""
    may = MAY[action]
    if not referral and action is not Action.ACKNOWLEDGE:
        may -= ONLY_REFERRALS
    return next((role for role in ActorRole if role in actor.roles and role in may), None)


def on_own_case(actor: Actor, action: Action, officers: frozenset[str]) -> bool:
    """Would he judge his own case, as far as the feeds and his own hash tell?"""
    return action in NEVER_ON_ONES_OWN_CASE and actor.officer_hash in officers - {""}
