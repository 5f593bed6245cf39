"""A log's life, or a referral's: opened, added to, closed, sometimes opened again."""

from datetime import datetime, timedelta
from math import exp
from random import Random
from typing import Any

from msgspec import Struct

from schemas.words import ReceivedVia, ReportedBy
from service.simulation.closing import closing
from service.simulation.draws import count, one_of
from service.simulation.happenings import Crime, Happening
from service.simulation.narratives import Narrator
from service.simulation.parameters import Parameters
from service.simulation.population import Population, Someone
from service.simulation.recording import UNSEEN, Ending, Fate, Way
from service.simulation.records import record_ref
from service.simulation.story import Change, Feed, Version, entry, versions


class Reference(Struct, frozen=True):
    """How a record and its log point at each other."""

    named: tuple[str, ...]
    """Logs that the record names."""
    written_back: datetime | None
    """When the log is given the record's reference."""


UNLISTED = "local 77b"
"""A code of the force's own that no list has."""
NOWHERE = Reference((), None)

_INNOCENT = {"conduct": "neighbours", "violence": "concern", "sexual": "concern"}
_OFFICER = {
    "violence": "violence", "sexual": "sexual", "conduct": "conduct", "other": "property",
}  # fmt: skip
_HIDING = {Way.DOMESTIC: "domestic", Way.ASB: "conduct", Way.CONDUCT: "conduct"}
_PRIORITIES = ("1", "2", "2", "3", "4")


