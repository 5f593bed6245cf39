"""Where a rule comes from: every rule of a pack says so."""

from msgspec import Struct


class Mark(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a rule comes from: exactly one of the three."""

    sourced: str = ""
    """Paragraph of the counting rules or another published source."""
    inference: str = ""
    """Section from which it is drawn, where no source states it outright."""
    unsourced: str = ""
    """Why it is believed, where nothing could be cited."""
