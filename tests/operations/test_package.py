"""The wheel installs into an empty environment and runs there; the image's own steps are what is run."""

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
MARK = "/opt/recount"


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run to the end, far from the source tree; what it printed."""
    clean = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("PYTHON", "VIRTUAL_ENV", "RECOUNT_"))
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def steps() -> list[list[str]]:
    """COPY and RUN of the image's first stage, in order."""
    stage = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[1]
    return [line.split() for line in stage.splitlines() if line.startswith(("COPY ", "RUN "))]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image's first stage would make, made by its steps; uv stands in for pip, for its speed."""
    source, target = tmp_path_factory.mktemp("src"), tmp_path_factory.mktemp("opt") / "recount"
    for verb, *words in steps():
        if verb == "COPY":
            for name in words[:-1]:
                _copy(ROOT / name, source / words[-1] if words[-1] != "./" else source / name)
            continue
        command = [word.replace(MARK, str(target)) for word in words]
        if command[0].endswith("/bin/pip"):
            given = [word for word in command[2:] if word != "--no-cache-dir"]
            command = [str(UV), "pip", command[1], "--quiet", "--python", str(target), *given]
        elif command[0] == "python":
            command[0] = sys.executable
        run(command, source)
    shutil.rmtree(source)
    return target


def _copy(origin: Path, target: Path) -> None:
    if target.name == ".":
        target = target.parent / origin.name
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(
            origin, target if target.suffix or not target.is_dir() else target / origin.name
        )


def test_what_was_installed_replays_the_worked_example(installed: Path, tmp_path: Path) -> None:
    for name in ("one_file.yaml", "one_file.csv"):
        shutil.copy(ROOT / "examples" / name, tmp_path)
    command = [str(installed / "bin" / "recount"), "replay", "--source", "one_file.yaml"]
    run([*command, "--incidents", "one_file.csv", "--rules", "umd", "--out", "out"], tmp_path)
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert (tmp_path / "out" / "verdicts.jsonl").read_bytes()


def test_what_was_installed_has_packs_mappings_and_migrations(
    installed: Path, tmp_path: Path
) -> None:
    recount, url = str(installed / "bin" / "recount"), f"sqlite:///{tmp_path / 'ledger.db'}"
    assert "england_and_wales" in run([recount, "rules", "show"], tmp_path)
    assert "native" in run([recount, "sources", "show"], tmp_path)
    assert "revision" in run([recount, "db", "upgrade"], tmp_path, DATABASE_URL=url)
    assert "counts add up" in run([recount, "db", "check"], tmp_path, DATABASE_URL=url)
    assert "settings can be used" in run([recount, "config", "check"], tmp_path, DATABASE_URL=url)


def test_the_wheel_holds_the_product_and_nothing_else(tmp_path: Path) -> None:
    run([str(UV), "build", "--quiet", "--wheel", "--out-dir", str(tmp_path), str(ROOT)], tmp_path)
    (wheel,) = tmp_path.glob("recount-*.whl")
    with zipfile.ZipFile(wheel) as held:
        names = held.namelist()
    assert {name.split("/")[0] for name in names} == {
        "service",
        "schemas",
        re.sub(r"-py3.*", ".dist-info", wheel.name),
    }
    shipped = {
        path.relative_to(ROOT).as_posix()
        for room in ("service", "schemas")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert shipped <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_what_was_installed_runs_a_demonstration(installed: Path, tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RECOUNT_"))}
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [str(installed / "bin" / "recount"), "run", "--demo", "--port", "0"],
            cwd=tmp_path,
            env=clean,
            stdout=file,
            stderr=file,
        )
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"answers at (\S+)\s", log.read_text(encoding="utf-8"))):
            assert process.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with httpx.Client(follow_redirects=True, timeout=30) as browser:
            board = browser.get(found[1])
        assert board.status_code == 200
        assert "<h1" in board.text
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