class LogKeeper:
    """Writes logs and referrals of happenings and their crimes' fates."""

    def __init__(self, parameters: Parameters, population: Population, narrator: Narrator) -> None:
        self._parameters = parameters
        self._habits = parameters.log
        self._population = population
        self._narrator = narrator

    def versions(
        self,
        happening: Happening,
        fates: tuple[Fate, ...],
        references: tuple[Reference, ...],
        rng: Random,
        words: Random,
    ) -> list[Version]:
        """Every version of the log (or referral) of a happening."""
        referral = happening.route == "referral"
        opened = happening.received_at + _untriaged(happening, fates, rng)
        document = self._opening(happening, fates, rng)
        if not referral:
            document["opened_at"] = opened
            document["priority"] = one_of(rng, _PRIORITIES)
        text = self._account(happening, fates, words)
        writer = "public_protection" if referral else "call_handler"
        changes = [Change(opened, {}, entry(opened, writer, "REMARKS", text))]
        hours = self._habits.open_hours * exp(rng.gauss(0, 0.9)) * (5 if referral else 1)
        closed = opened + timedelta(seconds=int(min(hours, 60) * 3600) + 240)
        changes += self._meanwhile(happening, fates, opened, closed, rng, words)
        changes += closing(self._parameters, self._narrator, happening, fates, closed, rng, words)
        changes += self._written_back(happening, references, opened)
        if changes and rng.random() < self._habits.reopened:
            changes += self._reopened(changes, words, rng)
        feed = Feed.REFERRALS if referral else Feed.INCIDENTS
        return list(versions(feed, document, changes))

    def further_caller(self, happening: Happening, n: int, words: Random) -> list[Version]:
        """The log of somebody else who calls about the same incident: closed as its duplicate."""
        received = happening.received_at + timedelta(seconds=40 + 170 * n)
        opened, closed = received + timedelta(seconds=25), received + timedelta(minutes=9 + n)
        kind = self._parameters.kinds.get(happening.kind)
        matter = self._parameters.matters.get(happening.kind)
        codes = kind.opening if kind else matter.opening if matter else ()
        document = {
            "kind": "incident",
            "force": self._parameters.force,
            "ref": log_ref(happening, n),
            "received_at": received,
            "received_via": "non_emergency_call",
            "reported_by": "other_third_party",
            "opened_at": opened,
            "opening_codes": (codes[0],),
            "place": happening.place.document(),
        }
        text = self._narrator.first_account(happening.kind, happening.domestic, words)
        link = {"ref": log_ref(happening), "relation": "duplicate_of"}
        done = {"closed_at": closed, "closing_codes": ("duplicate",), "linked_logs": (link,)}
        last = self._narrator.entry("close.duplicate", words)
        changes = [
            Change(opened, {}, entry(opened, "call_handler", "REMARKS", text)),
            Change(closed, done, entry(closed, "call_handler", "DISPOSE", last)),
        ]
        return list(versions(Feed.INCIDENTS, document, changes))

    # -- as it is opened ----------------------------------------------------------------------

    def _opening(
        self, happening: Happening, fates: tuple[Fate, ...], rng: Random
    ) -> dict[str, Any]:
        document: dict[str, Any] = {
            "kind": "incident",
            "force": self._parameters.force,
            "ref": log_ref(happening),
            "received_at": happening.received_at,
            "received_via": happening.via.value,
            "reported_by": happening.reported_by.value,
            "occurred_from": happening.occurred_at,
            "place": happening.place.document(),
            "people": self._people(happening, fates, rng),
            "qualifiers": self._qualifiers(happening, fates, rng),
            "opening_codes": (self._code(happening, fates, rng),),
        }
        if happening.route == "referral":
            document |= {"kind": "referral", "opening_codes": ()}
            document["sending_body"] = one_of(rng, self._parameters.referrals.bodies)
        if happening.crimes:
            per = self._parameters.kinds[happening.kind].per
            kinds = {"organisation": "organisation", "state": "none"}
            if any(person["role"] == "victim" for person in document["people"]) or per in kinds:
                document["victim_kind"] = kinds.get(per, "person")
            if fates[0].how == "crime_related_incident":
                document["victim_kind"] = "none"
                nobody = [each for each in document["people"] if each["role"] != "victim"]
                document["people"] = nobody
            if fates[0].how == "schools_protocol":
                document["school"] = {"premises": True, "in_hours": True}
        if happening.kind == "national_fraud":
            document["recording_body"] = "Action Fraud"
            document["recording_body_ref"] = f"NFRC{happening.day:%y%m}{happening.number:06}"
        if rng.random() < self._habits.related:
            earlier = f"LEI-{happening.day - timedelta(days=9):%Y%m%d}-{happening.number:05}"
            document["linked_logs"] = ({"ref": earlier, "relation": "related"},)
        return document

    def _people(
        self, happening: Happening, fates: tuple[Fate, ...], rng: Random
    ) -> list[dict[str, str]]:
        seen = visible(happening, fates)
        hidden_key = rng.random() < self._habits.unidentified
        u = rng.random()
        people: list[dict[str, str]] = []
        if not seen:
            roles = ("victim" if u < self._habits.victim_in_matter else "reporter", "other")
            return [
                _person(role, someone)
                for role, someone in zip(roles, happening.people, strict=False)
            ]
        victims = dict.fromkeys(c.victim for c in seen if c.victim is not None)
        lost = all(fate.ending is Ending.MISSED for fate in fates)
        role = "reporter" if lost and u < self._habits.victim_as_reporter else "victim"
        people += [_person(role, victim) for victim in victims]
        if hidden_key and people:
            people[0].pop("key", None)
        suspects = dict.fromkeys(c.suspect for c in seen if c.suspect is not None)
        people += [_person("suspect", suspect) for suspect in suspects]
        return people

    def _qualifiers(
        self, happening: Happening, fates: tuple[Fate, ...], rng: Random
    ) -> tuple[str, ...]:
        made = []
        always = any(fate.way is Way.DOMESTIC for fate in fates)
        u = rng.random()
        if happening.domestic and (always or u < 0.85):
            made.append("domestic abuse")
        kind = self._parameters.kinds.get(happening.kind)
        if kind is not None and kind.child and u < 0.5:
            made.append("vulnerable child/young person")
        if any(crime.offence.name in ("9B", "105B", "8P", "8M") for crime in happening.crimes):
            made.append("racial")
        if rng.random() < 0.1:
            made.append("alcohol")
        if happening.kind in ("concern", "missing", "hospital") and u < 0.25:
            made.append("mental health")
        return tuple(made)

    def _code(self, happening: Happening, fates: tuple[Fate, ...], rng: Random) -> str:
        unknown, coarse, vague = rng.random(), rng.random(), rng.random()
        which = rng.random()
        if unknown < self._habits.unknown_code:
            return UNLISTED
        kind = self._parameters.kinds.get(happening.kind)
        if kind is None:
            codes = self._parameters.matters[happening.kind].opening
            return codes[int(which * len(codes))]
        main = fates[0]
        hides = main.way in _HIDING and vague < 0.75
        if hides or vague < kind.vague or main.how == "never_typed":
            name = _HIDING.get(main.way, kind.group) if hides and main.way else kind.group
            name = "child" if kind.child else "domestic" if happening.domestic else name
            codes = self._parameters.vague[name]
            return codes[int(which * len(codes))]
        codes = kind.opening
        if coarse < self._habits.coarse_opening:
            codes = self._parameters.confused.get(kind.category, codes)
        return codes[int(which * len(codes))]

    def _account(self, happening: Happening, fates: tuple[Fate, ...], words: Random) -> str:
        if happening.crimes and fates[0].how == "never_typed":
            group = self._parameters.kinds[happening.kind].group
            kind = "domestic" if happening.domestic else _INNOCENT.get(group, "suspicious")
            return self._narrator.first_account(kind, happening.domestic, words)
        text = self._narrator.first_account(happening.kind, happening.domestic, words)
        for crime, fate in list(zip(happening.crimes, fates, strict=True))[1:]:
            if fate.how != "hidden":
                same = crime.offence.kind == happening.kind
                text += self._narrator.beside("victim" if same else crime.offence.kind, words)
        return text

    # -- as it goes on ------------------------------------------------------------------------

    def _meanwhile(
        self,
        happening: Happening,
        fates: tuple[Fate, ...],
        opened: datetime,
        closed: datetime,
        rng: Random,
        words: Random,
    ) -> list[Change]:
        span = closed - opened
        changes = []
        for _ in range(min(count(rng, self._habits.further_entries), 9)):
            at = opened + timedelta(seconds=int(span.total_seconds() * rng.random() * 0.9) + 60)
            text = self._narrator.entry("busy", words)
            changes.append(Change(at, {}, entry(at, "system", "UNIT REMARK", text)))
        at = opened + timedelta(seconds=int(span.total_seconds() * 0.8))
        fields: dict[str, Any] = {}
        symbol = self._attended(happening, fates, rng)
        per = self._parameters.kinds[happening.kind].per if happening.crimes else ""
        if per == "state":
            fields["results"] = ("arrest",) if rng.random() < 0.5 else ("seizure",)
        elif symbol == "officer.violence" and rng.random() < 0.15:
            fields["results"] = ("arrest",)
        third_party = happening.reported_by is ReportedBy.OTHER_THIRD_PARTY
        if third_party and per not in ("", "state"):
            word = "untraceable" if fates[0].how == "third_party" else "yes"
            fields |= {"victim_confirmed": word, "victim_confirmed_at": at}
        if happening.route == "referral":
            fields.pop("results", None)
        text = self._narrator.entry(symbol, words)
        changes.append(Change(at, fields, entry(at, "officer", "UNIT REMARK", text)))
        return changes

    def _attended(self, happening: Happening, fates: tuple[Fate, ...], rng: Random) -> str:
        """What the officer's entry speaks of."""
        if not happening.crimes or fates[0].how == "never_typed":
            return "officer.none"
        if fates[0].how == "overridden":
            return "close.overridden"
        kind = self._parameters.kinds[happening.kind]
        if happening.kind == "affray":
            return "officer.fight"
        if kind.per == "state":
            return "officer.state"
        missed = fates[0].ending is Ending.MISSED
        if rng.random() < (0.6 if missed else 0.2):
            return "busy"
        return f"officer.{_OFFICER[kind.group]}"

    def _written_back(
        self, happening: Happening, references: tuple[Reference, ...], opened: datetime
    ) -> list[Change]:
        changes = []
        known: tuple[str, ...] = ()
        back = [
            (max(reference.written_back, opened + timedelta(minutes=2)), n)
            for n, reference in enumerate(references)
            if reference.written_back is not None
        ]
        for at, n in sorted(back):
            known = (*known, happening.continues or record_ref(happening, n))
            changes.append(Change(at, {"crime_refs": known}))
        return changes

    def _reopened(self, changes: list[Change], words: Random, rng: Random) -> list[Change]:
        closes = [change for change in changes if change.fields.get("closed_at")]
        if not closes:
            return []
        last = closes[-1]
        at = last.at + timedelta(hours=6 + rng.random() * 130)
        again = at + timedelta(hours=2)
        text = self._narrator.entry("reopen", words)
        return [
            Change(at, {"closed_at": None}, entry(at, "call_handler", "REMARKS", text)),
            Change(again, {"closed_at": again}),
        ]


