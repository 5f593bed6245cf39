"""The truth beside the streams: published rates come out, every crime has its place."""

import csv
import gzip
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from scipy.stats import binomtest

from service.simulation.generate import Settings, simulate
from service.simulation.offences import recorded_mix, true_mix
from service.simulation.parameters import data_rows, data_text, parameters
from service.simulation.population import area_codes
from service.simulation.recording import Way
from service.simulation.story import Feed
from service.simulation.truth import NUMBERS, CrimeTruth
from tests.simulation.conftest import Simulated

VIOLENCE = ("violence", "conduct")


def agrees(hits: int, of: int, with_share: float) -> bool:
    """Is this within what chance does in 999 of 1,000 cases?"""
    return bool(binomtest(hits, of, with_share).pvalue > 0.001)


def recorded(crimes: Sequence[CrimeTruth]) -> int:
    """How many were, late ones too."""
    return sum(crime.fate != "missed" for crime in crimes)


@pytest.mark.parametrize("setting", ["2017", "2018", "2025"])
def test_the_rates_of_the_inspections_come_out(setting: str) -> None:
    figures, base = parameters().settings[setting], parameters()
    run = simulate(Settings(days=30, setting=setting), seed=1)
    crimes = [each for each in run if isinstance(each, CrimeTruth)]
    due = [crime for crime in crimes if crime.fate != "accounted"]
    violence = [crime for crime in due if crime.group in VIOLENCE]
    assert agrees(recorded(due), len(due), figures.overall)
    assert agrees(recorded(violence), len(violence), figures.violence)
    lost = [crime for crime in violence if crime.fate == "missed"]
    conduct = sum(crime.group == "conduct" for crime in lost)
    assert agrees(conduct, len(lost), base.conduct_of_unrecorded_violence)
    in_time = sum(crime.fate == "recorded" for crime in due)
    assert agrees(in_time, recorded(due), figures.in_time)
    per_day = len(due) / 30
    assert per_day == pytest.approx(base.volumes.crimes_a_day, rel=0.04)


def test_about_half_of_recorded_crimes_have_no_log_and_most_logs_no_crime(month: Simulated) -> None:
    kept = [crime for crime in month.due if crime.fate != "missed"]
    assert 0.5 < sum(crime.route == "direct" for crime in kept) / len(kept) < 0.65
    logs = [report for report in month.reports if report.feed == Feed.INCIDENTS]
    assert len(logs) / 30 == pytest.approx(parameters().volumes.logs_a_day, rel=0.05)
    assert sum(not report.crimes for report in logs) / len(logs) > 0.6


def test_every_way_of_going_unrecorded_appears(month: Simulated) -> None:
    assert {crime.cause for crime in month.crimes if crime.cause} == {way.value for way in Way}
    assert len(NUMBERS) == 17
    lost = [crime for crime in month.due if crime.fate == "missed"]
    unseen = {crime.cause for crime in lost if not crime.trace}
    assert unseen == {
        "not_recorded_at_first_opportunity",
        "several_crimes",
        "disclosure_lost",
        "audit_too_kind",
    }


def test_every_crime_has_its_place(month: Simulated) -> None:
    reports = {report.ref for report in month.reports}
    assert len(reports) == len(month.reports)
    streamed = {d["ref"] for feed in (Feed.INCIDENTS, Feed.REFERRALS) for d in month.of(feed)}
    assert streamed == reports
    told = [crime for report in month.reports for crime in report.crimes]
    assert Counter(told) == Counter(c.id for c in month.crimes if c.report is not None)
    records = {document["ref"] for document in month.of(Feed.RECORDS)}
    made = {crime.record for crime in month.crimes if crime.record is not None}
    assert made <= records
    extra = records - made
    kinds = {month.last[ref]["kind"] for ref in extra if not ref.endswith("D")}
    assert kinds == {"non_crime_occurrence"}
    for crime in month.crimes:
        assert (crime.fate in ("recorded", "recorded_late")) <= (crime.record is not None)
        assert (crime.fate == "missed") <= (crime.cause is not None)
        assert (crime.fate == "recorded_late") == (
            crime.recorded_at is not None
            and crime.recorded_at > crime.due_at
            and crime.fate in ("recorded", "recorded_late")
        )


