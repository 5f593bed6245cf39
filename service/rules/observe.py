"""From a contract to the facts that are kept: text is read here and goes no further (G9)."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import TypeVar

import msgspec
from msgspec.structs import force_setattr

from schemas.crimes import Cancellation, CrimeRecord
from schemas.fields import Closure, NarrativeEntry, Place
from schemas.reports import IncidentLog, Referral
from schemas.words import AgeBand, LogRelation, PersonRole, Role
from service.ingest.source import Source
from service.rules.facts import CancellationFacts, ClosureFacts, RecordFacts, ReportFacts, Term
from service.rules.lexicon import Lexicon
from service.rules.pack import Pack

_CHILD = frozenset({AgeBand.UNDER_13, AgeBand.AGE_13_TO_15, AgeBand.AGE_16_TO_17})
_NOWHERE = Place(text=None)
_SAME = frozenset({LogRelation.SAME_INCIDENT, LogRelation.DUPLICATE_OF})
_NOBODY: tuple[tuple[str, ...], int, tuple[str, ...], bool] = ((), 0, (), False)
_encode = msgspec.json.Encoder().encode

Facts = TypeVar("Facts", ReportFacts, RecordFacts)


REMEMBERED = 10_000
"""Texts whose terms an observer remembers, at most: about 3 MB."""


class Observer:
    """Reads contracts of one source with one pack's lexicon."""

    def __init__(self, pack: Pack, source: Source) -> None:
        self._lexicon = pack.lexicon
        self._known: dict[bytes, tuple[tuple[str, str], ...]] = {}
        self._source = source.name

    def report(self, contract: IncidentLog | Referral) -> ReportFacts:
        """Facts of one version of a report."""
        place = contract.place or _NOWHERE
        school = contract.school
        victims, unnamed, suspects, child = _people(contract) if contract.people else _NOBODY
        log = contract if isinstance(contract, IncidentLog) else None
        same, related = _linked(contract)
        facts = ReportFacts(
            force=contract.force,
            ref=contract.ref,
            source="",
            version=contract.version,
            updated_at=contract.updated_at or contract.received_at,
            digest="",
            received_at=contract.received_at,
            referral=log is None,
            received_via=contract.received_via,
            reported_by=contract.reported_by,
            victim_kind=contract.victim_kind,
            victim_confirmed=contract.victim_confirmed,
            occurred_from=contract.occurred_from,
            occurred_to=contract.occurred_to,
            opened_at=log.opened_at if log else None,
            closed_at=contract.closed_at,
            opening=contract.opening_codes and _refs(contract.opening_codes),
            closing=contract.closing_codes and _refs(contract.closing_codes),
            qualifiers=contract.qualifiers and _refs(contract.qualifiers),
            results=log.results if log else (),
            victims=victims,
            unnamed_victims=unnamed,
            suspects=suspects,
            child_victim=child,
            officer=contract.officer or "",
            area=place.area or "",
            latitude=place.latitude,
            longitude=place.longitude,
            school_premises=school is not None and school.premises,
            school_in_hours=school is not None and school.in_hours,
            school_crime_requested=school is not None and school.crime_requested,
            sending_body=contract.sending_body if isinstance(contract, Referral) else "",
            crime_refs=contract.crime_refs and _refs(contract.crime_refs),
            same_incident=same,
            related=related,
            recording_body=contract.recording_body.strip(),
            recording_body_ref=contract.recording_body_ref.strip(),
            closure=_closure(contract.closure) if contract.closure else None,
        )
        text = "\x1f".join([place.text or "", *[entry.text for entry in contract.narrative]])
        terms = self._terms(contract.narrative) if contract.narrative else ()
        return self._sealed(facts, text, terms)

    def record(self, contract: CrimeRecord) -> RecordFacts:
        """Facts of one version of a record."""
        place, change = contract.place or _NOWHERE, contract.reclassification
        facts = RecordFacts(
            force=contract.force,
            ref=contract.ref,
            source="",
            version=contract.version,
            updated_at=contract.updated_at or contract.recorded_at,
            digest="",
            kind=contract.kind,
            recorded_at=contract.recorded_at,
            recorded_bound=contract.recorded_bound,
            reported_at=contract.reported_at,
            code=contract.offence_code.strip(),
            status=contract.status,
            cancellation=_cancellation(contract.cancellation) if contract.cancellation else None,
            reclassified_from=change.from_code if change else "",
            reclassified_by=change.by if change else None,
            reclassified_at=change.at if change else None,
            transferred_to=contract.transferred_to.strip(),
            transferred_ref=contract.transferred_ref.strip(),
            incident_refs=_refs(contract.incident_refs),
            offender_dealt_with_at=contract.offender_dealt_with_at,
            officer=contract.officer or "",
            victims=_refs(sorted(contract.victims)),
            suspects=_refs(sorted(contract.suspects)),
            area=place.area or "",
            latitude=place.latitude,
            longitude=place.longitude,
            committed_from=contract.committed_from,
            committed_to=contract.committed_to,
            flags=_refs(contract.flags),
        )
        terms = self._method(contract.mo_text) if contract.mo_text else ()
        return self._sealed(facts, f"{place.text or ''}\x1f{contract.mo_text}", terms)

    def _sealed(self, facts: Facts, text: str, terms: tuple[Term, ...]) -> Facts:
        """Facts just made, with the digest of what the source said: the same whoever brought it, and
        whatever a lexicon makes of the text."""
        said = blake2b(_encode(facts), digest_size=16)
        said.update(text.encode())
        force_setattr(facts, "digest", said.hexdigest())
        force_setattr(facts, "source", self._source)
        force_setattr(facts, "terms", terms)
        return facts

    def _terms(self, narrative: tuple[NarrativeEntry, ...]) -> tuple[Term, ...]:
        """Terms of every entry; the first entry with text is the first account."""
        if self._lexicon is None:
            return ()
        found: set[tuple[str, Role, bool, str]] = set()
        first = True
        for entry in narrative:
            if entry.text:
                for term, assertion in self._read(self._lexicon, entry.text):
                    found.add((term, entry.writer, first, assertion))
                first = False
        return tuple([Term(*each) for each in sorted(found)])

    def _read(self, lexicon: Lexicon, text: str) -> tuple[tuple[str, str], ...]:
        """What a lexicon reads in a text. Each version of a log brings all its entries again: what was
        read before is known by a digest, and the text itself is never held."""
        mark = blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
        found = self._known.get(mark)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[mark] = lexicon.read(text)
        return found

    def _method(self, text: str) -> tuple[Term, ...]:
        if self._lexicon is None:
            return ()
        return tuple([Term(term, assertion=how) for term, how in self._read(self._lexicon, text)])


