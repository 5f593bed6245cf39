"""Every metric: name, type, unit, labels and meaning; ``docs/metrics.md`` is made from this file.

Units are base units (seconds, messages, 1). Labels come from closed sets, from what is declared (force,
source, topic, receiver) or from a digest; never from what people wrote, so there are no personal data here
and no more series than a site has forces and feeds. What the ledger holds is computed when it is asked for
(``Origin.LEDGER``) and is the same from every process: take the maximum over processes, not the sum. What a
process does is counted by it and starts at 0 with it.
"""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily


class Kind(StrEnum):
    """Prometheus's types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Origin(StrEnum):
    """Where a value comes from."""

    LEDGER = "ledger"
    TURNS = "worker, run, serve"
    WORKER = "worker"
    RELAY = "relay"
    BOARD = "run, serve"
    EVERY = "every process"


class Metric(Struct, frozen=True):
    """One metric, by its name as it is scraped (a histogram's without ``_bucket``)."""

    name: str
    kind: Kind
    unit: str
    origin: Origin
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


# -- from the ledger ------------------------------------------------------------------------------

READ = Metric(
    "recount_inputs_read_total",
    Kind.COUNTER,
    "inputs",
    Origin.LEDGER,
    "Inputs read.",
    ("force", "source"),
)
INPUTS = Metric(
    "recount_inputs_total",
    Kind.COUNTER,
    "inputs",
    Origin.LEDGER,
    "What became of inputs: applied, repeated, stale, heartbeat or dead; the sum is what was read.",
    ("force", "source", "result"),
)
REPORTS = Metric(
    "recount_reports",
    Kind.GAUGE,
    "reports",
    Origin.LEDGER,
    "Reports by verdict and grade; grade is empty where no crime is expected.",
    ("force", "verdict", "grade"),
)
REPORTS_DUE = Metric(
    "recount_reports_due",
    Kind.GAUGE,
    "reports",
    Origin.LEDGER,
    "Pending reports with a deadline within so many seconds, those before included; 0: the deadline is "
    "past and sources are not yet read to it.",
    ("force", "within_seconds"),
)
NEAREST_DEADLINE = Metric(
    "recount_nearest_deadline_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.LEDGER,
    "Until the next deadline of a pending report; absent where none is pending.",
    ("force",),
)
SOURCE_BEHIND = Metric(
    "recount_source_behind_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.LEDGER,
    "How far the time up to which a source is read lies behind now; absent for files read to their end.",
    ("force", "source"),
)
SOURCE_QUIET = Metric(
    "recount_source_quiet_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.LEDGER,
    "Since anything last arrived from a source, heartbeats included.",
    ("force", "source"),
)
SOURCE_STOPPED = Metric(
    "recount_source_stopped",
    Kind.GAUGE,
    "1",
    Origin.LEDGER,
    "1 where a source has been quiet for longer than its mapping calls believable.",
    ("force", "source"),
)
LANE_BEHIND = Metric(
    "recount_lane_behind_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.LEDGER,
    "How far a force's clock lies behind now: rises where no worker ticks it.",
    ("force",),
)
OUTBOX_WAITING = Metric(
    "recount_outbox_waiting",
    Kind.GAUGE,
    "events",
    Origin.LEDGER,
    "Alert events that no relay has put on the topic.",
)
OUTBOX_OLDEST = Metric(
    "recount_outbox_oldest_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.LEDGER,
    "Age of the oldest of them; 0 where none waits.",
)
NOTIFICATIONS = Metric(
    "recount_notifications",
    Kind.GAUGE,
    "messages",
    Origin.LEDGER,
    "Messages to people by receiver and where they stand: waiting, claimed, sent, replaced, refused, "
    "expired, failed.",
    ("receiver", "status"),
)
NOTIFICATION_OLDEST = Metric(
    "recount_notification_oldest_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.LEDGER,
    "How long ago the oldest message that has not gone out was due; 0 where none is overdue.",
    ("receiver",),
)
INTERRUPTS = Metric(
    "recount_interrupts_last_hour",
    Kind.GAUGE,
    "messages",
    Origin.LEDGER,
    "Messages of the last hour that interrupt their receiver; the budget is 6.",
    ("receiver",),
)
CONSERVATION = Metric(
    "recount_conservation_difference",
    Kind.GAUGE,
    "1",
    Origin.LEDGER,
    "What is missing between counts that must agree (inputs; reports). Always 0; at most a minute old.",
    ("of",),
)
ACTIVE = Metric(
    "recount_active_info",
    Kind.GAUGE,
    "1",
    Origin.LEDGER,
    "1 for the digest of each active pack, mapping, linkage model and routing.",
    ("kind", "name", "digest"),
)
LEDGER_UP = Metric(
    "recount_ledger_up",
    Kind.GAUGE,
    "1",
    Origin.EVERY,
    "1 where this process could read the ledger for this scrape; 0: metrics from the ledger are absent.",
)
LEDGER_READ = Metric(
    "recount_ledger_read_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.EVERY,
    "What reading the ledger for this scrape took.",
)

# -- from a process -------------------------------------------------------------------------------

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

BUILD = Metric(
    "recount_build_info",
    Kind.GAUGE,
    "1",
    Origin.EVERY,
    "1 for the version of the program, the revision of the ledger it works with, and its rule pack.",
    ("version", "revision", "pack", "pack_digest"),
)
READY = Metric(
    "recount_ready", Kind.GAUGE, "1", Origin.EVERY, "1 where /readyz would answer 200, else 0."
)
STATEMENT = Metric(
    "recount_ledger_statement_seconds",
    Kind.HISTOGRAM,
    "seconds",
    Origin.EVERY,
    "How long single statements of turns and of the relay took in the database.",
    buckets=_QUICK,
)
TURN = Metric(
    "recount_turn_seconds",
    Kind.HISTOGRAM,
    "seconds",
    Origin.TURNS,
    "How long turns took, from loading to commit; kind is batch or tick.",
    ("kind",),
    _QUICK,
)
TURN_INPUTS = Metric(
    "recount_turn_inputs",
    Kind.HISTOGRAM,
    "inputs",
    Origin.TURNS,
    "How many inputs, dead ones included, turns of kind batch applied.",
    buckets=(1, 10, 50, 100, 250, 500, 1000, 2000, 5000),
)
TURN_AGAIN = Metric(
    "recount_turns_repeated_total",
    Kind.COUNTER,
    "turns",
    Origin.TURNS,
    "Turns run again because another one held what they needed, or because the database was gone.",
    ("why",),
)
ALERTS = Metric(
    "recount_alert_events_total",
    Kind.COUNTER,
    "events",
    Origin.TURNS,
    "Alert events that this process committed, by type and grade; quiet ones belong to a first start.",
    ("force", "type", "grade", "quiet"),
)
DEAD_LETTERS = Metric(
    "recount_dead_letters_total",
    Kind.COUNTER,
    "inputs",
    Origin.TURNS,
    "Inputs that this process could not read, by reason.",
    ("source", "reason"),
)
LAG = Metric(
    "recount_consumer_lag_messages",
    Kind.GAUGE,
    "messages",
    Origin.WORKER,
    "Messages of a partition this worker owns that are not applied.",
    ("topic", "partition"),
)
LAG_SECONDS = Metric(
    "recount_consumer_lag_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.WORKER,
    "Since this worker last had such a partition applied to its end; 0 where it has.",
    ("topic", "partition"),
)
BROKER_QUIET = Metric(
    "recount_broker_quiet_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.WORKER,
    "Since a broker last answered this worker.",
)
VIEWERS = Metric(
    "recount_live_viewers",
    Kind.GAUGE,
    "streams",
    Origin.BOARD,
    "Live streams of the board that are open.",
)
SIGN_IN_REFUSED = Metric(
    "recount_sign_ins_refused_total",
    Kind.COUNTER,
    "attempts",
    Origin.BOARD,
    "Attempts to sign in that this process refused, by reason.",
    ("reason",),
)
RELAYED = Metric(
    "recount_relayed_total",
    Kind.COUNTER,
    "messages",
    Origin.RELAY,
    "Messages that this relay put on topics, by kind: alert or dead_letter.",
    ("kind",),
)
RELAY_FAILED = Metric(
    "recount_relay_failures_total",
    Kind.COUNTER,
    "rounds",
    Origin.RELAY,
    "Rounds of this relay that failed and are tried again.",
)

EVERY: tuple[Metric, ...] = tuple(
    each for each in list(globals().values()) if isinstance(each, Metric)
)

COUNTED = tuple(m for m in EVERY if m.kind is not Kind.GAUGE and m.origin is not Origin.LEDGER)
"""What processes count as they go; the others are computed for each scrape."""

Family = CounterMetricFamily | GaugeMetricFamily


class Counted:
    """What one process counts, in a registry of its own: what every process counts, and its part's."""

    def __init__(self, *parts: Origin) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        for library in (ProcessCollector, PlatformCollector, GCCollector):
            library(registry=self.registry)
        self._made = {
            m.name: _make(m, self.registry) for m in COUNTED if m.origin in (*parts, Origin.EVERY)
        }

    def counter(self, metric: Metric) -> Counter:
        """One counter of this process."""
        made = self._made[metric.name]
        assert isinstance(made, Counter)
        return made

    def histogram(self, metric: Metric) -> Histogram:
        """One histogram of this process."""
        made = self._made[metric.name]
        assert isinstance(made, Histogram)
        return made


def _make(metric: Metric, registry: CollectorRegistry) -> Counter | Histogram:
    if metric.kind is Kind.COUNTER:
        return Counter(metric.name, metric.help, metric.labels, registry=registry)
    return Histogram(
        metric.name, metric.help, metric.labels, buckets=metric.buckets, registry=registry
    )


def family(metric: Metric, samples: Iterable[tuple[tuple[str, ...], float]]) -> Family:
    """One metric computed for a scrape: label values and value of each series."""
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    made = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        made.add_metric(labels, value)
    return made


def as_markdown() -> str:
    """Every metric as rows of a table."""
    rows = ["| metric | type | unit | labels | from | meaning |", "|---|---|---|---|---|---|"]
    for each in EVERY:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        rows.append(
            f"| `{each.name}` | {each.kind} | {each.unit} | {labels} | {each.origin} | {each.help} |"
        )
    return "\n".join(rows) + "\n"
