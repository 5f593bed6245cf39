"""The documentation's own pack, run as a reader would run it."""

import re
from pathlib import Path

import msgspec
import pytest

from service.rules.soundness import COUNTS, PER
from service.rules.values import CancellationDemand, DecisionDemand
from service.rules.wording import Combination, TextRule
from service.rules.written import (
    CancellationRule,
    CarveOut,
    Category,
    DecisionRule,
    Era,
    Indication,
    Limit,
    OffenceCodes,
    Qualifiers,
    Reasons,
    ReportedIncident,
    Times,
    TransferredIn,
    Written,
)
from tests.documents import commands, run_to, text_of
from tests.hosts.command import by_ref

GUIDE = text_of("write-a-pack.md")
COMMANDS = commands(GUIDE)


def test_every_command_of_the_document_exists() -> None:
    assert {command.split()[1] for command in COMMANDS} == {"rules", "replay"}
    assert {command.split()[2] for command in COMMANDS if " rules " in command} == {
        *("copy", "check", "show", "explain")
    }


def test_the_worked_example_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_to(GUIDE, COMMANDS[-1], capsys)
    lines = by_ref(tmp_path / "out" / "mine")
    assert {ref: line["verdict"] for ref, line in lines.items()} == {
        "C201": "recorded",
        "C202": "missed",
        "C203": "no_crime_indicated",
        "C204": "recorded_late",
        "C205": "pending",
    }


def test_every_key_of_a_pack_is_in_the_tables() -> None:
    section = GUIDE.split("## Every key", 1)[1]
    rules = (
        Limit,
        Era,
        Category,
        Indication,
        CarveOut,
        TextRule,
        Combination,
        TransferredIn,
        Qualifiers,
        OffenceCodes,
        ReportedIncident,
        DecisionRule,
        CancellationRule,
        Times,
    )
    keys = {
        field.encode_name
        for each in (Written, Reasons, *rules)
        for field in msgspec.structs.fields(each)
    }
    words = {*PER, *COUNTS, *DecisionDemand, *CancellationDemand}
    assert [word for word in sorted(keys | words) if f"`{word}`" not in section] == []


def test_every_demand_in_the_document_is_one() -> None:
    lists = GUIDE.split("A decision may demand", 1)[1]
    decision, cancellation = lists.split("A cancellation may demand", 1)
    assert set(re.findall(r"`(\w+)`", decision)) == set(DecisionDemand)
    assert set(re.findall(r"`(\w+)`", cancellation)) == set(CancellationDemand)
