"""``recount rules score`` and ``recount rules test``: what a pack makes of words, measured and tried."""

import csv
import gzip
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from service.cli.terminal import AsJson, out, print_json, table
from service.figures.rate import Estimate, Rate
from service.hosts.files import read_pack, shipped
from service.ingest.lined import Fault
from service.insight.scoring import (
    CATEGORIES,
    LEFT_OUT,
    Measure,
    Pattern,
    Score,
    Scored,
    category_of,
    score,
    shown_in,
)
from service.rules.examples import Tried, tell, try_examples
from service.rules.pack import Pack
from service.rules.wording import judged


def score_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON Lines, .gz too; or .csv with a header.")
    ],
    labels: Annotated[
        Path,
        typer.Option(
            metavar="MAP", help="CSV of pattern and category; the first that matches wins."
        ),
    ],
    pack: Annotated[str, typer.Option(help="Rule pack: name or path.")] = "us_campus",
    text: Annotated[str, typer.Option(help="Field that holds the words.")] = "comments",
    label: Annotated[str, typer.Option(help="Field that holds the label.")] = "incident",
    wrong: Annotated[
        int, typer.Option(min=0, help="List so many rows judged wrongly, by number and term ids.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure a pack's rules on labelled text: precision, recall and F1 with intervals.

    Example: recount rules score incidents.jsonl.gz --labels label_map.csv --pack us_campus
    """
    rules, patterns = read_pack(pack), _patterns(labels)
    left_out: Counter[str] = Counter()
    rows = list(_scored(file, rules, patterns, (text, label), left_out))
    result = score(rows, left_out)
    missed = [row for row in rows if row.label != row.shown][:wrong]
    if as_json:
        answer = {"file": str(file), "pack": rules.name, "digest": rules.digest}
        answer |= msgspec.to_builtins(result)
        if wrong:
            answer["wrong"] = msgspec.to_builtins(missed)
        print_json(answer)
        return
    _show(result, missed)


def try_rules(
    pack: Annotated[
        list[str] | None, typer.Option(help="Rule pack: name or path; again for more. Else all.")
    ] = None,
    say: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Show what the pack makes of these words.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try the sentences that stand beside the rules. Exit code 1 where one fails.

    Example: recount rules test --pack england_and_wales --say "He was not hurt"
    """
    packs = [read_pack(name) for name in pack or shipped("packs")]
    if say is not None:
        print_json([{"pack": each.name} | _said(each, say) for each in packs])
        return
    tried = {each.name: try_examples(each) for each in packs}
    if as_json:
        print_json({name: msgspec.to_builtins(each) for name, each in tried.items()})
    else:
        _show_tried(tried)
    if any(each.failed for each in tried.values()):
        raise typer.Exit(1)


def _said(pack: Pack, say: str) -> dict[str, Any]:
    """Terms, rules and categories that a text shows; the text itself is not repeated."""
    told, rule = tell(pack, say), pack.written.text
    shown, fired = judged(rule, pack.state_based, told) if rule else ({}, ())
    marks = {each.id: each for each in (rule.combinations if rule else ())}
    return {
        "terms": {term.id: term.assertion for term in told.terms},
        "fired": {
            name: marks[name].sourced or marks[name].inference or marks[name].unsourced
            for name in fired
        },
        "shown": {name: each.grade.value for name, each in sorted(shown.items())},
    }


def _scored(
    file: Path,
    pack: Pack,
    patterns: list[Pattern],
    fields: tuple[str, str],
    left_out: Counter[str],
) -> Iterator[Scored]:
    text, label = fields
    for number, row in _rows(file):
        for name in fields:
            if not isinstance(row.get(name), str):
                remedy = f"name another with --{'text' if name == text else 'label'}"
                raise Fault(str(file), number, f"no text in field '{name}'", remedy)
        category = category_of(row[label], patterns)
        if category in LEFT_OUT or not category:
            left_out[category or "unmapped"] += 1
            continue
        shown, rules, terms = shown_in(pack, row[text])
        yield Scored(number, category, shown, rules, terms)


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows with their line numbers; blank lines are none. Raises ``Fault``."""
    open_ = gzip.open if file.suffix == ".gz" else open
    try:
        with open_(file, "rt", encoding="utf-8", newline="") as lines:
            if file.name.removesuffix(".gz").endswith(".csv"):
                yield from enumerate(csv.DictReader(lines), start=2)
                return
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _row(file, number, line)
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise Fault(
            str(file), 1, f"cannot be read ({type(error).__name__})", "give a file"
        ) from None


def _row(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        message = "not a JSON object on a line of its own"
        raise Fault(str(file), number, message, "mend or remove the line") from None


def _patterns(file: Path) -> list[Pattern]:
    """A label map, in the order in which it is written."""
    patterns = []
    for number, row in _rows(file):
        pattern, category = row.get("pattern"), row.get("category")
        if not pattern or not category:
            raise Fault(str(file), number, "no pattern or no category", "fill both columns")
        if category not in (*CATEGORIES, *LEFT_OUT):
            remedy = f"categories are {', '.join((*CATEGORIES, *sorted(LEFT_OUT)))}"
            raise Fault(str(file), number, f"'{category}' is no category", remedy)
        try:
            patterns.append(Pattern(re.compile(pattern), category))
        except re.error as error:
            message = f"not a regular expression: {error.msg}"
            raise Fault(str(file), number, message, "mend the pattern") from None
    return patterns


def _show(result: Score, missed: list[Scored]) -> None:
    shown = table("category", "#rows", "#precision", "#recall", "#F1", "#95 % interval")
    for name, each in (("crime", result.crime), *result.categories.items()):
        shown.add_row(name, f"{each.rows:,}", *_numbers(each))
    out.print(shown)
    if result.micro is not None:
        out.print(f"right category: {_share(result.micro)} of {result.rows:,} rows")
    left = ", ".join(f"{count:,} {name}" for name, count in result.left_out.items())
    out.print(f"left out: {left or 'none'}")
    for label, instead, count in result.confused[:10]:
        out.print(f"{count:>5} {label}, shown as {instead}")
    for row in missed:
        terms = " ".join(row.terms)
        out.print(f"line {row.row}: {row.label}, shown as {row.shown}; {terms}", markup=False)


def _numbers(each: Measure) -> tuple[str, str, str, str]:
    f1: Estimate | None = each.f1
    spread = f"{f1.low:.3f} to {f1.high:.3f}" if f1 else "-"
    value = f"{f1.value:.3f}" if f1 else "-"
    return _value(each.precision), _value(each.recall), value, spread


def _value(share: Rate | None) -> str:
    return f"{share.share:.3f}" if share else "-"


def _share(share: Rate) -> str:
    return f"{share.share:.3f} ({share.low:.3f} to {share.high:.3f})"


def _show_tried(tried: dict[str, Tried]) -> None:
    for name, each in tried.items():
        out.print(f"{name}: {each.sentences} sentences, {len(each.failed)} failed", markup=False)
        for failed in each.failed:
            wanted = f"should be {failed.expected} and is {failed.found}"
            out.print(f"  {failed.rule}, sentence {failed.number}: {wanted}", markup=False)
