"""Every metric: name, type, unit, labels and meaning; ``docs/metrics.md`` is made from this file.

Units are base units (seconds, messages, 1). Labels come from closed sets, from what is declared (force,
source, topic, receiver) or from a digest; never from what people wrote, so there are no personal data
here and no more series than a site has forces and feeds. A force is named only where its code looks like
one, and only the first ``FORCES_MAX`` of them: the rest, and what stands where a code should, is ``other``.

What the ledger holds is computed when it is asked for (``Origin.LEDGER``) and is the same from every
process: take the maximum over processes, not the sum. What a process does is counted by it and starts at 0
with it.
"""

import re
from collections.abc import Callable, Iterable
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
    together: Callable[[float, float], float] | None = None
    """What forces that share a label make of their values; None: the sum, of seconds the larger."""


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
    together=min,
)
OLDEST_OWED = Metric(
    "recount_oldest_owed_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.LEDGER,
    "How long ago the earliest deadline of reports with this verdict was; 0 where it is still to come.",
    ("force", "verdict"),
)
CRIMES = Metric(
    "recount_crimes",
    Kind.GAUGE,
    "crimes",
    Origin.LEDGER,
    "Crimes of clear grade of the last three days' reports, by what became of them: due (all "
    "but the pending), recorded, late, missed, accounted, not_provable, pending. Counted once a minute.",
    ("force", "result"),
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
    together=max,
)
OUTAGE = Metric(
    "recount_source_outage_declared",
    Kind.GAUGE,
    "1",
    Origin.EVERY,
    "1 while an outage of a source is declared to this process; nobody is paged for it.",
    ("force", "source"),
    together=min,
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
OUTCOMES = Metric(
    "recount_notification_outcomes",
    Kind.GAUGE,
    "messages",
    Origin.LEDGER,
    "Messages to people by what came of their last attempt. Counted once a minute.",
    ("receiver", "outcome"),
)
INTERRUPTS = Metric(
    "recount_interrupts",
    Kind.GAUGE,
    "messages",
    Origin.LEDGER,
    "Messages planned in the last so many hours that interrupt their receiver.",
    ("force", "receiver", "hours"),
)
INTERRUPTS_BUDGET = Metric(
    "recount_interrupts_budget",
    Kind.GAUGE,
    "messages",
    Origin.LEDGER,
    "How many may; those beyond it are told by digest. Absent where nothing bounds them.",
    ("force", "receiver", "hours"),
)
WARNED = Metric(
    "recount_warned",
    Kind.GAUGE,
    "reports",
    Origin.LEDGER,
    "Reports warned of whose deadline fell in the last 24 hours. Counted once a minute.",
    ("force",),
)
ACTED = Metric(
    "recount_acted_before_deadline_ratio",
    Kind.GAUGE,
    "1",
    Origin.LEDGER,
    "Share of them acted on, or settled, before the deadline; absent where there are none.",
    ("force",),
    together=min,
)
STEPS_MISSED = Metric(
    "recount_escalation_steps_missed",
    Kind.GAUGE,
    "steps",
    Origin.LEDGER,
    "Steps of escalation and digests that were to be told ten minutes ago or earlier and were not, counted "
    "from routes and from what was said. Always 0.",
    ("of",),
)
UNHEARD = Metric(
    "recount_escalation_events_unheard",
    Kind.GAUGE,
    "events",
    Origin.LEDGER,
    "Alert events that no planner has looked at.",
)
PLANNER_QUIET = Metric(
    "recount_planner_quiet_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.LEDGER,
    "Since a planner last looked who is to be told; absent where none ever did.",
)
AUDIT_AGE = Metric(
    "recount_audit_age_seconds",
    Kind.GAUGE,
    "seconds",
    Origin.EVERY,
    "Since this process last counted what is looked at once a minute: steps missed, crimes, conservation.",
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

FORCES_MAX = 100
"""Forces named in labels, at most: twice as many as the country has."""
OTHER = "other"

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,19}")
"""What a force's code looks like: short, one word."""


class Forces:
    """Which forces are named in the labels of one process: the first to come."""

    def __init__(self) -> None:
        self._named: set[str] = set()

    def label(self, force: str) -> str:
        """The force as it is shown; empty (no force can be told) stays empty."""
        if not force or force in self._named:
            return force
        if len(self._named) == FORCES_MAX or not _CODE.fullmatch(force):
            return OTHER
        self._named.add(force)
        return force


Family = CounterMetricFamily | GaugeMetricFamily


class Counted:
    """What one process counts, in a registry of its own: what every process counts, and its part's."""

    def __init__(self, *parts: Origin) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.forces = Forces()
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


def family(
    metric: Metric, samples: Iterable[tuple[tuple[str, ...], float]], forces: Forces | None = None
) -> Family:
    """One metric computed for a scrape: label values and value of each series; ``forces`` where one of
    its labels is a force, which comes first."""
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    made = kind(metric.name, metric.help, labels=metric.labels)
    together = metric.together or (max if metric.unit == "seconds" else _sum)
    held: dict[tuple[str, ...], float] = {}
    for labels, value in samples:
        shown = (forces.label(labels[0]), *labels[1:]) if forces is not None else labels
        held[shown] = together(held[shown], value) if shown in held else value
    for shown, value in held.items():
        made.add_metric(shown, value)
    return made


def _sum(one: float, other: float) -> float:
    return one + other


def as_markdown() -> str:
    """Every metric as rows of a table."""
    rows = ["| metric | type | unit | labels | from | meaning |", "|---|---|---|---|---|---|"]
    for each in EVERY:
        labels = ", ".join(f"`{label}`" for label in each.labels)
        rows.append(
            f"| `{each.name}` | {each.kind} | {each.unit} | {labels} | {each.origin} | {each.help} |"
        )
    return "\n".join(rows) + "\n"
