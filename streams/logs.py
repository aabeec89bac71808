"""Logs: one line an entry on stderr, as text or as JSON. Secrets never come here: nobody logs settings."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec

LEVELS = ("debug", "info", "warning", "error")


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
        return msgspec.json.encode(line).decode()


class Lines(logging.Formatter):
    """Time, level, message; a stack only where someone asked for it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03d %(levelname)-8s %(message)s", "%H:%M:%S")


def set_up_logging(level: str, json: bool, pipeline: str) -> None:
    """Send this package's log to stderr, and of the others what is a warning."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(pipeline) if json else Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("driftline").setLevel(level.upper())
    # The clients report a broken connection fifty times a second; what it means for us we say ourselves.
    quiet = {
        "aiokafka": logging.CRITICAL,
        "kafka": logging.CRITICAL,
        "faust": logging.ERROR,
        "mode": logging.ERROR,
    }
    for name, least in quiet.items():
        logging.getLogger(name).setLevel(least if level != "debug" else logging.INFO)
