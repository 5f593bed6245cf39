"""Runs ``recount`` as a person would and reads what it leaves."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.cli import main


def recount(*arguments: object) -> int:
    """Run the command in this process; its exit code."""
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    code = left.value.code
    return code if isinstance(code, int) else int(bool(code))


def rows(path: Path) -> list[dict[str, Any]]:
    """JSON Lines of a result."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def summary(folder: Path) -> dict[str, Any]:
    """``summary.json`` of a result."""
    told: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return told


def by_ref(folder: Path) -> dict[str, dict[str, Any]]:
    """Verdict lines by report."""
    return {line["ref"]: line for line in rows(folder / "verdicts.jsonl")}
