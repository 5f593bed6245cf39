"""A person's command made ready for a turn: what was typed is weighed and sealed, in this one place.

From here on a command holds words, references and ciphertext; what was typed is nowhere else.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from service.alerts.actors import Actor
from service.effects import Asked, CommandGiven
from service.ledger.sealed import Keys, seal_text

TYPED = (
    "comment",
    "rationale",
    "evidence_what",
    "evidence_from",
    "what",
    "where_from",
    "verifiable",
)
"""Fields of free text, all there are: their names stand in the chain, so nobody makes up another."""

TYPED_MAX = 4000
"""Characters of one text, at most. What is longer is refused with words, never cut."""

COMMAND_ID = r"^[A-Za-z0-9._:-]{1,64}$"


class Act(Struct, frozen=True, kw_only=True):
    """What a person asks for, before it is sealed and given."""

    force: str
    actor: Actor
    asked: Asked
    ref: str = ""
    """The report; empty for mutes."""
    expected: int | None = None
    """Version that the person has seen; None: takes it as it is."""
    command_id: str
    """Given by whoever asks, once per press of a button."""
    typed: Mapping[str, str] = {}
    """What he typed, by field; it leaves this process sealed or not at all."""


class ActUnusable(Exception):
    """No command can be made of it; the message is the remedy and repeats nothing that was typed."""

    def __init__(self, field: str, remedy: str) -> None:
        super().__init__(remedy)
        self.field = field


class NoKey(ActUnusable):
    """Something was typed, and there is nothing to seal it with."""


def make_command(act: Act, keys: Keys | None, now: datetime) -> CommandGiven:
    """The command, sealed. Raises ``ActUnusable``."""
    if not re.fullmatch(COMMAND_ID, act.command_id):
        remedy = "a command's id is up to 64 letters, digits and . _ : - without a space"
        raise ActUnusable("command_id", remedy)
    typed = {name: _read(name, text) for name, text in act.typed.items() if text.strip()}
    if typed and keys is None:
        raise NoKey(
            "",
            "what is typed is kept encrypted: set RECOUNT_TEXT_KEY_FILE to a file that holds a key; "
            "make one with: openssl rand -base64 32",
        )
    return CommandGiven(
        force=act.force,
        command_id=act.command_id,
        actor=act.actor,
        known_at=now,
        asked=act.asked,
        ref=act.ref,
        expected=act.expected,
        text=seal_text(keys, act.force, act.command_id, typed) if keys else None,
    )


def _read(name: str, text: str) -> str:
    """One text as it is kept; a browser's line ends count once, as people count them."""
    if name not in TYPED:
        raise ActUnusable("typed", f"there is no such field; write one of {', '.join(TYPED)}")
    kept = text.replace("\r\n", "\n").strip()
    if len(kept) > TYPED_MAX:
        said = f"{len(kept):,} characters are too many: write at most {TYPED_MAX:,}"
        raise ActUnusable(name, said)
    return kept
