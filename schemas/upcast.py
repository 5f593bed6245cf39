"""Forward upcasting: an older document is raised, step by step, to the current version.

A step is added here when a contract changes in a way that old messages cannot satisfy; consumers never
see anything but the current version.
"""

from collections.abc import Callable, Mapping
from typing import Any

CURRENT = 1
"""Version of every contract in this package."""

Step = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: Mapping[int, Step] = {}
"""Version to the step that raises it by one. Version 1 is the first."""


class VersionUnknown(ValueError):
    """A document from before the first version, or from a newer program than this."""


def upcast(
    document: dict[str, Any], steps: Mapping[int, Step] = STEPS, current: int = CURRENT
) -> dict[str, Any]:
    """The same document at the current version. Raises ``VersionUnknown``, which names the version
    only where it is a number."""
    version = document.get("schema_version", current)
    if not isinstance(version, int) or isinstance(version, bool):
        raise VersionUnknown("schema_version is no number")
    if version > current:
        raise VersionUnknown(f"schema_version {version} is newer than {current}")
    while version < current:
        step = steps.get(version)
        if step is None:
            raise VersionUnknown(f"schema_version {version} was never in use")
        document = step(document)
        version += 1
    return {**document, "schema_version": current}
