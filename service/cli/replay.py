"""``recount replay``: files in, verdicts out."""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import msgspec
import typer
from msgspec.structs import replace
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from service.cli.terminal import complain, err, out, print_json, table
from service.hosts.files import NotGiven, check_readable, read_mapping, read_pack
from service.hosts.kafka_taking import Bounds, take
from service.hosts.kafka_topics import Span
from service.hosts.replay import Request, Share
from service.hosts.results import about, all_figures, stated, summary, whole_folder, write_lines
from service.hosts.shares import run_shares
from service.ingest.mapping import SourceMapping
from service.insight.page import render
from service.settings import read_settings

Files = Annotated[list[Path], typer.Option(show_default=False, metavar="FILE…")]
MappingName = Annotated[
    str, typer.Option(help="Mapping: the name of a shipped one, or a .yaml file.")
]
AsOf = Annotated[
    str, typer.Option(metavar="TIME", help="Where the clock stops; default: the data's end.")
]
Workers = Annotated[int, typer.Option(min=1, help="Processes to spread forces over.")]
PersonKeyFile = Annotated[
    Path | None,
    typer.Option(
        envvar="RECOUNT_PERSON_KEY_FILE",
        help="File with the key for people: id:secret.",
        show_default=False,
    ),
]
LinkageModel = Annotated[
    Path | None,
    typer.Option(
        help="Linkage model, for records that no reference ties; see 'recount linkage'.",
        show_default=False,
    ),
]


def replay(
    source: MappingName,
    out_folder: Annotated[
        Path, typer.Option("--out", help="Folder for the results; made if need be.")
    ],
    incidents: Files = [],  # noqa: B006 - read only
    records: Files = [],  # noqa: B006
    referrals: Files = [],  # noqa: B006
    from_kafka: Annotated[
        bool,
        typer.Option("--from-kafka", help="Read the topics of RECOUNT_TOPICS instead of files."),
    ] = False,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="With --from-kafka: records from this time on.")
    ] = "",
    until: Annotated[
        str, typer.Option(metavar="TIME", help="With --from-kafka: records before this time.")
    ] = "",
    span: Annotated[
        list[str],
        typer.Option(
            metavar="TOPIC/PARTITION=START:END",
            help="With --from-kafka: positions of one partition instead; END is not read.",
        ),
    ] = [],  # noqa: B006
    rules: Annotated[
        str, typer.Option(help="Rule pack: the name of a shipped one, or a .yaml file.")
    ] = "england_and_wales",
    as_of: AsOf = "",
    workers: Workers = 1,
    person_key: PersonKeyFile = None,
    linkage: LinkageModel = None,
    title: Annotated[
        str, typer.Option(help="Title of the page; default: the mapping's.", show_default=False)
    ] = "",
    marking: Annotated[
        str, typer.Option(help="Protective marking, at head and foot of the page.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print summary.json.")] = False,
) -> None:
    """Decide for every report in some files whether its crimes were recorded, and write it down.

    Example: recount replay --source umd --rules umd --incidents incidents.csv.gz
    --records records.csv.gz --as-of 2022-11-01T00:00:00Z --out out/umd

    From topics, apart from the live group: recount replay --source native --from-kafka --out out/live
    """
    given = {"incidents": incidents, "records": records, "referrals": referrals}
    request = asked(source, rules, given, as_of, person_key, linkage)
    bounds = Bounds(
        since=_instant(since, "--since") if since else None,
        until=_instant(until, "--until") if until else None,
        spans=dict(map(_span, span)),
    )
    if bounds != Bounds() and not from_kafka:
        raise NotGiven("--since, --until and --span are of --from-kafka")
    with taking(request, bounds if from_kafka else None) as ready:
        told, shares = _run(ready, workers, out_folder, title, marking)
    if as_json:
        print_json(told)
    else:
        _print(told, shares, out_folder)
    if any(share.broken for share in shares):
        raise typer.Exit(1)


def asked(
    mapping: str,
    pack: str,
    files: Mapping[str, Sequence[Path]],
    as_of: str,
    person_key: Path | None,
    linkage: Path | None,
) -> Request:
    """What the options ask for. Raises ``NotGiven`` for a time that is none."""
    return Request(
        mapping=mapping,
        pack=pack,
        files={side: tuple(paths) for side, paths in files.items() if paths},
        as_of=_instant(as_of) if as_of else None,
        not_after=datetime.now(UTC),
        person_key_file=person_key,
        linkage=linkage,
    )


