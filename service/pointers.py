"""Who points at whom: the keys by which the ledger finds reports and records, and the index over
those that are loaded."""

from collections import defaultdict

from msgspec import Struct

from service.effects import RecordState, ReportState
from service.ingest.source import Source
from service.matching.levels import slips
from service.matching.linkage_model import Model
from service.matching.linkage_near import Near
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.pack import Pack


class Rulebook(Struct, frozen=True):
    """The active configuration: one pack, every source by name, and a linkage model if one is used."""

    pack: Pack
    sources: dict[str, Source]
    linkage: Model | None = None

    def near(self) -> Near | None:
        """An index of likely pairs, empty; None where no model is used."""
        return Near(self.pack, self.sources, self.linkage) if self.linkage else None


def log_key(ref: str) -> str:
    """Key under which whatever points at this report is found."""
    return "log:" + ref


def crime_key(ref: str) -> str:
    """Key under which whatever points at this record is found."""
    return "crime:" + ref


def person_key(person: str) -> str:
    """Key under which every report is found in which this person (a keyed hash) is victim or suspect."""
    return "person:" + person


def near_key(key: str) -> str:
    """Key under which likely pairs find each other."""
    return "near:" + key


OWED = near_key("owed")
"""Key under which every report is found that may take a record no reference ties."""


BESIDE = "beside"
"""Key under which every report is found that has a possible crime missed or not provable beside what
its verdict rests on."""


def report_mentions(state: ReportState, rulebook: Rulebook) -> tuple[str, ...]:
    """Keys by which a report is found: the records it names, the logs of its incident, its people, what
    its verdict does not show of it, and while it may take a record that no reference ties, what brings
    it near one."""
    facts = state.facts
    people = dict.fromkeys((*facts.victims, *facts.suspects))
    keys = (
        *map(crime_key, facts.crime_refs),
        *map(log_key, facts.same_incident),
        *map(person_key, people),
        *((BESIDE,) if state.beside else ()),
    )
    if state.owed_at is None or (near := rulebook.near()) is None:
        return keys
    return (*keys, OWED, *map(near_key, near.keys_of_report(facts)))


def record_mentions(state: RecordState, rulebook: Rulebook) -> tuple[str, ...]:
    """Keys by which a record is found: reports it names and is linked to, slips of those it names while
    it is linked to none of them, the record in which it continues, and while it is linked to no report at
    all, what brings it near one."""
    facts = state.viewed
    keys = [log_key(ref) for ref in (*facts.incident_refs, *state.linked_to)]
    if may_repair(facts, rulebook) and not {*facts.incident_refs}.intersection(state.linked_to):
        keys += (log_key(slip) for ref in facts.incident_refs for slip in sorted(slips(ref)))
    if facts.cancellation is not None and facts.cancellation.other_ref:
        keys.append(crime_key(facts.cancellation.other_ref))
    if not state.linked_to and (near := rulebook.near()) is not None:
        keys += map(near_key, near.keys_of_record(facts))
    return tuple(dict.fromkeys(keys))


def may_repair(facts: RecordFacts, rulebook: Rulebook) -> bool:
    """May this record's references be repaired?"""
    return bool(facts.incident_refs) and "repaired_ref" in rulebook.sources[facts.source].levels


class Pointers:
    """Who points at whom among the reports and records loaded."""

    def __init__(self) -> None:
        self.records_of_log: dict[str, set[str]] = defaultdict(set)
        self.logs_of_record: dict[str, set[str]] = defaultdict(set)
        self.same_incident: dict[str, set[str]] = defaultdict(set)
        self.continued_by: dict[str, set[str]] = defaultdict(set)
        self.linked: dict[str, set[str]] = defaultdict(set)
        self.slips: dict[str, set[str]] = defaultdict(set)

    def candidates(self, log: ReportFacts) -> set[str]:
        """Records that may be tied to a log: named by it, naming it, linked before, or a slip away."""
        found = self.exact(log)
        for pointing in (self.linked, self.slips):
            if log.ref in pointing:
                found |= pointing[log.ref]
        return found

    def exact(self, log: ReportFacts) -> set[str]:
        """Records that a log names, or that name it."""
        named = self.records_of_log.get(log.ref)
        return {*log.crime_refs, *named} if named else {*log.crime_refs}

    def incident(self, ref: str, reports: dict[str, ReportState]) -> list[ReportFacts]:
        """Every known log of the incident, by receipt then reference."""
        if not self.same_incident.get(ref):
            return [reports[ref].facts]
        found, edge = {ref}, [ref]
        while edge:
            for other in self.same_incident.get(edge.pop(), ()):
                if other not in found and other in reports:
                    found.add(other)
                    edge.append(other)
        logs = (reports[each].facts for each in found)
        return sorted(logs, key=lambda log: (log.received_at, log.ref))

    def add_slips(self, record: RecordFacts) -> None:
        """Note the references one slip away from those of a record tied to no report."""
        for ref in record.incident_refs:
            for slip in slips(ref):
                self.slips[slip].add(record.ref)

    def add_report(self, facts: ReportFacts) -> None:
        """Note the records a report names and the logs of its incident, both ways."""
        for ref in facts.crime_refs:
            self.logs_of_record[ref].add(facts.ref)
        for ref in facts.same_incident:
            self.same_incident[facts.ref].add(ref)
            self.same_incident[ref].add(facts.ref)

    def drop_report(self, facts: ReportFacts, others: dict[str, ReportState]) -> None:
        """Forget what a version of a report points at; edges another log still states remain."""
        for ref in facts.crime_refs:
            self.logs_of_record[ref].discard(facts.ref)
        for ref in facts.same_incident:
            other = others.get(ref)
            if other is None or facts.ref not in other.facts.same_incident:
                self.same_incident[facts.ref].discard(ref)
                self.same_incident[ref].discard(facts.ref)

    def add_record(self, state: RecordState) -> None:
        """Note the reports a record names and is linked to, and the record in which it continues."""
        facts = state.viewed
        for ref in facts.incident_refs:
            self.records_of_log[ref].add(facts.ref)
        for ref in state.linked_to:
            self.linked[ref].add(facts.ref)
        if facts.cancellation is not None and facts.cancellation.other_ref:
            self.continued_by[facts.cancellation.other_ref].add(facts.ref)

    def drop_record(self, state: RecordState) -> None:
        """Forget what a version of a record points at."""
        facts = state.viewed
        for ref in facts.incident_refs:
            self.records_of_log[ref].discard(facts.ref)
        for ref in state.linked_to:
            self.linked[ref].discard(facts.ref)
        if facts.cancellation is not None:
            self.continued_by[facts.cancellation.other_ref].discard(facts.ref)
