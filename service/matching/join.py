"""The join: records to crimes expected, then the verdict on one incident.

A pure function of what is known: the logs of the incident, the records linked to them, how far the
sources are read, and the moment. Nothing remembers how it came about, so order, batching and repeats
cannot change the answer (G7).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from schemas.words import Grade, TimeBound, Verdict
from service.ingest.source import Source
from service.matching.judgement import CrimeLine, Digests, Line, LinkLine, RefusedLine, SignLine
from service.matching.levels import Link
from service.matching.linkage_model import Model
from service.matching.watermark import Basis, SourceState, covers
from service.rules.decisions import decision, elsewhere
from service.rules.expect import expect, is_domestic
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.given import NOTHING_GIVEN, Given
from service.rules.pack import Pack
from service.rules.settle import settle
from service.rules.signatures import Case, signs
from service.rules.values import Bearing, Expectation, Expected, Settlement, Standing

MET = frozenset({Verdict.RECORDED, Verdict.RECORDED_LATE, Verdict.ACCOUNTED})
UNMET_FIRST = (
    Verdict.NOT_PROVABLE,
    Verdict.MISSED,
    Verdict.PENDING,
    Verdict.RECORDED_LATE,
    Verdict.ACCOUNTED,
    Verdict.RECORDED,
)
"""A report's verdict is the first of these that any of its crimes has."""

ON_SILENCE = frozenset({Verdict.MISSED, Verdict.PARTLY_RECORDED, Verdict.NOT_PROVABLE})
"""Report verdicts under which a crime may be missed: they name the sources that had passed."""

_PAST_DUE = frozenset({Verdict.MISSED, Verdict.NOT_PROVABLE})
"""Verdicts on a crime that sources may change when they prove more, or less."""

_MOMENT = timedelta(microseconds=1)


class Linked(Struct, frozen=True, gc=False):
    """A record linked to the incident, and whether it stands."""

    link: Link
    facts: RecordFacts
    standing: Standing


class Offer(Struct, frozen=True):
    """A record that no reference ties to any report, and how likely it belongs to this incident."""

    weight: int
    """Match weight in 1e-6."""
    by: Linked
    taken: bool = False
    """Has an incident that was due before taken it?"""


class Sight(Struct, frozen=True, kw_only=True):
    """How far one can see in a lane: its record sources, and every source by name."""

    records: tuple[SourceState | None, ...]
    """Each source that could hold the crime; None: declared for this force, never arrived."""
    sources: dict[str, SourceState]

    def covers(self, received_at: datetime, due_at: datetime) -> bool:
        """Is a record source connected, and does each answer for the time from receipt on?"""
        return bool(self.records) and all(
            state is not None and covers(state, received_at, due_at) for state in self.records
        )

    def unread(self, target: datetime) -> datetime | None:
        """The watermark to wait for until all record sources are read to ``target``; None: they are."""
        if not self.records:
            return target
        for state in self.records:
            if state is None or state.watermark is None or state.watermark < target:
                return target
            if state.silent:
                return state.watermark + _MOMENT
        return None


def sight(sources: dict[str, Source], states: dict[str, SourceState], force: str) -> Sight:
    """What is seen in a lane: record sources that were heard of there, or are declared for it."""
    records = [each for each in sources.values() if not each.reports]
    known = [each.name for each in records if each.name in states or force in each.forces]
    return Sight(records=tuple([states.get(name) for name in known]), sources=states)


class Judgement(Struct, frozen=True, kw_only=True, gc=False):
    """What is to be said of one incident, and when to look again."""

    line: Line
    due_at: datetime | None = None
    """Earliest deadline still owed, or the earliest of all where nothing is."""
    basis: Basis | None = None
    beside: bool = False
    """Is a possible crime, beside the clear ones the verdict rests on, missed or not provable? Then it
    too is looked at again where sources prove more or less."""
    warn: bool = False
    unexplained: bool = False
    next_by_watermark: datetime | None = None
    waits_on: str = ""
    """The report source whose watermark is waited for; empty: the record sources'."""
    next_by_clock: datetime | None = None
    owed_at: datetime | None = None
    """Earliest deadline of a crime that references leave missed; None: they leave none."""
    takes: tuple[str, ...] = ()
    """Records of the offers that settle what references left, sorted."""


