"""What a pack makes of one report, and what would settle it: for whoever writes a pack or doubts a verdict.

What would settle a crime is asked of the rules themselves, record by record, and not told again here.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from schemas.words import Grade, RecordKind
from service.ingest.explain import at
from service.ingest.source import Source as Feed
from service.rules.decisions import decision, elsewhere
from service.rules.expect import Shown, expect, read_report
from service.rules.facts import RecordFacts, ReportFacts, Term
from service.rules.pack import Pack
from service.rules.settle import Because, settle
from service.rules.showing import MAPPING, Source, source_of, sources
from service.rules.signatures import Case, signs
from service.rules.values import Bearing, Decision, Expected


class ReadOf(Struct, frozen=True, kw_only=True):
    """What was read of a report: codes, words and numbers, never text."""

    received_at: datetime
    received_via: str
    reported_by: str
    victim_kind: str
    victim_confirmed: str
    referral: bool
    opening: tuple[str, ...]
    closing: tuple[str, ...]
    qualifiers: tuple[str, ...]
    results: tuple[str, ...]
    terms: list[dict[str, object]]
    victims: int
    """Identified victims."""
    unnamed_victims: int
    suspects: int
    child_victim: bool
    same_incident: tuple[str, ...]
    """Logs said to be the same incident: a replay reads them together with this one."""
    closed_at: datetime | None


class Fired(Struct, frozen=True, kw_only=True):
    """A category that a report shows."""

    category: str
    grade: Grade
    rules: dict[str, Source]
    """Ids of the rules that show it, each with where it comes from."""
    evidence: tuple[str, ...]
    counted: bool
    """Does it make a crime, or does another take it in?"""


class Settles(Struct, frozen=True, kw_only=True):
    """What would settle one crime."""

    classes: tuple[str, ...]
    """Offence classes of a crime record; empty: any crime record."""
    outranking: tuple[str, ...]
    """Classes of more serious crimes that take it in."""
    kinds: dict[str, str]
    """What a record of each kind does, and why: ``settles: recorded``."""
    earlier_hours: int | None
    """How long before receipt a record may have been made; None: however long."""
    earlier_conduct_days: int | None
    """Within how many days an earlier live record of the same victim goes on to cover it."""
    bodies: tuple[str, ...]
    """Bodies whose reference accounts for it."""
    recorded_nationally: bool
    """Is such a reference there?"""


class CrimeExplained(Struct, frozen=True, kw_only=True):
    """One crime expected."""

    category: str
    grade: Grade
    rank: int
    harm: bool
    due_at: datetime
    limit: str
    """Rule that sets the deadline; ``limit`` where the mapping's key of that name does."""
    limit_source: Source
    category_source: Source
    unsourced: bool
    settles: Settles
    closure: Decision | None
    """What the decision not to record comes to for this crime; None: none was made."""


class Explained(Struct, frozen=True, kw_only=True):
    """One report, explained."""

    ref: str
    source: str
    read: ReadOf
    fired: list[Fired]
    era: str
    era_source: Source | None
    crimes: list[CrimeExplained]
    carve_outs: dict[str, Source]
    unknown_codes: tuple[str, ...]
    signatures: dict[str, int]
    """Ways of going unrecorded it would bear the marks of with no record, each with its harm rank."""
    closure: str | None
    """The reason given for recording no crime; None: none."""


def explained(pack: Pack, feeds: Mapping[str, Feed], report: ReportFacts) -> Explained:
    """What the pack makes of a report by itself, without the other logs of its incident."""
    expectation = expect(pack, feeds, [report])
    read = read_report(pack, feeds[report.source].code_map, report)
    known = sources(pack)
    expected = {crime.category for crime in expectation.crimes}
    era = pack.era_at(report.received_at)
    reason = report.closure.reason if report.closure else None
    case = Case(pack.written.text, pack.written.categories, report, expectation)
    borne = signs(pack.signatures, case) if expectation.crimes else ()
    return Explained(
        ref=report.ref,
        source=report.source,
        read=_read_of(report),
        fired=[_fired(each, known, expected) for each in read.shown],
        era=era.id if era else "",
        era_source=source_of(era) if era else None,
        crimes=[_crime(pack, feeds, crime, report) for crime in expectation.crimes],
        carve_outs={name: known[name] for name in expectation.carve_outs},
        unknown_codes=expectation.unknown_codes,
        signatures={each.id: each.harm for each in borne},
        closure=reason.value if reason else None,
    )


