"""Verdicts against the truth of simulated forces: what is found, what is said falsely, and why.

    python -m benchmarks.truth [--days 91] [--seeds 30] [--runs 2017:0,2018:0,2025:0,2017:0.3]
                               [--until 20:05] [--again]

A run is a setting and the share of references that are missing or wrong. Each seed simulates a force,
replays it as a person would, and lays the verdict lines beside the truth; where references are missing, a
linkage model is trained first on a month of another seed. Seeds are added up and written down one by one
in ``benchmarks/truth.json``, from which ``docs/truth.md`` is made; ``--again`` goes on from there.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.truth_score import NO_TRACE, Score, read_back
from benchmarks.truth_told import page
from schemas.words import AlertType, Grade
from service.alerts.routes import Routed, Routes, StepKind, When
from service.hosts.planning import read_routes
from service.simulation.generate import Settings
from service.simulation.writing import write

MISS = frozenset({"missed", "partly_recorded"})
TRAINING_SEED = 90_001
"""Of the month on which the linkage model is trained; no run uses it."""
WRITTEN = Path(__file__).with_name("truth.json")
TOLD = Path(__file__).parents[1] / "docs" / "truth.md"

_WHEN = {
    AlertType.CLOSED_WITHOUT_REASON: When.CLOSED,
    AlertType.DUE_SOON: When.BEFORE_DEADLINE,
    AlertType.MISSED: When.MISSED,
    AlertType.PARTLY_RECORDED: When.MISSED,
}
"""Steps of an escalation that an alert event starts; what takes something back is left out."""


def score(truth: Iterable[Mapping[str, Any]], lines: Iterable[Mapping[str, Any]]) -> Score:
    """Lay one run's verdict lines beside its truth."""
    verdicts = {line["ref"]: line for line in lines}
    told = list(truth)
    reports = [each for each in told if each["line"] == "report"]
    crimes = [each for each in told if each["line"] == "crime"]
    counted = Score()
    for report in reports:
        line = verdicts[report["ref"]]
        if not (report["same_as"] or line.get("same_as")):
            _count_report(counted, report, line)
    for crime in crimes:
        if crime["fate"] == "missed":
            cause = crime["cause"].replace("_", " ") + ("" if crime["trace"] else NO_TRACE)
            answer = _answer(verdicts, crime)
            counted.found[cause][answer] += 1
            if crime["trace"] and answer != "clear":
                counted.unfound[f"{crime['kind'].replace('_', ' ')}: {answer}"] += 1
    counted.links = _links(verdicts, crimes, reports)
    return counted


def _count_report(counted: Score, report: Mapping[str, Any], line: Mapping[str, Any]) -> None:
    if _says(line):
        answer = "true" if report["verdict"] in MISS else "false"
        counted.said[answer] += 1
        borne = [each["id"] for each in line.get("signs", ())]
        counted.signs[borne[0].replace("_", " ") if borne else "none of them"][answer] += 1
        if answer == "false":
            reasons = sorted({c.get("reason", "") for c in line["crimes"] if _missed(c)})
            counted.false[f"{report['verdict']}: {', '.join(reasons)}"] += 1
    if report["verdict"] == "no_crime_indicated" and not report["crimes"]:
        counted.no_crime[line.get("grade") or "none"] += 1


def _missed(crime: Mapping[str, Any]) -> bool:
    return bool(crime["verdict"] == "missed")


def _says(line: Mapping[str, Any]) -> bool:
    """Is a clear miss said of this report?"""
    return line["verdict"] in MISS and line.get("grade") == "clear"


def _answer(verdicts: Mapping[str, Mapping[str, Any]], crime: Mapping[str, Any]) -> str:
    line = verdicts.get(crime["report"] or "")
    if line is None:
        return "no report"
    line = verdicts.get(line.get("same_as", ""), line)
    if _says(line):
        return "clear"
    if line["verdict"] in MISS:
        return "possible"
    return str(line["verdict"]).replace("_", " ")


def _links(
    verdicts: Mapping[str, Mapping[str, Any]],
    crimes: Iterable[Mapping[str, Any]],
    reports: Iterable[Mapping[str, Any]],
) -> Counter[str]:
    """Links found against those that truly are, between reports that were read and their records; a
    later report of conduct already recorded belongs to that record."""
    true = {(c["report"], c["record"]) for c in crimes if c["report"] and c["record"]}
    true |= {(r["ref"], r["continues"]) for r in reports if r["continues"]}
    records = {record for _, record in true}
    found = {
        (line["ref"], link["record"])
        for line in verdicts.values()
        for link in line.get("links", ())
        if link["record"] in records and not line.get("same_as")
    }
    right = len(true & found)
    return Counter(right=right, wrong=len(found) - right, unfound=len(true) - right)