def judge(
    pack: Pack,
    sources: dict[str, Source],
    logs: Sequence[ReportFacts],
    linked: Sequence[Linked],
    sight: Sight,
    now: datetime,
    linkage: Model | None = None,
    offers: Sequence[Offer] = (),
    given: Given = NOTHING_GIVEN,
) -> Judgement:
    """Judge one incident: ``logs`` by receipt then ref (the first answers for all), ``linked`` by ref;
    ``offers``, the best first, are looked at for crimes that would else be missed; ``given``: what
    people decided here."""
    head = logs[0]
    digests = Digests(pack=pack.digest, linkage=linkage.digest if linkage else "")
    expectation = expect(pack, sources, logs)
    if not expectation.crimes:
        return Judgement(line=_nothing_expected(head, expectation, linked, digests))
    proof = _Proof(logs, sight, pack.timing.grace, now)
    settled = assign(pack, expectation.crimes, linked, logs) if linked else {}
    closing = _Closing(pack, logs, given)
    crimes = tuple(
        [
            _crime_line(crime, settled.get(crime.id), linked, closing, proof)
            for crime in expectation.crimes
        ]
    )
    owed = [each for each in crimes if each.verdict is Verdict.MISSED] if linkage else []
    owed_at = min([each.due_at for each in owed], default=None)
    likely: list[Linked] = []
    refused = _refused(pack, expectation.crimes, settled, linked, logs) if linked else ()
    if owed and offers and linkage:
        found, left = _from_offers(pack, linkage, expectation.crimes, owed, offers, logs)
        likely = sorted([each.by for each in found.values()], key=lambda each: each.facts.ref)
        crimes = tuple(
            [
                _crime_line(crime, found[crime.id], linked, closing, proof)
                if crime.id in found
                else line
                for crime, line in zip(expectation.crimes, crimes, strict=True)
            ]
        )
        if len(found) < len(owed):
            refused += left
    rest_on = crimes
    if len(crimes) > 1:
        rest_on = tuple(c for c in crimes if c.grade is Grade.CLEAR) or crimes
    verdict = _report_verdict(rest_on)
    line = Line(
        force=head.force,
        ref=head.ref,
        route=_route(head),
        received_at=head.received_at,
        verdict=verdict,
        grade=rest_on[0].grade,
        deadline=min([c.due_at for c in rest_on]),
        timing=_report_timing(rest_on),
        crimes=crimes,
        carve_outs=expectation.carve_outs,
        unknown_codes=expectation.unknown_codes,
        domestic=is_domestic(pack, logs),
        decision=closing.refused,
        told=any([log.closure is not None and log.closure.told_at is not None for log in logs])
        or any([each.closure.told_at is not None for each in given.decisions]),
        links=_link_lines([*linked, *likely]) if linked or likely else (),
        refused=refused,
        signs=_signs(pack, logs, expectation, verdict, linked),
        sources=proof.names if verdict in ON_SILENCE else (),
        digests=digests,
    )
    judged = _look_again(line, rest_on, proof, pack, logs)
    if owed_at is None:
        return judged
    takes = tuple(sorted(each.facts.ref for each in likely))
    return replace(judged, owed_at=owed_at, takes=takes, basis=proof.basis)


def _nothing_expected(
    head: ReportFacts, expectation: Expectation, linked: Sequence[Linked], digests: Digests
) -> Line:
    verdict = Verdict.UNKNOWN_CODE if expectation.unknown_codes else Verdict.NO_CRIME_INDICATED
    return Line(
        force=head.force,
        ref=head.ref,
        route=_route(head),
        received_at=head.received_at,
        verdict=verdict,
        carve_outs=expectation.carve_outs,
        unknown_codes=expectation.unknown_codes,
        links=_link_lines(linked),
        digests=digests,
    )


def _signs(
    pack: Pack,
    logs: Sequence[ReportFacts],
    expectation: Expectation,
    verdict: Verdict,
    linked: Sequence[Linked],
) -> tuple[SignLine, ...]:
    """What any log of the incident bears, where a crime is late, or the log closed without one."""
    settled = verdict in (Verdict.RECORDED, Verdict.ACCOUNTED)
    if settled or (verdict is Verdict.PENDING and any(log.closed_at is None for log in logs)):
        return ()
    records = [each.facts for each in linked]
    text, categories = pack.written.text, pack.written.categories
    found = {
        (each.harm, each.row): SignLine(each.id, each.harm)
        for log in logs
        for each in signs(pack.signatures, Case(text, categories, log, expectation, records))
    }
    return tuple([found[key] for key in sorted(found)])


# -- records to crimes ------------------------------------------------------------------------


class Settled(Struct, frozen=True, gc=False):
    """The record assigned to one crime."""

    by: Linked
    how: Settlement