def _run(
    request: Request, workers: int, target: Path, title: str, marking: str
) -> tuple[dict[str, Any], tuple[Share, ...]]:
    """Replay and write every result; the summary, and what each process made."""
    started = time.perf_counter()
    mapping, pack = read_mapping(request.mapping), read_pack(request.pack)
    check_files(request, mapping)
    with whole_folder(target) as folder, TemporaryDirectory(dir=folder) as scratch:
        with counting("replaying") as tell:
            shares = run_shares(request, Path(scratch), workers, tell)
        write_lines(shares, folder)
        figures = all_figures(shares)
        told = summary(shares, figures, time.perf_counter() - started)
        shown = about(mapping, pack, shares, told, request.not_after)
        shown = replace(shown, title=title or shown.title, marking=marking)
        told["about"] = stated(shown)
        _write(folder, told, render(figures, shown))
    for broken in {each for share in shares for each in share.broken}:
        complain(broken)
    return told, shares


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Inputs counted on a terminal, and nowhere else: call it with how many more there are."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description} {task.completed:,.0f} inputs"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        auto_refresh=False,  # a thread of its own would not survive a fork
        disable=not err.is_terminal,
    ) as progress:
        task = progress.add_task(what, total=None)

        def tell(inputs: int) -> None:
            progress.advance(task, inputs)
            progress.refresh()

        yield tell


def check_files(request: Request, mapping: SourceMapping) -> None:
    """Is every file there, and does the mapping read it? Raises ``NotGiven``."""
    sides = {feed.files for feed in mapping.feeds}
    if not request.files:
        raise NotGiven("no file to read; give --incidents, --records or --referrals")
    for side, paths in request.files.items():
        if side not in sides:
            has = ", ".join(f"--{each}" for each in sorted(sides))
            raise NotGiven(f"mapping '{mapping.name}' reads no --{side}; it reads {has}")
        for path in paths:
            check_readable(path)


@contextmanager
def taking(request: Request, bounds: Bounds | None) -> Iterator[Request]:
    """The same request, of what lies on topics (None: of its files), gone from disk at the end."""
    if bounds is None:
        yield request
        return
    if request.files:
        raise NotGiven("--from-kafka reads topics: give no files beside it")
    with TemporaryDirectory(prefix="recount-") as folder, counting("taking") as tell:
        files = take(read_settings(), request.mapping, bounds, Path(folder), tell)
        yield replace(request, files=files, streamed=True)


def _span(text: str) -> tuple[tuple[str, int], Span]:
    found = re.fullmatch(r"(.+)/(\d+)=(\d+):(\d+)", text)
    if found is None:
        raise NotGiven(f"--span '{text}': write TOPIC/PARTITION=START:END")
    topic, partition, start, end = found.groups()
    return (topic, int(partition)), Span(int(start), int(end))


def _instant(text: str, option: str = "--as-of") -> datetime:
    """What was typed as a time. Raises ``NotGiven`` where it is none, or has no offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise NotGiven(f"{option} '{text}' is no time; write 2022-11-01T00:00:00Z") from None
    if at.tzinfo is None:
        raise NotGiven(f"{option} '{text}' has no offset; write {text}Z or {text}+01:00")
    return at.astimezone(UTC)


def _write(folder: Path, told: dict[str, Any], page: str) -> None:
    with (folder / "summary.json").open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
    (folder / "report.html").write_text(page, encoding="utf-8")


def _print(told: dict[str, Any], shares: tuple[Share, ...], folder: Path) -> None:
    counts = table("reports", "#clear", "#possible only")
    for word, n in told["verdicts"].items():
        if n or told["possible"][word]:
            counts.add_row(word.replace("_", " "), f"{n:,}", f"{told['possible'][word]:,}")
    out.print(counts)
    ends = [share.as_of for share in shares if share.as_of]
    inputs = told["inputs"]
    if ends:
        out.print(f"as of {max(ends):%Y-%m-%d %H:%M} UTC")
    if inputs.get("dead"):
        out.print(f"{inputs['dead']:,} could not be read: {folder / 'dead_letters.jsonl'}")
    out.print(
        f"{inputs.get('read', 0):,} inputs in {told['seconds']:.1f} s "
        f"({told['events_per_second']:,.0f}/s); open {folder / 'report.html'}"
    )
