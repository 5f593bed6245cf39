"""What differs between two rule packs, part by part, so that a verdict can be put down to a part."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from service.rules.pack import Pack

NOT_RULES = frozenset({"name", "title", "sourced", "inference", "unsourced"})
"""What a pack says of itself and of its sources decides nothing."""

SHOWN_ONLY = frozenset({"harm"})
"""Fields of a rule that say how urgent a crime is, not whether it is due."""


class Change(Struct, frozen=True, kw_only=True):
    """One part of a pack that is not the same in both."""

    part: str
    """``section:id`` (``categories:violence``), or a setting's name alone (``timing``)."""
    how: str
    """``added``, ``removed`` or ``changed``."""
    fields: tuple[str, ...] = ()
    """What was changed of it."""


class Changes(Struct, frozen=True):
    """All parts that differ, in order of their names."""

    parts: tuple[Change, ...] = ()

    @property
    def deciding(self) -> frozenset[str]:
        """Names of the parts that can change a verdict."""
        return frozenset(
            each.part
            for each in self.parts
            if each.how != "changed" or not each.fields or not SHOWN_ONLY.issuperset(each.fields)
        )


def changes(before: Pack, after: Pack) -> Changes:
    """Every part that differs, whatever sections packs have."""
    ours, theirs = _parts(before), _parts(after)
    found = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours:
            found.append(Change(part=name, how="added"))
        elif name not in theirs:
            found.append(Change(part=name, how="removed"))
        elif ours[name] != theirs[name]:
            found.append(Change(part=name, how="changed", fields=_fields(ours[name], theirs[name])))
    return Changes(tuple(found))


def _parts(pack: Pack) -> dict[str, Any]:
    written = {**msgspec.to_builtins(pack.written), **msgspec.to_builtins(pack.reasons)}
    parts: dict[str, Any] = {}
    for section, value in written.items():
        if section in NOT_RULES or _is_empty(value):
            continue
        named = _named(value)
        if named is not None:
            parts |= {f"{section}:{name}": each for name, each in named}
        elif isinstance(value, Mapping):
            parts |= _within(section, value)
        else:
            parts[section] = value
    return parts


def _within(section: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A section that holds rules among its settings (``text``): its rules by id, and the rest."""
    rules = {key: named for key, each in value.items() if (named := _named(each)) is not None}
    parts = {f"{section}:{name}": rule for named in rules.values() for name, rule in named}
    rest = {k: v for k, v in _rule(value).items() if k not in rules and not _is_empty(v)}
    return {**parts, section: rest} if rest else parts


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {}, ())


def _named(value: Any) -> list[tuple[str, Any]] | None:
    """The parts of a section that have names of their own: a table of tables, or rules with an id."""
    if isinstance(value, Mapping) and value and all(isinstance(v, Mapping) for v in value.values()):
        return [(name, _rule(each)) for name, each in value.items()]
    rules = value if isinstance(value, list | tuple) else ()
    if rules and all(isinstance(each, Mapping) and "id" in each for each in rules):
        return [(each["id"], _rule(each)) for each in rules]
    return None


def _rule(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in NOT_RULES}


def _fields(ours: Any, theirs: Any) -> tuple[str, ...]:
    if not (isinstance(ours, Mapping) and isinstance(theirs, Mapping)):
        return ()
    names: Iterable[str] = ours.keys() | theirs.keys()
    return tuple(sorted(name for name in names if ours.get(name) != theirs.get(name)))