def test_links_are_as_the_truth_says(days: Simulated) -> None:
    linkable = [crime for crime in days.crimes if crime.linked is not None]
    for crime in linkable:
        record, report = days.last[crime.record or ""], days.last[crime.report or ""]
        named = report["ref"] in record["incident_refs"]
        assert crime.linked == (named or record["ref"] in report.get("crime_refs", ()))
    assert agrees(sum(not crime.linked for crime in linkable), len(linkable), 0.3)


def test_verdicts_of_reports_follow_from_their_crimes(month: Simulated) -> None:
    crimes = {crime.id: crime for crime in month.crimes}
    seen = Counter(report.verdict for report in month.reports)
    assert {"missed", "partly_recorded", "recorded_late", "unknown_code", "accounted"} <= set(seen)
    for report in month.reports:
        said = {crimes[each].verdict for each in report.crimes} - {None}
        if len(said) == 1:
            assert report.verdict in said
        elif "missed" in said:
            assert report.verdict == "partly_recorded"


def test_a_duplicate_names_the_log_that_answers_for_it(month: Simulated) -> None:
    further = [report for report in month.reports if report.same_as is not None]
    assert further
    for report in further:
        (link,) = month.last[report.ref]["linked_logs"]
        assert (link["relation"], link["ref"]) == ("duplicate_of", report.same_as)
        first = month.last[report.same_as or ""]
        assert report.received_at > first["received_at"]


def test_a_setting_changes_what_is_recorded_and_not_what_happens() -> None:
    def happened(setting: str) -> list[tuple[object, ...]]:
        settings = Settings(days=2, setting=setting, starts=date(2024, 10, 26))
        crimes = [c for c in simulate(settings, 9) if isinstance(c, CrimeTruth)]
        return [(c.id, c.received_at, c.kind, c.offence_code, c.victims) for c in crimes]

    assert happened("2017") == happened("2025")


def test_better_recording_loses_nothing_that_worse_recording_kept() -> None:
    def lost(setting: str) -> set[str]:
        settings = Settings(days=2, setting=setting, starts=date(2024, 3, 29))
        crimes = [c for c in simulate(settings, 9) if isinstance(c, CrimeTruth)]
        return {c.id for c in crimes if c.fate == "missed"}

    assert lost("2025") < lost("2018") < lost("2017")


# -- where figures come from -----------------------------------------------------------------


def test_shares_sum_to_one() -> None:
    assert sum(recorded_mix().values()) == pytest.approx(1)
    assert sum(true_mix(parameters()).values()) == pytest.approx(1)


def test_the_mix_is_that_of_the_published_table(shared_data: Path) -> None:
    found: Counter[str] = Counter()
    table = shared_data / "reference" / "recorded_crime_by_force_2017-18.csv.gz"
    with gzip.open(table, "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if row["Force_Name"] == "Leicestershire":
                found[row["Offence_Code"]] += int(row["Number_of_Offences"])
    total = sum(found.values())
    shares = {code: round(1e6 * many / total) for code, many in found.items() if many}
    assert {row["class"]: int(row["ppm"]) for row in data_rows("offence_mix.csv")} == shares


def test_the_areas_are_those_of_the_published_list(shared_data: Path) -> None:
    listed = shared_data / "reference" / "leicestershire_lsoa.csv"
    with listed.open(encoding="utf-8") as rows:
        codes = {(row["local_authority"], row["lsoa_code"]) for row in csv.DictReader(rows)}
    held = {(r["authority"], c) for r in data_rows("areas.csv") for c in area_codes(r["areas"])}
    assert held == codes


def test_parts_of_the_file_name_each_other_rightly() -> None:
    figures = parameters()
    kinds, categories = set(figures.kinds), {kind.category for kind in figures.kinds.values()}
    assert {offence.kind for offence in recorded_mix()} == kinds
    assert {extra for kind in figures.kinds.values() for extra in kind.extra} <= kinds
    assert set(figures.referrals.kinds) <= kinds
    assert set(figures.confused) <= categories
    assert {*figures.missed, *figures.late} == {way.value for way in Way} - {
        Way.REFERRAL,
        Way.SEVERAL,
    }


def test_every_figure_says_where_it_comes_from() -> None:
    text = data_text("parameters.yaml").split("\n# Kinds of crime.")[0]
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if not bare or bare.startswith("#") or bare.endswith(":"):
            continue
        assert any(f"# {mark}" in bare for mark in ("sourced: ", "computed: ", "choice")), number
