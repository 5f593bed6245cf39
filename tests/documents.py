"""Documents run as a reader would run them: their files written, their commands given, their words held
against what is printed."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from service.cli import app, main

_BLOCK = re.compile(r"^```(\w+) ?([\w.-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Document:
    """One document of ``docs/``."""

    def __init__(self, name: str) -> None:
        path = Path(__file__).parents[1] / "docs" / name
        self.text = path.read_text(encoding="utf-8")
        self.blocks: list[tuple[str, str, str]] = _BLOCK.findall(self.text)
        """Language, name of the file to write (or nothing), text."""
        self.commands = [
            line
            for language, _, text in self.blocks
            if language == "sh"
            for line in text.splitlines()
            if line.startswith("recount ")
        ]

    def run(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Follow the document: files are written where it writes them, a command leaves with the exit
        code it says (``# exit code 1``), and what it says is printed is printed."""
        monkeypatch.chdir(folder)
        printed = ""
        for language, name, text in self.blocks:
            if name:
                Path(name).write_text(text, encoding="utf-8")
            elif language == "sh":
                for line in text.splitlines():
                    printed = _give(line, capsys)
            elif language == "text":
                missing = [line for line in text.splitlines() if line not in printed]
                assert not missing, printed


def there(command: str) -> bool:
    """Does the program have this command?"""
    group = typer.main.get_command(app)
    return command.split()[1] in getattr(group, "commands", {})


def _give(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    command, _, remark = line.strip().partition("  # exit code ")
    assert command.startswith("recount "), command
    with pytest.raises(SystemExit) as left:
        main(shlex.split(command)[1:])
    printed = capsys.readouterr()
    assert (left.value.code or 0) == int(remark or 0), f"{command}: {printed.err}"
    return printed.out
