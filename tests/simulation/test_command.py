"""``recount simulate`` as its users meet it."""

import json
from pathlib import Path

import pytest

from service.cli import main


def run(*arguments: str) -> int:
    """The command's exit code."""
    with pytest.raises(SystemExit) as left:
        main(["simulate", *arguments])
    code = left.value.code
    assert isinstance(code, int)
    return code


def test_it_writes_a_force_with_its_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--days", "1", "--seed", "4", "--force", "34", "--json", "--out", str(tmp_path)) == 0
    written = json.loads(capsys.readouterr().out)
    for name, many in written["events"].items():
        lines = (tmp_path / name).read_bytes().splitlines()
        assert len(lines) == many
        assert {json.loads(line)["force"] for line in lines} == {"34"}
    truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_bytes().splitlines()]
    assert sum(line["line"] == "report" for line in truth) == written["reports"]


def test_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--days", "1", "--out", str(tmp_path)) == 0
    assert "incidents.jsonl" in capsys.readouterr().out


def test_what_is_not_simulated_is_misuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--setting", "2011", "--out", str(tmp_path / "none")) == 2
    assert "there are 2017, 2018, 2025" in capsys.readouterr().err
    assert run("--from", "2014-05-01", "--out", str(tmp_path / "none")) == 2
    assert "2015-04-01" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