def _read_of(report: ReportFacts) -> ReadOf:
    return ReadOf(
        received_at=report.received_at,
        received_via=report.received_via.value,
        reported_by=report.reported_by.value,
        victim_kind=report.victim_kind.value,
        victim_confirmed=report.victim_confirmed.value,
        referral=report.referral,
        opening=report.opening,
        closing=report.closing,
        qualifiers=report.qualifiers,
        results=tuple(result.value for result in report.results),
        terms=[_term(term) for term in report.terms],
        victims=len(report.victims),
        unnamed_victims=report.unnamed_victims,
        suspects=len(report.suspects),
        child_victim=report.child_victim,
        same_incident=report.same_incident,
        closed_at=report.closed_at,
    )


def _term(term: Term) -> dict[str, object]:
    return {
        "id": term.id,
        "assertion": term.assertion,
        "writer": term.writer.value,
        "first_account": term.first,
    }


def _fired(each: Shown, known: Mapping[str, Source], expected: set[str]) -> Fired:
    return Fired(
        category=each.category,
        grade=each.grade,
        rules={rule: known.get(rule, MAPPING) for rule in each.rules},
        evidence=each.evidence,
        counted=each.category in expected,
    )


def _crime(
    pack: Pack, feeds: Mapping[str, Feed], crime: Expected, report: ReportFacts
) -> CrimeExplained:
    limit = pack.limit_at(crime.received_at)
    declared = feeds[report.source].limit is not None
    category = pack.written.categories[crime.category]
    return CrimeExplained(
        category=crime.category,
        grade=crime.grade,
        rank=crime.rank,
        harm=crime.harm,
        due_at=crime.due_at,
        limit="limit" if declared else limit.id,
        limit_source=Source("mapping") if declared else source_of(limit),
        category_source=source_of(category),
        unsourced=crime.unsourced,
        settles=_settles(pack, crime, report),
        closure=decision(pack, crime, report.closure, [report]) if report.closure else None,
    )


# -- what would settle it ----------------------------------------------------------------------


def _settles(pack: Pack, crime: Expected, report: ReportFacts) -> Settles:
    national = pack.written.national_fraud_bodies
    referred = [
        replace(report, recording_body=body, recording_body_ref="theirs") for body in national
    ]
    own = crime.classes[0] if crime.classes else ""
    record = RecordFacts(
        force=report.force,
        ref="",
        source="",
        updated_at=crime.received_at,
        digest="",
        recorded_at=crime.received_at,
        kind=RecordKind.CRIME,
        code=own,
    )
    outranking = [
        name
        for name in pack.rank_of
        if crime.classes
        and name not in pack.classes_of
        and settle(pack, crime, replace(record, code=name), [report]).reason == Because.OUTRANKS
    ]
    return Settles(
        classes=crime.classes,
        outranking=tuple(sorted(outranking)),
        kinds=dict(_kinds(pack, crime, record, report)),
        earlier_hours=pack.written.earlier_record_hours,
        earlier_conduct_days=pack.written.conduct_gap_days
        if _goes_on(pack, crime, record, report)
        else None,
        bodies=national if elsewhere(pack, crime, referred) else (),
        recorded_nationally=bool(elsewhere(pack, crime, [report])),
    )


def _kinds(
    pack: Pack, crime: Expected, record: RecordFacts, report: ReportFacts
) -> Iterator[tuple[str, str]]:
    codes = [
        rule.codes[0] for rule in pack.written.reported_incidents if rule.category == crime.category
    ]
    for kind in RecordKind:
        code = record.code
        if kind is RecordKind.REPORTED_INCIDENT and codes:
            code = codes[0]
        said = settle(pack, crime, replace(record, kind=kind, code=code), [report])
        yield kind.value, f"{said.bearing.value}: {said.reason}"


def _goes_on(pack: Pack, crime: Expected, record: RecordFacts, report: ReportFacts) -> bool:
    """Would a record too early for any other crime settle this one, as conduct that continues?"""
    allowed = pack.written.earlier_record_hours
    if allowed is None:
        return False
    victim = crime.victim or "the same"
    early = crime.received_at - timedelta(hours=allowed, minutes=1)
    said = settle(
        pack,
        replace(crime, victim=victim),
        replace(record, recorded_at=early, victims=(victim,)),
        [report],
    )
    return said.bearing is Bearing.SETTLES and said.reason == Because.CONTINUING_CONDUCT


# -- as people read it -------------------------------------------------------------------------

Line = tuple[str, str]
"""What is spoken of, and what is said of it."""


