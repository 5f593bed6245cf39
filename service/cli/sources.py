"""``recount sources``: mappings from somebody's own files to the contracts."""

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from schemas.export import documents
from service.cli.terminal import AsJson, err, out, print_json, print_listed, table
from service.hosts.files import NotGiven, read_mapping, read_pack, read_person_key, sample, shipped
from service.hosts.review import Review, SideReview, review, sort_out
from service.ingest.drafted import CHANGE, Named
from service.ingest.drafted import draft as drafted
from service.ingest.explain import at, explain
from service.ingest.mapping import is_name
from service.ingest.people import PersonKey
from service.ingest.times import is_zone

app = typer.Typer(help="Map your own systems: draft, check, show.", no_args_is_help=True)

MAPPING_HELP = "A mapping: the path of a .yaml file, or the name of one that is shipped."
Files = Annotated[list[Path], typer.Option(help="A file of this side; may be given again.")]


def person_key() -> PersonKey | None:
    """The force's key for people, where the environment names its file."""
    given = os.environ.get("RECOUNT_PERSON_KEY_FILE")
    return read_person_key(Path(given)) if given else None


@app.command(epilog="Example: recount sources show umd")
def show(
    mapping: Annotated[str | None, typer.Argument(help=MAPPING_HELP)] = None,
    as_json: AsJson = False,
) -> None:
    """Explain a mapping in plain words; without one, list those that are shipped."""
    if mapping is None:
        print_listed({name: read_mapping(name).title for name in shipped("mappings")}, as_json)
        return
    parts = explain(read_mapping(mapping))
    if as_json:
        print_json([{"title": title, "lines": lines} for title, lines in parts])
        return
    for title, lines in parts:
        out.print(f"\n{title}", markup=False, style="bold")
        shown = table("", "")
        shown.show_header = False
        for of, said in lines:
            shown.add_row(f"  {of}", said)
        out.print(shown, markup=False)


