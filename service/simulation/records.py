"""The crime system's side: what is recorded, changed and taken away again."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from service.simulation.draws import one_of
from service.simulation.happenings import Crime, Happening
from service.simulation.narratives import Narrator
from service.simulation.parameters import Kind, Parameters
from service.simulation.population import Population
from service.simulation.recording import LESS, Fate
from service.simulation.story import Change, Feed, Version, versions

_OTHER_FORCES = ("Derbyshire", "Nottinghamshire", "Warwickshire", "British Transport Police")
NOT_NOTIFIABLE = "000/00"
"""A code of the force's own that no list of notifiable offences has."""
_OUTCOMES = ("14", "15", "16", "18", "8", "1", "3")


class CrimeSystem:
    """Makes records of fates."""

    def __init__(self, parameters: Parameters, population: Population, narrator: Narrator) -> None:
        self._parameters = parameters
        self._population = population
        self._narrator = narrator

    def versions(
        self, happening: Happening, n: int, fate: Fate, log_refs: tuple[str, ...], rng: Random
    ) -> Iterator[Version]:
        """The life of the record of crime ``n``, where one is made."""
        made = recorded_at(happening, fate)
        if made is None:
            return
        crime, ref = happening.crimes[n], record_ref(happening, n)
        document = self._document(happening, crime, ref, fate, rng) | {"incident_refs": log_refs}
        changes = [Change(made, {"recorded_at": _claimed(happening, fate, made)})]
        taken = made + timedelta(hours=20 + rng.random() * 100)
        changes += self._taken_away(fate, ref, made, taken)
        if len(changes) == 1:
            changes += self._later(crime, made, rng)
        if fate.how in ("duplicate_record", "cancelled_C3"):
            yield from self._twin(document, changes, fate, taken)
            return
        yield from versions(Feed.RECORDS, document, changes)

    def doma_form(self, happening: Happening, ref: str, at: datetime) -> Iterator[Version]:
        """A domestic form in the crime system: a record, but of no crime."""
        document = {
            "force": self._parameters.force,
            "ref": record_ref(happening, 7),
            "kind": "non_crime_occurrence",
            "reported_at": happening.received_at,
            "recorded_at": at,
            "incident_refs": (ref,),
            "place": happening.place.document(),
            "flags": ("domestic abuse",),
        }
        return versions(Feed.RECORDS, document, [Change(at, {})])

    # -- how it begins ------------------------------------------------------------------------

    def _document(
        self, happening: Happening, crime: Crime, ref: str, fate: Fate, rng: Random
    ) -> dict[str, Any]:
        code = crime.offence.code
        if fate.other_class:
            code = LESS.get(crime.offence.kind, "125/09")
        document = {
            "force": self._parameters.force,
            "ref": ref,
            "kind": "crime",
            "reported_at": happening.received_at.replace(second=0),
            "offence_code": code,
            "officer": self._population.officer(int(rng.random() * 900)),
            "place": self._place(happening, rng),
            "committed_from": happening.occurred_at,
            "committed_to": happening.occurred_at + timedelta(minutes=int(rng.random() * 90)),
            "mo_text": self._narrator.say(
                f"mo.{_method(self._parameters.kinds[crime.offence.kind])}", rng
            ),
        }
        unidentified = rng.random() < self._parameters.log.unidentified_record
        if crime.victim is not None and not unidentified:
            document["victims"] = (crime.victim.key,)
        if crime.suspect is not None:
            document["suspects"] = (crime.suspect.key,)
        if happening.domestic:
            document["flags"] = ("domestic abuse",)
        if fate.how == "crime_related_incident":
            document["kind"] = "crime_related_incident"
        elif fate.how.startswith("n100"):
            document["kind"] = "reported_incident"
            document["offence_code"] = "100/01" if fate.how == "n100" else "100"
        return document

    def _place(self, happening: Happening, rng: Random) -> dict[str, Any]:
        """The same place as typed by somebody else: a little off, sometimes without coordinates."""
        place, u = happening.place.document(), rng.random()
        if u < self._parameters.recording.no_coordinates:
            return {"area": place["area"], "text": place["text"]}
        if u < self._parameters.recording.other_coordinates:
            place["latitude"] = round(place["latitude"] + (rng.random() - 0.5) * 0.004, 5)
            place["longitude"] = round(place["longitude"] + (rng.random() - 0.5) * 0.004, 5)
        return place

    # -- how it goes on -----------------------------------------------------------------------

    def _later(self, crime: Crime, made: datetime, rng: Random) -> list[Change]:
        """Another class, an outcome: what does not take it away."""
        changes, u = [], rng.random()
        if u < self._parameters.recording.reclassified and crime.offence.code == "008/06":
            at = made + timedelta(hours=5 + 90 * rng.random())
            change = {"from_code": crime.offence.code, "by": "decision_maker", "at": at}
            fields = {"offence_code": "008/01", "status": "reclassified"}
            changes.append(Change(at, {**fields, "reclassification": change}))
        if rng.random() < 0.4:
            at = made + timedelta(days=1 + 9 * rng.random())
            changes.append(Change(at, {"outcome": one_of(rng, _OUTCOMES), "outcome_at": at}))
        return changes

    def _taken_away(self, fate: Fate, ref: str, made: datetime, at: datetime) -> list[Change]:
        told = at - timedelta(hours=2)
        other = f"XF/{ref[-6:]}"
        proper: dict[str, dict[str, Any]] = {
            "proper_C1": {"decided_by": "decision_maker", "other_ref": other},
            "proper_C2": {
                "decided_by": "registrar",
                "information_what": True,
                "information_from": True,
                "information_verifiable": True,
            },
            "proper_C4": {"decided_by": "decision_maker"},
            "proper_C5": {"decided_by": "decision_maker"},
        }
        if fate.how in proper:
            given = {"code": fate.how[-2:], "independent": True, "decided_at": at}
            given |= {"victim_told_at": told} | proper[fate.how]
            return [Change(at, {"status": "cancelled", "cancellation": given})]
        if fate.how == "reclassified":
            change = {"from_code": "", "by": "officer_in_case", "at": at}
            fields = {"status": "reclassified", "offence_code": NOT_NOTIFIABLE}
            return [Change(at, {**fields, "reclassification": change})]
        if fate.how in ("cancelled_C1", "cancelled_C2", "cancelled_C4", "cancelled_C5"):
            given = {"code": fate.how[-2:], "decided_by": "officer_in_case", "decided_at": at}
            return [Change(at, {"status": "cancelled", "cancellation": given})]
        if fate.how in ("transferred", "transferred_no_ref"):
            fields = {"status": "transferred", "transferred_to": _OTHER_FORCES[len(ref) % 4]}
            if fate.how == "transferred":
                fields["transferred_ref"] = other
            return [Change(at, fields)]
        return []

    def _twin(
        self, document: dict[str, Any], changes: list[Change], fate: Fate, at: datetime
    ) -> Iterator[Version]:
        """Cancelled as part of another record: one that lives, or, wrongly, one that does not."""
        twin = f"{document['ref']}D"
        given = {"code": "C3", "independent": True, "decided_by": "decision_maker"}
        given |= {"decided_at": at, "victim_told_at": at, "other_ref": document["ref"]}
        if fate.how == "cancelled_C3":
            gone = {**given, "other_ref": twin}
            cancelled = Change(at, {"status": "cancelled", "cancellation": gone})
            yield from versions(Feed.RECORDS, document, [changes[0], cancelled])
            return
        yield from versions(Feed.RECORDS, document, changes)
        first = changes[0]
        second = Change(first.at + timedelta(minutes=40), {**first.fields})
        cancelled = Change(at, {"status": "cancelled", "cancellation": given})
        yield from versions(Feed.RECORDS, {**document, "ref": twin}, [second, cancelled])


def record_ref(happening: Happening, n: int) -> str:
    """Reference of the record of a happening's crime ``n``, whether or not one is made."""
    day = happening.day
    return f"{day:%y}*{day.timetuple().tm_yday:03}{happening.number:05}{n}"


def recorded_at(happening: Happening, fate: Fate) -> datetime | None:
    """When its record is truly made; None where none is."""
    return None if fate.after is None else happening.received_at + fate.after


def _claimed(happening: Happening, fate: Fate, made: datetime) -> datetime:
    """The recording time that the record gives."""
    return happening.received_at + timedelta(hours=3) if fate.backdated else made


def _method(kind: Kind) -> str:
    """Which methods suit a kind of crime."""
    if kind.per == "state":
        return "state"
    return "property" if kind.per in ("household", "organisation") else kind.group
