"""`driftline tokens`: who may use the API."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.nearest import nearest
from streams.cli.common import JsonOption, fail, put, put_json, put_table, say
from streams.records import when
from streams.serve import tokens
from streams.serve.tokens import Scope, Token

HEAD = ["name", "scopes", "made", "requests a minute"]

FileOption = Annotated[
    Path, typer.Option("--file", metavar="PATH", help="The file of tokens, which serve.tokens names.")
]
FILE = Path("tokens.json")


class Kind(StrEnum):
    """What a token may do."""

    read = "read"
    label = "label"
    admin = "admin"


ScopeOption = Annotated[
    list[Kind], typer.Option("--scope", help="read: look. label: send events, labels. admin: give orders.")
]
RateOption = Annotated[
    int | None, typer.Option("--per-minute", min=1, help="Requests a minute, if not as the spec says.")
]

app = typer.Typer(no_args_is_help=True, help="Make the tokens with which the API is used, or revoke them.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose it is: a person or a program.")],
    scope: ScopeOption,
    file: FileOption = FILE,
    per_minute: RateOption = None,
    json: JsonOption = False,
) -> None:
    """Make a token and print it, once: the file keeps only a hash. A running server reads the file anew."""
    known = tokens.read(file) if file.exists() else []
    if any(each.name == name for each in known):
        raise fail(f"{file} has a token named {name!r} already; revoke it first, or take another name", 2)
    if not name.strip() or len(name) > tokens.NAME_MAX or not name.isprintable():
        raise fail(f"a name has up to {tokens.NAME_MAX} visible characters", 2)
    if len(known) >= tokens.TOKENS_MAX:
        raise fail(f"{file} holds {tokens.TOKENS_MAX:,} tokens already; revoke some", 2)
    wanted: tuple[Scope, ...] = tuple(each for each in tokens.SCOPES if Kind(each) in scope)
    secret, made = tokens.made(name, wanted, per_minute)
    tokens.write(file, [*known, made])
    say(f"{name} may {', '.join(wanted)}; this is the token, which nobody can show again:")
    if json:
        put_json({**_told(made), "token": secret})
    else:
        put(secret)


@app.command("list")
def list_(file: FileOption = FILE, json: JsonOption = False) -> None:
    """List whose tokens there are, and what they may do."""
    known = tokens.read(file)
    if json:
        put_json({"tokens": [_told(each) for each in known]})
    else:
        put_table(HEAD, [_row(each) for each in known])


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Whose token is to be no more.")],
    file: FileOption = FILE,
    json: JsonOption = False,
) -> None:
    """Let nobody in with this token any more. A running server knows within a second."""
    known = tokens.read(file)
    kept = [each for each in known if each.name != name]
    if len(kept) == len(known):
        raise fail(f"{file} has no token named {name!r}{nearest(name, [each.name for each in known])}", 2)
    tokens.write(file, kept)
    if json:
        put_json({"revoked": name})
    else:
        say(f"revoked the token of {name}")


def _told(token: Token) -> dict[str, object]:
    rate = token.requests_per_minute
    return {
        "name": token.name,
        "scopes": token.scopes,
        "made_ms": token.made_ms,
        "requests_per_minute": rate,
    }


def _row(token: Token) -> list[str]:
    rate = token.requests_per_minute
    scopes = ", ".join(token.scopes)
    return [token.name, scopes, when(token.made_ms), "as the spec says" if rate is None else f"{rate:,}"]
