"""The document on rule packs, run as a reader would run it, and complete."""

import re
from pathlib import Path

import msgspec
import pytest

from service.rules.written import Category, Written
from tests.documents import commands, run_to, text_of

DOCUMENT = text_of("write-a-pack.md")


@pytest.mark.parametrize("wanted", commands(DOCUMENT))
def test_the_document_runs_as_written(
    wanted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    run_to(DOCUMENT + "\n", wanted, capsys)


def test_every_key_of_a_pack_is_explained() -> None:
    section = DOCUMENT.split("## Every part", 1)[1]
    explained = set(re.findall(r"`(\w+)`", section))
    keys = {field.encode_name for field in msgspec.structs.fields(Written)}
    marks = {"sourced", "inference", "unsourced"}
    of_categories = {field.encode_name for field in msgspec.structs.fields(Category)} - marks
    assert explained >= keys | of_categories
