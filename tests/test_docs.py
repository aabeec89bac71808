"""What the documents say is so: the commands, options, files and links that they name exist."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from streams.cli import app

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [path for path in (ROOT / "README.md", ROOT / "CHANGELOG.md") if path.is_file()]
PACKAGES = ("engine", "connectors", "streams")
FENCED = re.compile(r"^```.*?\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^    .*\n?)+", re.MULTILINE)
CALL = re.compile(r"(?:\w+=\S* +)*(?:uv run |docker[ -]compose .*)?driftline(?= |$)")
ENDS = {"|", "||", "&", "&&", ";", ">", ">>", "<"}
LINK = re.compile(r"\]\(([^)\s]+)\)")
IN_TEXT = re.compile(r"`((?:engine|connectors|streams|benchmarks|tests|deploy|\.ci)/[\w./-]*)`")
IN_MAP = re.compile(r"^( *)([\w.-]+(?:/[\w.-]+)*/?)(?: {2,}\S|$)")


def blocks(text: str) -> list[str]:
    """The code blocks, fenced or indented, with continued lines joined."""
    found = FENCED.findall(text) + INDENTED.findall(FENCED.sub("\n", text))
    return [block.replace("\\\n", " ") for block in found]


def calls(text: str) -> list[tuple[str, ...]]:
    """What follows `driftline`, up to a pipe, wherever a code block calls it."""
    lines = [line.strip().removeprefix("$ ") for block in blocks(text) for line in block.splitlines()]
    found = []
    for line in lines:
        if CALL.match(line):
            words = list(shlex.shlex(line, posix=True, punctuation_chars=True))
            starts = [at + 1 for at, word in enumerate(words) if word == "driftline"]
            found += [tuple(takewhile(lambda word: word not in ENDS, words[at:])) for at in starts]
    return found


def unknown(words: tuple[str, ...]) -> list[str]:
    """The commands and options among the words that the command line does not have."""
    command: Any = get_command(app)
    rest = list(words)
    while rest and hasattr(command, "resolve_command") and not rest[0].startswith("-"):
        if rest[0] not in command.list_commands(typer.Context(command)):
            return rest[:1]
        _, command, rest = command.resolve_command(typer.Context(command), rest)
    known = {
        "--help",
        *(name for option in command.params for name in [*option.opts, *option.secondary_opts]),
    }
    options = [word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
    return [option for option in options if option not in known]


def mapped(text: str) -> list[str]:
    """The paths that the file map names: a block in which every line is `path   what it is`.

    >>> mapped("    engine/       pure\\n      spec.py     the keys\\n    deploy/x.yml  what\\n")
    ['engine/', 'engine/spec.py', 'deploy/x.yml']
    """
    found: list[str] = []
    for block in blocks(text):
        lines = [match.groups() for line in block.splitlines() if (match := IN_MAP.match(line))]
        if not any(path == "engine/" for _, path in lines):
            continue
        above: list[tuple[int, str]] = []
        for indent, path in lines:
            above = [(depth, folder) for depth, folder in above if depth < len(indent)]
            whole = (above[-1][1] if above else "") + path
            found.append(whole)
            above += [(len(indent), whole)] if path.endswith("/") else []
    return found


def anchors(text: str) -> set[str]:
    """What a link with # can lead to: the headings, as they are spelled in links."""
    headings = re.findall(r"^#+ +(.+)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """The links within the repository that lead nowhere."""
    found = []
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if "://" in link or link.startswith("mailto:"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            found.append(link)
    return found


def test_readme_calls_commands_that_exist() -> None:
    """Every `driftline ...` in README has a command and options that the program knows."""
    assert calls(README), "README shows no command"
    assert {words: wrong for words in calls(README) if (wrong := unknown(words))} == {}


def test_an_unknown_command_would_be_seen() -> None:
    """The check itself sees a wrong command, and a wrong option."""
    page = "```sh\nuv run driftline fly --high | head\nX=1 driftline --hepl\ndriftline --help > x\n```\n"
    assert [unknown(words) for words in calls(page)] == [["fly"], ["--hepl"], []]


def test_readme_maps_files_that_exist() -> None:
    """The map names the three packages, and nothing that is not there."""
    paths = [*mapped(README), *IN_TEXT.findall(README)]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert {f"{package}/" for package in PACKAGES} <= set(mapped(README))


def test_readme_says_how_to_run_the_tests() -> None:
    """The one command that runs everything."""
    assert any("uv run pytest" in block for block in blocks(README))


def test_there_is_a_changelog() -> None:
    """Users can read what changed."""
    assert (ROOT / "CHANGELOG.md").is_file() or re.search(r"^#+ Change(s|log)\b", README, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Files and headings that a page links to exist."""
    assert broken(page) == []