def assign(
    pack: Pack, crimes: Sequence[Expected], linked: Sequence[Linked], logs: Sequence[ReportFacts]
) -> dict[str, Settled]:
    """Each record settles at most one crime; as many crimes as can be are settled, the earliest
    records first (augmenting paths). By crime id."""
    if not linked:
        return {}
    options = {crime.id: _options(pack, crime, linked, logs) for crime in crimes}
    if len(crimes) == 1:
        best = options[crimes[0].id]
        return {crimes[0].id: best[0]} if best else {}
    taken: dict[str, str] = {}
    chosen: dict[str, Settled] = {}

    def place(crime: str, seen: set[str]) -> bool:
        for option in options[crime]:
            record = option.by.facts.ref
            if record in seen:
                continue
            seen.add(record)
            if record not in taken or place(taken[record], seen):
                taken[record] = crime
                chosen[crime] = option
                return True
        return False

    for crime in sorted(crimes, key=lambda c: c.grade is not Grade.CLEAR):
        place(crime.id, set())
    return chosen


def _options(
    pack: Pack, crime: Expected, linked: Sequence[Linked], logs: Sequence[ReportFacts]
) -> list[Settled]:
    """Records that settle or account for a crime: settling before accounting, then the earliest."""
    found = []
    for candidate in linked:
        standing = candidate.standing
        if not (standing.live or standing.accounts):
            continue
        how = settle(pack, crime, candidate.facts, logs)
        if how.bearing is Bearing.SETTLES and not standing.live:
            how = Settlement(bearing=Bearing.ACCOUNTS, reason=standing.reason)
        if how.bearing is Bearing.SETTLES or how.bearing is Bearing.ACCOUNTS:
            found.append(Settled(candidate, how))
    if len(found) > 1:
        found.sort(
            key=lambda s: (
                s.how.bearing is not Bearing.SETTLES,
                s.by.facts.recorded_at,
                s.by.facts.ref,
            )
        )
    return found


def _refused(
    pack: Pack,
    crimes: Sequence[Expected],
    settled: dict[str, Settled],
    linked: Sequence[Linked],
    logs: Sequence[ReportFacts],
) -> tuple[RefusedLine, ...]:
    """Linked records that settle nothing here, each with the reason it gives for the first crime."""
    used = {s.by.facts.ref for s in settled.values()}
    refused = []
    for candidate in linked:
        if candidate.facts.ref in used:
            continue
        if not candidate.standing.live:
            reason = candidate.standing.reason
        else:
            how = settle(pack, crimes[0], candidate.facts, logs)
            reason = "not_needed" if how.bearing is Bearing.SETTLES else how.reason
        refused.append(RefusedLine(record=candidate.facts.ref, reason=reason))
    return tuple(refused)


# -- what no reference ties ---------------------------------------------------------------------

REFUSED_KEPT = 3
"""Likely records named with a miss that they do not settle: the best."""


def _from_offers(
    pack: Pack,
    linkage: Model,
    crimes: Sequence[Expected],
    owed: Sequence[CrimeLine],
    offers: Sequence[Offer],
    logs: Sequence[ReportFacts],
) -> tuple[dict[str, Settled], tuple[RefusedLine, ...]]:
    """By id of a crime owed, the likeliest record that is probable, free and settles it; and the best
    of those refused. A record settles one crime."""
    wanted = {line.id for line in owed}
    found: dict[str, Settled] = {}
    used: set[str] = set()
    for crime in crimes:
        if crime.id not in wanted:
            continue
        for offer in offers:
            ref = offer.by.facts.ref
            if offer.weight < linkage.thresholds.probable or offer.taken or ref in used:
                continue
            if options := _options(pack, crime, [offer.by], logs):
                found[crime.id] = options[0]
                used.add(ref)
                break
    left = [offer for offer in offers if offer.by.facts.ref not in used][:REFUSED_KEPT]
    return found, tuple(
        [
            RefusedLine(
                record=offer.by.facts.ref,
                reason=_why_refused(pack, linkage, crimes, offer, logs),
                weight=offer.weight,
            )
            for offer in left
        ]
    )


def _why_refused(
    pack: Pack,
    linkage: Model,
    crimes: Sequence[Expected],
    offer: Offer,
    logs: Sequence[ReportFacts],
) -> str:
    if not offer.by.standing.live:
        return offer.by.standing.reason
    if offer.taken:
        return "taken_by_an_earlier_report"
    how = settle(pack, crimes[0], offer.by.facts, logs)
    if how.bearing is not Bearing.SETTLES and how.bearing is not Bearing.ACCOUNTS:
        return how.reason
    return "not_needed" if offer.weight >= linkage.thresholds.probable else "only_possible"


