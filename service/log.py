"""The log of a running service: one event a line, JSON for machines, readable on a terminal.

Events are named by an ``action`` word and carry the force and the position they are about; never a
name, never free text (G9). What libraries log goes the same way, from warnings up.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

_FALSE_ALARMS = ("has not committed", "stream has not started", "stopped processing", "no active")
"""Faust's own alarms that are known to be wrong; the worker watches its progress itself."""

REPEATS_MAX = 5
"""Lines with one text that a library may write in ``REPEATS_PER`` seconds; a broker that is gone
brings ten a second for ever."""
REPEATS_PER = 60.0


class _Sparing(logging.Filter):
    """Lets a library say one thing a few times a minute, and known false alarms never."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[object, list[float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Is this line to be written?"""
        if record.name == "recount":
            return True
        text = str(record.msg)
        if record.name.startswith(("faust", "mode")) and any(
            words in text.lower() for words in _FALSE_ALARMS
        ):
            return False
        said = [at for at in self._said.get(text, ()) if record.created - at < REPEATS_PER]
        if len(said) >= REPEATS_MAX:
            return False
        if len(self._said) > 1000:
            self._said.clear()
        self._said[text] = [*said, record.created]
        return True


def set_up_log(level: str = "info", *, readable: bool | None = None) -> None:
    """Send everything that is logged to standard error; ``readable``: None asks the terminal."""
    if readable is None:
        readable = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.EventRenamer("action"),
    ]
    last: Any = (
        structlog.dev.ConsoleRenderer(event_key="action")
        if readable
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _library_event],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(formatter)
    out.addFilter(_Sparing())
    root = logging.getLogger()
    root.handlers[:] = [out]
    root.setLevel(logging.WARNING)
    logging.getLogger("recount").setLevel(level.upper())


def log() -> Any:
    """The service's own logger: ``log().info("turn", force="33", position=12)``."""
    return structlog.stdlib.get_logger("recount")


def trail(error: BaseException) -> list[str]:
    """Where an error arose, file and line, outermost first; without its words, which may be personal."""
    return [f"{each.filename}:{each.lineno}" for each in traceback.extract_tb(error.__traceback__)]


def _library_event(
    _logger: Any, _name: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """What a library says is its own text under one action, without its traceback's locals."""
    record = event.get("_record")
    event["library"] = record.name if record is not None else ""
    event["text"] = event.get("action")
    event["action"] = "library"
    return event
