"""What a lane says, numbered: alert events in the order in which they are raised."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from schemas.words import AlertType, Grade
from service.alerts.identity import alert_identity, event_identity
from service.alerts.lifecycle import CLAIMS, AlertState, Saying, is_quiet
from service.effects import Effect, RaiseEvent, ReportState, contradiction
from service.matching.join import Judgement
from service.matching.judgement import CrimeLine
from service.rules.facts import ReportFacts


class Voice:
    """Gives the numbers of one lane's chain."""

    def __init__(
        self, force: str, seq: int, alert_from: datetime | None, effects: list[Effect]
    ) -> None:
        self.seq = seq
        """The last number given."""
        self._force = force
        self.alert_from = alert_from
        """Misses due before this are said quietly; None: none are."""
        self._effects = effects

    def settle_before(self, at: datetime | None) -> None:
        """From now on, what fell due before is said quietly, unless its alert was told aloud."""
        self.alert_from = max(filter(None, (at, self.alert_from)), default=None)

    def next(self) -> int:
        """The next number."""
        self.seq += 1
        return self.seq

    def of_report(
        self,
        now: datetime | None,
        facts: ReportFacts,
        alert: AlertState,
        saying: Saying,
        judged: Judgement,
    ) -> AlertState:
        """Say one thing about a report; its alert after."""
        crimes = judged.line.crimes
        quiet = is_quiet(alert, judged.due_at, self.alert_from)
        self.say(
            now,
            subject=facts.ref,
            n=alert.count,
            type=saying.type,
            effective_at=judged.due_at if saying.type in CLAIMS else None,
            category=crimes[0].category if crimes else "",
            grade=judged.line.grade,
            harm=any(crime.harm for crime in crimes),
            due_at=judged.due_at,
            detail={"reason": saying.reason},
            evidence=_evidence(crimes),
            quiet=quiet,
        )
        return replace(alert, count=alert.count + 1, told=alert.told or not quiet)

    def of_conflict(
        self, now: datetime | None, held: ReportState, facts: ReportFacts
    ) -> ReportState:
        """Two contents under one version: said once for each."""
        pair = contradiction(held.facts, facts)
        if pair in held.alert.conflicts:
            return held
        self.say(
            now,
            subject=facts.ref,
            n=held.alert.count,
            type=AlertType.VERSION_CONFLICT,
            detail={"version": str(facts.version)},
        )
        conflicts = (*held.alert.conflicts, pair)
        alert = replace(held.alert, count=held.alert.count + 1, conflicts=conflicts)
        return replace(held, alert=alert)

    def say(
        self,
        now: datetime | None,
        *,
        subject: str,
        n: int,
        type: AlertType,
        detail: dict[str, str],
        evidence: tuple[str, ...] = (),
        effective_at: datetime | None = None,
        category: str = "",
        grade: Grade | None = None,
        harm: bool = False,
        due_at: datetime | None = None,
        quiet: bool = False,
    ) -> None:
        """Raise event ``n`` of a subject's alert."""
        assert now is not None
        alert = alert_identity(self._force, subject)
        self._effects.append(
            RaiseEvent(
                force=self._force,
                seq=self.next(),
                alert_id=str(alert),
                event_id=event_identity(alert, n),
                n=n,
                type=type,
                subject=subject,
                at=now,
                effective_at=effective_at or now,
                category=category,
                grade=grade,
                harm=harm,
                due_at=due_at,
                detail=detail,
                evidence=evidence,
                quiet=quiet,
            )
        )


def _evidence(crimes: Sequence[CrimeLine]) -> tuple[str, ...]:
    shown = (each for crime in crimes for each in crime.evidence)
    met = (f"record:{crime.record}" for crime in crimes if crime.record)
    return tuple(dict.fromkeys((*shown, *met)))
