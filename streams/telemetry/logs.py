"""Logs: one line an entry on stderr, as text or as JSON.

Nobody logs settings or events, and whatever a library says passes `hide`, so no secret comes here. Where a
line is about a place, JSON has it in fields of its own, too: `shard %d` in a message gives the field `shard`,
and what is no number there is told by `extra=at(topic="payments.events")`.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from types import TracebackType

from streams.telemetry.hidden import hide

PLACES = re.compile(r"(?:\b(shard|partition|offset|entry) )?%[-.0-9]*[a-z]")
NOISY = ("aiokafka", "kafka", "faust", "mode", "opentelemetry")
SAID_EVERY_S = 10.0


def at(**place: object) -> dict[str, object]:
    """Where it happened: `topic`, `partition`, `offset`; None where that is not known.

    >>> at(shard=0, offset=None)
    {'place': {'shard': 0}}
    """
    return {"place": {name: value for name, value in place.items() if value is not None}}


class JsonLines(logging.Formatter):
    """One JSON object a line.

    Parameters
    ----------
    pipeline
        Whose line it is,
    process
        and which of its processes says so: worker, serve or notify.
    """

    def __init__(self, pipeline: str, process: str = "") -> None:
        super().__init__()
        self.whose = {"pipeline": pipeline, **({"process": process} if process else {})}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self.whose,
            "logger": record.name,
            "message": hide(record.getMessage()),
            **_numbered(record),
            **getattr(record, "place", {}),
        }
        if record.exc_info:
            line["exception"] = hide(self.formatException(record.exc_info))
        return json.dumps(line)  # in ASCII: a line parses whatever the terminal's encoding is


def _numbered(record: logging.LogRecord) -> dict[str, object]:
    """The numbers that a message names."""
    given = record.args if isinstance(record.args, tuple) else ()
    named = zip(PLACES.finditer(str(record.msg)), given, strict=False)
    return {found[1]: value for found, value in named if found[1] and isinstance(value, int)}


class Lines(logging.Formatter):
    """Time, level, message; a stack only where someone asked for it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03d %(levelname)-8s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        return hide(super().format(record))


class Sparse(logging.Filter):
    """Lets through what the libraries below report only so often, each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        library = record.name.partition(".")[0]
        if library not in NOISY or record.levelno < logging.ERROR:
            return True
        if record.created - self.said.get(library, 0.0) < SAID_EVERY_S:
            return False
        self.said[library] = record.created
        return True


def set_up_logging(level: str, json: bool, pipeline: str, process: str = "worker") -> None:
    """Send this package's log to stderr, of the others what is a warning, and errors that nobody caught."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(pipeline, process) if json else Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("driftline").setLevel(level.upper())
    # What broken connections mean for us we say ourselves; the clients repeat them fifty times a second.
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR if level != "debug" else logging.INFO)
    handler.addFilter(Sparse())
    logging.captureWarnings(True)
    sys.excepthook = _uncaught


def _uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("driftline").critical("it failed", exc_info=(kind, error, where))
