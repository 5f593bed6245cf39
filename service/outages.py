"""Outages of sources that a site declares in a file: nobody is paged, and nothing else changes.

What rests on such a source stays *not provable* and the alert about it is raised all the same. The file is
read whenever it is asked for, so that what is written there at night counts at once:

    - {force: "33", source: native/incidents, from: 2026-01-10T22:00:00Z, until: 2026-01-11T04:00:00Z}
"""

from datetime import datetime
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from service.settings import SettingsWrong


class Outage(BaseModel):
    """One outage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    force: str = Field(min_length=1, max_length=100)
    source: str = Field(min_length=1, max_length=200)
    """As the ledger names it: mapping/side."""
    since: AwareDatetime = Field(alias="from")
    until: AwareDatetime

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until <= self.since:
            raise ValueError("'until' is not after 'from'")
        return self

    def runs(self, now: datetime) -> bool:
        """Is it running?"""
        return self.since <= now < self.until


def declared(path: Path | None) -> tuple[Outage, ...]:
    """What the file declares. Raises ``SettingsWrong``; nothing of the file is repeated but its lines."""
    if path is None:
        return ()
    where = f"RECOUNT_OUTAGES_FILE: {path}"
    try:
        held: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsWrong(f"{where} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError):
        raise SettingsWrong(f"{where} is not YAML; write one outage a line") from None
    if held is None:
        return ()
    if not isinstance(held, list):
        raise SettingsWrong(f"{where} holds no list; begin each outage with '-'")
    found = []
    for n, each in enumerate(held, 1):
        try:
            found.append(Outage.model_validate(each))
        except ValidationError as error:
            wrong = error.errors(include_input=False, include_url=False)[0]
            field = ".".join(map(str, wrong["loc"])) or "outage"
            raise SettingsWrong(
                f"{where}, outage {n}, {field}: {wrong['msg']}; give force, source, from and until, "
                "times with their offset"
            ) from None
    return tuple(found)


def running(path: Path | None, now: datetime) -> dict[tuple[str, str], Outage]:
    """Outages that run now, by force and source; of several the one that ends last. Raises as
    ``declared``."""
    last = sorted(declared(path), key=lambda each: each.until)
    return {(each.force, each.source): each for each in last if each.runs(now)}
