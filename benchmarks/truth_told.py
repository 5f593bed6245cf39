"""The counts of ``benchmarks.truth`` as a page that people read."""

from collections.abc import Iterator, Mapping

from benchmarks.truth_score import NO_TRACE, Score
from service.figures.rate import rate

RATES = {"2017": "75.8 %", "2018": "84.1 %", "2025": "94.8 %"}

WHY_NONE = {
    "audit too kind": "the force's own audit upheld a decision that brings all that its reason demands",
    "disclosure lost": "what was disclosed was never typed",
    "not recorded at first opportunity": "told straight to the crime bureau and typed by nobody",
    "several crimes": "a further crime that detectives find in another system",
}
"""Why some crimes of a cause leave no trace in any stream (rules §5): expected recall is 0."""

_HEAD = """# How good the verdicts are, on a force with known truth

Made by `make truth` from `benchmarks/truth.json`; nothing here is typed by hand.

Each run simulates a quarter of a force of Leicestershire's size whose recording comes out at a published
rate (`recount simulate`), replays it, and lays the verdict lines beside the truth. Shares have 95 %
intervals (Wilson) over all crimes or reports of all seeds. Where references are missing or wrong, a linkage
model was trained on a month of another seed.

What the figures are, and are not:

- **Recall** is over crimes never recorded that leave a trace in the streams (rules §1, §2), found if a
  clear miss is said of their report. Crimes that leave none are listed apart with an expected recall of 0:
  they are found by a sample that people read (`recount stats sample`), never by this program.
- **Precision** is over reports of which a clear miss is said.
- The simulated callers' words come from a grammar that knows nothing of the rule pack, but whoever widened
  the pack's lexicon could read that grammar. Take these as what everyday words give where the lexicon knows
  them; for words that nobody could read before, see the campus log of 2014 in the README.
- A mistyped reference that names another log that exists ties the record to that log. Such a pair is never
  looked for elsewhere: it is most of what linkage does not find.
"""


def share(part: int, whole: int) -> str:
    """``97.1 % (96.0 to 98.0)``."""
    if not whole:
        return "-"
    found = rate(part, whole)
    return f"{100 * part / whole:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"


def page(scores: Mapping[str, Score]) -> str:
    """Everything, as Markdown."""
    return "\n".join([_HEAD, *_overall(scores), *_runs(scores)]) + "\n"


def _name(key: str) -> str:
    setting, _, missing = key.partition(":")
    lost = f", {float(missing):.0%} of references missing or wrong" if float(missing) else ""
    return f"{RATES[setting]} recorded ({setting}){lost}"


def _f1(score: Score) -> float:
    right, wrong, unfound = (score.links[word] for word in ("right", "wrong", "unfound"))
    return 2 * right / (2 * right + wrong + unfound) if right else 0.0


def _overall(scores: Mapping[str, Score]) -> Iterator[str]:
    yield (
        "| run | quarters | clear misses said | of them true | traced misses found, clear "
        "| ... or possible | no-crime reports shown as clear | links, F1 |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for key, score in scores.items():
        traced, said = score.traced(), score.said
        cells = (
            _name(key),
            score.seeds,
            f"{said.total():,}",
            share(said["true"], said.total()),
            share(traced["clear"], traced.total()),
            share(traced["clear"] + traced["possible"], traced.total()),
            share(score.no_crime["clear"], score.no_crime.total()),
            f"{_f1(score):.4f}",
        )
        yield "| " + " | ".join(map(str, cells)) + " |"


def _runs(scores: Mapping[str, Score]) -> Iterator[str]:
    for key, score in scores.items():
        yield f"\n## {_name(key)}\n"
        yield from _causes(score)
        yield from _signs(score)
        yield from _reasons(score)
        yield from _receivers(score)


def _causes(score: Score) -> Iterator[str]:
    yield "| way of going unrecorded | crimes | found, clear | possible | otherwise | expected |"
    yield "|---|---|---|---|---|---|"
    for cause, answers in sorted(score.found.items()):
        whole, clear, possible = answers.total(), answers["clear"], answers["possible"]
        bare = cause.removesuffix(NO_TRACE)
        expected = f"0: {WHY_NONE[bare]}" if cause.endswith(NO_TRACE) else "found"
        cells = (bare, whole, share(clear, whole), possible, whole - clear - possible, expected)
        yield "| " + " | ".join(map(str, cells)) + " |"


def _signs(score: Score) -> Iterator[str]:
    yield "\n| clear misses that look like (the most harmful way of each) | said | of them true |"
    yield "|---|---|---|"
    for sign, counts in sorted(score.signs.items(), key=lambda each: -each[1].total()):
        yield f"| {sign} | {counts.total():,} | {share(counts['true'], counts.total())} |"


def _reasons(score: Score) -> Iterator[str]:
    yield "\nSaid falsely, by what the report truly was and why a miss was said:\n"
    for why, n in score.false.most_common(8):
        yield f"- {n:,}: {why.replace('_', ' ')}"
    yield "\nWith a trace and not said to be missed, by kind of crime and what was said:\n"
    for kind, n in score.unfound.most_common(12):
        yield f"- {n:,}: {kind}"


def _receivers(score: Score) -> Iterator[str]:
    yield "\nSteps a day that the shipped routes bring each receiver if nobody acts on anything:\n"
    yield "| receiver | interrupts | digest entries | worklist only |"
    yield "|---|---|---|---|"
    for role, kinds in sorted(score.told.items()):
        cells = [f"{kinds[kind] / score.days:.1f}" for kind in ("interrupt", "digest", "worklist")]
        yield f"| {role} | {' | '.join(cells)} |"
    words = [
        f"{word.replace('_', ' ')} {n / score.days:.1f}" for word, n in score.alerts.most_common()
    ]
    yield f"\nAlert events a day: {', '.join(words)}."
