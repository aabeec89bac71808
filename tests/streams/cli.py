"""The command, called as a person would call it, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from typer.testing import CliRunner

from connectors import open_log
from connectors.log import Log
from streams.cli import app

SPEC = """\
pipeline: pay
transport: sqlite:///pay.db
partitions: 4
events:
  id: id
  key: card
  time: at
  fields:
    id: {type: text}
    card: {type: category}
    at: {type: timestamp}
    amount: {type: number, min: 0}
    country: {type: category, path: where.country}
    new: {type: boolean, required: false}
labels:
  id: id
  value: fraud
"""
EVENTS = """\
id,card,at,amount,country,new
e1,c1,2026-01-01T00:00:00Z,12.50,NL,yes
e2,c2,1767225600,many,,
e3,c3,1767225600,1,NL,no
"""


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    def rows(self) -> list[dict[str, Any]]:
        """What was printed as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    def row(self) -> dict[str, Any]:
        (row,) = self.rows()
        return row


class Cli:
    """Runs commands in a folder that has a spec."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("driftline.yaml", SPEC)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def __call__(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ended:
        result = CliRunner(env=env).invoke(app, arguments, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def log(self) -> Log:
        return open_log("sqlite:///pay.db")


def start(*arguments: str, folder: Path, **pipes: Any) -> subprocess.Popen[bytes]:
    """The command in a process of its own, for what only a process has: signals and pipes."""
    root = str(Path(__file__).resolve().parents[2])
    program = "from streams.cli import main; main()"
    environ = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen([sys.executable, "-c", program, *arguments], cwd=folder, env=environ, **pipes)
