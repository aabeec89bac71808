"""`driftline tokens`: made once, listed without their secrets, revoked by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.serve.tokens import Doorkeeper
from tests.streams.cli import Cli


@pytest.fixture
def file(cli: Cli) -> str:
    """A file with one token in it."""
    assert cli("tokens", "add", "ada", "--scope", "read", "--file", "keys.json").code == 0
    return "keys.json"


def test_a_token_lets_its_owner_in(cli: Cli, file: str) -> None:
    """With the scopes that were asked for, as it is printed."""
    made = cli(
        "tokens", "add", "bot", "--scope", "label", "--scope", "read", "--file", file, "--per-minute", "60"
    )
    found = Doorkeeper(cli.folder / file).who(made.out.strip())
    assert found is not None
    assert (found.name, found.scopes, found.requests_per_minute) == ("bot", ("read", "label"), 60)
    assert made.out.strip() not in Path(cli.folder / file).read_text()


def test_tokens_are_listed_without_secrets(cli: Cli, file: str) -> None:
    """Names and scopes, for people and programs."""
    [row] = cli("tokens", "list", "--file", file, "--json").row()["tokens"]
    assert (row["name"], row["scopes"]) == ("ada", ["read"])
    assert "hash" not in row
    assert "ada" in cli("tokens", "list", "--file", file).out


def test_a_revoked_token_lets_nobody_in(cli: Cli, file: str) -> None:
    """And the file goes on without it."""
    assert cli("tokens", "revoke", "ada", "--file", file).code == 0
    assert Doorkeeper(cli.folder / file).tokens == []


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("add", "ada", "--scope", "read", "--file", "keys.json"), "already"),
        (("add", "x\n", "--scope", "read", "--file", "keys.json"), "visible"),
        (("revoke", "adda", "--file", "keys.json"), 'did you mean "ada"'),
        (("list", "--file", "nowhere.json"), "there is no file"),
        (("add", "bob", "--file", "keys.json"), "scope"),
    ],
)
def test_mistakes_are_told(cli: Cli, file: str, call: tuple[str, ...], said: str) -> None:
    """With what to do, and exit code 2."""
    ended = cli("tokens", *call)
    assert (ended.code, said in ended.err) == (2, True)
