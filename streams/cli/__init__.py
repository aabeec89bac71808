"""The command `driftline`.

A command's module is imported when the command is used, not before: the help and a typing error
come at once, whatever a worker has to import. A new command is one file and one line in `COMMANDS`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from connectors.log import LogError
from engine.errors import DriftlineError, ModelError, SpecError
from streams.telemetry.hidden import hide, print_hidden

START, DATA, CARE = "Start here", "Data in and out", "Look after it"

COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("streams.cli.init:init", START, "Write a starter folder with a pipeline to try."),
    "demo": ("streams.cli.demo:demo", START, "Watch a pipeline meet drift, in one command."),
    "models": ("streams.cli.models:models", START, "List the ready models: which for what."),
    "check": ("streams.cli.check:check", START, "Read the spec: what it means, or what is wrong."),
    "run": ("streams.cli.run:run", START, "Run a worker."),
    "serve": ("streams.cli.serve:serve", START, "Serve the API and the live page."),
    "notify": ("streams.cli.notify:notify", START, "Tell people of alerts."),
    "produce": ("streams.cli.produce:produce", DATA, "Send events or labels from a file."),
    "tail": ("streams.cli.tail:tail", DATA, "Print the records of a topic."),
    "replay": ("streams.cli.replay:replay", DATA, "Score a recorded file or stream again."),
    "backtest": ("streams.cli.backtest:backtest", DATA, "Plant changes into a file: are they found?"),
    "topics": ("streams.cli.topics:app", CARE, "Create topics, or list them."),
    "dead-letters": ("streams.cli.dead_letters:app", CARE, "List what was refused, or send it again."),
    "snapshots": ("streams.cli.snapshots:app", CARE, "List the saved states, or verify them."),
    "drift": ("streams.cli.drift:app", CARE, "What is watched for drift, and what was found."),
    "alerts": ("streams.cli.alerts:app", CARE, "What fires; acknowledge, silence, resolve."),
    "tokens": ("streams.cli.tokens:app", CARE, "Say who may use the API."),
    "top": ("streams.cli.top:top", CARE, "Watch a pipeline in the terminal."),
    "doctor": ("streams.cli.doctor:doctor", CARE, "Find out what keeps a worker from running."),
}


class Commands(TyperGroup):
    """Lists every command at once, loads the one that is used, and ends with the right exit code."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (_, panel, line) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=line, rich_help_panel=panel))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, found, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in COMMANDS else found, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except (SpecError, ModelError) as error:
            raise _ended(2, str(error)) from None
        except (DriftlineError, LogError) as error:
            raise _ended(1, f"error: {error}") from None
        except KeyboardInterrupt:
            raise _ended(130) from None
        except BrokenPipeError:
            _drop_stdout()
            raise _ended(141) from None


def _load(name: str) -> Any:
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return get_command(found)
    single = typer.Typer(add_completion=False)
    single.command(name)(found)
    return get_command(single)


def _ended(code: int, text: str = "") -> typer.Exit:
    if text:
        typer.echo(hide(text), err=True)
    return typer.Exit(code)


def _drop_stdout() -> None:
    """Whoever read our output has gone (`driftline tail | head`): let the rest go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"driftline {version('driftline')}")
        raise typer.Exit


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def driftline(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Score event streams with models that keep learning, and notice when the stream drifts."""


def main() -> None:
    sys.excepthook = print_hidden
    try:
        app()
    except SystemExit as end:
        warming = sys.modules.get("streams.warming")
        if warming is not None and warming.busy():
            # Python's own end would take the compiler away from under a thread that is in it.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 1)
        raise
