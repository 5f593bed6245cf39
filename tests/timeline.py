"""Scenarios as timelines: what arrives when, and what is said because of it.

A ``Timeline`` holds one lane in memory and folds one input at a time, as a turn would, after putting
the whole lane through its stored form: what does not survive a restart fails here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from schemas.crimes import CrimeRecord
from schemas.reports import IncidentLog, Referral
from schemas.words import AlertType, Verdict
from service.alerts.actors import EVERY_FORCE, Actor, ActorRole
from service.effects import (
    Answer,
    AnswerCommand,
    Asked,
    CommandGiven,
    CoverageStated,
    HeartbeatSeen,
    Input,
    InputLost,
    Lane,
    RaiseEvent,
    RecordSeen,
    ReportSeen,
    RulesChanged,
    Sealed,
    Tick,
    TrackReport,
)
from service.engine import decide
from service.ingest.source import Blank, CodeColumn, CodeMap, Source, Topic
from service.matching.judgement import Line
from service.matching.judgement import decode as read_line
from service.pointers import Rulebook
from service.rules.observe import Observer
from service.rules.pack import Pack, parse_pack

MONDAY = datetime(2024, 1, 15, tzinfo=UTC)

CODES = CodeMap(columns=(CodeColumn("opening", {"crime": "yes", "welfare": "no"}, Blank.NO_CRIME),))
"""A small force's own answer: ``crime`` shows a crime, ``welfare`` does not, anything else is unknown."""


@cache
def shipped_pack(name: str) -> Pack:
    """A pack as it is shipped."""
    room = resources.files("service.rules") / "packs"
    for suffix in (f"{name}.yaml", f"{name}/pack.yaml"):
        file = room.joinpath(*suffix.split("/"))
        if file.is_file():
            folder = room.joinpath(*suffix.split("/")[:-1]) if "/" in suffix else room

            def include(part: str, folder: Any = folder) -> str:
                return str((folder / part).read_text(encoding="utf-8"))

            return parse_pack(file.read_text(encoding="utf-8"), suffix, include)
    raise LookupError(name)


def sources(
    code_map: CodeMap | None = CODES,
    since: datetime | None = MONDAY - timedelta(days=400),
    **changes: Any,
) -> dict[str, Source]:
    """A log, a crime system and referrals; ``log={...}`` and so on change one of them."""
    made = {
        "log": Source(name="log", topic=Topic.INCIDENT_LOG, code_map=code_map),
        "crimes": Source(name="crimes", topic=Topic.CRIME_RECORD, covers_from=since),
        "referrals": Source(name="referrals", topic=Topic.REFERRAL, code_map=code_map),
    }
    for name, change in changes.items():
        made[name] = msgspec.structs.replace(made[name], **change)
    return made


