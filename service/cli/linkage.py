"""``recount linkage``: links that no reference proves; learn them from history, show why a pair is one."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from msgspec import Struct

from service.cli.terminal import AsJson, out, print_json, table
from service.effects import RecordSeen, ReportSeen
from service.hosts.arrivals import Arrivals, Place, Selection
from service.hosts.files import (
    NotGiven,
    check_readable,
    read_mapping,
    read_model,
    read_pack,
    read_person_key,
)
from service.ingest.decode import Refused
from service.ingest.source import Source
from service.matching.levels import link
from service.matching.linkage_model import (
    Model,
    ModelWritten,
    Thresholds,
    explain,
    parse_model,
)
from service.matching.linkage_profile import Profile, counted, of_record, of_report
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.pack import Pack

app = typer.Typer(
    help="Links that no reference proves: train, show, explain.", no_args_is_help=True
)

Files = Annotated[list[Path], typer.Option(show_default=False, metavar="FILE…")]
SourceGiven = Annotated[
    str, typer.Option(help="Mapping: the name of a shipped one, or a .yaml file.")
]
Rules = Annotated[str, typer.Option(help="Rule pack: the name of a shipped one, or a .yaml file.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        envvar="RECOUNT_PERSON_KEY_FILE",
        help="File with the key for people: id:secret.",
        show_default=False,
    ),
]
ModelFile = Annotated[Path, typer.Option("--model", help="A model written by 'linkage train'.")]
Facts = TypeVar("Facts", ReportFacts, RecordFacts)


@app.command()
def train(
    source: SourceGiven,
    model: Annotated[Path, typer.Option("--out", help="Where to write the model (.json).")],
    incidents: Files = [],  # noqa: B006 - read only
    records: Files = [],  # noqa: B006
    referrals: Files = [],  # noqa: B006
    rules: Rules = "england_and_wales",
    curve_file: Annotated[
        Path | None,
        typer.Option("--curve", help="Where to draw precision over recall (.svg)."),
    ] = None,
    hidden_miss_costs: Annotated[
        float,
        typer.Option(min=0.01, help="False misses that one false link (a hidden miss) is worth."),
    ] = 10.0,
    unrecorded: Annotated[
        float,
        typer.Option(min=0.0, max=0.9, help="Share of crimes thought never recorded."),
    ] = 0.25,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Learn from history what true pairs look like, and choose from which weight a link may settle.

    Example: recount linkage train --source native --incidents logs.jsonl --records crimes.jsonl
    --out model.json --curve curve.svg
    """
    if find_spec("splink") is None:
        raise NotGiven("training needs Splink; install it with: pip install 'recount[linkage]'")
    from service.insight.calibration import TooFewLinks, calibrate, curve, examinable
    from service.insight.training import Untrainable, term_counts
    from service.insight.training import train as learn

    history = _read(source, rules, (incidents, records, referrals), key_file)
    rarity = term_counts(history.accounts())
    showing, recorded = history.profiles(rarity)
    known = history.known()
    try:
        examinable(showing, known)
        chance = max(len(known), 1) / max(len(showing) * len(recorded), 2)
        learnt = learn(showing, recorded, chance)
        written = ModelWritten(
            pack=history.pack.name,
            splink=msgspec.Raw(msgspec.json.encode(learnt.splink)),
            term_frequencies=learnt.term_frequencies,
            term_counts=rarity,
            thresholds=Thresholds(probable=0, possible=0, hidden_miss_costs=hidden_miss_costs),
        )
        draft = parse_model(msgspec.json.encode(written), str(model))
        found = calibrate(draft, showing, recorded, known, hidden_miss_costs, unrecorded)
    except (Untrainable, TooFewLinks) as lacking:
        raise NotGiven(str(lacking)) from None
    chosen, looked = found.chosen, found.looked
    told: dict[str, Any] = {
        "reports": len(showing),
        "records": len(recorded),
        "known_links": len(known),
        "idle_sessions": list(learnt.idle),
        "precision": round(chosen.precision, 6),
        "recall": round(chosen.recall, 6),
        "f1": round(chosen.f1, 6),
        "hidden_misses": chosen.hidden,
        "false_misses": chosen.missed,
        "examined": chosen.reports,
        "true_pairs": looked.pairs,
        "true_pairs_blocked": looked.blocked,
        "true_pairs_kept": {str(bound): kept for bound, kept in looked.kept.items()},
        "candidates_per_report": round(looked.candidates, 2),
    }
    whole = msgspec.structs.replace(written, thresholds=found.thresholds, trained=told)
    content = msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"
    model.write_bytes(content)
    if curve_file is not None:
        curve_file.write_text(curve(found), encoding="utf-8")
    _told(parse_model(content, str(model)), as_json)


