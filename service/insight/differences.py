"""Two verdicts on one report, and the rule that made them differ.

``compare`` is a pure function of two lines and of what differs between their packs; ``pairs`` walks
two sorted files of lines at once, holding one line of each. The same shows what a pack would change
before it is used.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import zip_longest

from msgspec import Struct, field

from schemas.words import Grade, Verdict
from service.insight.changes import Changes
from service.matching.judgement import CrimeLine, Line

EXAMPLES_EACH = 5
"""Reports kept as examples of one kind of difference."""

KINDS_WITH_EXAMPLES = 60
"""Kinds of difference of which examples are kept, as they are met; all are counted."""

CAUSES_NAMED = 3
"""Causes of one difference told by name; a difference with more rests on the packs as wholes."""

NOTHING = "not_expected"
"""The verdict on a crime that is not expected."""

ABSENT = "absent"
"""The verdict on a report that is not there."""

TOGETHER = "packs"
"""The cause where no single part can be named."""


class Side(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A report under one pack."""

    verdict: str = ABSENT
    grade: Grade | None = None
    deadline: datetime | None = None
    pack: str = ""
    """Digest."""


class CrimeSide(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A crime under one pack."""

    verdict: str = NOTHING
    category: str = ""
    grade: Grade | None = None
    due_at: datetime | None = None
    reason: str = ""
    rules: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class CrimeDifference(Struct, frozen=True, kw_only=True):
    """One crime that is not judged alike."""

    before: CrimeSide
    after: CrimeSide
    causes: tuple[str, ...]
    """Parts of the packs, or evidence, that made it differ, the nearest first."""

    @property
    def kind(self) -> "Kind":
        """What it is counted under."""
        old, new = self.before.category, self.after.category
        category = new if not old or old == new else old if not new else f"{old} > {new}"
        return Kind(
            _graded(self.before.verdict, self.before.grade),
            _graded(self.after.verdict, self.after.grade),
            category,
            " + ".join(self.causes),
        )


class Kind(Struct, frozen=True):
    """What differences of crimes are counted by."""

    before: str
    after: str
    category: str
    cause: str


class Difference(Struct, frozen=True, kw_only=True):
    """One report that is not judged alike."""

    force: str
    ref: str
    route: str
    received_at: datetime
    before: Side
    after: Side
    crimes: tuple[CrimeDifference, ...] = ()
    causes: tuple[str, ...] = ()


def pairs(
    before: Iterable[Line], after: Iterable[Line]
) -> Iterator[tuple[Line | None, Line | None]]:
    """Lines of the same report together; both streams are in order of force and ref."""
    left, right = iter(before), iter(after)
    ours, theirs = next(left, None), next(right, None)
    while ours is not None or theirs is not None:
        if theirs is None or (ours is not None and _key(ours) < _key(theirs)):
            yield ours, None
            ours = next(left, None)
        elif ours is None or _key(theirs) < _key(ours):
            yield None, theirs
            theirs = next(right, None)
        else:
            yield ours, theirs
            ours, theirs = next(left, None), next(right, None)


def compare(before: Line | None, after: Line | None, changed: Changes) -> Difference | None:
    """How a report is judged otherwise, and why; None where it is judged alike.

    Other grounds for the same verdicts are no difference. Raises ``ValueError`` where neither is there.
    """
    head = after or before
    if head is None:
        raise ValueError("there is no report to compare")
    crimes = tuple(
        CrimeDifference(
            before=_crime_side(old),
            after=_crime_side(new),
            causes=_causes(old, new, before, after, changed),
        )
        for old, new in _paired(before, after)
        if _crime_judged(old) != _crime_judged(new)
    )
    sides = _side(before), _side(after)
    if not crimes and _judged(before) == _judged(after):
        return None
    causes = dict.fromkeys(cause for crime in crimes for cause in crime.causes)
    return Difference(
        force=head.force,
        ref=head.ref,
        route=head.route,
        received_at=head.received_at,
        before=sides[0],
        after=sides[1],
        crimes=crimes,
        causes=tuple(causes) or _without_crimes(before, after, changed),
    )


class Differences(Struct):
    """Differences counted, with examples of each kind."""

    reports: int = 0
    differing: int = 0
    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Differing reports by verdict before and after."""
    kinds: Counter[Kind] = field(default_factory=Counter)
    """Differing crimes by kind."""
    causes: Counter[str] = field(default_factory=Counter)
    """Differing reports by each cause; a report with two causes counts under both."""
    before: Counter[Verdict] = field(default_factory=Counter)
    """Crimes of clear grade by verdict."""
    after: Counter[Verdict] = field(default_factory=Counter)
    other_verdict: int = 0
    """Reports whose own verdict is another; the rest differ in grade, deadline or kind of crime."""
    newly_missed: int = 0
    """Crimes of clear grade said to be missing that were not."""
    no_longer_missed: int = 0
    examples: dict[Kind, list[Difference]] = field(default_factory=dict)

    def add(self, before: Line | None, after: Line | None, found: Difference | None) -> None:
        """Count one report, and what ``compare`` made of it."""
        self.reports += 1
        self.before.update(_clear(before))
        self.after.update(_clear(after))
        if found is None:
            return
        self.differing += 1
        self.other_verdict += found.before.verdict != found.after.verdict
        self.verdicts[
            _graded(found.before.verdict, found.before.grade),
            _graded(found.after.verdict, found.after.grade),
        ] += 1
        self.causes.update(found.causes)
        for crime in found.crimes:
            self.kinds[crime.kind] += 1
            old, new = _is_missed(crime.before), _is_missed(crime.after)
            self.newly_missed += new and not old
            self.no_longer_missed += old and not new
            self._keep(crime.kind, found)

    def _keep(self, kind: Kind, found: Difference) -> None:
        if kind not in self.examples and len(self.examples) >= KINDS_WITH_EXAMPLES:
            return
        kept = self.examples.setdefault(kind, [])
        if len(kept) < EXAMPLES_EACH and found not in kept:
            kept.append(found)


def _key(line: Line) -> tuple[str, str]:
    return line.force, line.ref


def _graded(verdict: str, grade: Grade | None) -> str:
    return f"possible {verdict}" if grade is Grade.POSSIBLE else verdict


def _clear(line: Line | None) -> list[Verdict]:
    return [c.verdict for c in line.crimes if c.grade is Grade.CLEAR] if line else []


def _is_missed(side: CrimeSide) -> bool:
    return side.verdict == Verdict.MISSED and side.grade is Grade.CLEAR


def _side(line: Line | None) -> Side:
    if line is None:
        return Side()
    return Side(
        verdict=line.verdict.value,
        grade=line.grade,
        deadline=line.deadline,
        pack=line.digests.pack,
    )


def _judged(line: Line | None) -> tuple[object, ...]:
    if line is None:
        return ()
    return (line.verdict, line.grade, line.deadline, line.same_as, line.carve_outs)


def _crime_side(crime: CrimeLine | None) -> CrimeSide:
    if crime is None:
        return CrimeSide()
    return CrimeSide(
        verdict=crime.verdict.value,
        category=crime.category,
        grade=crime.grade,
        due_at=crime.due_at,
        reason=crime.reason,
        rules=crime.rules,
        evidence=crime.evidence,
    )


def _crime_judged(crime: CrimeLine | None) -> tuple[object, ...]:
    if crime is None:
        return ()
    return (crime.category, crime.verdict, crime.grade, crime.due_at)


def _paired(
    before: Line | None, after: Line | None
) -> list[tuple[CrimeLine | None, CrimeLine | None]]:
    """Crimes of both lines: by id, then what is left in order (the kind of crime was changed)."""
    right = list(after.crimes) if after else []
    left, found = [], []
    for crime in before.crimes if before else ():
        same = next((other for other in right if other.id == crime.id), None)
        if same is None:
            left.append(crime)
        else:
            right.remove(same)
            found.append((crime, same))
    return [*found, *zip_longest(left, right)]


# -- why --------------------------------------------------------------------------------------

LIMITS = "limits:"

BEHIND_REFUSAL = {"too_early": "earlier_record_hours"}
"""The setting behind a reason for which a record settles nothing."""

ON_SETTLING = ("timing", "earlier_record_hours", "conduct_gap_days", "national_fraud_bodies")
"""Settings that bear on what settles a crime, whatever its kind."""


def _causes(
    old: CrimeLine | None,
    new: CrimeLine | None,
    before: Line | None,
    after: Line | None,
    changed: Changes,
) -> tuple[str, ...]:
    """Parts that made a crime differ: the nearest tier in which there is any."""
    rules, evidence = _one_sided(old, new, before, after)
    crimes = [crime for crime in (old, new) if crime is not None]
    own = [rule for crime in crimes for rule in crime.rules]
    tiers = [
        _rules(rules, changed),
        _rules(own, changed),
        [f"categories:{crime.category}" for crime in crimes],
    ]
    if old is not None and new is not None:
        if old.verdict is not new.verdict:
            tiers.insert(0, _settling(old, new, before, after))
        if old.due_at != new.due_at:
            tiers.insert(0, [_part_of(rule, changed) for rule in own])
            tiers[0] = [name for name in tiers[0] if name.startswith(LIMITS)]
        tiers.append([*ON_SETTLING])
    if old is None or new is None or old.category != new.category:
        # Which crimes are counted depends on what else the report shows, and on the era's rule.
        others = [crime for line in (before, after) if line for crime in line.crimes]
        tiers.append([f"categories:{crime.category}" for crime in others])
        tiers.append([name for name in sorted(changed.deciding) if name.startswith("eras:")])
    for tier in tiers:
        named = [name for name in dict.fromkeys(tier) if name in changed.deciding]
        if named:
            return tuple(named[:CAUSES_NAMED])
    told = [f"evidence:{item}" for item in evidence] or [f"rules:{rule}" for rule in rules]
    return tuple(told[:CAUSES_NAMED]) or (TOGETHER,)


def _one_sided(
    old: CrimeLine | None, new: CrimeLine | None, before: Line | None, after: Line | None
) -> tuple[list[str], list[str]]:
    """Rules and evidence that one side alone has: the crime's own, or where it is on one side only,
    what no crime of the other side's report rests on."""
    ours = [old] if old else list(before.crimes) if before else []
    theirs = [new] if new else list(after.crimes) if after else []
    rules = {r for c in ours for r in c.rules} ^ {r for c in theirs for r in c.rules}
    evidence = {e for c in ours for e in c.evidence} ^ {e for c in theirs for e in c.evidence}
    if old is None or new is None:
        crime = old or new
        assert crime is not None, "a crime that differs is on one side at least"
        rules, evidence = rules & {*crime.rules}, evidence & {*crime.evidence}
    return sorted(rules), sorted(evidence)


def _rules(rules: Iterable[str], changed: Changes) -> list[str]:
    """Parts that hold these rules, but limits: those only move deadlines."""
    parts = [_part_of(rule, changed) for rule in rules]
    return [part for part in parts if not part.startswith(LIMITS)]


def _part_of(rule: str, changed: Changes) -> str:
    """The pack's part that holds a rule id: a rule with that id, or the setting of that name."""
    if rule == "code_map":
        return "code_map_yes"
    parts = [name for name in changed.deciding if name.partition(":")[2] == rule]
    return min(parts, default=rule)


def _settling(old: CrimeLine, new: CrimeLine, before: Line | None, after: Line | None) -> list[str]:
    """Parts that the two lines name as bearing on what settles or accounts for a crime."""
    named = [f"decisions:{crime.reason}" for crime in (old, new)]
    refused = set[str]()
    for line in (before, after):
        if line is not None:
            refused ^= {each.reason for each in line.refused}
            named += [f"decisions:{line.decision.split(':')[1]}"] if line.decision else []
            named += [f"cancellations:{link.cancelled}" for link in line.links if link.cancelled]
    return [*named, *(BEHIND_REFUSAL[reason] for reason in sorted(refused & {*BEHIND_REFUSAL}))]


def _without_crimes(before: Line | None, after: Line | None, changed: Changes) -> tuple[str, ...]:
    """Why a report differs that has no differing crime: crimes not due, codes that became known."""
    lines = [line for line in (before, after) if line is not None]
    rules, codes = set[str](), set[str]()
    for line in lines:
        rules ^= {*line.carve_outs}
        codes ^= {*line.unknown_codes}
    named = [_part_of(rule, changed) for rule in sorted(rules)]
    named += [f"evidence:{code}" for code in sorted(codes)]
    return tuple(named[:CAUSES_NAMED]) or (TOGETHER,)
