"""How often Python looks for cycles among what is alive."""

import gc

ALLOCATED = 10_000
"""Objects made, less those let go, between two looks."""


def look_for_cycles_seldom() -> None:
    """To be called once all that stays is loaded: rules, codes and modules are never looked at again.
    Nearly all that a turn makes lives no longer than it and holds no cycles: at Python's own 700, a
    fifth of a worker's time goes into looking."""
    gc.freeze()
    gc.set_threshold(ALLOCATED, 10, 10)
