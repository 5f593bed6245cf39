"""One input replayed under two packs, and what differs written down."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from service.hosts.files import read_mapping
from service.hosts.folders import read_lines
from service.hosts.replay import Request, Share
from service.hosts.results import write_lines
from service.hosts.shares import run_shares
from service.insight.changes import Changes, changes
from service.insight.diff_page import About, PackShown, as_json, render
from service.insight.differences import Differences, compare, pairs
from service.rules.pack import Pack


class Packs(Struct, frozen=True):
    """The two packs, by the names they were given by."""

    before_name: str
    before: Pack
    after_name: str
    after: Pack


def compare_packs(
    request: Request,
    packs: Packs,
    workers: int,
    scratch: Path,
    folder: Path | None,
    tell: Callable[[int], None],
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What differs, as JSON values, and files that could not be read to their end.

    Writes ``differences.jsonl``, ``diff.json`` and ``diff.html`` into ``folder`` where there is one.
    """
    changed = changes(packs.before, packs.after)
    shares: list[Share] = []
    for side, name in enumerate((packs.before_name, packs.after_name)):
        made, parts = scratch / str(side), scratch / f"{side}-parts"
        made.mkdir()
        parts.mkdir()
        run = run_shares(replace(request, pack=name), parts, workers, tell)
        write_lines(run, made)
        shares += run
    with ExitStack() as stack:
        file = stack.enter_context((folder / "differences.jsonl").open("wb")) if folder else None
        found = _compare(scratch / "0", scratch / "1", changed, file)
    mapping = read_mapping(request.mapping)
    about = About(
        title=mapping.title or mapping.name,
        zone=mapping.zone,
        as_of=max((share.as_of for share in shares if share.as_of), default=None),
        before=PackShown(packs.before.name, packs.before.title, packs.before.digest),
        after=PackShown(packs.after.name, packs.after.title, packs.after.digest),
        changed=changed,
    )
    told = as_json(found, about)
    if folder:
        document = msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"
        (folder / "diff.json").write_bytes(document)
        (folder / "diff.html").write_text(render(found, about), encoding="utf-8")
    return told, tuple(sorted({broken for share in shares for broken in share.broken}))


def _compare(before: Path, after: Path, changed: Changes, file: BinaryIO | None) -> Differences:
    counted = Differences()
    for old, new in pairs(read_lines([before]), read_lines([after])):
        difference = compare(old, new, changed)
        counted.add(old, new, difference)
        if file is not None and difference is not None:
            file.write(_canonical(difference) + b"\n")
    return counted


_canonical = msgspec.json.Encoder(order="sorted").encode
