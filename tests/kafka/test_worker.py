"""What a worker does with what it reads, and when it ends by itself."""

from datetime import timedelta

import pytest
from kafka import KafkaAdminClient, TopicPartition
from sqlalchemy import select

from schemas.words import AlertType, Verdict
from service.hosts.files import NotGiven
from service.hosts.kafka_boot import probe
from service.hosts.kafka_topics import partition_of
from service.hosts.stopped import WorkerStopped
from service.ledger import outputs
from service.ledger.opening import Ledger
from service.ledger.tables import dead_letters
from service.settings import SettingsWrong
from tests.kafka.feed import NOW, Event, events
from tests.kafka.site import Site, applied, await_that

CANARY = "Zebulon Quagmire"
"""Stands in a value that cannot be read; must come out nowhere."""


def test_what_cannot_be_read_is_set_aside_by_its_place_and_the_rest_is_applied(
    site: Site, ledger: Ledger
) -> None:
    told = events(300)
    at = told[0].at
    future = told[0].value or b""
    future = future.replace(
        at.isoformat()[:10].encode(), (NOW + timedelta(days=9)).isoformat()[:10].encode()
    )
    bad = [
        Event("log", "01", f'{{"force":"01","name":"{CANARY}"}}'.encode(), at),
        Event("log", "02", f"{CANARY} is not JSON".encode(), at),
        Event("crimes", "03", None, at),
        Event("log", "04", b"\xff\xfe", at),
        Event("log", told[0].force, future, at),
    ]
    site.produce([*told[:100], *bad, *told[100:]])
    worker = site.start()
    site.await_applied(ledger, len(told) + len(bad), worker)
    site.await_ticked(ledger, worker)
    assert worker.stop() == 0
    with ledger.reading() as connection:
        rows = connection.execute(select(dead_letters)).mappings().all()
        assert outputs.conservation(connection).holds
        counted = outputs.taken_in(connection)
        reports = sum(1 for _ in outputs.lines(connection))
        claims = [
            e.payload or b"" for e in outputs.events(connection) if e.type == AlertType.MISSED
        ]
    assert claims
    assert all(b'"quiet":true' in said for said in claims)  # history, read at a first start
    assert committed(site) == len(told) + len(bad)  # Kafka's own figures follow the ledger
    reasons = sorted(row["reason"] for row in rows)
    assert reasons == ["in_the_future", "invalid_field", "not_json", "not_json", "not_json"]
    assert sum(each["dead"] for each in counted.values()) == len(bad)
    assert reports == len(
        {(e.force, e.side, _ref(e)) for e in told if e.side != "crimes" and _ref(e)}
    )
    assert len(worker.said("dead_letter")) == len(bad)
    assert CANARY not in worker.log.read_text(encoding="utf-8")
    assert CANARY not in str(rows)


def committed(site: Site) -> int:
    """Positions committed to the broker by the group, over all partitions."""
    client = KafkaAdminClient(bootstrap_servers=site.bootstrap)
    group = site.environment["RECOUNT_GROUP"]
    held = client.list_group_offsets([group])[group]
    client.close()
    return sum(each.offset for each in held.values())


def _ref(event: Event) -> str:
    _, found, rest = (event.value or b"").partition(b'"ref":')
    return rest.split(b'"')[1].decode() if found else ""


def test_a_flood_of_the_unreadable_stops_the_worker_and_nothing_of_it_is_applied(
    site: Site, ledger: Ledger
) -> None:
    good = events(300)[:50]
    site.produce(good)
    worker = site.start()
    site.await_applied(ledger, len(good), worker)
    flood = [Event("log", "01", b"{]", good[0].at)] * 300
    site.produce(flood)
    assert worker.ended() == 1
    said = worker.said("worker_stopped")[-1]["reason"]
    assert "not_json" in said
    assert "RECOUNT_UNREADABLE_SHARE_MAX=1" in said
    before = applied(ledger)
    assert before < len(good) + len(flood)
    worker = site.start(RECOUNT_UNREADABLE_SHARE_MAX="1")
    site.await_applied(ledger, len(good) + len(flood), worker)
    assert worker.stop() == 0


def recreate(site: Site, topic: str) -> None:
    """Delete a topic and make it anew."""
    client = KafkaAdminClient(bootstrap_servers=site.bootstrap)
    client.delete_topics([topic])
    await_that(lambda: topic not in client.list_topics(), "deleted")
    client.close()
    site.make_topics()


def retain_nothing(site: Site, topic: str) -> None:
    """Let go everything that a topic holds."""
    client = KafkaAdminClient(bootstrap_servers=site.bootstrap)
    client.delete_records({TopicPartition(topic, n): -1 for n in range(4)})
    client.close()


def test_a_topic_made_anew_stops_the_worker_until_that_is_said_to_be_meant(
    site: Site, ledger: Ledger
) -> None:
    told = events(300)
    site.produce(told)
    worker = site.start()
    site.await_applied(ledger, len(told), worker)
    recreate(site, site.topics["crimes"])
    assert worker.ended() == 1  # also where it was running
    worker = site.start()
    assert worker.ended() == 1
    reason = worker.said("worker_stopped")[-1]["reason"]
    assert f"--accept-recreated {site.topics['crimes']}" in reason
    worker = site.start("--accept-recreated", site.topics["crimes"])
    worker.await_said("ready")
    site.await_ticked(ledger, worker)
    site.produce(told[:20])
    site.await_applied(ledger, len(told) + 20, worker)
    assert worker.stop() == 0
    assert _said(ledger, AlertType.INPUT_LOST)


