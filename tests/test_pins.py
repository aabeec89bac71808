"""Every package is pinned, for every Python, and all lists of pins agree."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
UV = os.environ.get("UV", "uv")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = {"requirements.lock": ["--no-default-groups"], ".ci/build.lock": ["--only-group", "build"]}
REFRESH = "run `python3 .ci/pin`"


def uv(*arguments: str) -> str:
    return subprocess.run([UV, *arguments], cwd=ROOT, check=True, text=True, capture_output=True).stdout


def resolved(*groups: str) -> list[str]:
    """What the present resolution holds, in the words of a requirements file."""
    plain = ["--frozen", "--no-emit-project", "--no-header", "--no-annotate", "--no-hashes"]
    return uv("export", *plain, *groups).splitlines()


def locked(path: str) -> dict[str, set[str]]:
    """Each requirement of a lock file with its hashes."""
    found: dict[str, set[str]] = {}
    for entry in (ROOT / path).read_text().replace("\\\n", "").splitlines():
        requirement, *hashes = entry.split("--hash=")
        found[requirement.strip()] = {digest.strip() for digest in hashes}
    return found


def known_hashes() -> set[str]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    files = [file for p in packages for file in [*p.get("wheels", ()), p.get("sdist", {})]]
    return {file["hash"] for file in files if file}


def test_the_resolution_is_the_pinned_one() -> None:
    """Resolving again under the pins changes nothing."""
    uv("lock", "--check", "--offline")


def test_every_package_is_pinned() -> None:
    """The constraints are the whole resolution, groups and transitive packages too."""
    assert PROJECT["tool"]["uv"]["constraint-dependencies"] == resolved("--all-groups"), REFRESH


def test_what_builds_the_wheel_is_pinned() -> None:
    """The build backend and what it needs are held to the versions of the build group."""
    built = resolved("--only-group", "build")
    assert PROJECT["tool"]["uv"]["build-constraint-dependencies"] == built, REFRESH
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]


@pytest.mark.parametrize("path", LOCKS)
def test_lock_files_agree_with_the_pins(path: str) -> None:
    """A lock file names the same versions, each with hashes that its files have."""
    entries = locked(path)
    assert list(entries) == resolved(*LOCKS[path]), REFRESH
    hashes = known_hashes()
    assert all(digests and digests <= hashes for digests in entries.values()), REFRESH


def test_pins_are_exact() -> None:
    """A pin is one version, with a marker where versions differ between Pythons."""
    pin = re.compile(r"[a-z0-9.-]+==[A-Za-z0-9.]+( ; .+)?")
    assert [p for p in PROJECT["tool"]["uv"]["constraint-dependencies"] if not pin.fullmatch(p)] == []


def test_lock_files_say_nothing_of_where_packages_come_from() -> None:
    """The index is the installing machine's own setting."""
    assert [path for path in LOCKS if "://" in (ROOT / path).read_text()] == []
