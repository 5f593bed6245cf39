"""Verdicts against the truth of simulated forces: what is found, what is said falsely, and why.

    python -m benchmarks.truth [--days N] [--seeds N] [--settings 2017,2018,2025] [--missing 0.05,0.3]

Each run simulates a force, replays it as a person would, and lays the verdict lines beside the truth.
Runs are added up over seeds; shares have Wilson's 95 % interval. Prints tables and writes
``benchmarks/truth.json``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from service.figures.rate import rate
from service.simulation.generate import Settings
from service.simulation.writing import write

MISS = frozenset({"missed", "partly_recorded"})


class Score:
    """Counts over one or more runs; ``+=`` adds another's."""

    def __init__(self) -> None:
        self.days = 0
        self.said: Counter[str] = Counter()
        """Clear misses said: ``true`` or ``false``."""
        self.false: Counter[str] = Counter()
        """False ones by what the report truly was, and the reason given for the miss."""
        self.found: dict[str, Counter[str]] = defaultdict(Counter)
        """Crimes missed by their cause, by how it was answered; causes without a trace apart."""
        self.no_crime: Counter[str] = Counter()
        """Reports that tell of no crime, by the grade of what was expected of them."""
        self.links: Counter[str] = Counter()
        """Pairs of report and record: ``right``, ``wrong``, ``unfound``."""
        self.alerts: Counter[str] = Counter()

    def __iadd__(self, other: "Score") -> "Score":
        self.days += other.days
        for name in ("said", "false", "no_crime", "links", "alerts"):
            getattr(self, name).update(getattr(other, name))
        for cause, answers in other.found.items():
            self.found[cause].update(answers)
        return self

    def traced(self) -> Counter[str]:
        """Answers over every cause that leaves a trace."""
        whole: Counter[str] = Counter()
        for cause, answers in self.found.items():
            if not cause.endswith(NO_TRACE):
                whole.update(answers)
        return whole


NO_TRACE = " (no trace)"


def score(truth: Iterable[Mapping[str, Any]], lines: Iterable[Mapping[str, Any]]) -> Score:
    """Lay one run's verdict lines beside its truth."""
    verdicts = {line["ref"]: line for line in lines}
    told = list(truth)
    counted = Score()
    for report in (each for each in told if each["line"] == "report"):
        line = verdicts[report["ref"]]
        if report["same_as"] or line.get("same_as"):
            continue
        if _says(line):
            true = report["verdict"] in MISS
            counted.said["true" if true else "false"] += 1
            if not true:
                reasons = sorted({c.get("reason", "") for c in line["crimes"] if _missed(c)})
                counted.false[f"{report['verdict']}: {', '.join(reasons)}"] += 1
        if report["verdict"] == "no_crime_indicated" and not report["crimes"]:
            counted.no_crime[line.get("grade") or "none"] += 1
    crimes = [each for each in told if each["line"] == "crime"]
    for crime in crimes:
        if crime["fate"] == "missed":
            cause = crime["cause"].replace("_", " ") + ("" if crime["trace"] else NO_TRACE)
            counted.found[cause][_answer(verdicts, crime)] += 1
    counted.links = _links(verdicts, crimes)
    return counted


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
    verdicts: Mapping[str, Mapping[str, Any]], crimes: Iterable[Mapping[str, Any]]
) -> Counter[str]:
    """Links found against those that truly are, between reports that were read and their records."""
    true = {(c["report"], c["record"]) for c in crimes if c["report"] and c["record"]}
    records = {record for _, record in true}
    found = {
        (line["ref"], link["record"])
        for line in verdicts.values()
        for link in line.get("links", ())
        if link["record"] in records and not line.get("same_as")
    }
    right = len(true & found)
    return Counter(right=right, wrong=len(found) - right, unfound=len(true) - right)


def run(settings: Settings, seed: int, folder: Path) -> Score:
    """Simulate, replay, compare."""
    files, out = folder / "force", folder / "out"
    write(settings, seed, files, lambda lines: None)
    command = [sys.executable, "-m", "service.cli", "replay", "--json", "--source", "native"]
    for side in ("incidents", "records", "referrals"):
        command += [f"--{side}", str(files / f"{side}.jsonl")]
    done = subprocess.run([*command, "--out", str(out)], check=True, capture_output=True, text=True)
    counted = score(_rows(files / "truth.jsonl"), _rows(out / "verdicts.jsonl"))
    counted.days = settings.days
    counted.alerts.update(json.loads(done.stdout)["alerts"])
    return counted


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


# -- telling ----------------------------------------------------------------------------------------


def share(part: int, whole: int) -> str:
    """``97.1 % (96.0 to 98.0)``."""
    if not whole:
        return "-"
    found = rate(part, whole)
    low, high = 100 * found.low, 100 * found.high
    return f"{100 * part / whole:.1f} % ({low:.1f} to {high:.1f})"


def table(name: str, counted: Score) -> Iterator[str]:
    """One setting's tables, as Markdown."""
    said, traced = counted.said, counted.traced()
    wholly = sum(traced.values())
    right, wrong, unfound = (counted.links[word] for word in ("right", "wrong", "unfound"))
    f1 = 2 * right / (2 * right + wrong + unfound) if right else 0.0
    clear = counted.no_crime["clear"]
    yield f"### {name}: {counted.days} days"
    yield f"- clear misses said: {sum(said.values()):,}; true {share(said['true'], said.total())}"
    yield f"- crimes missed with a trace: {wholly:,}; said {share(traced['clear'], wholly)}"
    yield f"- ... or possible: {share(traced['clear'] + traced['possible'], wholly)}"
    yield f"- no-crime reports shown as clear: {share(clear, counted.no_crime.total())}"
    yield f"- links: F1 {f1:.3f} ({right:,} right, {wrong:,} wrong, {unfound:,} not found)"
    yield "| way of going unrecorded | crimes | clear | possible | otherwise |"
    yield "|---|---|---|---|---|"
    for cause, answers in sorted(counted.found.items()):
        other = answers.total() - answers["clear"] - answers["possible"]
        cells = (cause, answers.total(), answers["clear"], answers["possible"], other)
        yield "| " + " | ".join(map(str, cells)) + " |"
    for why, n in counted.false.most_common(8):
        yield f"- false: {n} x {why}"
    a_day = ", ".join(f"{word} {n / counted.days:.1f}" for word, n in counted.alerts.most_common())
    yield f"- alerts a day: {a_day}"


def main() -> None:
    """Measure, print, write down."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--days", type=int, default=91)
    asked.add_argument("--seeds", type=int, default=30)
    asked.add_argument("--settings", default="2017,2018,2025")
    asked.add_argument("--missing", default="0.0,0.05,0.3")
    given = asked.parse_args()
    written = {}
    for setting in given.settings.split(","):
        for missing in map(float, given.missing.split(",")):
            whole = Score()
            for seed in range(1, given.seeds + 1):
                settings = Settings(days=given.days, setting=setting, references_missing=missing)
                with tempfile.TemporaryDirectory() as folder:
                    whole += run(settings, seed, Path(folder))
            name = f"{setting}, {missing:.0%} of references missing or wrong"
            print("\n".join(table(name, whole)), flush=True)
            written[name] = dict(vars(whole))
    target = Path(__file__).with_name("truth.json")
    target.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
