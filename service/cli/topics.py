"""``recount topics``: the topics that the worker reads and the relay writes."""

from typing import Annotated

import typer
from msgspec.structs import asdict

from service.cli.terminal import AsJson, err, out, print_json, table
from service.hosts import kafka_topics
from service.hosts.kafka_topics import Found, Topic
from service.settings import Settings, read_settings

app = typer.Typer(help="Kafka topics: create, check, describe.", no_args_is_help=True)

DEFAULT_PARTITIONS = 12
"""Divides among 1, 2, 3, 4, 6 and 12 workers; more than a country's forces need."""

Dev = Annotated[bool, typer.Option("--dev", help="One copy of everything is enough.")]


@app.command()
def create(
    partitions: Annotated[
        int, typer.Option(min=1, help="Of every topic alike; forces are spread over them.")
    ] = DEFAULT_PARTITIONS,
    replication: Annotated[
        int, typer.Option(min=1, help="Copies of every record; 1 needs --dev.")
    ] = 3,
    append_time_days: Annotated[
        int | None,
        typer.Option(
            min=1,
            show_default=False,
            help="Delete records so many days after the broker took them; default: never.",
        ),
    ] = None,
    dev: Dev = False,
) -> None:
    """Make the topics that are not there yet, as Recount needs them.

    Example: recount topics create --partitions 12 --replication 3
    """
    if replication < 2 and not dev:
        raise typer.BadParameter(
            "one copy is lost with one disk; use 3, or --dev to try things out"
        )
    settings = read_settings()
    names = (*settings.topics, *_outputs(settings))
    with kafka_topics.administering(settings) as client:
        there = kafka_topics.describe(client, names)
        missing = [name for name in names if name not in there]
        kafka_topics.create(
            client,
            missing,
            partitions=partitions,
            replication=replication,
            append_time_days=append_time_days,
        )
        found = _check(settings, kafka_topics.describe(client, names), dev)
    for name in names:
        out.print(f"{name}: {'made' if name in missing else 'was there'}")
    _print_found(found)
    if found:
        raise typer.Exit(1)


@app.command()
def check(dev: Dev = False, as_json: AsJson = False) -> None:
    """Is every topic there, and as Recount needs it? Exit code 1 where one is not.

    Example: recount topics check
    """
    settings = read_settings()
    with kafka_topics.administering(settings) as client:
        topics = kafka_topics.describe(client, (*settings.topics, *_outputs(settings)))
    found = _check(settings, topics, dev)
    if as_json:
        print_json([asdict(each) for each in found])
    elif found:
        _print_found(found)
    else:
        out.print(f"{len(topics)} topics are as they should be")
    if found:
        raise typer.Exit(1)


@app.command()
def describe(as_json: AsJson = False) -> None:
    """What the broker holds: partitions, copies, retention, and how much lies in each topic.

    Example: recount topics describe --json
    """
    settings = read_settings()
    with kafka_topics.administering(settings) as client:
        topics = kafka_topics.describe(client, (*settings.topics, *_outputs(settings)))
        counts = {name: topic.partitions for name, topic in topics.items()}
        spans = kafka_topics.spans(client, counts)
    held = {
        name: sum(span.end - span.start for (topic, _), span in spans.items() if topic == name)
        for name in topics
    }
    if as_json:
        print_json([{**asdict(topic), "positions": held[name]} for name, topic in topics.items()])
        return
    shown = table("topic", "#partitions", "#copies", "kept", "from", "#positions")
    for name, topic in topics.items():
        shown.add_row(
            name,
            str(topic.partitions),
            str(topic.replication),
            _kept(topic),
            topic.timestamps,
            f"{held[name]:,}",
        )
    out.print(shown)


def _check(settings: Settings, topics: dict[str, Topic], dev: bool) -> list[Found]:
    return kafka_topics.check(topics, tuple(settings.topics), _outputs(settings), dev=dev)


def _outputs(settings: Settings) -> tuple[str, ...]:
    return (settings.alerts_topic, settings.dead_letters_topic)


def _kept(topic: Topic) -> str:
    if topic.policy != "delete":
        return topic.policy
    return "for ever" if topic.retention_ms == -1 else f"{topic.retention_ms / 86_400_000:g} days"


def _print_found(found: list[Found]) -> None:
    for each in found:
        err.print(f"{each.topic}: {each.what}; {each.remedy}", markup=False)
