"""Logs: one line an entry on stderr, as text or as JSON. Secrets never come here: nobody logs settings."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

NOISY = ("aiokafka", "kafka", "faust", "mode")
SAID_EVERY_S = 10.0


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, pipeline: str) -> None:
        super().__init__()
        self.pipeline = pipeline

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "pipeline": self.pipeline,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)  # in ASCII: a line parses whatever the terminal's encoding is


class Lines(logging.Formatter):
    """Time, level, message; a stack only where someone asked for it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03d %(levelname)-8s %(message)s", "%H:%M:%S")


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


def set_up_logging(level: str, json: bool, pipeline: str) -> None:
    """Send this package's log to stderr, and of the others what is a warning."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(pipeline) if json else Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("driftline").setLevel(level.upper())
    # What broken connections mean for us we say ourselves; the clients repeat them fifty times a second.
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR if level != "debug" else logging.INFO)
    handler.addFilter(Sparse())