def _people(
    contract: IncidentLog | Referral,
) -> tuple[tuple[str, ...], int, tuple[str, ...], bool]:
    """Victims by hash, how many have none, suspects by hash, and whether a victim is a child."""
    victims: set[str] = set()
    suspects: set[str] = set()
    unnamed, child = 0, False
    for person in contract.people:
        if person.role is PersonRole.VICTIM:
            child = child or person.age_band in _CHILD
            if person.key:
                victims.add(person.key)
            else:
                unnamed += 1
        elif person.role is PersonRole.SUSPECT and person.key:
            suspects.add(person.key)
    return tuple(sorted(victims)), unnamed, tuple(sorted(suspects)), child


def _linked(contract: IncidentLog | Referral) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Logs said to be the same incident, and those merely related."""
    links = contract.linked_logs
    if not (links or contract.incident_refs):
        return (), ()
    same = [link.ref for link in links if link.relation in _SAME]
    related = [link.ref for link in links if link.relation not in _SAME]
    return _refs((*same, *contract.incident_refs), but=contract.ref), _refs(related)


def _refs(refs: Iterable[str], but: str = "") -> tuple[str, ...]:
    """References without blanks, each once, in the order given."""
    stripped = [ref.strip() for ref in refs]
    return tuple(dict.fromkeys([ref for ref in stripped if ref and ref != but]))


def _closure(given: Closure) -> ClosureFacts:
    return ClosureFacts(
        reason=given.reason,
        decided_by=given.decided_by,
        decided_at=given.decided_at,
        rationale=given.rationale_given,
        told_at=given.told_at,
        evidence_what=given.evidence_what,
        evidence_from=given.evidence_from,
        evidence_at=given.evidence_at,
        other_ref=given.other_ref.strip(),
        other_body=given.other_body.strip(),
        signed_off_by=given.signed_off_by,
    )


def _cancellation(given: Cancellation) -> CancellationFacts:
    return CancellationFacts(
        code=given.code,
        decided_by=given.decided_by,
        independent=given.independent,
        decided_at=given.decided_at,
        what=given.information_what,
        where_from=given.information_from,
        verifiable=given.information_verifiable,
        victim_told_at=given.victim_told_at,
        other_ref=given.other_ref.strip(),
    )
