"""``recount rules check``, ``show``, ``copy`` and ``explain``: what is said, and with which exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.words import RecordKind
from service.hosts.files import read_pack, shipped
from service.rules.showing import shown
from tests.ingest.test_sources import run

ROOT = Path(__file__).parents[2]
ONE_FILE = ROOT / "examples" / "one_file"
SECRET_WORDS = "Jubilant marmalade"
REPORT: dict[str, Any] = {
    "kind": "incident",
    "force": "33",
    "ref": "L-1",
    "received_at": "2025-01-01T10:00:00Z",
    "opening_codes": ["harassment"],
    "reported_by": "victim",
    "people": [{"role": "victim", "key": "k1:01"}],
}


def explain(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *more: str,
    pack: str = "england_and_wales",
    **fields: Any,
) -> tuple[Any, str]:
    """What is said of one native report: as JSON, and as people read it."""
    file = tmp_path / "reports.jsonl"
    file.write_text(json.dumps({**REPORT, **fields}) + "\n", encoding="utf-8")
    command = ["rules", "explain", str(file), "--source", "native", "--rules", pack, *more]
    code, out, err = run(capsys, *command, "--json")
    assert code == 0, err
    code, text, err = run(capsys, *command)
    assert code == 0, err
    (at,) = json.loads(out)
    assert (at["file"], at["line"]) == (str(file), 1)
    return at["said"], text


# -- explain ----------------------------------------------------------------------------------


def test_which_rule_fired_which_crime_is_due_and_what_settles_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, text = explain(tmp_path, capsys)
    (fired,) = said["fired"]
    assert fired["category"] == "harassment_stalking"
    assert fired["rules"] == {
        "code.conduct": {"mark": "inference", "why": "crime named by its code"}
    }
    (crime,) = said["crimes"]
    assert (crime["grade"], crime["rank"], crime["due_at"]) == ("clear", 38, "2025-01-02T10:00:00Z")
    assert (crime["limit"], crime["limit_source"]["mark"]) == ("limit-24h", "sourced")
    settles = crime["settles"]
    assert settles["classes"] == ["8L", "8M", "8Q", "8U"]
    assert "19C" in settles["outranking"]
    assert "8N" not in settles["outranking"]
    assert settles["kinds"]["crime"] == "settles: recorded"
    assert settles["kinds"].keys() == {kind.value for kind in RecordKind}
    assert (settles["earlier_hours"], settles["earlier_conduct_days"]) == (24, 91)
    assert "clear by opening:harassment" in text
    assert "2025-01-02 10:00 UTC by limit-24h (sourced: HOCR 2026/27 p10)" in text


def test_what_another_crime_takes_in_is_said_and_not_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, text = explain(tmp_path, capsys, opening_codes=["rape", "harassment"])
    assert {each["category"]: each["counted"] for each in said["fired"]} == {
        "rape": True,
        "harassment_stalking": False,
    }
    assert said["era"] == "principal-since-2023"
    assert "clear by opening:harassment; taken in by another crime" in text
    in_the_old_era, _ = explain(
        tmp_path,
        capsys,
        opening_codes=["rape", "harassment"],
        received_at="2020-01-01T10:00:00Z",
    )
    assert len(in_the_old_era["crimes"]) == 2


def test_words_are_told_by_id_with_who_wrote_them_and_never_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, text = explain(
        tmp_path,
        capsys,
        opening_codes=["nuisance"],
        narrative=[
            {"writer": "call_handler", "text": f"{SECRET_WORDS}, punched. Nothing else, no theft."}
        ],
        place={"text": SECRET_WORDS},
    )
    assert said["read"]["terms"] == [
        {
            "id": "theft.taken",
            "assertion": "negated",
            "writer": "call_handler",
            "first_account": True,
        },
        {
            "id": "violence.hit",
            "assertion": "affirmed",
            "writer": "call_handler",
            "first_account": True,
        },
    ]
    (crime,) = said["crimes"]
    assert (crime["category"], crime["grade"]) == ("violence", "clear")
    assert said["signatures"] == {}
    assert "affirmed by call handler, first account" in text
    everything = (text + json.dumps(said)).lower()
    assert not [word for word in (*SECRET_WORDS.lower().split(), "punched") if word in everything]


def test_what_a_closure_lacks_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closure = {"reason": "balance_not_met", "decided_by": "supervisor", "rationale_given": True}
    said, text = explain(tmp_path, capsys, closure=closure, closed_at="2025-01-01T12:00:00Z")
    assert said["crimes"][0]["closure"] == {
        "accepted": False,
        "reason": "balance_not_met",
        "lacks": ["decided_at", "told"],
    }
    assert "balance not met: not accepted, lacks decided at, told" in text
    whole = {**closure, "decided_at": "2025-01-01T12:00:00Z", "told_at": "2025-01-01T13:00:00Z"}
    _, text = explain(tmp_path, capsys, closure=whole)
    assert "balance not met: accepted" in text


def test_carved_out_and_unknown_codes_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, text = explain(
        tmp_path, capsys, opening_codes=["theft"], closing_codes=["blob"], recording_body="NCA"
    )
    assert said["crimes"] == []
    assert said["carve_outs"]["nca-led"]["mark"] == "sourced"
    assert said["unknown_codes"] == ["closing:blob"]
    assert "none is due: carved out" in text
    assert "closing  blob" in text


def test_fraud_asks_for_a_national_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, _ = explain(tmp_path, capsys, opening_codes=["fraud"])
    settles = said["crimes"][0]["settles"]
    assert settles["bodies"] == ["report fraud", "action fraud", "nfib"]
    assert settles["recorded_nationally"] is False
    given = {"recording_body": "Report Fraud", "recording_body_ref": "RF-1"}
    said, text = explain(tmp_path, capsys, opening_codes=["fraud"], **given)
    assert said["crimes"][0]["settles"]["recorded_nationally"] is True
    assert "it is there" in text
    # A call for service is the force's own, whatever others have recorded.
    said, _ = explain(tmp_path, capsys, opening_codes=["fraud"], results=["arrest"], **given)
    assert said["crimes"][0]["settles"]["bodies"] == []


def test_a_crime_that_rests_on_no_source_stands_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, text = explain(tmp_path, capsys, received_at="2014-01-01T10:00:00Z")
    assert said["crimes"][0]["unsourced"] is True
    assert said["crimes"][0]["due_at"] == "2014-01-04T10:00:00Z"
    assert "UNSOURCED" in text


def test_a_mapping_of_ones_own_and_one_report_of_many(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["rules", "explain", f"{ONE_FILE}.csv", "--source", f"{ONE_FILE}.yaml"]
    code, out, _ = run(capsys, *command, "--rules", "umd", "--json")
    said = [at["said"] for at in json.loads(out)]
    assert (code, len(said)) == (0, 44)
    code, out, _ = run(capsys, *command, "--rules", "umd", "--ref", said[0]["ref"])
    assert code == 0
    assert "code_map (mapping: the mapping's own code list)" in out
    assert "by limit (mapping)" in out


def test_a_row_that_cannot_be_read_is_named_and_the_rest_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_text(f"{json.dumps(REPORT)}\n{{\n{json.dumps(REPORT)}\n", encoding="utf-8")
    code, out, _ = run(capsys, "rules", "explain", str(file), "--source", "native")
    assert code == 0
    assert f"{file}:2: refused: not_json" in out
    assert out.count("L-1 (source native/incidents") == 2


@pytest.mark.parametrize(
    ("line", "more", "says"),
    [
        (REPORT, ["--ref", "L-2"], "no report is called 'L-2' in these files"),
        (
            {
                "force": "33",
                "ref": "C-1",
                "kind": "crime",
                "recorded_at": "2025-01-01T10:00:00Z",
                "offence_code": "8N",
            },
            [],
            "holds records; give a file of incidents or referrals",
        ),
        (REPORT, ["--rules", "none_such"], "shipped are england_and_wales, umd"),
    ],
)
def test_misuse_is_said_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    line: dict[str, Any],
    more: list[str],
    says: str,
) -> None:
    file = tmp_path / "reports.jsonl"
    file.write_text(json.dumps(line) + "\n", encoding="utf-8")
    code, _, err = run(capsys, "rules", "explain", str(file), "--source", "native", *more)
    assert code == 2
    assert says in err
    assert err.count("\n") == 1


# -- show, check, copy -------------------------------------------------------------------------


def test_show_lists_what_is_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "rules", "show")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == shipped("packs")
    code, out, _ = run(capsys, "rules", "show", "--json")
    assert list(json.loads(out)) == shipped("packs")


@pytest.mark.parametrize("name", shipped("packs"))
def test_show_tells_every_rule_with_its_mark_on_100_columns(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "rules", "show", name)
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 100
    _, as_json, _ = run(capsys, "rules", "show", name, "--json")
    said = json.loads(as_json)
    pack = read_pack(name)
    written = pack.written
    ids = {rule["id"] for rule in said["rules"]}
    assert ids >= {
        *(each.id for each in written.limits),
        *(each.id for each in written.eras),
        *(each.id for each in written.codes),
        *(each.id for each in written.carve_outs),
        *written.categories,
        *pack.reasons.decisions,
        *pack.reasons.cancellations,
    }
    assert all(rule["source"]["mark"] and rule["source"]["why"] for rule in said["rules"])
    assert [id_ for id_ in ids if id_ not in out] == []


def test_what_has_no_source_stands_out_and_phrases_are_not_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = run(capsys, "rules", "show", "england_and_wales")
    assert "\nUNSOURCED: limit-72h" in out
    assert "theft.taken" in out
    assert "pickpocketed" not in out
    assert "terms of 'domestic' are kept and show no crime" in " ".join(out.split())


def test_what_a_pack_cannot_use_is_noted() -> None:
    notes = shown(read_pack("umd")).notes
    assert "'schools_protocol' accounts for nothing here" in notes[0]


def test_check_says_all_faults_and_leaves_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "rules", "copy", "umd", "--out", str(tmp_path))[0] == 0
    pack = tmp_path / "umd.yaml"
    code, out, _ = run(capsys, "rules", "check", str(pack))
    assert (code, out.count("\n")) == (0, 1)
    text = pack.read_text(encoding="utf-8")
    pack.write_text(text.replace("yes: crime", "yes: x").replace("hours: 24", "hours: 0"), "utf-8")
    code, out, _ = run(capsys, "rules", "check", str(pack))
    assert code == 1
    assert [line.split(": ")[0] for line in out.splitlines()] == [f"{pack}:5", f"{pack}:8"]
    code, out, _ = run(capsys, "rules", "check", str(pack), "--json")
    said = json.loads(out)
    assert (code, said["sound"], [each["line"] for each in said["faults"]]) == (1, False, [5, 8])
    code, _, err = run(capsys, "rules", "show", str(pack))
    assert (code, err.count("\n")) == (2, 1)


def test_a_copy_is_the_same_pack_and_never_overwrites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in shipped("packs"):
        folder = tmp_path / name
        code, out, _ = run(capsys, "rules", "copy", name, "--out", str(folder), "--json")
        assert code == 0
        assert read_pack(json.loads(out)[0]).digest == read_pack(name).digest
        code, _, err = run(capsys, "rules", "copy", name, "--out", str(folder))
        assert code == 2
        assert "is there already" in err


@pytest.mark.parametrize("command", ["check", "show", "explain", "copy"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "rules", command, "--help")
    assert f"Example: recount rules {command}" in " ".join(out.split())
    assert "--json" in out


def test_what_it_would_look_like_with_no_record_is_named_with_its_harm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, text = explain(
        tmp_path,
        capsys,
        opening_codes=["assault"],
        closing_codes=["no further action"],
        closed_at="2024-01-15T12:00:00Z",
    )
    assert said["signatures"] == {"closed_without_reason": 4}
    assert "closed without reason" in text
