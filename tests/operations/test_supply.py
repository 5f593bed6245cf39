"""What comes from elsewhere is pinned and may be used; nothing secret lies in the tree."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

from tests.test_tidy import tracked

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINNED = re.compile(r"^([a-z0-9_.-]+)==\S+", re.MULTILINE)

FREE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|PSF|Python Software Foundation|ISC|Zlib|CC0|MPL|LGPL|Repoze)\b",
    re.IGNORECASE,
)
"""Licences under which a package may be used and handed on beside this one."""
BOUND = re.compile(r"(?<!L)\bA?GPL|SSPL|Commons Clause|BUSL|proprietary", re.IGNORECASE)
"""And those that would bind it."""

SECRETS = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\n[A-Za-z0-9+/]{40}"),
    "cloud key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20}|xox[baprs]-[\w-]{10,})"),
    "signed token": re.compile(r"\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,}"),
    "password in a URL": re.compile(
        r"\w+://[^\s:/@{}\"']+:(?!recount@|s3cret@|hunter2)[^\s@{}\"'/]{6,}@"  # save those made up
    ),
}


def licence(name: str) -> str:
    """What a package says of its licence, wherever it says it."""
    held = metadata(name)
    said: list[str] = [
        *(held.get_all("License-Expression") or []),
        *(each[:200] for each in held.get_all("License") or []),
    ]
    said += [each for each in held.get_all("Classifier") or [] if each.startswith("License")]
    return " | ".join(each for each in said if each)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_package_is_pinned_by_digest(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert entries
    assert all("==" in each and "--hash=sha256:" in each for each in entries if each[0] != "#")


def test_every_package_that_runs_may_be_used() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    looked_at = 0
    for name in sorted(set(PINNED.findall(text))):
        try:
            said = licence(name)
        except PackageNotFoundError:
            continue  # for another operating system
        looked_at += 1
        assert FREE.search(said), f"{name}: {said}"
        assert not BOUND.search(said), f"{name}: {said}"
    assert looked_at > 40


def test_nothing_secret_lies_in_the_tree() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__).resolve():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}: {what}" for what, p in SECRETS.items() if p.search(text)
        ]
    assert not found


def test_checks_for_unsafe_code_are_on() -> None:
    chosen = set(PROJECT["tool"]["ruff"]["lint"]["select"])
    assert chosen >= {
        "S102",
        "S105",
        "S106",
        "S108",
        "S301",
        "S307",
        "S324",
        "S501",
        "S506",
        "S602",
        "S608",
    }


def test_what_looks_unsafe_is_justified_in_its_place() -> None:
    command = [sys.executable, "-m", "bandit", "--quiet", "--recursive", "--format", "json"]
    done = subprocess.run(
        [*command, "service", "schemas"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    told = json.loads(done.stdout)
    assert not told["errors"]
    allowed = PROJECT["tool"]["recount"]["bandit"]
    found = {(each["test_id"], each["filename"]) for each in told["results"]}
    wrong = [
        f"{file}: {number}"
        for number, file in sorted(found)
        if not any(file.startswith(place) for place in allowed.get(number, ()))
    ]
    assert not wrong
    spare = [
        (number, place)
        for number, places in allowed.items()
        for place in places
        if not any(each == number and file.startswith(place) for each, file in found)
    ]
    assert not spare
