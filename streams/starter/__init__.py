"""The starter: a pipeline to try, with a sample of payments made up for it."""

from __future__ import annotations

import csv
import io
import os
import random
import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from engine.errors import DriftlineError

COPIED = ("driftline.yaml", "my_model.py")
SECRET = "snapshot.key"
IGNORED = f"# What must not be published, and what a worker makes.\n{SECRET}\n*.db\n*.db-*\n*.db.key\n"

PAYMENTS = 500
CARDS = 60
SEED = 7
BEGIN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
COUNTRIES, CHANNELS = ("NL", "DE", "FR", "GB", "BR"), ("web", "app", "branch")


class StarterError(DriftlineError):
    """The folder has files of these names already."""


def write(folder: Path) -> list[str]:
    """Write the starter's files and return their names; leave everything as it is if one is there.

    Raises
    ------
    StarterError
        With the names of the files that would be overwritten.
    """
    contents = {name: files(__name__).joinpath(name).read_text(encoding="utf-8") for name in COPIED}
    payments = list(sample())
    contents["payments.csv"] = _csv(
        ["payment_id", "card_id", "paid_at", "amount", "country", "channel"], payments
    )
    contents["labels.csv"] = _csv(["payment_id", "card_id", "is_fraud", "known_at"], _labels(payments))
    contents[SECRET] = secrets.token_hex(32) + "\n"
    contents[".gitignore"] = IGNORED
    if there := [name for name in contents if (folder / name).exists()]:
        raise StarterError(f"{folder} has {', '.join(there)} already; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            _write(folder / name, content, 0o600 if name == SECRET else 0o644)
    except OSError as error:
        raise StarterError(f"{error.filename}: {error.strerror}") from None
    return list(contents)


def _write(path: Path, content: str, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", newline="") as file:
        file.write(content)


def sample() -> Iterator[list[str]]:
    """Payments of a few weeks, the same every time."""
    chance = random.Random(SEED)
    cards = [f"card-{number:03}" for number in range(CARDS)]
    home = {card: chance.choice(COUNTRIES[:4]) for card in cards}
    when = BEGIN
    for number in range(PAYMENTS):
        when += timedelta(seconds=chance.expovariate(1 / 4000))
        card = chance.choice(cards)
        country = home[card] if chance.random() < 0.85 else chance.choice(COUNTRIES)
        amount = round(chance.lognormvariate(3.4, 0.9), 2)
        channel = chance.choices(CHANNELS, (6, 3, 1))[0]
        yield [f"pay-{number:04}", card, _text(when), f"{amount:.2f}", country, channel]


def _labels(payments: Sequence[Sequence[str]]) -> list[list[str]]:
    """Whether each payment was fraud: likelier for large ones, from abroad, and on the web."""
    chance, labels = random.Random(SEED + 1), []
    for payment, card, paid_at, amount, country, channel in payments:
        odds = 0.02 + 0.8 * (float(amount) > 80) + 0.8 * (country == "BR") + 0.05 * (channel == "web")
        known = datetime.fromisoformat(paid_at) + timedelta(hours=chance.uniform(1, 96))
        labels.append([payment, card, "true" if chance.random() < odds else "false", _text(known)])
    return sorted(labels, key=lambda label: label[-1])  # as they became known


def _text(when: datetime) -> str:
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def _csv(names: Sequence[str], rows: Sequence[Sequence[str]] | Iterator[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()
