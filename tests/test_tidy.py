"""Style as a test: what a reviewer would say by hand every time."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from service.cli import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = sorted(
    path
    for room in ("service", "schemas", "tests", "benchmarks")
    for path in (ROOT / room).rglob("*.py")
)
PRODUCT = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in ("service", "schemas")]

EMPTY_NAMES = {"utils", "util", "common", "core", "manager", "base", "helpers", "misc", "abstract"}
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]))
REGISTRIES = re.compile(
    "|".join(["py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.", "maven" + r"\.org"])
)


def tracked() -> list[Path]:
    """Files that belong to the project."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_read_in_a_sitting_and_a_function_fits_a_screen(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 650
    long = [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > 80
    ]
    assert not long


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [
        path for path in PYTHON if path.stem in EMPTY_NAMES or path.parent.name in EMPTY_NAMES
    ]


def test_rooms_are_at_most_two_deep_and_hold_more_than_one_file() -> None:
    for path in PRODUCT:
        parts = path.relative_to(ROOT).parts
        assert len(parts) <= 3 or parts[:3] == ("service", "ledger", "migrations"), path
    for room in (ROOT / "service").iterdir():
        if room.is_dir() and (room / "__init__.py").exists():
            assert len(list(room.glob("*.py"))) > 1 or len(list(room.iterdir())) > 2, room


def test_nothing_is_marked_unfinished_and_no_registry_is_named() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if UNFINISHED.search(text) and path.suffix in {".py", ".md", ".yaml", ".toml", ""}:
            found.append(f"{path.relative_to(ROOT)}: unfinished")
        if REGISTRIES.search(text):
            found.append(f"{path.relative_to(ROOT)}: names a registry")
    assert not found


def test_every_module_is_imported_by_something() -> None:
    imported = {f"service.cli.{place.split(':')[0]}" for place in COMMANDS.values()}
    for path in PYTHON:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    for path in PRODUCT:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.name in {"__init__.py", "__main__.py"} or "migrations" in path.parts:
            continue
        assert name in imported, f"{name} is imported by nothing"


def test_the_tree_in_the_readme_is_the_tree() -> None:
    shown = _tree()
    top = {
        path.relative_to(ROOT).parts[0] for path in tracked() if not path.name.startswith(".")
    } - {"README.md", "LICENSE"}
    top = {name for name in top if not name.startswith(".")}
    rooms = {
        path.name
        for path in (ROOT / "service").iterdir()
        if (path.is_dir() and (path / "__init__.py").exists())
        or (path.suffix == ".py" and not path.name.startswith("_"))
    }
    assert shown == top | {f"service/{room}" for room in rooms}


def _tree() -> set[str]:
    block = re.search(r"## The tree\n+```\n(.*?)```", README, re.DOTALL)
    assert block, "README has no tree"
    shown, parent = set(), ""
    for line in block.group(1).splitlines():
        name = line.split()[0].rstrip("/")
        if line.startswith(" "):
            shown.add(f"{parent}/{name}")
        else:
            parent = name
            shown.add(name)
    return shown


def test_every_dependency_says_why_it_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[\[<>=!~ ]", needed)[0] for needed in project["dependencies"]}
    section = README.split("## Dependencies", 1)[1].split("\n## ", 1)[0]
    rows = set(re.findall(r"^\| ([a-z0-9-]+) \|", section, re.MULTILINE)) - {"package"}
    assert rows == names


def test_links_in_documents_lead_somewhere() -> None:
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_make_targets_named_in_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z]+)\b", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
