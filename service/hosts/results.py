"""The folder that ``recount replay`` leaves: whole, or not at all.

Everything is written beside its place and moved there at the end; a command that is stopped leaves what
was there before.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import msgspec

from service.figures.crimes import Figures
from service.hosts.replay import KINDS, Share
from service.ingest.coverage import is_declared
from service.ingest.mapping import SourceMapping
from service.ingest.source import Topic
from service.insight.page import About, SourceShown
from service.rules.pack import Pack


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to write into; its files take their place in ``target`` when all went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield made
        target.mkdir(exist_ok=True)
        for path in sorted(made.iterdir()):
            os.replace(path, target / path.name)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def write_lines(shares: Sequence[Share], folder: Path) -> None:
    """``verdicts``, ``claims`` and ``alerts``, in order of force; dead letters as they were met."""
    forces = sorted((force, share) for share in shares for force in share.forces)
    for kind in KINDS:
        parts = [share.file(kind, force) for force, share in forces]
        _join(parts, folder / f"{kind}.jsonl")
    _join([share.folder / "dead_letters" for share in shares], folder / "dead_letters.jsonl")


def _join(parts: Sequence[Path], target: Path) -> None:
    with target.open("wb") as whole:
        for part in parts:
            with part.open("rb") as lines:
                shutil.copyfileobj(lines, whole, 1 << 20)


def all_figures(shares: Sequence[Share]) -> Figures:
    """Figures over every share."""
    whole = Figures(shares[0].figures.zone)
    for share in shares:
        whole.merge(share.figures)
    return whole


def summary(shares: Sequence[Share], figures: Figures, seconds: float) -> dict[str, Any]:
    """``summary.json``: counts of reports, crimes, records, inputs and alerts, and what it cost."""
    inputs: Counter[str] = Counter()
    records: Counter[str] = Counter()
    alerts: Counter[str] = Counter()
    for share in shares:
        for counted in share.inputs.values():
            inputs.update(counted)
        records.update(msgspec.structs.asdict(share.records))
        alerts.update(share.alerts)
    return {
        **figures.summary(),
        "records": dict(records),
        "inputs": dict(inputs),
        "alerts": dict(sorted(alerts.items())),
        "seconds": round(seconds, 3),
        "events_per_second": round(inputs["read"] / seconds, 1) if seconds else 0.0,
        "peak_memory_mb": round(sum(share.peak_memory_mb for share in shares), 1),
    }


def about(
    mapping: SourceMapping, pack: Pack, shares: Sequence[Share], told: dict[str, Any], now: datetime
) -> About:
    """What the page says of the inputs; ``now`` stands for the data's end where there is no data."""
    feeds = {feed.source.name: feed for feed in mapping.feeds}
    states = [state for share in shares for state in share.sources]
    shown = [
        SourceShown(
            state=state,
            topic=feeds[state.source].source.topic,
            cut_by=feeds[state.source].source.cut_by,
            declared=is_declared(feeds[state.source]),
        )
        for state in sorted(states, key=lambda each: (each.force, each.source))
    ]
    connected = {each.topic for each in shown}
    return About(
        title=mapping.title or mapping.name,
        as_of=max((share.as_of for share in shares if share.as_of), default=now),
        zone=mapping.zone,
        forces=tuple(sorted(force for share in shares for force in share.forces)),
        pack=pack.name,
        pack_title=pack.title,
        pack_digest=pack.digest,
        sources=tuple(shown),
        inputs=told["inputs"],
        records=told["records"],
        blind_spots=tuple(topic for topic in Topic if topic not in connected),
        warnings=tuple(sorted({broken for share in shares for broken in share.broken})),
    )


def stated(about: About) -> dict[str, Any]:
    """What a later reader of the folder must know beside its lines, as ``about`` in ``summary.json``."""
    return {
        "title": about.title,
        "zone": about.zone,
        "as_of": about.as_of,
        "pack": about.pack,
        "pack_digest": about.pack_digest,
        "blind_spots": list(about.blind_spots),
    }
