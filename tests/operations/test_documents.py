"""Commands that documents show are commands, with options that they have."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer import Context
from typer.core import TyperGroup
from typer.main import get_command

from service.cli import app
from service.cli.stats import RatesByDefault

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


def shown(text: str) -> Iterator[str]:
    """Commands in blocks and in the running text; continued lines are one."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.split("  #")[0].strip().removeprefix(".venv/bin/")
            if command.startswith("recount "):
                yield command
    running = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for command in re.findall(r"`(recount [^`]+)`", running):
        yield " ".join(command.split())


def fault(command: str) -> str:
    """What a command line has that the command has not; empty: it is fine."""
    here = get_command(app)
    words = [word for word in shlex.split(command)[1:] if word not in {"…", "..."}]
    while words and isinstance(here, TyperGroup):
        context = Context(here)
        name = words.pop(0)
        if name.startswith("-") or "|" in name:
            return ""
        found = here.get_command(context, name)
        if found is None and isinstance(here, RatesByDefault):
            found = here.get_command(context, "rates")
        if found is None:
            return f"no command '{name}'"
        here = found
    known = {name for option in here.params for name in (*option.opts, *option.secondary_opts)}
    known |= {"--help"}
    named = {word.split("=")[0] for word in words if word.startswith("--")}
    return f"no option {sorted(named - known)}" if named - known else ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_shown_are_commands(document: Path) -> None:
    wrong = {
        command: why
        for command in shown(document.read_text(encoding="utf-8"))
        if (why := fault(command))
    }
    assert not wrong


def test_commands_in_what_is_shipped_are_commands() -> None:
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    given = [s["command"] for s in compose["services"].values() if s.get("image") == "recount"]
    for path in (ROOT / "deploy" / "kubernetes").glob("*.yaml"):
        for each in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            pod = each.get("spec", {}).get("template", {}).get("spec", {})
            given += [container["args"] for container in pod.get("containers", [])]
    assert len(given) >= 6
    assert not {why for command in given if (why := fault(shlex.join(["recount", *command])))}


def test_examples_in_help_are_commands() -> None:
    found = []
    for path in (ROOT / "service" / "cli").glob("*.py"):
        found += re.findall(
            r"Example: (?:[A-Z_]+=\S+ )*(recount [^\n\"]+)", path.read_text(encoding="utf-8")
        )
    assert len(found) > 15
    assert not {command: why for command in found if (why := fault(command))}
