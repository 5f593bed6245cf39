"""What Recount sends: alert events and dead letters, as other systems read them off topics."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import Instant, Name
from schemas.words import AlertType, Grade


class _Sent(BaseModel):
    """Closed: what is not named here is never sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AlertData(_Sent):
    """One event of an alert: references and words of closed lists, never text, never a person."""

    force: Name
    seq: int = Field(ge=1)
    """Number in the force's chain, without gaps between alerts and commands."""
    alert_id: str
    """The same for everything said of one report or source."""
    event_id: str
    n: int = Field(ge=0)
    """Number of the event in its alert."""
    type: AlertType
    subject: str
    """Reference of the report, or ``source:`` and the name of a source."""
    at: Instant
    """When it was said."""
    effective_at: Instant
    """Of claims the deadline; otherwise when it became true."""
    category: str = ""
    grade: Grade | None = None
    harm: bool = False
    due_at: Instant | None = None
    detail: dict[str, str] = {}
    quiet: bool = False
    """History: for figures and one digest, never for a message of its own."""


class RecordingAlert(_Sent):
    """A CloudEvent in structured JSON; a repeat after a crash has the same ``id``."""

    specversion: Literal["1.0"]
    id: str
    source: str = Field(pattern="^recount/.+")
    type: str = Field(pattern=r"^recount\..+")
    time: Instant
    datacontenttype: Literal["application/json"]
    sequence: str = Field(pattern="^[0-9]{19}$")
    """Published number: one order over all forces; compares as text."""
    data: AlertData | None = None
    """Absent where it was erased."""


class DeadLetterTold(_Sent):
    """An input that could not be read, by its place; never its value."""

    topic_id: str
    partition: int
    position: int
    force: str
    """Empty where it cannot be told."""
    source: str
    known_at: Instant | None
    reason: str
    field: str
    digest: str
    attempts: int
    discarded_for: str | None = None
