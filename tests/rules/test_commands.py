"""``recount rules``: what a person is told, and that no text or person is."""

import json
from pathlib import Path

import pytest

from tests.hosts.command import recount

REPORT = {
    "kind": "incident",
    "force": "33",
    "ref": "0412",
    "received_at": "2025-03-03T09:00:00Z",
    "opening_codes": ["assault"],
    "closing_codes": ["xyz"],
    "qualifiers": ["domestic abuse"],
    "people": [{"role": "victim", "key": "k:SYNTHETIC-HASH"}],
    "narrative": [{"writer": "call_handler", "text": "SYNTHETIC-NAME punched her, bruises"}],
    "closed_at": "2025-03-03T10:00:00Z",
    "closure": {"reason": "victim_declined", "decided_by": "officer_in_case"},
}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    path = tmp_path / "reports.jsonl"
    older = {**REPORT, "opening_codes": ["asb nuisance"]}
    lines = [older, REPORT, {**REPORT, "ref": "0413", "opening_codes": ["fraud"], "narrative": []}]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def test_a_report_is_explained_by_codes_ids_and_rules(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recount("rules", "explain", reports, "--source", "native", "--ref", "0412") == 0
    said = capsys.readouterr().out
    for part in (
        "opening codes: assault",
        "violence.hit (affirmed, call handler, first account)",
        "codes nobody knows: closing:xyz",
        "violence:victim: clear, high harm, due 2025-03-04 09:00:00 UTC",
        "limit-24h: HOCR 2026/27 p10",
        "settled by a crime of class",
        "its closure: refused: victim declined, lacks accepted reason",
    ):
        assert part in said
    assert "SYNTHETIC" not in said
    assert "punched" not in said


def test_explained_for_machines(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recount("rules", "explain", reports, "--source", "native", "--json") == 0
    said = capsys.readouterr().out
    answers = {answer["ref"]: answer for answer in json.loads(said)}
    assert answers["0413"]["crimes"][0]["grade"] == "possible"
    assert "SYNTHETIC" not in said


def test_a_report_that_is_not_there_or_cannot_be_read_is_said(
    reports: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recount("rules", "explain", reports, "--source", "native", "--ref", "none") == 1
    assert "no report 'none'" in capsys.readouterr().err
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"force": "33", "ref": "1"}\n', encoding="utf-8")
    assert recount("rules", "explain", broken, "--source", "native") == 1
    assert "line 1: received_at invalid_field" in capsys.readouterr().err


def test_a_pack_is_shown_rule_by_rule_with_its_marks(capsys: pytest.CaptureFixture[str]) -> None:
    assert recount("rules", "show", "england_and_wales", "--json") == 0
    pack = json.loads(capsys.readouterr().out)
    assert {"limits", "eras", "categories", "codes", "cancellations"} <= pack["parts"].keys()
    unsourced = [
        rule["id"]
        for rules in pack["parts"].values()
        for rule in rules
        if rule["mark"] == "unsourced"
    ]
    assert unsourced == ["limit-72h", "transferred-in"]
    assert all(rule["source"] for rules in pack["parts"].values() for rule in rules)
    assert recount("rules", "show", "england_and_wales") == 0
    assert "UNSOURCED: " in capsys.readouterr().out


def test_shipped_packs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert recount("rules", "show") == 0
    listed = capsys.readouterr().out
    assert "england_and_wales" in listed
    assert "umd" in listed


def test_a_fault_is_told_to_machines_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = tmp_path / "p.yaml"
    pack.write_text("name: p\ntitle: t\nlimit: 3\n", encoding="utf-8")
    assert recount("rules", "check", pack, "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["sound"], said["line"]) == (False, 3)
    assert recount("rules", "check", tmp_path / "none.yaml") == 2
