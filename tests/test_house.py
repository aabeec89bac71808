"""The house rules: lint, format, types, imports, sizes, and what lies where."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sysconfig.get_path("scripts"))
CHECKS = {
    "lint": ["ruff", "check"],
    "format": ["ruff", "format", "--check"],
    "types": ["mypy"],
    "imports": ["lint-imports"],
}
HOUSE = {
    *("engine", "connectors", "streams", "benchmarks", "tests", "deploy", ".ci"),
    *("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "requirements.lock"),
    *("Dockerfile", "docker-compose.yml", ".dockerignore", ".gitignore"),
}
LINES_MAX = 300
LONGER: dict[str, str] = {}  # path -> why it may be longer
LATER = re.compile(r"\b(TO[D]O|FIXM[E]|XX[X])\b")
SOMEONES_MACHINE = re.compile(r"(?<![\w.:}])/(root|home|Users|work)/\w")
REGISTRY = re.compile(
    r"\b(pypi|pythonhosted|npmjs|crates|docker|golang)[.](org|io|com)\b|\bmaven[.](org|apache)|deb[.]debian"
)
CLOCK = re.compile(r"\b(datetime|date)[.](now|utcnow|today)\b|\bperf_counter\b|\bmonotonic\b")


def tracked() -> list[str]:
    """Every file of the repository that is there, by its path."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for path in listing.stdout.split("\0") if path and (ROOT / path).is_file()]


def matching(pattern: re.Pattern[str], *folders: str) -> list[str]:
    """Where a pattern is found, as path:line."""
    paths = [p for p in tracked() if not folders or p.startswith(folders)]
    lines = ((p, n, line) for p in paths for n, line in enumerate(_lines(p), 1))
    return [f"{path}:{number}" for path, number, line in lines if pattern.search(line)]


def _lines(path: str) -> list[str]:
    return (ROOT / path).read_text(errors="ignore").splitlines()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("check", CHECKS)
def test_check(check: str) -> None:
    """The tool finds nothing to say."""
    tool, *arguments = CHECKS[check]
    done = subprocess.run([TOOLS / tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{tool}:\n{done.stdout}{done.stderr}"


def test_files_are_short() -> None:
    """A file can be read at one sitting; exceptions are named, and needed."""
    paths = [
        p for p in tracked() if p.startswith(("engine/", "connectors/", "streams/")) and p.endswith(".py")
    ]
    lengths = {path: len(_lines(path)) for path in paths}
    assert {path: n for path, n in lengths.items() if n > LINES_MAX and path not in LONGER} == {}
    assert [path for path in LONGER if lengths.get(path, 0) <= LINES_MAX] == []


def test_everything_has_its_place() -> None:
    """Nothing lies at the top but what belongs to the house."""
    assert {path.split("/")[0] for path in tracked()} <= HOUSE


def test_nothing_is_put_off() -> None:
    """What has to be done is done, or is an issue; no note in a file says "later"."""
    assert matching(LATER) == []


def test_no_file_knows_a_machine() -> None:
    """Paths of somebody's machine work for nobody else."""
    assert matching(SOMEONES_MACHINE) == []


def test_no_file_names_a_registry() -> None:
    """Where packages come from is the installing machine's own setting."""
    assert matching(REGISTRY) == []


def test_the_engine_has_no_clock() -> None:
    """Time in the engine is event time."""
    assert matching(CLOCK, "engine/") == []