def log_ref(happening: Happening, caller: int = 0) -> str:
    """Reference of its log or referral; of a further caller's log."""
    prefix = "PPU" if happening.route == "referral" else "LEI"
    return f"{prefix}-{happening.day:%Y%m%d}-{happening.number + 20_000 * caller:05}"


def visible(happening: Happening, fates: tuple[Fate, ...]) -> list[Crime]:
    """Crimes that the log shows."""
    return [
        crime for crime, fate in zip(happening.crimes, fates, strict=True) if fate.how not in UNSEEN
    ]


def _person(role: str, someone: Someone) -> dict[str, str]:
    return {"role": role, "key": someone.key, "age_band": someone.age.value}


def _untriaged(happening: Happening, fates: tuple[Fate, ...], rng: Random) -> timedelta:
    """From receipt to opening."""
    u = rng.random()
    if any(fate.way is Way.ONLINE for fate in fates):
        return timedelta(seconds=int((25 + 30 * u) * 3600))
    if happening.via is ReceivedVia.ONLINE:
        return timedelta(seconds=300 + int(u * u * 6 * 3600))
    if happening.via in (ReceivedVia.EMAIL, ReceivedVia.REFERRAL):
        return timedelta(seconds=600 + int(u * u * 8 * 3600))
    return timedelta(seconds=10 + int(u * 80))
