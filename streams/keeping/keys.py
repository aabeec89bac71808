"""The key that signs snapshots."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from connectors.urls import split_url
from engine.errors import SpecError
from engine.spec import Spec

BYTES_MIN = 16


def snapshot_key(spec: Spec) -> bytes:
    """The spec's key; beside an embedded log's file one is made when there is none.

    On Kafka it must be given, since every worker needs the same one.
    """
    given = spec.snapshots.key
    if given is not None:
        if len(given) < BYTES_MIN:
            raise SpecError(f"snapshots.key is too short: {len(given)} characters, at least {BYTES_MIN}")
        return given.encode()
    scheme, place, _ = split_url(spec.transport)
    if scheme == "sqlite":
        return _beside(Path(f"{place}.key"))
    if scheme == "memory":
        return secrets.token_bytes(32)
    raise SpecError(
        "snapshots.key is missing: on Kafka every worker signs and checks snapshots with the same secret. "
        'Make one (openssl rand -hex 32 > snapshot.key) and write key: "${file:snapshot.key}" under snapshots'
    )


def _beside(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    key = path.read_text().strip().encode()
    if len(key) < BYTES_MIN:
        raise SpecError(
            f"{path} holds no key: {len(key)} characters, at least {BYTES_MIN}. Put it back; or delete it: "
            f"another is made, with which older snapshots can't be read"
        )
    return key


def _make(path: Path) -> None:
    """Write a key in full before it gets its name: of several workers that start at once, one makes it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
