"""The whole truth in a few lines: what each report's verdict is, read off the whole log at once.

No state, no order, no deadlines kept: everything that ever arrived is looked at again. Slow and plain,
so that it can be believed; the engine must always agree with it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from schemas.words import RecordKind, RecordStatus
from service.effects import HeartbeatSeen, Input, RecordSeen, ReportSeen
from service.rules.facts import RecordFacts, ReportFacts

DAY = timedelta(hours=24)
Facts = TypeVar("Facts", ReportFacts, RecordFacts)


def verdicts(
    inputs: Sequence[Input],
    lateness: timedelta,
    since: datetime,
    by_hand: Mapping[str, Collection[str]] = {},  # read only
    decided: Collection[str] = (),
) -> dict[str, str]:
    """Verdict by report, for pack ``umd``, codes ``crime`` and ``welfare``, at the last arrival.

    ``by_hand``: records linked by people, by report; ``decided``: reports that need not be recorded."""
    now = max(each.known_at for each in inputs)
    logs = _newest(each.facts for each in inputs if isinstance(each, ReportSeen))
    records = _newest(each.facts for each in inputs if isinstance(each, RecordSeen))
    crimes_read = _read_to(inputs, "crimes", lateness)
    found = {}
    for log in logs.values():
        incident = _incident(log, logs)
        names = {each.ref for each in incident}
        codes = {code for each in incident for code in each.opening}
        due = min(each.received_at for each in incident) + DAY
        made = [
            record.recorded_at
            for record in records.values()
            if record.kind is RecordKind.CRIME
            and record.status is RecordStatus.RECORDED
            and (
                names & {*record.incident_refs}
                or any(record.ref in i.crime_refs for i in incident)
                or any(record.ref in by_hand.get(name, ()) for name in names)
            )
        ]
        own_read = min(_read_to(inputs, each.source, lateness) for each in incident)
        if "crime" not in codes:
            word = "unknown_code" if codes - {"welfare"} else "no_crime_indicated"
        elif made:
            word = "recorded" if min(made) <= due else "recorded_late"
        elif names & {*decided}:
            word = "accounted"
        elif now < due:
            word = "pending"
        elif since <= due - DAY and min(crimes_read, own_read) >= due:
            word = "missed"
        else:
            word = "not_provable"
        found[log.ref] = word
    return found


def _newest(versions: Iterable[Facts]) -> dict[str, Facts]:
    newest: dict[str, Facts] = {}
    for each in versions:
        held = newest.get(each.ref)
        if held is None or _rank(each) > _rank(held):
            newest[each.ref] = each
    return newest


def _rank(facts: ReportFacts | RecordFacts) -> tuple[int, datetime, str]:
    return facts.version, facts.updated_at, facts.digest


def _incident(log: ReportFacts, logs: dict[str, ReportFacts]) -> list[ReportFacts]:
    names = {log.ref}
    while True:
        more = {r for r, o in logs.items() if r in names or names & {*o.same_incident}}
        more |= {r for name in names for r in logs[name].same_incident if r in logs}
        if more <= names:
            return [logs[name] for name in names]
        names |= more


def _read_to(inputs: Sequence[Input], source: str, lateness: timedelta) -> datetime:
    marks = [log_start := datetime.min.replace(tzinfo=inputs[0].known_at.tzinfo)]
    for each in inputs:
        if isinstance(each, ReportSeen | RecordSeen) and each.facts.source == source:
            marks.append(min((each.event_at or log_start + lateness) - lateness, each.known_at))
        elif isinstance(each, HeartbeatSeen) and each.source == source:
            marks.append(min(each.until, each.known_at))
    return max(marks)