@app.command(epilog="Example: recount sources check my-force.yaml calls.csv records.csv")
def check(
    mapping: Annotated[str, typer.Argument(help=MAPPING_HELP)],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files; the columns tell which side each is.")
    ] = None,
    incidents: Files = [],  # noqa: B006
    records: Files = [],  # noqa: B006
    referrals: Files = [],  # noqa: B006
    rules: Annotated[
        str | None, typer.Option(help="Rule pack that says which codes are known.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold a mapping against files: what maps, what is refused, which codes nobody knows, and what the
    verdicts may conclude. Exit code 1 where something is to be mended."""
    read = read_mapping(mapping)
    given = {"incidents": incidents, "records": records, "referrals": referrals}
    sides = {feed.side for feed in read.feeds}
    for side, paths in given.items():
        if paths and side not in sides:
            raise NotGiven(f"the mapping has no side '{side}'; it has {', '.join(sorted(sides))}")
    found = {side: list(paths) for side, paths in given.items()}
    for side, paths in sort_out(read, files or []).items():
        found[side] += paths
    with err.status("reading"):
        said = review(
            read,
            found,
            fallback=read_pack("umd"),
            pack=read_pack(rules) if rules else None,
            person_key=person_key(),
        )
    if as_json:
        print_json(said)
    else:
        _print(said)
    if said.findings:
        raise typer.Exit(1)


@app.command(
    epilog="Example: recount sources draft calls.csv records.csv --out mine --name my-force"
)
def draft(
    files: Annotated[list[Path], typer.Argument(help="The log, and the records where apart.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path(),
    name: Annotated[str | None, typer.Option(help="Name of the mapping and its files.")] = None,
    force: Annotated[str, typer.Option(help="The force all rows belong to.")] = CHANGE,
    zone: Annotated[str, typer.Option(help="Time zone of times without one.")] = "Europe/London",
    as_json: AsJson = False,
) -> None:
    """Write a commented mapping drafted from files, and their codes as a CSV to fill in."""
    if not is_zone(zone):
        raise NotGiven(f"'{zone}' is no time zone; use a name such as Europe/London")
    stem = name or re.sub(r"[^a-z0-9]+", "-", files[0].name.split(".")[0].lower()).strip("-")
    if not is_name(stem):
        raise NotGiven(f"'{stem}' cannot name a mapping; say --name in small letters and digits")
    made = drafted([sample(path) for path in files], Named(name=stem, force=force, zone=zone))
    mapping, codes = folder / f"{stem}.yaml", folder / f"{stem}.codes.csv"
    for target in (mapping, codes):
        if target.exists():
            raise NotGiven(f"{target} is there already; say another --name or --out")
    folder.mkdir(parents=True, exist_ok=True)
    mapping.write_text(made.mapping, encoding="utf-8")
    codes.write_text(made.codes, encoding="utf-8")
    if as_json:
        print_json({"mapping": str(mapping), "codes": str(codes), "warnings": made.warnings})
        return
    for warning in made.warnings:
        out.print(f"look at: {warning}", markup=False)
    out.print(f"wrote {mapping} and {codes}", markup=False)
    given = " ".join(str(path) for path in files)
    out.print(
        f"next: fill in the last column of {codes}, then recount sources check {mapping} {given}",
        markup=False,
    )


@app.command(epilog="Example: recount sources schemas --out schemas/json")
def schemas(
    folder: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("schemas"),
    as_json: AsJson = False,
) -> None:
    """Write the contracts as JSON Schema, and the topics as AsyncAPI, for whoever sends or reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = documents()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    if as_json:
        print_json([str(folder / name) for name in written])
    else:
        out.print(f"wrote {len(written)} contracts to {folder}", markup=False)


MOST_CODES = 20
"""Codes nobody knows that are printed; all are in the JSON."""


def _print(said: Review) -> None:
    for side in said.sides:
        _print_side(side)
    told = said.conclusion
    out.print("\nWhat the verdicts may conclude", style="bold")
    sources = ", ".join(told.record_sources) or "none"
    out.print(f"  sources that could hold a crime: {sources}", markup=False)
    if told.received_from is not None and told.received_until is not None:
        out.print(
            f"  a miss can be said of reports received from {at(told.received_from)} to "
            f"{at(told.received_until)}: {told.reports_inside:,} of {told.reports:,} "
            f"(by {told.basis})",
            markup=False,
        )
    else:
        out.print("  a miss can be said of no report")
    if told.records_naming_a_report:
        out.print(
            f"  {told.records_naming_a_report:,} records name a report; "
            f"{told.records_found:,} of those are in the log"
        )
    if told.reports_naming_a_record:
        out.print(
            f"  {told.reports_naming_a_record:,} reports name a record; "
            f"{told.reports_found:,} of those are there"
        )
    for title, lines in (("Notes", said.notes), ("To be mended", said.findings)):
        if lines:
            out.print(f"\n{title}", style="bold")
        for line in lines:
            out.print(f"  {line}", markup=False)
    if not said.findings:
        out.print("\nNothing to be mended.")


def _print_side(side: SideReview) -> None:
    out.print(f"\n{side.side} (source {side.source})", markup=False, style="bold")
    if not side.files:
        out.print("  no file was given")
        return
    refused = sum(each.count for each in side.refused)
    parts = [f"{side.rows:,} rows", f"{side.mapped:,} mapped"]
    parts += [f"{side.left_out:,} left out by 'where'"] if side.left_out else []
    parts += [f"{side.heartbeats:,} heartbeats"] if side.heartbeats else []
    parts += [f"{refused:,} refused"]
    parts += [f"{side.repeated:,} repeat an earlier row"] if side.repeated else []
    out.print(f"  {', '.join(parts)}")
    if side.first is not None and side.last is not None:
        out.print(f"  seen from {at(side.first)} to {at(side.last)}")
    if side.since is not None and side.until is not None:
        how = "declared" if side.declared else "as seen"
        out.print(f"  covers {at(side.since)} to {at(side.until)} ({how})")
    if side.filled and side.mapped:
        shown = table("  field", "#rows filled", "#share")
        for name, count in side.filled.items():
            shown.add_row(f"  {name}", f"{count:,}", f"{count / side.mapped:.0%}")
        out.print(shown, markup=False)
    for each in side.refused:
        value = "" if each.value is None else f" {each.value!r}"
        where = f" in {each.field}{value}" if each.field else ""
        out.print(
            f"  refused: {each.count:,} x {each.reason}{where}, first {each.first}; {each.remedy}",
            markup=False,
        )
    for code, count in list(side.unknown_codes.items())[:MOST_CODES]:
        slot, _, word = code.partition(":")
        out.print(f"  nobody knows: {count:,} x {slot} {word or '(empty)'}", markup=False)
    if len(side.unknown_codes) > MOST_CODES:
        out.print(f"  ... and {len(side.unknown_codes) - MOST_CODES:,} codes more; see --json")