def test_input_gone_before_it_was_read_is_said_and_no_miss_rests_on_it(
    site: Site, ledger: Ledger
) -> None:
    told = events(600)
    beats = [event for event in told if b"heartbeat" in (event.value or b"")]
    early = [event for event in told if event not in beats][:300]
    late = [event for event in told if event not in beats][300:]
    site.produce(early)
    worker = site.start()
    site.await_applied(ledger, len(early), worker)
    assert worker.stop() == 0
    site.produce([event for event in late if event.side == "crimes"])
    retain_nothing(site, site.topics["crimes"])
    site.produce([*(event for event in late if event.side == "log"), *beats])
    worker = site.start()
    worker.await_said("ready")
    await_that(lambda: bool(_said(ledger, AlertType.INPUT_LOST)), "loss said", worker)
    site.await_ticked(ledger, worker)
    assert worker.stop() == 0
    assert worker.said("input_lost")
    with ledger.reading() as connection:
        lines = b"\n".join(outputs.lines(connection))
        assert outputs.conservation(connection).holds
    assert Verdict.NOT_PROVABLE.encode() in lines


def _said(ledger: Ledger, type_: AlertType) -> list[outputs.Said]:
    with ledger.reading() as connection:
        return [each for each in outputs.events(connection) if each.type == type_]


def test_records_with_old_times_stay_in_topics_that_recount_made(
    site: Site, ledger: Ledger
) -> None:
    """In a topic with a retention like a broker's default they are gone within seconds."""
    told = events(300)
    client = KafkaAdminClient(bootstrap_servers=site.bootstrap)
    usual = f"usual-{site.topics['log']}"
    days = {"retention.ms": str(7 * 24 * 3600 * 1000)}
    wanted = {"num_partitions": 4, "replication_factor": 1, "configs": days}
    client.create_topics({usual: wanted}, wait_for_metadata=True)
    site.produce(told)
    mine = site.topics["log"]
    site.topics = {**site.topics, "log": usual}
    site.produce([event for event in told if event.side == "log"])

    def start(topic: str) -> int:
        from kafka.admin import OffsetSpec

        asked = {TopicPartition(topic, n): OffsetSpec.EARLIEST for n in range(4)}
        return sum(each.offset for each in client.list_partition_offsets(asked).values())

    await_that(lambda: start(usual) > 0, "vanished")
    assert start(mine) == 0
    client.close()


@pytest.mark.parametrize(
    ("changes", "wrong", "says"),
    [
        ({"RECOUNT_TOPICS": '{"nobody":"native/incidents"}'}, WorkerStopped, "nobody is not there"),
        ({"RECOUNT_TOPICS": '{"x":"native/nothing"}'}, NotGiven, "there is no 'native/nothing'"),
        ({"DATABASE_URL": "postgresql://u:s3cret@127.0.0.1:1/x"}, WorkerStopped, "DATABASE_URL"),
        ({"DATABASE_URL": ""}, SettingsWrong, "DATABASE_URL is not set"),
        ({"RECOUNT_TICK_EVERY": "s3cret"}, SettingsWrong, "RECOUNT_TICK_EVERY"),
        ({"RECOUNT_RULES": "nobody"}, NotGiven, "there is no 'nobody'"),
    ],
)
def test_a_worker_that_cannot_work_says_why_within_seconds(
    site: Site, changes: dict[str, str], wrong: type[Exception], says: str
) -> None:
    site.make_topics()
    with pytest.raises(wrong) as refused:
        probe(site.settings(**changes, RECOUNT_PROBE_WITHIN="3"))
    assert says in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_broker_that_is_not_there_is_said_within_seconds(site: Site) -> None:
    done = site.run("worker", KAFKA_BOOTSTRAP="127.0.0.1:1", RECOUNT_PROBE_WITHIN="2")
    assert done.code == 1
    assert "check KAFKA_BOOTSTRAP" in done.err.strip().splitlines()[-1]


def test_a_ledger_without_its_tables_is_refused_with_the_command_that_makes_them(
    site: Site,
) -> None:
    site.make_topics()
    done = site.run("worker")
    assert done.code == 1
    assert "run: recount db upgrade" in done.err
    assert site.run("db", "upgrade").code == 0
    probe(site.settings()).ledger.close()


def test_topics_are_read_abreast_in_time_however_much_lies_on_one_of_them(
    site: Site, ledger: Ledger
) -> None:
    told = events(3000)
    site.produce(told)
    worker = site.start()
    site.await_applied(ledger, len(told), worker)
    assert worker.stop() == 0
    lying: dict[str, list[float]] = {}
    for each in told:
        if each.side != "referrals":  # a little of everything is read at once: these are few
            place = f"{site.topics[each.side]}/{partition_of(each.force, 4)}"
            lying.setdefault(place, []).append(each.at.timestamp())
    first, last = told[0].at.timestamp(), told[-1].at.timestamp() - 48 * 3600  # then heartbeats
    at, ahead = dict.fromkeys(lying, 0), 0.0
    for line in worker.said("turn"):
        at.update({place: n for place, n in line["positions"].items() if place in at})
        unread = [times[at[place]] for place, times in lying.items() if at[place] < len(times)]
        read = [times[at[place] - 1] for place, times in lying.items() if at[place]]
        if unread and read:
            ahead = max(ahead, min(max(read), last) - min(unread))
    assert all(at[place] == len(times) for place, times in lying.items())
    assert ahead < (last - first) / 5