def lines(said: Explained) -> list[tuple[str, list[Line]]]:
    """An explanation in parts, each with its title and its lines."""
    parts = [("read", list(_read_lines(said)))]
    parts.append(("rules that fired", list(_fired_lines(said)) or [("", "none")]))
    if said.carve_outs:
        carved = [(name, f"shown and not due; {why}") for name, why in said.carve_outs.items()]
        parts.append(("carved out", carved))
    parts += [(f"crime expected: {c.category}", list(_crime_lines(c))) for c in said.crimes]
    if not said.crimes:
        parts.append(("crimes expected", [("", _no_crime(said))]))
    if said.signatures:
        borne = [(name.replace("_", " "), f"harm {harm}") for name, harm in said.signatures.items()]
        parts.append(("would look like, with no record", borne))
    if said.unknown_codes:
        unknown = [tuple(each.partition(":")[::2]) for each in said.unknown_codes]
        parts.append(("codes nobody knows", [(slot, code or "(empty)") for slot, code in unknown]))
    return parts


def _no_crime(said: Explained) -> str:
    if said.carve_outs:
        return "none is due: carved out"
    return "not known: a code is not" if said.unknown_codes else "none"


def _words(word: str) -> str:
    return word.replace("_", " ")


def _listed(words: Sequence[str], nothing: str = "none") -> str:
    return ", ".join(words) or nothing


def _read_lines(said: Explained) -> Iterator[Line]:
    read = said.read
    what = "referral" if read.referral else "log"
    yield "received", f"{at(read.received_at)}, {what}, route {_words(read.received_via)}"
    confirmed = f"victim asked: {_words(read.victim_confirmed)}"
    yield "who reports", f"{_words(read.reported_by)}; {confirmed}; victim {read.victim_kind}"
    yield "opening codes", _listed(read.opening)
    yield "closing codes", _listed(read.closing)
    if read.qualifiers:
        yield "qualifiers", _listed(read.qualifiers)
    if read.results:
        yield "results", _listed(read.results)
    for term in read.terms:
        first = ", first account" if term["first_account"] else ""
        yield f"term {term['id']}", f"{term['assertion']} by {_words(str(term['writer']))}{first}"
    child = ", one is a child" if read.child_victim else ""
    yield "victims", f"{read.victims} identified, {read.unnamed_victims} not{child}"
    if read.suspects:
        yield "suspects", f"{read.suspects} identified"
    if read.same_incident:
        yield "same incident", f"{_listed(read.same_incident)}; a replay reads them with this one"
    if read.closed_at:
        yield "closed", f"{at(read.closed_at)}, {_words(said.closure or 'no reason given')}"


def _fired_lines(said: Explained) -> Iterator[Line]:
    for fired in said.fired:
        evidence = ", ".join(fired.evidence)
        taken = "" if fired.counted or said.carve_outs else "; taken in by another crime"
        yield fired.category, f"{fired.grade.value} by {evidence}{taken}"
        for rule, source in fired.rules.items():
            yield "", f"{rule} ({source})"
    if said.era_source is not None and len(said.fired) > 1:
        yield "counted by", f"{said.era} ({said.era_source})"


def _crime_lines(crime: CrimeExplained) -> Iterator[Line]:
    settles = crime.settles
    harm = ", high harm" if crime.harm else ""
    yield "grade", f"{crime.grade.value}, rank {crime.rank}{harm} ({crime.category_source})"
    yield "deadline", f"{at(crime.due_at)} by {crime.limit} ({crime.limit_source})"
    classes = f"a crime record of class {', '.join(settles.classes)}"
    yield "settled by", classes if settles.classes else "any crime record"
    if settles.outranking:
        yield "outranked by", f"classes {', '.join(settles.outranking)}"
    for kind, does in settles.kinds.items():
        bearing, _, why = does.partition(": ")
        if kind != RecordKind.CRIME.value:
            yield f"kind {_words(kind)}", f"{_words(bearing)} ({_words(why)})"
    if settles.earlier_hours is None:
        yield "earlier record", "of whatever age"
    else:
        yield "earlier record", f"up to {settles.earlier_hours} h before receipt"
    if settles.earlier_conduct_days is not None:
        days = settles.earlier_conduct_days
        yield "earlier conduct", f"a live record of the same victim, less than {days} days before"
    if settles.bodies:
        there = "is there" if settles.recorded_nationally else "is not there"
        yield "accounted by", f"a reference of {', '.join(settles.bodies)}: it {there}"
    if crime.closure is not None:
        yield "closure", _closure(crime.closure)
    if crime.unsourced:
        yield "UNSOURCED", "this crime rests on a rule that has no source"


def _closure(given: Decision) -> str:
    if given.accepted:
        return f"{_words(given.reason)}: accepted, it accounts for the crime"
    lacks = ", ".join(map(_words, given.lacks)) or "a reason"
    return f"{_words(given.reason)}: not accepted, lacks {lacks}"
