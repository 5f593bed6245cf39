"""``recount rules diff``: one input under two rule packs, and the rule behind every difference."""

from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from service.cli.replay import (
    AsOf,
    Files,
    LinkageModel,
    MappingName,
    PersonKeyFile,
    Workers,
    asked,
    check_files,
    counting,
)
from service.cli.terminal import complain, out, print_json, table
from service.hosts.files import read_mapping, read_pack

SHOWN = 20
"""Kinds of difference printed on a terminal; JSON and page have all."""


def diff(
    from_pack: Annotated[
        str, typer.Option("--from", metavar="PACK", help="Rule pack: shipped name, or .yaml file.")
    ],
    to_pack: Annotated[
        str, typer.Option("--to", metavar="PACK", help="Rule pack to compare it with.")
    ],
    source: MappingName,
    incidents: Files = [],  # noqa: B006 - read only
    records: Files = [],  # noqa: B006
    referrals: Files = [],  # noqa: B006
    as_of: AsOf = "",
    workers: Workers = 1,
    person_key: PersonKeyFile = None,
    linkage: LinkageModel = None,
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for differences.jsonl, diff.json and diff.html.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print diff.json.")] = False,
) -> None:
    """Replay one input under two packs; tell each verdict that differs by the rule that made it so.

    Example: recount rules diff --from england_and_wales --to mine.yaml --source native
    --incidents log.jsonl --records crimes.jsonl --out out/diff
    """
    from service.hosts.comparing import Packs, compare_packs
    from service.hosts.results import whole_folder

    given = {"incidents": incidents, "records": records, "referrals": referrals}
    request = asked(source, from_pack, given, as_of, person_key, linkage)
    check_files(request, read_mapping(source))
    packs = Packs(from_pack, read_pack(from_pack), to_pack, read_pack(to_pack))
    target = whole_folder(out_folder) if out_folder else nullcontext(None)
    with target as folder, TemporaryDirectory() as scratch, counting("replaying twice") as tell:
        told, broken = compare_packs(request, packs, workers, Path(scratch), folder, tell)
    for each in broken:
        complain(each)
    if as_json:
        print_json(told)
    else:
        _print(told, out_folder)
    if broken:
        raise typer.Exit(1)


def _print(told: dict[str, Any], folder: Path | None) -> None:
    print_differences(told)
    if folder:
        out.print(f"open {folder / 'diff.html'}")


def print_differences(told: dict[str, Any]) -> None:
    """What ``diff_page.counted`` counted, for a person."""
    out.print(
        f"{told['differing']:,} of {told['reports']:,} reports are judged differently, "
        f"{told['other_verdict']:,} with another verdict"
    )
    rows = table("#crimes", "before", "after", "kind", "because of")
    for each in told["crimes"][:SHOWN]:
        shown = (each["before"], each["after"], each["category"], each["cause"])
        rows.add_row(f"{each['n']:,}", *(word.replace("_", " ") for word in shown))
    if told["crimes"]:
        out.print(rows)
    if len(told["crimes"]) > SHOWN:
        out.print(f"and {len(told['crimes']) - SHOWN:,} more kinds of difference")
    out.print(
        f"newly without a record {told['newly_missed']:,}; no longer {told['no_longer_missed']:,}"
    )
