"""``recount linkage``: files in, a model and a curve out, and why a pair is one."""

import json
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import pytest

from service.rules.pack import Pack
from tests.hosts.command import by_ref, recount
from tests.matching.generated import generate


@pytest.fixture(scope="module")
def folder(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of a month, and a model trained on them."""
    room = tmp_path_factory.mktemp("linkage")
    made = generate(pack, reports=1500, days=8, seed=4, referenced=0.8)
    for name, rows in (("logs", made.incidents), ("crimes", made.crimes)):
        (room / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return room


def given(folder: Path) -> list[str]:
    logs, crimes = folder / "logs.jsonl", folder / "crimes.jsonl"
    return ["--source", "native", "--incidents", str(logs), "--records", str(crimes)]


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    """The model, trained by the command."""
    model, curve = folder / "model.json", folder / "curve.svg"
    assert recount("linkage", "train", *given(folder), "--out", model, "--curve", curve) == 0
    return model


def test_training_says_how_good_it_is(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recount("linkage", "show", trained, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["precision"] > 0.98
    assert told["recall"] > 0.85
    assert told["true_pairs_blocked"] / told["true_pairs"] > 0.97
    assert told["possible"] < told["probable"]


def test_the_curve_is_a_picture_that_can_be_heard(trained: Path) -> None:
    root = ElementTree.parse(trained.with_name("curve.svg")).getroot()
    parts = {child.tag.rpartition("}")[2]: child for child in root}
    assert "precision" in (parts["desc"].text or "")
    assert "polyline" in parts


def test_explain_tells_the_waterfall(
    trained: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = next(
        row
        for row in map(json.loads, (folder / "crimes.jsonl").read_text().splitlines())
        if row.get("incident_refs")
        and f'"{row["incident_refs"][0]}"' in (folder / "logs.jsonl").read_text()
    )
    pair = (record["incident_refs"][0], record["ref"], "--model", trained, *given(folder))
    capsys.readouterr()
    assert recount("linkage", "explain", *pair, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    parts = sum(each["weight"] + each["rarity"] for each in told["evidence"])
    assert abs(told["prior"] + parts - told["weight"]) <= 20
    assert recount("linkage", "explain", *pair) == 0
    said = capsys.readouterr().out
    assert "before any evidence" in said.replace("\n", " ") or "before any" in said
    assert f"weight {told['weight'] / 1e6:+.2f}: {told['level']}" in said
    assert "k1:" not in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "nobody", "C1"], "no report 'nobody' in these files"),
        (["explain", "nobody", "C1", "--rules", "umd"], "was trained for pack 'england_and_wales'"),
    ],
)
def test_misuse_is_said_with_its_remedy(
    trained: Path,
    folder: Path,
    arguments: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    capsys.readouterr()
    assert recount("linkage", *arguments, "--model", trained, *given(folder)) == 2
    assert said in capsys.readouterr().err


def test_history_without_references_cannot_choose_a_threshold(
    pack: Pack, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = generate(pack, reports=300, days=2, seed=4)
    logs, crimes = folder / "few_logs.jsonl", folder / "few_crimes.jsonl"
    logs.write_text("".join(json.dumps(row) + "\n" for row in made.incidents))
    crimes.write_text("".join(json.dumps(row) + "\n" for row in made.crimes))
    files = ["--source", "native", "--incidents", logs, "--records", crimes]
    capsys.readouterr()
    assert recount("linkage", "train", *files, "--out", folder / "none.json") == 2
    assert "references tie 0 reports" in capsys.readouterr().err
    assert not (folder / "none.json").exists()


def test_replay_takes_what_no_reference_ties(trained: Path, folder: Path) -> None:
    digest = sha256(trained.read_bytes()).hexdigest()
    for name, given_model in (("without", []), ("with", ["--linkage", trained])):
        assert recount("replay", *given(folder), *given_model, "--out", folder / name) == 0
    without, with_model = by_ref(folder / "without"), by_ref(folder / "with")
    assert {line["digests"]["linkage"] for line in without.values()} == {""}
    assert {line["digests"]["linkage"] for line in with_model.values()} == {digest}
    missed = {ref for ref, line in without.items() if line["verdict"] == "missed"}
    taken = {
        ref: link["record"]
        for ref, line in with_model.items()
        for link in line.get("links", [])
        if link["level"] == "probable"
    }
    assert taken
    assert taken.keys() <= missed
    assert len(set(taken.values())) == len(taken)
    right = sum(ref[1:] == record[1:] for ref, record in taken.items())
    assert right / len(taken) > 0.97


def test_a_model_of_another_pack_is_refused(
    trained: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "other"
    arguments = (*given(folder), "--rules", "umd", "--linkage", trained, "--out", out)
    assert recount("replay", *arguments) == 2
    assert "was trained for pack 'england_and_wales', not 'umd'" in capsys.readouterr().err
