"""``recount rules``: rule packs, what they say and what they make of a report."""

from itertools import groupby
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from service.cli.diff import diff
from service.cli.scoring import score_file, try_rules
from service.cli.sources import MAPPING_HELP, person_key
from service.cli.terminal import AsJson, out, print_json, print_listed, table
from service.hosts.explained import At, explain_files
from service.hosts.files import (
    copy_pack,
    faults_of_pack,
    read_mapping,
    read_pack,
    read_signatures,
    shipped,
)
from service.ingest.decode import Refused
from service.rules.explaining import lines
from service.rules.showing import PackShown, counts, shown

app = typer.Typer(help="Rule packs: copy, check, show, explain, test, score.", no_args_is_help=True)

PACK_HELP = "A rule pack: the path of a .yaml file, or the name of one that is shipped."
WIDTH = 100
"""Columns of what is printed, at most: it is read on paper too."""


@app.command(epilog="Example: recount rules check my-pack.yaml")
def check(
    pack: Annotated[str, typer.Argument(help=PACK_HELP)],
    as_json: AsJson = False,
) -> None:
    """Is a pack sound? Everything found wrong with it and the files it includes, with line and remedy.
    Exit code 1 where something is to be mended."""
    faults = faults_of_pack(pack)
    said = None if faults else counts(read_pack(pack))
    if as_json:
        told = [
            {"file": f.origin, "line": f.line, "message": f.message, "remedy": f.remedy}
            for f in faults
        ]
        print_json({"pack": pack, "sound": not faults, "faults": told, "summary": said})
    for fault in [] if as_json else faults:
        out.print(str(fault), markup=False)
    if said and not as_json:
        out.print(said, markup=False)
    if faults:
        raise typer.Exit(1)


@app.command(epilog="Example: recount rules show england_and_wales")
def show(
    pack: Annotated[str | None, typer.Argument(help=PACK_HELP)] = None,
    as_json: AsJson = False,
) -> None:
    """Every rule of a pack with where it comes from; without one, list those that are shipped."""
    if pack is None:
        print_listed({name: read_pack(name).title for name in shipped("packs")}, as_json)
        return
    said = shown(read_pack(pack))
    if as_json:
        print_json(said)
    else:
        _print_pack(said)


@app.command(
    epilog="Example: recount rules explain calls.csv --source my-force.yaml --rules my-pack.yaml"
)
def explain(
    files: Annotated[list[Path], typer.Argument(help="Files of reports: logs or referrals.")],
    source: Annotated[str, typer.Option(help=MAPPING_HELP)],
    rules: Annotated[str, typer.Option(help=PACK_HELP)] = "england_and_wales",
    ref: Annotated[str | None, typer.Option(help="Explain this report alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """What a pack makes of each report: what was read, which rules fired, which crimes are expected by
    when, and what would settle them. Reports are read one by one, never joined."""
    told = explain_files(read_mapping(source), read_pack(rules), files, ref, person_key())
    if as_json:
        print_json(list(told))
        return
    for at in told:
        _print_explained(at)


@app.command(epilog="Example: recount rules copy england_and_wales --out mine")
def copy(
    pack: Annotated[str, typer.Argument(help=PACK_HELP)],
    folder: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write a pack and the files it includes to a folder, to make one of your own from them."""
    written = [str(path) for path in copy_pack(pack, folder)]
    if as_json:
        print_json(written)
        return
    out.print(f"wrote {', '.join(written)}", markup=False)
    out.print(f"next: recount rules check {written[0]}", markup=False)


app.command()(diff)


# -- printing ----------------------------------------------------------------------------------


def _rows(*columns: str) -> Table:
    made = table(*columns)
    made.show_header = False
    return made


def _print(rows: Table) -> None:
    width = min(WIDTH, out.width) if out.is_terminal else WIDTH
    Console(highlight=False, width=width).print(rows, markup=False)


def _marked(text: str) -> Text:
    """What has no source stands out, on a terminal by colour too."""
    return Text(text, style="bold red" if "UNSOURCED" in text else "")


def _print_pack(said: PackShown) -> None:
    out.print(f"{said.name}: {said.title}", markup=False, style="bold")
    rows = _rows("", "")
    for what, value in said.settings.items():
        rows.add_row(f"  {what}", value)
    _print(rows)
    for kind, rules in groupby(said.rules, key=lambda rule: rule.kind):
        out.print(f"\n{kind}", markup=False, style="bold")
        rows = _rows("", "", "")
        for rule in rules:
            rows.add_row(f"  {rule.id}", rule.says, _marked(str(rule.source)))
        _print(rows)
    if said.terms:
        out.print("\nterms (phrases of each)", style="bold")
        rows = _rows("", "")
        for category, terms in said.terms.items():
            rows.add_row(f"  {category}", ", ".join(f"{t} ({n})" for t, n in terms.items()))
        _print(rows)
    unsourced = [rule.id for rule in said.rules if rule.source.mark == "unsourced"]
    out.print(f"\nUNSOURCED: {', '.join(unsourced) or 'none'}", markup=False, style="bold")
    for note in said.notes:
        out.print(f"note: {note}", markup=False)


def _print_explained(at: At) -> None:
    if isinstance(at.said, Refused):
        where = f" in {at.said.field}" if at.said.field else ""
        refused = f"refused: {at.said.reason.value}{where}; {at.said.remedy}"
        out.print(f"{at.file}:{at.line}: {refused}\n", markup=False)
        return
    out.print(
        f"{at.said.ref} (source {at.said.source}, {at.file}:{at.line})", markup=False, style="bold"
    )
    for title, said in lines(at.said):
        out.print(f"  {title}", markup=False)
        rows = _rows("", "")
        for of, what in said:
            rows.add_row(f"    {of}", _marked(what))
        _print(rows)
    out.print()


@app.command("signatures")
def list_signatures(
    as_json: AsJson = False,
) -> None:
    """List the ways in which crimes go unrecorded, and which of them no stream shows.

    Example: recount rules signatures
    """
    known = read_signatures()
    if as_json:
        print_json(msgspec.to_builtins(known))
        return
    shown = table("#harm", "signature", "#row", "seen")
    for each in known.signatures:
        seen = f"not seen: {each.unseen}" if each.unseen else "in the report and its records"
        shown.add_row(str(each.harm), each.id.replace("_", " "), str(each.row), seen)
    out.print(shown)
    for spot in known.blind_spots:
        out.print(f"leaves no trace (row {spot.row}): {spot.because}", markup=False)


app.command("score")(score_file)
app.command("test")(try_rules)
