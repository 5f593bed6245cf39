"""How many events a second become durable verdicts, beside Faust doing nothing and Kafka Streams."""

import json
from collections.abc import Iterator
from typing import Any

from benchmarks.live_events import LOGS, RECORDS, Stretch, stretch
from benchmarks.live_peers import THREADS, Joined, left_join, reading
from benchmarks.live_stage import FORCES, FULL, JOIN_ONLY, PARTITIONS, Stage, Work, peak_memory_mb
from schemas.words import AlertType
from service.ledger import outputs
from service.ledger.opening import Ledger


def measure(stage: Stage, reports: int) -> Iterator[dict[str, Any]]:
    """A row a case, over the same topics."""
    told = stretch(reports, FORCES)
    events = len(told.messages)
    stage.topics(LOGS, RECORDS)
    stage.put(told.messages)
    for reader, case in (("kafka", "Faust, doing nothing"), ("recount", "our transport, nothing")):
        yield {"case": case, "workers": 1, "events_per_second": reading(reader, events, stage)}
    for work in (JOIN_ONLY, FULL):
        for workers in (1, 2, PARTITIONS):
            yield _durable(stage, told, work, workers)
    yield _peer("Kafka Streams leftJoin, same topics", told, left_join(stage, told, rekey=True))
    by_ref = "-by-ref"
    stage.topics(LOGS + by_ref, RECORDS + by_ref)
    stage.put(told.messages, suffix=by_ref, by_ref=True)
    yield _peer("Kafka Streams leftJoin, keyed for it", told, left_join(stage, told, rekey=False))


def _durable(stage: Stage, told: Stretch, work: Work, workers: int) -> dict[str, Any]:
    ledger = stage.empty_ledger()
    try:
        with stage.workers(work, workers) as running:
            speed = stage.speed(ledger, len(told.messages), running)
            peak = max(peak_memory_mb(process.pid) for process in running)
        found = _said(told, _missed(ledger))
    finally:
        ledger.close()
    case = {"case": f"recount worker, {work.name}", "workers": workers}
    return {**case, "events_per_second": speed, "peak_memory_mb": round(peak), **found}


def _missed(ledger: Ledger) -> frozenset[str]:
    """Every report of which a miss was said, whatever was said later."""
    with ledger.reading() as connection:
        said = [each for each in outputs.events(connection) if each.type == AlertType.MISSED]
        return frozenset(json.loads(each.payload or b"{}")["subject"] for each in said)


def _peer(case: str, told: Stretch, joined: Joined) -> dict[str, Any]:
    found = _said(told, joined.missed)
    return {
        "case": case,
        "workers": THREADS,
        "events_per_second": joined.events_per_second,
        **found,
    }


def _said(told: Stretch, missed: frozenset[str]) -> dict[str, int]:
    """Of the reports never recorded and due before input stopped: said, said falsely, unsaid."""
    return {
        "true_said": len(missed & told.missed),
        "false_said": len(missed - told.missed),
        "unsaid": len(told.missed - missed),
    }
