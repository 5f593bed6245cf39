"""The only place that opens what people give by name: mappings, rule packs, keys, and input files."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from service.hosts.rows import BadRow as BadRow
from service.hosts.rows import InputBroken as InputBroken
from service.hosts.rows import NotGiven as NotGiven
from service.hosts.rows import Opened as Opened
from service.hosts.rows import check_readable as check_readable
from service.hosts.rows import guess, open_as
from service.ingest.draft import FileDraft, look
from service.ingest.lined import Fault
from service.ingest.mapping import Feed, SourceMapping, parse_mapping
from service.ingest.people import PersonKey
from service.ingest.written import Side
from service.matching.linkage_model import Model, parse_model
from service.rules.pack import Pack, pack_faults, parse_pack
from service.rules.signatures import Signatures, parse_signatures

SHORTEST_SECRET = 32
"""Characters of a key for people, at least."""

# -- mappings and packs -----------------------------------------------------------------------


def read_mapping(name_or_path: str) -> SourceMapping:
    """A shipped mapping by name, or a file by path. Raises ``Fault`` or ``NotGiven``."""
    text, origin, beside = _read_named(name_or_path, resources.files("service.ingest") / "mappings")
    return parse_mapping(text, origin, beside)


def named_feed(named: str, where: str = "") -> Feed:
    """A side of a mapping, as MAPPING/SIDE; ``where`` it was named begins what is said of one that is
    not there. Raises ``Fault`` and ``NotGiven``."""
    mapping_name, _, side = named.rpartition("/")
    mapping = read_mapping(mapping_name)
    feed = next((each for each in mapping.feeds if each.side == side), None)
    if feed is None:
        sides = ", ".join(f"{mapping_name}/{each.side}" for each in mapping.feeds)
        raise NotGiven(f"{where}there is no '{named}'; the mapping has {sides}")
    return feed


def read_pack(name_or_path: str) -> Pack:
    """A shipped rule pack by name, or a file by path. Raises ``Fault`` or ``NotGiven``."""
    text, origin, beside = _read_named(name_or_path, resources.files("service.rules") / "packs")
    return parse_pack(text, origin, beside)


def model_in_use(path: Path | None, pack: Pack) -> Model | None:
    """The linkage model named, if one is; raises as ``read_model`` does."""
    return None if path is None else read_model(path, pack)


def read_model(path: Path, pack: Pack) -> Model:
    """A linkage model trained for this pack. Raises ``NotGiven`` and ``ModelError``."""
    check_readable(path)
    model = parse_model(path.read_bytes(), str(path))
    if model.pack != pack.name:
        raise NotGiven(
            f"{path} was trained for pack '{model.pack}', not '{pack.name}'; "
            f"give --rules {model.pack}, or train a model for this pack"
        )
    return model


def faults_of_pack(name_or_path: str) -> list[Fault]:
    """Everything wrong with a pack and the files it includes. Raises ``NotGiven`` or, where its own
    file is no text, ``Fault``."""
    text, origin, beside = _read_named(name_or_path, resources.files("service.rules") / "packs")
    return pack_faults(text, origin, beside)


def copy_pack(name_or_path: str, folder: Path) -> list[Path]:
    """Write a sound pack and the files it includes to a folder. Raises ``Fault``, or ``NotGiven`` where
    one of them is there already."""
    text, origin, beside = _read_named(name_or_path, resources.files("service.rules") / "packs")
    written = parse_pack(text, origin, beside).written
    parts = (written.lexicon, written.offences, written.reasons, written.signatures)
    included = [part for part in parts if part]
    files = {folder / f"{Path(origin).stem}.yaml": text}
    files |= {folder / part: beside(part) for part in included}
    for target in files:
        if target.exists():
            raise NotGiven(f"{target} is there already; say another --out")
    for target, content in files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    return list(files)


def read_signatures() -> Signatures:
    """The ways of going unrecorded, as shipped."""
    file = resources.files("service.rules") / "packs" / "signatures.yaml"
    return parse_signatures(file.read_text(encoding="utf-8"), file.name)


def shipped(room: str) -> list[str]:
    """Names of what is shipped in ``mappings`` or ``packs``."""
    package = {"mappings": "service.ingest", "packs": "service.rules"}[room]
    return _names(resources.files(package) / room)


INCLUDED = frozenset({"lexicon", "reasons", "signatures"})
"""Files that are part of packs and no packs themselves."""


def _names(room: Traversable) -> list[str]:
    names = {each.name[:-5] for each in room.iterdir() if each.name.endswith(".yaml")}
    return sorted(names - INCLUDED)


def _read_named(name: str, room: Traversable) -> tuple[str, str, Any]:
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        folder: Traversable = path.parent
        file: Traversable = path
    else:
        folder, file = room, room / f"{name}.yaml"
    if not file.is_file():
        if folder is not room:
            raise NotGiven(f"{name} {'is a directory' if file.is_dir() else 'does not exist'}")
        has = ", ".join(_names(room))
        raise NotGiven(f"there is no '{name}'; shipped are {has}, or give the path of a .yaml file")

    def beside(part: str) -> str:
        other = folder / part
        if not other.is_file():
            raise Fault(str(file), 1, f"'{part}' is not beside it", "put it there or mend the name")
        return _text(other, part)

    return _text(file, name), name, beside


def _text(file: Traversable, origin: str) -> str:
    try:
        return str(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        line = bytes(error.object).count(b"\n", 0, error.start) + 1
        raise Fault(origin, line, "not UTF-8", "save the file as UTF-8") from None
    except OSError as error:
        raise NotGiven(f"{origin} cannot be read: {error.strerror}") from None


def read_person_key(path: Path) -> PersonKey:
    """A force's key for people: a line with its name, a colon, the secret; after a change of key, one
    such line for each, the newest last. Raises ``Fault`` or ``NotGiven``; what the file holds is never
    repeated."""
    if not path.is_file():
        raise NotGiven(f"there is no key for people at {path}")
    key = None
    for number, line in enumerate(_text(path, str(path)).strip().splitlines(), start=1):
        name, colon, secret = line.strip().partition(":")
        if not colon or not re.fullmatch(r"[A-Za-z0-9_-]{1,20}", name):
            remedy = "write a short name, a colon, the secret"
            raise Fault(str(path), number, "this is no key", remedy)
        if len(secret) < SHORTEST_SECRET:
            remedy = f"use at least {SHORTEST_SECRET} characters of chance"
            raise Fault(str(path), number, "the secret is too short", remedy)
        key = PersonKey(name, secret.encode(), wraps=key)
    if key is None:
        raise Fault(str(path), 1, "the file is empty", "write a short name, a colon, the secret")
    return key


MOST_SAMPLED = 500_000
"""Rows of a file looked at for a draft, at most."""


def sample(path: Path) -> tuple[Side, FileDraft]:
    """How a file looks to be written, and its columns looked at."""
    side = guess(path)
    opened = open_as(path, side)
    refused = 0

    def rows() -> Iterator[Any]:
        nonlocal refused
        for _, row in islice(opened.rows, MOST_SAMPLED):
            try:
                held = json.loads(row) if isinstance(row, bytes) else row
            except ValueError:
                held = None
            if isinstance(held, list | dict):
                yield held
            else:
                refused += 1

    try:
        looked = look(path.name, opened.header, rows())
    except InputBroken as broken:
        raise NotGiven(f"a draft needs a whole file: {broken}") from None
    return side, replace(looked, refused=refused)


def open_rows(path: Path, feed: Feed) -> Opened:
    """A file's rows for one feed, plain or gzip. Rows raise ``InputBroken`` where the file ends early;
    ``NotGiven`` is raised at once where it is none."""
    return open_as(path, feed.written)
