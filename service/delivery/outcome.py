"""What can come of one attempt to send; every channel answers with one of these."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct


class Reason(StrEnum):
    """Why it was not taken."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    NOT_SECURED = "not_secured"
    """No TLS where it is wanted, or a certificate nobody vouches for."""
    LOGIN_REFUSED = "login_refused"
    NOT_SET_UP = "not_set_up"
    """A server, or a secret of the receiver's, is not configured here."""
    BUSY = "busy"
    SERVER_ERROR = "server_error"
    NOT_TAKEN = "not_taken"
    """The chat service did not take it and does not say why."""
    REJECTED = "rejected"
    GONE = "gone"
    REDIRECTED = "redirected"
    ADDRESS_WRONG = "address_wrong"
    ADDRESS_PRIVATE = "address_private"
    UNSENDABLE = "unsendable"
    """No message can be made of it."""


class Delivered(Struct, frozen=True):
    """The receiver's server has taken it."""

    code: int | None = None


class Retry(Struct, frozen=True):
    """Not now; perhaps later."""

    reason: Reason
    code: int | None = None
    after: timedelta | None = None
    """How long the receiver's server wants to be left alone, where it says."""


class Refused(Struct, frozen=True):
    """Never, as it stands."""

    reason: Reason
    code: int | None = None


Result = Delivered | Retry | Refused
