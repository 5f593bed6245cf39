"""What can go wrong that a person can mend, and what that leaves: loaded once something has.

Each message names the file, line or option and the remedy.
"""

from service.hosts.files import InputBroken, NotGiven
from service.hosts.stopped import BrokerUnreachable, WorkerStopped
from service.ingest.fields import ColumnMissing
from service.ingest.lined import Fault
from service.ledger.active import NotActive
from service.ledger.letters import LetterGone
from service.ledger.opening import LedgerUnusable
from service.ledger.sealed import KeysUnusable, NotOpened
from service.ledger.upgrading import LedgerTooNew
from service.settings import SettingsWrong
from service.simulation.parameters import SettingUnknown

MISUSE = (
    Fault,
    NotGiven,
    ColumnMissing,
    LedgerUnusable,
    LedgerTooNew,
    KeysUnusable,
    NotOpened,
    LetterGone,
    SettingUnknown,
    SettingsWrong,
)
"""What people gave and can mend."""

BROKEN = (InputBroken, WorkerStopped, BrokerUnreachable, NotActive)
"""What could not be read, or went on, to its end."""


def exit_code_of(failure: Exception) -> int | None:
    """The exit code that a failure means; None: it is a fault of the program."""
    if isinstance(failure, MISUSE):
        return 2
    return 1 if isinstance(failure, BROKEN) else None