def _link_lines(linked: Sequence[Linked]) -> tuple[LinkLine, ...]:
    return tuple(
        LinkLine(
            record=each.link.record,
            level=each.link.level,
            evidence=each.link.evidence,
            standing="" if each.standing.live else each.standing.reason,
            cancelled=each.facts.cancellation.code.value if each.facts.cancellation else "",
            lacks=each.standing.lacks,
        )
        for each in linked
    )


# -- one crime --------------------------------------------------------------------------------


class _Closing:
    """Decisions not to record, in the incident's logs or given here, asked for one crime at a time."""

    def __init__(self, pack: Pack, logs: Sequence[ReportFacts], given: Given) -> None:
        self._pack = pack
        self._logs = logs
        self.given = given
        self.refused = ""

    def accepts(self, crime: Expected) -> str:
        """The reason that accounts for the crime, or nothing."""
        if reason := elsewhere(self._pack, crime, self._logs):
            return reason
        for decided in self.given.decisions:
            if crime.id in decided.crimes:
                weighed = decision(self._pack, crime, decided.closure, self._logs)
                if weighed.accepted:
                    return weighed.reason
                self.refused = ":".join(("refused", weighed.reason, *weighed.lacks))
        appealed_at = self.given.appealed_at
        for log in self._logs:
            if log.closure is None:
                continue
            weighed = decision(self._pack, crime, log.closure, self._logs)
            if weighed.accepted and appealed_at is not None:
                decided_at = log.closure.decided_at
                if decided_at is None or decided_at <= appealed_at:
                    self.refused = ":".join(("refused", weighed.reason, "decided_after_appeal"))
                    continue
            if weighed.accepted:
                return weighed.reason
            self.refused = ":".join(("refused", weighed.reason, *weighed.lacks))
        return ""

    def why_unmet(self, crime: Expected, linked: Sequence[Linked]) -> str:
        """Why what is linked does not meet the crime: another crime, or what kept it from counting."""
        if not linked:
            return "no_record"
        live = [each.facts for each in linked if each.standing.live]
        if not live:
            return "record_withdrawn"
        found = [settle(self._pack, crime, facts, self._logs) for facts in live]
        kept = [how.reason for how in found if how.bearing is Bearing.NOTHING]
        return kept[0] if len(kept) == len(found) else "recorded_as_something_else"


