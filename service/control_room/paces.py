"""How often somebody may ask: bounded in rate and, however many ask, in memory."""

from collections import OrderedDict

KEYS_MAX = 10_000
"""Askers remembered; of more, those whose turn was longest ago are forgotten."""


class Pace:
    """So many a minute for each key, a minute's worth at once (GCRA: one number a key)."""

    def __init__(self, per_minute: int, keys_max: int = KEYS_MAX) -> None:
        self._every = 60.0 / per_minute
        self._keys_max = keys_max
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, key: str, now: float) -> float:
        """Seconds until this key may ask again; 0: it may, and has. ``now`` in seconds."""
        free_at = max(self._free_at.get(key, now), now)
        early = free_at + self._every - now - 60.0
        if early > 1e-6:
            return early
        self._free_at[key] = free_at + self._every
        self._free_at.move_to_end(key)
        if len(self._free_at) > self._keys_max:
            self._free_at.popitem(last=False)
        return 0.0

    def __len__(self) -> int:
        return len(self._free_at)