@app.command()
def show(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    splink: Annotated[
        bool, typer.Option("--splink", help="Splink's own JSON, for Splink's own tools.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a model weighs, its thresholds and what they rest on.

    Example: recount linkage show model.json
    """
    read = _model(model)
    if splink:
        written = msgspec.json.decode(model.read_bytes(), type=ModelWritten)
        print_json(written.splink)
        return
    if as_json:
        _told(read, as_json)
        return
    levels = table("comparison", "level", "#m", "#u", "#weight")
    for part in read.parts:
        for n, level in enumerate(part.template.levels):
            if n:
                weight = part.weights[n] / 1e9
                first = part.template.name if n == 1 else ""
                levels.add_row(
                    first, level.label, f"{part.m[n]:.4f}", f"{part.u[n]:.6f}", f"{weight:+.2f}"
                )
    out.print(levels)
    _told(read, as_json)


@app.command("explain")
def explain_pair(
    report: Annotated[str, typer.Argument(help="Reference of a report.")],
    record: Annotated[str, typer.Argument(help="Reference of a record.")],
    source: SourceGiven,
    model: ModelFile,
    incidents: Files = [],  # noqa: B006
    records: Files = [],  # noqa: B006
    referrals: Files = [],  # noqa: B006
    rules: Rules = "england_and_wales",
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Show why a report and a record are, or are not, taken to belong together.

    Example: recount linkage explain LOG-1 CR-1 --model model.json --source native
    --incidents logs.jsonl --records crimes.jsonl
    """
    history = _read(source, rules, (incidents, records, referrals), key_file)
    weighed = read_model(model, history.pack)
    if report not in history.reports:
        raise NotGiven(f"no report '{report}' in these files; check the reference")
    if record not in history.records:
        raise NotGiven(f"no record '{record}' in these files; check the reference")
    left = of_report(history.reports[report], history.pack, history.sources, weighed.rarity)
    right = of_record(history.records[record], history.pack, weighed.rarity)
    _explained(weighed, left, right, as_json)


def _explained(model: Model, left: Profile, right: Profile, as_json: bool) -> None:
    weight = model.weigh(left, right)
    evidence = explain(model, left, right)
    limits = model.thresholds
    level = (
        "probable"
        if weight >= limits.probable
        else "possible"
        if weight >= limits.possible
        else "none"
    )
    if as_json:
        print_json(
            {
                "report": left.ref,
                "record": right.ref,
                "weight": weight,
                "level": level,
                "prior": model.prior // 1000,
                "probable": limits.probable,
                "possible": limits.possible,
                "evidence": evidence,
                "model": model.digest,
            }
        )
        return
    rows = table("evidence", "level", "#m", "#u", "#weight", "#sum", "")
    total = model.prior // 1000
    rows.add_row("before any evidence", "", "", "", "", _bits(total), "")
    for each in evidence:
        total += each.weight + each.rarity
        m, u = ("", "") if each.m is None else (f"{each.m:.4f}", f"{each.u:.6f}")
        bar = ("+" if each.weight + each.rarity > 0 else "-") * min(
            10, round(abs(each.weight + each.rarity) / 1_000_000)
        )
        label = f"{each.label}; common here" if each.rarity < 0 else each.label
        label = f"{each.label}; rare here" if each.rarity > 0 else label
        rows.add_row(
            each.comparison, label, m, u, _bits(each.weight + each.rarity), _bits(total), bar
        )
    out.print(rows)
    out.print(
        f"weight {_bits(weight)}: {level} (probable from {_bits(limits.probable)}, "
        f"possible from {_bits(limits.possible)})"
    )


def _bits(weight: int) -> str:
    return f"{weight / 1e6:+.2f}"


def _told(model: Model, as_json: bool) -> None:
    limits = model.thresholds
    told = {
        "digest": model.digest,
        "pack": model.pack,
        "probable": limits.probable,
        "possible": limits.possible,
        "hidden_miss_costs": limits.hidden_miss_costs,
        **model.trained,
    }
    if as_json:
        print_json(told)
        return
    out.print(
        f"model {model.digest[:12]} for pack {model.pack}: probable from "
        f"{_bits(limits.probable)}, possible from {_bits(limits.possible)}; one hidden miss "
        f"counted as {limits.hidden_miss_costs:g} false misses"
    )
    if "precision" in model.trained:
        figures = model.trained
        out.print(
            f"on {figures['examined']:,} known links of later months: precision "
            f"{figures['precision']:.1%}, recall {figures['recall']:.1%}, "
            f"{figures['hidden_misses']:,} hidden and {figures['false_misses']:,} false misses"
        )


def _model(path: Path) -> Model:
    check_readable(path)
    return parse_model(path.read_bytes(), str(path))


# -- history ----------------------------------------------------------------------------------


class _History(Struct, frozen=True):
    """The newest version of everything in some files, by reference."""

    pack: Pack
    sources: dict[str, Source]
    reports: dict[str, ReportFacts]
    records: dict[str, RecordFacts]

    def accounts(self) -> Iterable[frozenset[str]]:
        """The terms of every account."""
        for report in self.reports.values():
            yield counted(report.terms)
        for record in self.records.values():
            yield counted(record.terms)

    def profiles(self, rarity: Mapping[str, int]) -> tuple[list[Profile], list[Profile]]:
        """Reports that show a crime, and records, as linkage compares them."""
        reports = [
            of_report(each, self.pack, self.sources, rarity) for each in self.reports.values()
        ]
        return (
            [each for each in reports if each.kind],
            [of_record(each, self.pack, rarity) for each in self.records.values()],
        )

    def known(self) -> dict[str, str]:
        """Record by report, where a reference ties them and no other to either."""
        records: dict[str, set[str]] = {}
        reports: dict[str, set[str]] = {}
        for record in self.records.values():
            for ref in record.incident_refs:
                self._tie(ref, record.ref, records, reports)
        for report in self.reports.values():
            for ref in report.crime_refs:
                self._tie(report.ref, ref, records, reports)
        return {
            report: next(iter(tied))
            for report, tied in records.items()
            if len(tied) == 1 and len(reports[next(iter(tied))]) == 1
        }

    def _tie(
        self, report: str, record: str, records: dict[str, set[str]], reports: dict[str, set[str]]
    ) -> None:
        held, made = self.reports.get(report), self.records.get(record)
        if held is not None and made is not None and link(held, made) is not None:
            records.setdefault(report, set()).add(record)
            reports.setdefault(record, set()).add(report)


def _read(
    source: str, rules: str, files: tuple[list[Path], ...], key_file: Path | None
) -> _History:
    """Read files as ``replay`` does. Raises ``NotGiven``, ``Fault`` and ``InputBroken``."""
    mapping, pack = read_mapping(source), read_pack(rules)
    given = dict(zip(("incidents", "records", "referrals"), files, strict=True))
    for path in (path for paths in files for path in paths):
        check_readable(path)
    history = _History(pack, {f.source.name: f.source for f in mapping.feeds}, {}, {})
    selection = Selection(
        None, datetime.now(UTC), None, read_person_key(key_file) if key_file else None
    )
    for feed in mapping.feeds:
        arrivals = Arrivals(feed, given[feed.files], pack, selection, _ignore)
        for each in arrivals:
            if isinstance(each, ReportSeen):
                _newest(history.reports, each.facts)
            elif isinstance(each, RecordSeen):
                _newest(history.records, each.facts)
        for broken in arrivals.broken:
            raise broken
    if not history.reports or not history.records:
        raise NotGiven("linkage needs both sides; give --incidents and --records")
    return history


def _newest(held: dict[str, Facts], facts: Facts) -> None:
    before = held.get(facts.ref)
    if before is None or (before.version, before.updated_at) < (facts.version, facts.updated_at):
        held[facts.ref] = facts


def _ignore(place: Place, refused: Refused) -> None:
    """What cannot be read teaches nothing; ``replay`` is where it is told."""