def told(alerts: Iterable[Mapping[str, Any]], routes: Routes) -> dict[str, Counter[str]]:
    """By receiver, how many steps of each kind the routes would take for these alerts."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    seen: set[tuple[str, When]] = set()
    for each in alerts:
        when = _WHEN.get(AlertType(each["type"]))
        if when is None or each.get("quiet") or (each["alert_id"], when) in seen:
            continue
        seen.add((each["alert_id"], when))
        routed = Routed(
            force=each["force"],
            alert=AlertType(each["type"]),
            category=each.get("category", ""),
            harm=each.get("harm", False),
            grade=Grade(each["grade"]) if each.get("grade") else None,
            report="referral" if each["subject"].startswith("PPU") else "log",
        )
        frozen = routes.freeze(routed)
        for step in frozen.steps:
            for name in step.tell if step.when is when else ():
                receiver = frozen.receivers[name]
                digest = receiver.digest_only and step.kind is StepKind.INTERRUPT
                kind = StepKind.DIGEST if digest else step.kind
                found[receiver.role][kind.value] += 1
    return found


def run(settings: Settings, seed: int, folder: Path, model: Path | None = None) -> Score:
    """Simulate, replay, compare."""
    files, out = folder / "force", folder / "out"
    write(settings, seed, files, lambda lines: None)
    command = [sys.executable, "-m", "service.cli", "replay", "--json", "--source", "native"]
    command += _sides(files) + (["--linkage", str(model)] if model else [])
    done = subprocess.run([*command, "--out", str(out)], check=True, capture_output=True, text=True)
    summary = json.loads(done.stdout)
    counted = score(_rows(files / "truth.jsonl"), _rows(out / "verdicts.jsonl"))
    counted.seeds, counted.days, counted.seconds = 1, settings.days, summary["seconds"]
    counted.alerts.update(summary["alerts"])
    counted.told = told(_rows(out / "alerts.jsonl"), read_routes("default"))
    return counted


def train(setting: str, folder: Path) -> Path:
    """A linkage model from a month in which few references are missing."""
    files, model = folder / "history", folder / "model.json"
    write(Settings(days=28, setting=setting), TRAINING_SEED, files, lambda lines: None)
    command = [sys.executable, "-m", "service.cli", "linkage", "train", "--source", "native"]
    subprocess.run([*command, *_sides(files), "--out", str(model)], check=True, capture_output=True)
    return model


def _sides(files: Path) -> list[str]:
    sides = ("incidents", "records", "referrals")
    return [word for side in sides for word in (f"--{side}", str(files / f"{side}.jsonl"))]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def main() -> None:
    """Measure seed by seed, write down, tell."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--days", type=int, default=91)
    asked.add_argument("--seeds", type=int, default=30)
    asked.add_argument("--runs", default="2017:0,2018:0,2025:0,2017:0.3")
    asked.add_argument("--until", help="local time HH:MM after which no further run begins")
    asked.add_argument("--again", action="store_true", help="go on from what is written down")
    given = asked.parse_args()
    runs = [
        (name, float(missing)) for name, missing in (r.split(":") for r in given.runs.split(","))
    ]
    held = json.loads(WRITTEN.read_text(encoding="utf-8")) if given.again else {}
    scores = {key: read_back(value) for key, value in held.items()}
    with tempfile.TemporaryDirectory() as kept:
        models: dict[str, Path] = {}
        for seed in range(1, given.seeds + 1):
            for setting, missing in runs:
                whole = scores.setdefault(f"{setting}:{missing:g}", Score())
                if whole.seeds >= seed:
                    continue
                if given.until and f"{datetime.now().astimezone():%H:%M}" >= given.until:
                    return
                if missing and setting not in models:
                    models[setting] = train(setting, Path(kept))
                settings = Settings(days=given.days, setting=setting, references_missing=missing)
                with tempfile.TemporaryDirectory() as folder:
                    model = models[setting] if missing else None
                    whole += run(settings, seed, Path(folder), model)
                _write_down(scores)
                print(f"{setting}, {missing:.0%} missing: {whole.seeds} seeds", flush=True)


def _write_down(scores: Mapping[str, Score]) -> None:
    written = {key: vars(value) for key, value in scores.items()}
    WRITTEN.write_text(json.dumps(written, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    TOLD.write_text(page(scores), encoding="utf-8")


if __name__ == "__main__":
    main()