class _Proof:
    """Whether a deadline has provably passed with nothing recorded (G1, G5)."""

    def __init__(
        self, logs: Sequence[ReportFacts], sight: Sight, grace: timedelta, now: datetime
    ) -> None:
        self.sight = sight
        self.now = now
        self.grace = grace
        self._logs = logs
        self.lagging = ""

    def _own(self) -> dict[str, SourceState | None]:
        return {log.source: self.sight.sources.get(log.source) for log in self._logs}

    def over(self, due_at: datetime) -> bool:
        """Has the clock passed deadline and grace?"""
        return self.now >= due_at + self.grace

    def lacks(self, crime: Expected) -> str:
        """Why a miss cannot be said of this crime, or nothing where it can."""
        close = crime.due_at + self.grace
        if not self.sight.records or None in self.sight.records:
            return "crime_source_not_connected"
        unread = False
        for state in self.sight.records:
            assert state is not None
            if not covers(state, crime.received_at, crime.due_at):
                return "outside_coverage"
            unread = unread or state.watermark is None or state.watermark < close
        if unread:  # asked last: it is judged again when all are read, not at each
            return "crime_source_not_read"
        for name, own in self._own().items():
            if own is None or own.watermark is None or own.watermark < close:
                self.lagging = name
                return "own_source_not_read"
            if own.lost_since is not None and own.lost_since <= crime.due_at:
                return "input_lost"
        return ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every source a miss rests on."""
        states = {s.source for s in (*self.sight.records, *self._own().values()) if s is not None}
        return tuple(sorted(states))

    @property
    def basis(self) -> Basis:
        """The weakest thing the watermarks rest on."""
        bases = {s.basis for s in (*self.sight.records, *self._own().values()) if s is not None}
        for basis in (Basis.SILENCE, Basis.COVERAGE, Basis.HEARTBEAT):
            if basis in bases:
                return basis
        return Basis.EVENT


def _crime_line(
    crime: Expected,
    settled: Settled | None,
    linked: Sequence[Linked],
    closing: _Closing,
    proof: _Proof,
) -> CrimeLine:
    verdict, reason, record, approved = Verdict.PENDING, "", None, False
    if settled is not None:
        record = settled.by.facts
        reason = settled.how.reason
        if settled.how.bearing is Bearing.ACCOUNTS:
            verdict = Verdict.ACCOUNTED
        else:
            late = record.recorded_at > crime.due_at
            verdict = Verdict.RECORDED_LATE if late else Verdict.RECORDED
            until = closing.given.delay_until
            approved = late and until is not None and record.recorded_at <= until
    elif accepted := closing.accepts(crime):
        verdict, reason = Verdict.ACCOUNTED, accepted
    elif proof.over(crime.due_at):
        reason = proof.lacks(crime)
        verdict = Verdict.NOT_PROVABLE if reason else Verdict.MISSED
        reason = reason or closing.why_unmet(crime, linked)
    return CrimeLine(
        id=crime.id,
        category=crime.category,
        classes=crime.classes,
        grade=crime.grade,
        due_at=crime.due_at,
        harm=crime.harm,
        verdict=verdict,
        reason=reason,
        record=record.ref if record else "",
        recorded_at=record.recorded_at if record else None,
        timing=record.recorded_bound if record else TimeBound.EXACT,
        rules=crime.rules,
        evidence=crime.evidence,
        unsourced=crime.unsourced,
        delay_approved=approved,
    )


# -- the report -------------------------------------------------------------------------------


def _report_verdict(crimes: Sequence[CrimeLine]) -> Verdict:
    if len(crimes) == 1:
        return crimes[0].verdict
    words = {crime.verdict for crime in crimes}
    if Verdict.MISSED in words and words & MET:
        return Verdict.PARTLY_RECORDED
    return next(word for word in UNMET_FIRST if word in words)


def _report_timing(crimes: Sequence[CrimeLine]) -> TimeBound:
    for crime in crimes:
        if crime.timing is not TimeBound.EXACT:
            return crime.timing
    return TimeBound.EXACT


def _route(head: ReportFacts) -> str:
    return "referral" if head.referral else "log"


def _look_again(
    line: Line, rest_on: Sequence[CrimeLine], proof: _Proof, pack: Pack, logs: Sequence[ReportFacts]
) -> Judgement:
    """When any of it may change without a new input, and what may be said meanwhile: that is for the
    crimes the verdict rests on alone."""
    unmet = [crime for crime in line.crimes if crime.verdict not in MET]
    if not unmet:
        return Judgement(line=line, due_at=line.deadline)
    grace = pack.timing.grace
    waits = [crime for crime in unmet if crime.reason.endswith("_not_read")]
    own = all([crime.reason == "own_source_not_read" for crime in waits])
    beside = any([crime.verdict in _PAST_DUE and crime not in rest_on for crime in unmet])
    judged = Judgement(
        line=line,
        due_at=min([c.due_at for c in rest_on if c.verdict not in MET], default=line.deadline),
        basis=proof.basis if line.sources or beside else None,
        beside=beside,
        next_by_watermark=min([c.due_at + grace for c in waits], default=None),
        waits_on=proof.lagging if waits and own else "",
        next_by_clock=min(
            [c.due_at + grace for c in unmet if c.verdict is Verdict.PENDING], default=None
        ),
    )
    if line.verdict is not Verdict.PENDING or line.grade is not Grade.CLEAR:
        return judged
    return _may_warn(judged, proof, pack, logs)


def _may_warn(
    judged: Judgement, proof: _Proof, pack: Pack, logs: Sequence[ReportFacts]
) -> Judgement:
    """Inside the warning window, or closed: what may be said rests on how far the records are read."""
    received_at, due = judged.line.received_at, judged.due_at
    assert due is not None
    warn_at = due - pack.timing.due_soon
    early = proof.now < warn_at
    closed = all([log.closed_at is not None for log in logs])
    by_clock = _earliest(judged.next_by_clock, warn_at if early else None)
    judged = replace(judged, next_by_clock=by_clock)
    if early and not closed:
        return judged
    seen = proof.sight.covers(received_at, due)
    unread_for_warning = unread_for_closure = None
    if not early:
        unread_for_warning = proof.sight.unread(
            min(received_at + pack.timing.read_past_receipt, due)
        )
    if closed:
        closed_at = max(log.closed_at for log in logs if log.closed_at)
        unread_for_closure = proof.sight.unread(closed_at)
    unread = _earliest(unread_for_warning, unread_for_closure)
    return replace(
        judged,
        warn=seen and not early and unread_for_warning is None,
        unexplained=seen and closed and unread_for_closure is None,
        next_by_watermark=_earliest(unread, judged.next_by_watermark),
        waits_on="" if unread else judged.waits_on,
    )


def _earliest(*moments: datetime | None) -> datetime | None:
    return min([at for at in moments if at], default=None)
