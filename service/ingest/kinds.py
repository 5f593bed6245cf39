"""What kind of value each field of a contract takes, so that a mapping can be checked without data."""

from datetime import datetime
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import Struct
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError


class Kind(StrEnum):
    """How text becomes a field's value."""

    INSTANT = "instant"
    NUMBER = "number"
    FLAG = "flag"
    WORD = "word"
    TEXT = "text"


class FieldKind(Struct, frozen=True):
    """One field of a contract that a mapping may fill."""

    kind: Kind
    several: bool
    """Does it hold a list?"""
    words: tuple[str, ...]
    """The closed list it takes its value from; empty where any text will do."""
    type_: Any

    def objection(self, value: str) -> str | None:
        """What the contract says against one value, None where it takes it."""
        try:
            TypeAdapter(self.type_).validate_python([value] if self.several else value)
        except ValidationError as error:
            if self.words:
                return f"use one of {', '.join(self.words)}"
            return error.errors(include_url=False, include_context=False)[0]["msg"]
        return None


def kind_of(contract: type[BaseModel], path: str) -> FieldKind | None:
    """The kind of a contract's field such as ``ref`` or ``place.area``; None where there is none that
    a column could fill."""
    name, _, rest = path.partition(".")
    field = contract.model_fields.get(name)
    if field is None:
        return None
    parts = _parts(field.annotation)
    below = inner(field.annotation)
    if rest:
        return kind_of(below, rest) if below is not None and tuple not in parts else None
    if below is not None or Literal in parts:
        return None
    words = next((part for part in parts if _is_a(part, StrEnum)), None)
    type_ = field.annotation
    for constraint in field.metadata:
        type_ = Annotated[type_, constraint]  # type: ignore[assignment]
    return FieldKind(
        kind=_kind(parts, words is not None),
        several=tuple in parts,
        words=tuple(word.value for word in words) if words is not None else (),
        type_=type_,
    )


def fillable(contract: type[BaseModel]) -> list[str]:
    """Every field that a column could fill, with those of the objects within."""
    names = []
    for name, field in contract.model_fields.items():
        below = inner(field.annotation)
        if below is not None and tuple not in _parts(field.annotation):
            names += [f"{name}.{each}" for each in fillable(below)]
        elif kind_of(contract, name) is not None:
            names.append(name)
    return names


def inner(annotation: Any) -> type[BaseModel] | None:
    """The contract inside an annotation; None where there is none."""
    return next((part for part in _parts(annotation) if _is_a(part, BaseModel)), None)


def _kind(parts: set[Any], closed: bool) -> Kind:
    if closed:
        return Kind.WORD
    if parts & {AwareDatetime, datetime}:
        return Kind.INSTANT
    if bool in parts:
        return Kind.FLAG
    return Kind.NUMBER if parts & {int, float} else Kind.TEXT


def _parts(annotation: Any) -> set[Any]:
    """Every type inside an annotation."""
    if isinstance(annotation, list | tuple):
        return {part for each in annotation for part in _parts(each)}
    origin = get_origin(annotation)
    if origin is Literal:
        return {Literal}
    if origin is None:
        return {annotation}
    if origin is Annotated:
        return _parts(get_args(annotation)[0])
    found = set() if origin in (Union, UnionType) else {origin}
    return found | _parts(get_args(annotation))


def _is_a(part: Any, class_: type) -> bool:
    return isinstance(part, type) and issubclass(part, class_)
