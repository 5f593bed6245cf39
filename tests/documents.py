"""Documents run as a reader would run them: files are written where a document writes them, commands are
run in order, what it says is printed must be printed."""

import re
import shlex
from pathlib import Path

import pytest

from service.cli import main

DOCS = Path(__file__).parents[1] / "docs"
_BLOCK = re.compile(r"^```(\w+) ?([\w.-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(name: str) -> str:
    """A document of ``docs/``."""
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[tuple[str, str, str]]:
    """Its fenced blocks: language, file name (or nothing), text."""
    return _BLOCK.findall(text)


def commands(text: str) -> list[str]:
    """Its ``recount`` commands, in order."""
    return [
        line
        for language, _, block in blocks(text)
        if language == "sh"
        for line in block.splitlines()
        if line.startswith("recount ")
    ]


def run_to(text: str, wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Follow a document in the current folder up to and with one of its commands. A command may be
    followed by ``# exit code N``."""
    printed = ""
    for language, name, block in blocks(text):
        if name:
            Path(name).write_text(block, encoding="utf-8")
        elif language == "sh":
            for line in block.splitlines():
                command, _, remark = line.strip().partition("  # exit code ")
                with pytest.raises(SystemExit) as left:
                    main(shlex.split(command)[1:])
                printed = capsys.readouterr().out
                assert (left.value.code or 0) == int(remark or 0), command
                if line.strip() == wanted:
                    return
        elif language == "text":
            missing = [line for line in block.splitlines() if line not in printed]
            assert not missing, printed
    raise AssertionError(f"{wanted} was not reached")
