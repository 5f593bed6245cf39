"""``recount stats`` as people use it: folders, ledgers, sheets, and plain errors."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.words import ReceivedVia
from service.ledger.opening import open_ledger
from service.ledger.upgrading import upgrade
from service.turn import Batch, turn
from tests.hosts.command import recount, rows, summary
from tests.ledger.story import at, batches, report, rulebook

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "one_file"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped example, replayed."""
    out = tmp_path_factory.mktemp("stats") / "out"
    given = ("--source", f"{EXAMPLE}.yaml", "--rules", "umd", "--incidents", f"{EXAMPLE}.csv")
    assert recount("replay", *given, "--out", out) == 0
    return out


@pytest.fixture(scope="module")
def umd(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real pair of feeds, replayed."""
    data = shared_data / "linked_umd"
    out = tmp_path_factory.mktemp("umd") / "out"
    given = ("--incidents", data / "incidents.csv.gz", "--records", data / "records.csv.gz")
    as_of = ("--as-of", "2022-11-01T00:00:00Z")
    assert recount("replay", "--source", "umd", "--rules", "umd", *given, *as_of, "--out", out) == 0
    return out


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert recount(*arguments, "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_the_summary_says_what_a_later_reader_must_know(folder: Path) -> None:
    about = summary(folder)["about"]
    assert set(about) == {"title", "zone", "as_of", "pack", "pack_digest", "blind_spots"}
    assert about["blind_spots"] == ["public-protection-referral"]


def test_rates_equal_the_summary_of_the_replay(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "stats.html"
    told = answer(capsys, "stats", folder, "--html", page)
    crimes = summary(folder)["crimes"]
    total = told["views"][0]
    assert {word: total[word] for word in ("due", "recorded", "late", "missed")} == {
        word: crimes[word] for word in ("due", "recorded", "late", "missed")
    }
    assert told["about"]["zone"] == summary(folder)["about"]["zone"]
    assert "<h1>Recording statistics</h1>" in page.read_text(encoding="utf-8")
    assert recount("stats", "rates", folder, "--by", "category") == 0
    assert "rates are of crimes" in capsys.readouterr().out


def test_the_real_pair_by_month_and_against_another_year(
    umd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    years = ("--period", "2019-01..2019-12", "--against-period", "2016-01..2016-12")
    told = answer(capsys, "stats", umd, *years)
    assert told["views"][0]["due"] == sum(row["due"] for row in told["by"]["month"])
    assert len(told["by"]["month"]) == 12
    (row,) = (each for each in told["compared"] if each["word"] == "all")
    assert row["difference"]["low"] < row["difference"]["value"] < row["difference"]["high"]
    whole = answer(capsys, "stats", umd)
    assert (whole["views"][0]["recorded"], whole["views"][0]["missed"]) == (3_032, 498)
    assert whole["lost"]["estimate"]["value"] == pytest.approx(498)


def test_crimes_lost_beside_a_years_records_of_other_routes_are_withheld(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of = ("--recorded", "66400", "--recorded-routes")
    assert answer(capsys, "stats", folder, *of, "log")["lost"]["estimate"]
    assert answer(capsys, "stats", folder, *of, "log, direct")["lost"]["estimate"] is None


def test_a_ledger_tells_the_same_and_when_logs_were_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    ledger = open_ledger(url)
    upgrade(ledger.engine)
    for batch in batches():
        turn(ledger, rulebook(), batch)
    opened = report("Z1", 500, opened_at=at(500.5), received_via=ReceivedVia.ONLINE)
    turn(ledger, rulebook(), Batch(inputs=(opened,)))
    ledger.close()
    told = answer(capsys, "stats", "--ledger", url, "--zone", "UTC")
    assert "33" in {row["word"] for row in told["by"]["force"]}
    (row,) = told["opened"]
    assert (row["via"], row["median_minutes"], row["within_hour"]["hits"]) == ("online", 30, 1)
    assert told["about"]["opened"] is True
    assert not any("--ledger" in note for note in told["notes"])
    assert recount("stats", "--ledger", url, tmp_path) == 2
    assert recount("stats", "--ledger", f"sqlite:///{tmp_path / 'none.db'}") == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--by", "officer"), "no axis"),
        (("--period", "2019"), "is none"),
        (("--period", "2019-13..2020-01"), "is no day"),
        (("--period", "2020-01..2019-01"), "ends before it begins"),
        (("--force", "elsewhere"), "is of that force and period"),
        (("--zone", "Europe/Leicester"), "no time zone"),
        (("--recorded", "5"), "--recorded-routes"),
        (("--recorded", "5", "--recorded-routes", "telepathy"), "log, referral, direct"),
        (("--against", "/nowhere"), "no folder of results"),
    ],
)
def test_misuse_is_said_with_its_remedy(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert recount("stats", folder, *arguments) == 2
    assert told in capsys.readouterr().err


def test_the_same_reports_twice_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recount("stats", folder, folder) == 2
    assert "are of one report" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["{not json}\n", '{"force":"","ref":""}\n', ""])
def test_lines_that_cannot_be_read_stop_it_with_their_place(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    lines = (folder / "verdicts.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "summary.json").write_bytes((folder / "summary.json").read_bytes())
    text = "".join([*lines[:3], damage, *lines[3:]] if damage else [lines[1], lines[0]])
    (broken / "verdicts.jsonl").write_text(text, encoding="utf-8")
    assert recount("stats", broken) == 1
    assert f"verdicts.jsonl: line {4 if damage else 2}: " in capsys.readouterr().err


# -- audits ---------------------------------------------------------------------------------------


def fill(sheet: Path, rows_: list[dict[str, str]]) -> None:
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows_[0])
        writer.writeheader()
        writer.writerows(rows_)


def test_a_sample_goes_out_and_comes_back(
    umd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "audit.csv"
    drawn = answer(capsys, "stats", "sample", umd, "--n", 120, "--seed", 7, "--out", sheet)
    assert sum(row["of"] for row in drawn["strata"].values()) == 14_331
    assert recount("stats", "from-audit", sheet) == 1
    said = capsys.readouterr().err
    assert "line 2: not filled in" in said
    assert "more rows" in said
    with sheet.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    for row in found:
        due = row["system_crimes_due"]
        row["crime_due"] = "yes" if due != "0" else "no"
        if due != "0":
            row["crimes_due"] = due
            row["recorded"] = "no" if row["system_crimes_missed"] != "0" else "yes"
            row["in_time"] = "yes" if row["recorded"] == "yes" else ""
    fill(sheet, found)
    told = answer(capsys, "stats", "from-audit", sheet)
    # Every report was found as the system had it: the weighted sample says what the count says.
    assert told["rate"]["share"] == pytest.approx(3_430 / 3_928, abs=1e-6)
    assert told["precision"]["share"] == 1
    assert told["unseen"]["value"] == 0
    assert told["seed"] == 7
    assert recount("stats", "from-audit", sheet) == 0
    assert "120 of 14,331 reports read" in capsys.readouterr().out


def test_samples_that_cannot_be_drawn_say_why(
    umd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = ("--seed", 1, "--out", tmp_path / "a.csv")
    assert recount("stats", "sample", umd, "--n", 3, *to) == 2
    assert "--n 3 reports cannot hold" in capsys.readouterr().err
    assert recount("stats", "sample", umd, "--n", 30, "--force", "none", *to) == 2
    assert "no report is among the chosen" in capsys.readouterr().err
    (tmp_path / "odd.csv").write_bytes(b"\xff\xfe\x00")
    assert recount("stats", "from-audit", tmp_path / "odd.csv") == 2


# -- packs ----------------------------------------------------------------------------------------


def test_two_packs_on_the_real_pair_differ_by_the_rule_that_says_so(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shared_data / "linked_umd"
    given = ("--incidents", data / "incidents.csv.gz", "--records", data / "records.csv.gz")
    packs = ("--from", "umd", "--to", "england_and_wales", "--source", "umd")
    out = tmp_path / "diff"
    told = answer(capsys, "rules", "diff", *packs, *given, "--out", out)
    assert (told["reports"], told["differing"], told["other_verdict"]) == (14_331, 3_928, 2)
    assert {each["cause"] for each in told["crimes"]} == {"code_map_yes", "earlier_record_hours"}
    assert len(rows(out / "differences.jsonl")) == 3_928
    assert json.loads((out / "diff.json").read_text(encoding="utf-8")) == told
    assert "What the rules change" in (out / "diff.html").read_text(encoding="utf-8")


def test_a_pack_against_itself_and_misuse(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = ("--source", f"{EXAMPLE}.yaml", "--incidents", f"{EXAMPLE}.csv")
    assert recount("rules", "diff", "--from", "umd", "--to", "umd", *given) == 0
    assert "0 of " in capsys.readouterr().out
    assert recount("rules", "diff", "--from", "umd", "--to", "nothing", *given) == 2
    assert recount("rules", "diff", "--from", "umd", "--to", "umd", "--source", "umd") == 2


def test_any_number_of_processes_finds_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = ("--source", f"{EXAMPLE}.yaml", "--incidents", f"{EXAMPLE}.csv")
    packs = ("--from", "umd", "--to", "england_and_wales")
    alone = answer(capsys, "rules", "diff", *packs, *given)
    assert answer(capsys, "rules", "diff", *packs, *given, "--workers", 2) == alone
