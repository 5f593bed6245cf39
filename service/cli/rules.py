"""``recount rules``: rule packs, what they say and what they make of a report."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from schemas.feeds import Heartbeat
from service.cli.sources import MAPPING_HELP, AsJson, person_key
from service.cli.terminal import complain, out, print_json, table
from service.hosts.files import (
    NotGiven,
    check_readable,
    open_rows,
    read_mapping,
    read_pack,
    shipped,
)
from service.hosts.rows import BadRow
from service.ingest.decode import Decoder, Refused
from service.ingest.lined import Fault
from service.ingest.mapping import Feed, SourceMapping
from service.rules.facts import ReportFacts
from service.rules.observe import Observer
from service.rules.pack import Pack
from service.rules.showing import Explained, Showing, explain, showing

app = typer.Typer(help="Rule packs: check, show, explain.", no_args_is_help=True)

PACK_HELP = "A rule pack: the path of a .yaml file, or the name of one that is shipped."
MARKS = {"sourced": "", "inference": "inference: ", "unsourced": "UNSOURCED: "}


@app.command(epilog="Example: recount rules check my-pack.yaml")
def check(
    pack: Annotated[str, typer.Argument(help=PACK_HELP)],
    as_json: AsJson = False,
) -> None:
    """Is a pack sound? Exit code 1, with file, line and remedy, where it is not."""
    try:
        read = read_pack(pack)
    except Fault as fault:
        if as_json:
            said = {"file": fault.origin, "line": fault.line, "what": fault.message}
            print_json({"sound": False, **said, "remedy": fault.remedy})
        else:
            complain(str(fault))
        raise typer.Exit(1) from None
    laid_out = showing(read)
    rules = sum(map(len, laid_out.parts.values()))
    if as_json:
        print_json({"sound": True, "rules": rules, "unsourced": laid_out.unsourced})
        return
    out.print(
        f"{read.name} is sound: {rules} rules, {laid_out.unsourced} of them unsourced; "
        f"digest {read.digest[:12]}"
    )


@app.command(epilog="Example: recount rules show england_and_wales")
def show(
    pack: Annotated[str | None, typer.Argument(help=PACK_HELP)] = None,
    as_json: AsJson = False,
) -> None:
    """Every rule of a pack with its mark; without a pack, those that are shipped."""
    if pack is None:
        listed = {name: read_pack(name).title for name in shipped("packs")}
        if as_json:
            print_json(listed)
        else:
            for name, title in listed.items():
                out.print(f"{name}  {title}", markup=False)
        return
    laid_out = showing(read_pack(pack))
    if as_json:
        print_json(laid_out)
    else:
        _print_pack(laid_out)


@app.command(
    "explain", epilog="Example: recount rules explain logs.jsonl --source native --ref 0412"
)
def explain_reports(
    files: Annotated[list[Path], typer.Argument(help="Reports, as the mapping reads them.")],
    source: Annotated[str, typer.Option(help=MAPPING_HELP)],
    rules: Annotated[str, typer.Option(help=PACK_HELP)] = "england_and_wales",
    ref: Annotated[str, typer.Option(help="Only this report.", show_default=False)] = "",
    referrals: Annotated[
        bool, typer.Option("--referrals", help="The files hold referrals, not incident logs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Why crimes are expected of a report, by when, and what would settle each; as the last version of
    it in the files has it. Exit code 1 where a report cannot be read or is not there."""
    mapping, pack = read_mapping(source), read_pack(rules)
    feed = _feed(mapping, "referrals" if referrals else "incidents")
    found: dict[str, ReportFacts] = {}
    refused = 0
    for path in files:
        check_readable(path)
        for read in _reports(path, feed, pack):
            if isinstance(read, ReportFacts):
                found[read.ref] = read
            else:
                refused += 1
                complain(f"{path}: {read}")
    wanted = [found[ref]] if ref in found else [] if ref else list(found.values())
    sources = {each.source.name: each.source for each in mapping.feeds}
    answers = [explain(pack, sources, report) for report in wanted]
    if as_json:
        print_json(answers)
    else:
        for answer in answers:
            _print_report(answer)
    if ref and not answers:
        complain(f"no report '{ref}' in {', '.join(map(str, files))}")
    if refused or not answers:
        raise typer.Exit(1)


def _feed(mapping: SourceMapping, side: str) -> Feed:
    for feed in mapping.feeds:
        if feed.side == side:
            return feed
    raise NotGiven(f"mapping '{mapping.name}' has no side '{side}'")


def _reports(path: Path, feed: Feed, pack: Pack) -> Iterator[ReportFacts | str]:
    """The reports of a file; where one cannot be read, its line, the reason and the remedy."""
    opened = open_rows(path, feed)
    decoder = Decoder(feed, path.name, opened.header, person_key=person_key())
    observer = Observer(pack, feed.source)
    for number, (line, row) in enumerate(opened.rows):
        if isinstance(row, BadRow):
            yield f"line {line}: {row.reason}; {row.remedy}"
            continue
        read = decoder.decode(row, number)
        if isinstance(read, Refused):
            yield f"line {line}: {read.field} {read.reason}; {read.remedy}"
        elif read is not None and not isinstance(read, Heartbeat):
            yield observer.report(read)  # type: ignore[arg-type]  # the side is one of reports


# -- for people -----------------------------------------------------------------------------------


def _print_pack(laid_out: Showing) -> None:
    out.print(f"{laid_out.name}: {laid_out.title}", markup=False, style="bold")
    out.print(f"digest {laid_out.digest[:12]}, {laid_out.unsourced} rules unsourced")
    for part, rules in laid_out.parts.items():
        out.print(f"\n{part}", markup=False, style="bold")
        rows = table("rule", "says", "from")
        for rule in rules:
            rows.add_row(rule.id, rule.says, f"{MARKS[rule.mark]}{rule.source}")
        out.print(rows, markup=False)
    if laid_out.terms:
        told = ", ".join(f"{category} {n}" for category, n in sorted(laid_out.terms.items()))
        out.print(f"\nwords listened for: {told}", markup=False)


def _print_report(answer: Explained) -> None:
    out.print(f"\n{answer.force} {answer.ref}", markup=False, style="bold")
    out.print(f"received {answer.received_at:%Y-%m-%d %H:%M:%S} UTC")
    for name, held in answer.read.items():
        out.print(f"  {name}: {', '.join(held)}", markup=False)
    if answer.unknown_codes:
        out.print(f"  codes nobody knows: {', '.join(answer.unknown_codes)}", markup=False)
    if answer.carve_outs:
        out.print(f"  shown and not due: {', '.join(answer.carve_outs)}", markup=False)
    if not answer.crimes:
        out.print("  no crime expected")
    for crime in answer.crimes:
        harm = ", high harm" if crime.harm else ""
        due = f"{crime.due_at:%Y-%m-%d %H:%M:%S} UTC"
        out.print(f"  {crime.id}: {crime.grade}{harm}, due {due}", markup=False)
        out.print(f"    because of {', '.join(crime.evidence)}", markup=False)
        for rule in crime.rules:
            out.print(f"    {rule.id}: {MARKS[rule.mark]}{rule.source}", markup=False)
        for way in crime.settled_by:
            out.print(f"    settled by {way}", markup=False)
        if crime.closure:
            out.print(f"    its closure: {crime.closure}", markup=False)