class Timeline:
    """One force, one input after another."""

    def __init__(self, pack: str = "umd", rulebook: Rulebook | None = None, **changes: Any) -> None:
        self.rulebook = rulebook or Rulebook(shipped_pack(pack), sources(**changes))
        self.lane = Lane(force="33")
        self.now = MONDAY
        self.events: list[RaiseEvent] = []
        self.lines: dict[str, Line] = {}
        self.inputs: list[Input] = []
        self.answers: list[Answer] = []
        self._told = 0
        self._asked = 0

    # -- time and inputs --------------------------------------------------------------------------

    def at(self, moment: str | datetime) -> "Timeline":
        """``09:30``, ``+1 09:30`` (days after Monday 15 January 2024, UTC), or an instant."""
        if isinstance(moment, datetime):
            self.now = moment.astimezone(UTC)
            return self
        day, _, clock = moment.rpartition(" ")
        hour, minute = clock.split(":")
        self.now = MONDAY + timedelta(days=int(day or 0), hours=int(hour), minutes=int(minute))
        return self

    def report(self, ref: str, *, source: str = "log", **fields: Any) -> "Timeline":
        """A report arrives now; ``received_at`` is now unless given."""
        kind = IncidentLog if source == "log" else Referral
        fields = {"force": "33", "received_at": self.now, "known_at": self.now, **fields}
        contract = kind.model_validate({"ref": ref, **fields})
        facts = Observer(self.rulebook.pack, self.rulebook.sources[source]).report(contract)
        return self.put(ReportSeen(facts=facts, known_at=self.now, event_at=facts.updated_at))

    def record(self, ref: str, *, source: str = "crimes", **fields: Any) -> "Timeline":
        """A record arrives now; made now unless ``recorded_at`` says otherwise."""
        fields = {"force": "33", "recorded_at": self.now, "kind": "crime", **fields}
        contract = CrimeRecord.model_validate({"ref": ref, "known_at": self.now, **fields})
        facts = Observer(self.rulebook.pack, self.rulebook.sources[source]).record(contract)
        return self.put(RecordSeen(facts=facts, known_at=self.now, event_at=facts.updated_at))

    def heartbeat(self, *names: str, until: datetime | None = None) -> "Timeline":
        """These sources (all, where none is named) promise nothing more from before now."""
        for name in names or self.rulebook.sources:
            self.put(HeartbeatSeen("33", name, until or self.now, self.now))
        return self

    def covers(
        self, name: str, since: datetime | None = None, until: datetime | None = None
    ) -> "Timeline":
        """A file of this source was read to its end."""
        return self.put(CoverageStated("33", name, since, until, self.now))

    def loses(self, name: str, since: datetime | None = None) -> "Timeline":
        """Input of this source was lost before it was read."""
        return self.put(InputLost("33", name, since, self.now))

    def tick(self, *read_to_end: str) -> "Timeline":
        """Time passes and nothing arrives."""
        return self.put(Tick("33", self.now, read_to_end))

    def does(
        self,
        asked: Asked,
        *,
        ref: str = "R1",
        role: str = "registrar",
        person: str = "p-1",
        typed: Iterable[str] = ("comment",),
        expected: int | None = None,
        command_id: str = "",
        officer_hash: str = "",
        forces: tuple[str, ...] = (EVERY_FORCE,),
    ) -> "Timeline":
        """A person gives a command now; ``typed``: which fields he filled in."""
        self._asked += 1
        given = CommandGiven(
            force="33",
            command_id=command_id or f"command-{self._asked}",
            actor=Actor(
                id=person,
                roles=(ActorRole(role),),
                forces=forces,
                via="test",
                officer_hash=officer_hash,
            ),
            known_at=self.now,
            asked=asked,
            ref=ref,
            expected=expected,
            text=Sealed("k", b"sealed", tuple(typed)) if typed else None,
        )
        return self.put(given)

    def answered(self, why: str = "", *lacks: str) -> "Timeline":
        """The last command was refused for this, lacking these; empty: it was accepted."""
        answer = self.answers[-1]
        held = answer.refused.value if answer.refused else ""
        assert (held, answer.lacks) == (why, lacks), f"{answer}\n{self.story()}"
        assert (answer.seq > 0) is answer.accepted
        return self

    def stands(self, ref: str, stage: str) -> "Timeline":
        """At which stage the alert of a report is."""
        assert self.lane.reports[ref].alert.stage == stage, self.story()
        return self

    def learn(self, **changes: Any) -> "Timeline":
        """Other sources (code maps) become active."""
        self.rulebook = Rulebook(self.rulebook.pack, sources(**changes))
        return self.put(RulesChanged("33", tuple(self.lane.reports), self.now))

    def put(self, each: Input) -> "Timeline":
        """Fold one input."""
        self.inputs.append(each)
        stored = msgspec.json.decode(msgspec.json.encode(self.lane), type=Lane)
        assert stored == self.lane, "the lane does not survive being stored"
        self.lane, effects = decide(stored, self.rulebook, [each])
        for effect in effects:
            if isinstance(effect, RaiseEvent):
                self.events.append(effect)
            elif isinstance(effect, AnswerCommand):
                self.answers.append(effect.answered.answer)
            elif isinstance(effect, TrackReport):
                self.lines[effect.state.facts.ref] = read_line(effect.line)
        return self

    # -- expectations -----------------------------------------------------------------------------

    def says(self, *expected: str) -> "Timeline":
        """What has been said since last asked, as ``type subject``, in order."""
        said = [f"{e.type} {e.subject}" for e in self.events[self._told :]]
        self._told = len(self.events)
        assert said == list(expected), f"said {said}, expected {list(expected)}\n{self.story()}"
        return self

    def verdict(self, ref: str, expected: str, reason: str | None = None) -> "Timeline":
        """The report's verdict as it stands, and the reason of its first crime."""
        line = self.lines[ref]
        held = self.lane.reports[ref].verdict
        assert held is line.verdict, "state and line disagree"
        assert line.verdict == Verdict(expected), f"{line}\n{self.story()}"
        if reason is not None:
            assert line.crimes[0].reason == reason, f"{line}\n{self.story()}"
        return self

    def story(self) -> str:
        """Everything that came in and was said, for a failing test."""
        rows: Iterable[str] = (
            *(f"  in  {i.known_at:%d %H:%M} {type(i).__name__} {_subject(i)}" for i in self.inputs),
            *(f"  out {e.at:%d %H:%M} {e.type} {e.subject} {e.detail}" for e in self.events),
        )
        return "\n".join(rows)


def _subject(each: Input) -> str:
    facts = getattr(each, "facts", None)
    if isinstance(each, CommandGiven):
        return f"{each.action} {each.ref} by {each.actor.roles[0]}"
    return str(facts.ref if facts else getattr(each, "source", ""))


def types(events: Iterable[RaiseEvent]) -> list[AlertType]:
    """Types of events, in order."""
    return [event.type for event in events]
