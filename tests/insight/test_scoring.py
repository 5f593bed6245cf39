"""Scoring words against labels: the numbers, the command, and the figures on real reports."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from service.insight.scoring import CATEGORIES, Scored, score
from tests.hosts.command import recount

LABELS = """order,pattern,category,note
1,^void,drop,
2,theft|stolen,theft,
3,lost,none,
4,battery,violence,
5,information,ambiguous,
"""
ROWS = [
    ("Theft ", "Somebody stole a bicycle from the rack."),
    ("THEFT  from   person", "A stranger asked for the time."),
    ("Lost Property", "She lost her hat."),
    ("Lost Property", "Somebody stole a hat; it was lost after all."),
    ("Simple Battery", "A man punched another man."),
    ("Information", "Somebody stole a boat elsewhere."),
    ("Void", "-"),
    ("Parade", "A parade went by."),
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    labels = tmp_path / "labels.csv"
    labels.write_text(LABELS, encoding="utf-8")
    data = tmp_path / "rows.jsonl"
    lines = [json.dumps({"incident": label, "comments": text}) for label, text in ROWS]
    data.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    return data, labels


def scored(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """What ``recount rules score --json`` prints."""
    assert recount("rules", "score", *arguments, "--json") == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_what_the_command_prints(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data, labels = files
    answer = scored(capsys, data, "--labels", labels, "--wrong", 5)
    assert (answer["pack"], answer["rows"]) == ("us_campus", 5)
    assert answer["left_out"] == {"ambiguous": 1, "drop": 1, "unmapped": 1}
    assert list(answer["categories"]) == list(CATEGORIES)
    crime = answer["crime"]
    assert (crime["rows"], crime["shown"], crime["right"]) == (3, 3, 2)
    assert crime["precision"]["share"] == crime["recall"]["share"] == pytest.approx(2 / 3)
    assert crime["f1"]["value"] == pytest.approx(2 / 3)
    assert answer["micro"]["share"] == pytest.approx(3 / 5)
    assert answer["confused"] == [["none", "theft", 1], ["theft", "none", 1]]
    assert [row["row"] for row in answer["wrong"]] == [2, 4]


def test_no_text_comes_out(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    data, labels = files
    assert recount("rules", "score", data, "--labels", labels, "--wrong", 9) == 0
    printed = capsys.readouterr().out
    assert "line 2: theft, shown as none" in printed
    assert "stranger" not in printed


def test_other_fields_packs_and_forms_of_file(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, labels = files
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(data.read_bytes()))
    table = tmp_path / "rows.csv"
    table.write_text("kind,words\nTheft,Somebody stole a bicycle.\n", encoding="utf-8")
    plain = scored(capsys, data, "--labels", labels)
    assert scored(capsys, packed, "--labels", labels) | {"file": ""} == plain | {"file": ""}
    named = ("--text", "words", "--label", "kind", "--pack", "england_and_wales")
    assert scored(capsys, table, "--labels", labels, *named)["micro"]["share"] == 1.0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", "rows.jsonl:1: not a JSON object"),
        ("[1]", "rows.jsonl:1: not a JSON object"),
        (
            '{"incident": "Theft"}',
            "rows.jsonl:1: no text in field 'comments'; name another with --text",
        ),
        ('{"comments": "x", "incident": 3}', "no text in field 'incident'"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(
    files: tuple[Path, Path], line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, labels = files
    data.write_text(line, encoding="utf-8")
    assert recount("rules", "score", data, "--labels", labels) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("pattern,category\n(theft,theft\n", "labels.csv:2: not a regular expression"),
        ("pattern,category\ntheft,larceny\n", "'larceny' is no category"),
        ("pattern,category\ntheft,\n", "no pattern or no category"),
    ],
)
def test_a_label_map_that_cannot_be_used_is_named(
    files: tuple[Path, Path], content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, labels = files
    labels.write_text(content, encoding="utf-8")
    assert recount("rules", "score", data, "--labels", labels) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recount("rules", "score", tmp_path / "none.jsonl", "--labels", files[1]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_intervals_hold_the_value_and_narrow_with_more_rows() -> None:
    def rows(times: int) -> list[Scored]:
        given = [("theft", "theft")] * 8 + [("theft", "none")] + [("none", "theft")]
        return [Scored(n, label, shown) for n, (label, shown) in enumerate(given * times)]

    few, many = score(rows(1), Counter()), score(rows(20), Counter())
    for result in (few, many):
        f1 = result.categories["theft"].f1
        assert f1 is not None
        assert f1.value == pytest.approx(16 / 18)
        assert f1.low < f1.value < f1.high
    assert few.crime.f1 is not None
    assert many.crime.f1 is not None
    assert many.crime.f1.low > few.crime.f1.low
    assert few.categories["fraud"].f1 is None


def test_nothing_to_score() -> None:
    empty = score([], Counter())
    assert (empty.rows, empty.micro, empty.crime.f1) == (0, None, None)


def test_sentences_are_tried_and_words_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert recount("rules", "test", "--pack", "us_campus") == 0
    assert "0 failed" in capsys.readouterr().out
    said = (
        "--pack",
        "england_and_wales",
        "--say",
        "Zebedee was not punched but his wallet was stolen",
    )
    assert recount("rules", "test", *said) == 0
    printed = capsys.readouterr().out
    (answer,) = json.loads(printed)
    assert answer["terms"]["violence.hit"] == "negated"
    assert answer["shown"] == {"theft": "clear"}
    assert "class 49" in answer["fired"]["text.stolen"]
    assert "zebedee" not in printed.lower()


def test_a_sentence_that_fails_is_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.yaml").write_text(
        "terms: [{id: theft.taken, phrases: [stolen]}]\n"
        "examples: [{says: It was stolen., term: theft.taken, is: negated}]\n",
        encoding="utf-8",
    )
    pack = tmp_path / "own.yaml"
    pack.write_text(
        "name: own\ntitle: Own\ncode_map_yes: theft\nlexicon: words.yaml\n"
        "limits: [{id: l, hours: 24, sourced: p10}]\n"
        "categories: {theft: {rank: 1, inference: x}}\n",
        encoding="utf-8",
    )
    assert recount("rules", "test", "--pack", pack) == 1
    assert "theft.taken, sentence 1: should be negated and is affirmed" in capsys.readouterr().out


def test_the_seventeen_signatures_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert recount("rules", "signatures", "--json") == 0
    listed = json.loads(capsys.readouterr().out)["signatures"]
    assert sorted(each["row"] for each in listed) == list(range(1, 18))
    assert recount("rules", "signatures") == 0
    assert "not seen" in capsys.readouterr().out


def test_figures_on_a_year_that_nobody_tuned_on(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data / "narratives_uchicago"
    held = tmp_path / "held_out.jsonl"
    with gzip.open(folder / "incidents_2010_2014.jsonl.gz", "rt", encoding="utf-8") as lines:
        held.write_text(
            "".join(line for line in lines if "/14 " in json.loads(line)["reported"][:12]),
            encoding="utf-8",
        )
    answer = scored(capsys, held, "--labels", folder / "label_map.csv")
    assert answer["rows"] > 800
    assert answer["crime"]["f1"]["value"] >= 0.965
    assert answer["micro"]["share"] >= 0.93
