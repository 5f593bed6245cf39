"""What a running worker and relay say of themselves on their health port."""

from service.ledger.opening import Ledger
from tests.kafka.feed import NOW, apply_to, events
from tests.kafka.site import Running, Site, await_that
from tests.operations.test_health import asked, sampled


def address(running: Running) -> str:
    """Where its port is, by its log."""
    return str(running.await_said("health")["address"])


def test_a_worker_counts_its_turns_and_says_how_far_it_is(site: Site, ledger: Ledger) -> None:
    told = events(300)
    site.produce(told)
    worker = site.start()
    where = address(worker)
    assert asked(f"{where}/livez")[0] == 200
    worker.await_said("ready")
    await_that(lambda: asked(f"{where}/readyz")[0] == 200, "ready", worker)
    site.await_applied(ledger, len(told), worker)
    site.await_ticked(ledger, worker)
    await_that(
        lambda: any(
            name == "recount_consumer_lag_messages"
            for name, _ in sampled(asked(f"{where}/metrics")[1])
        ),
        "lag told",
        worker,
    )
    found = sampled(asked(f"{where}/metrics")[1])
    assert found["recount_turn_inputs_sum", ()] >= len(told)
    assert found["recount_turn_seconds_count", ("tick",)] >= 1
    assert sum(v for (n, _), v in found.items() if n == "recount_alert_events_total") > 0
    lags = [v for (n, _), v in found.items() if n == "recount_consumer_lag_messages"]
    assert len(lags) == 12
    assert worker.stop() == 0


def test_a_relay_counts_what_it_sent(site: Site, ledger: Ledger) -> None:
    apply_to(ledger, events(300), NOW)
    relay = site.start(command="relay")
    where = address(relay)

    def sent() -> bool:
        return sampled(asked(f"{where}/metrics")[1])["recount_outbox_waiting", ()] == 0

    await_that(sent, "sent", relay)
    found = sampled(asked(f"{where}/metrics")[1])
    assert found["recount_relayed_total", ("alert",)] > 0
    assert found["recount_outbox_oldest_seconds", ()] == 0
    assert asked(f"{where}/readyz") == (200, "ready\n")
    assert relay.stop() == 0
