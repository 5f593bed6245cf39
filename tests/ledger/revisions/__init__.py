"""Small ledgers, each made by the program of its revision; what is upgraded from is never made up later.

``python -m tests.ledger.revisions`` makes the one of this program's revision; do so for each release.
"""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

from service.ledger import copying
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade, wanted_revision
from tests.kafka.feed import NOW, apply_to, events

HERE = Path(__file__).parent


def make() -> Path:
    """A ledger at this program's revision, with a little of everything."""
    with TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/made.db")
        upgrade(ledger.engine)
        apply_to(ledger, events(60), NOW)
        copying.back_up(ledger, Path(folder) / "copy.db")
        ledger.close()
        file = HERE / f"{wanted_revision()}.db.gz"
        file.write_bytes(gzip.compress((Path(folder) / "copy.db").read_bytes(), mtime=0))
    return file


def unpacked(file: Path, folder: Path) -> Path:
    """One of them, as a file that can be opened."""
    path = folder / file.name.removesuffix(".gz")
    path.write_bytes(gzip.decompress(file.read_bytes()))
    return path
