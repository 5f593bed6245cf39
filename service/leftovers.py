"""What references leave over: reports provably missing a record, records tied to no report, and who
takes which.

Reports take in the order of (deadline, reference), each the likeliest record that no report before it
has taken. That makes one answer out of what is known, whatever came when: so whenever a record comes
free, is taken or changes, everybody behind in the order who might want it is asked again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from heapq import heappop, heappush

from msgspec.structs import replace

from service.effects import RecordState, ReportState
from service.ingest.source import Source
from service.matching.linkage_blocking import BOUND
from service.matching.linkage_model import Model
from service.matching.linkage_near import Near
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.pack import Pack

Order = tuple[datetime, str]
"""Deadline, then reference: who takes before whom."""


def free(state: RecordState | None) -> bool:
    """Does no reference tie this record to a report?"""
    return state is not None and not state.linked_to


class Leftovers:
    """The reports that may take, the records that may be taken, and whose turn it is."""

    def __init__(self, pack: Pack, sources: Mapping[str, Source], model: Model) -> None:
        self._near = Near(pack, sources, model)
        self._states: dict[str, ReportState] = {}
        """Reports that may take."""
        self._held: dict[str, RecordState] = {}
        """Records that may be taken, as they are indexed."""
        self._changed: dict[str, RecordState] = {}
        self._waiting: list[Order] = []
        self._queued: set[Order] = set()

    # -- what there is --------------------------------------------------------------------------

    def put_report(self, held: ReportState | None, state: ReportState) -> None:
        """A report came, changed, or may take now, or no longer."""
        if held is not None and held.owed_at is not None:
            self._near.drop_report(held.facts)
            del self._states[held.facts.ref]
        if state.owed_at is not None:
            self._near.add_report(state.facts)
            self._states[state.facts.ref] = state

    def put_record(self, state: RecordState) -> None:
        """A record came or changed; who might want it is asked when the turn comes to that."""
        self._changed[state.facts.ref] = state

    def add(self, reports: Iterable[ReportState], records: Iterable[RecordState]) -> None:
        """What was there before."""
        for report in reports:
            self.put_report(None, report)
        for record in records:
            if free(record):
                self._near.add_record(record.facts)
                self._held[record.facts.ref] = record

    # -- whose turn it is -----------------------------------------------------------------------

    def ask(self, order: Order) -> None:
        """Let a report choose, in its order."""
        if order not in self._queued:
            self._queued.add(order)
            heappush(self._waiting, order)

    def next(self) -> str | None:
        """The report whose turn it is."""
        self._notice()
        if not self._waiting:
            return None
        order = heappop(self._waiting)
        self._queued.discard(order)
        return order[1]

    def disturb(self, facts: RecordFacts, behind: Order | None = None) -> None:
        """Ask everybody again who might want this record and comes behind ``behind``; None: all."""
        for ref in self._near.reports_of(facts):
            state = self._states[ref]
            assert state.owed_at is not None
            order = (state.owed_at, state.same_as or ref)
            if behind is None or order > behind:
                self.ask(order)

    def _notice(self) -> None:
        """Index the records that changed, and ask whoever might want them, as they were or are."""
        changed, self._changed = self._changed, {}
        for ref, state in changed.items():
            held = self._held.pop(ref, None)
            if held is not None:
                self._near.drop_record(held.facts)
            if free(state):
                self._near.add_record(state.facts)
                self._held[ref] = state
            if held is not None and _same_to_want(held, state):
                continue
            if held is not None:
                self.disturb(held.facts)
            if free(state):
                self.disturb(state.facts)

    # -- taking -------------------------------------------------------------------------------

    def offers(self, logs: Sequence[ReportFacts], order: Order) -> list[tuple[int, str, bool]]:
        """For an incident: weight, record, and whether one before it in the order took the record;
        the likeliest first, bounded."""
        weights: dict[str, int] = {}
        for log in logs:
            for ref, weight in self._near.records_of(log).items():
                weights[ref] = max(weight, weights.get(ref, weight))
        best = sorted((-weight, ref) for ref, weight in weights.items())[:BOUND]
        return [(-weight, ref, self._taken_before(ref, order)) for weight, ref in best]

    def _taken_before(self, ref: str, order: Order) -> bool:
        state = self._held[ref]
        return state.taken_due is not None and (state.taken_due, state.taken_by) < order

    def hand_out(
        self,
        held: Iterable[RecordState],
        members: Collection[str],
        order: Order | None,
        takes: Collection[str],
    ) -> list[RecordState]:
        """Records that an incident had or takes, as they are now where that is new; those behind who
        might want one are asked. ``order``: the incident's own; None: it may take nothing."""
        changed = []
        for state in held:
            taker, due = "", None
            if order is not None and state.facts.ref in takes:
                due, taker = order
            elif state.taken_by not in members:
                continue
            if (state.taken_by, state.taken_due) == (taker, due):
                continue
            changed.append(replace(state, taken_by=taker, taken_due=due))
            ends = ((state.taken_due, state.taken_by), (due, taker))
            self.disturb(state.facts, behind=min((at, by) for at, by in ends if at is not None))
        return changed


def _same_to_want(held: RecordState, state: RecordState) -> bool:
    """Is nothing changed that a report which might take the record would see? Whoever takes it or gives
    it back says so himself (``disturb``)."""
    return free(state) and held.facts == state.facts and held.standing == state.standing
