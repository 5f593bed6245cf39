"""The security checklist names tests that exist, and names one for every point."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKLIST = (ROOT / "docs" / "security-checklist.md").read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in CHECKLIST.splitlines()
    ]
    return [row for row in cells if len(row) == 3 and re.match(r"\d+\.\d+\.\d+", row[0])]


def test_every_point_names_a_test_and_every_test_exists() -> None:
    named = {found for row in rows() for found in re.findall(r"`(tests/\S+?)::(\w+)`", row[2])}
    assert all("::" in row[2] for row in rows())
    assert len(rows()) > 40
    missing = []
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{file}::{name}")
    assert not missing


def test_no_point_stands_twice() -> None:
    points = [point for row in rows() for point in row[0].split(", ")]
    assert len(points) == len(set(points))
