"""The key that signs snapshots: given, or made once beside an embedded log's file."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from engine.errors import SpecError
from streams.keeping.keys import BYTES_MIN, snapshot_key
from tests.streams.keepers import quick


def test_the_spec_s_own() -> None:
    """A key that is given is used as it is, on every log."""
    for transport in ("sqlite:///x.db", "memory://x", "kafka://x:9092"):
        assert snapshot_key(quick(transport=transport, snapshots={"key": "k" * 16})) == b"k" * 16


def test_too_short() -> None:
    """A key that could be guessed is refused, without a word of it."""
    with pytest.raises(SpecError, match=f"too short: 15 characters, at least {BYTES_MIN}") as caught:
        snapshot_key(quick(snapshots={"key": "fifteen letters"}))
    assert "fifteen" not in str(caught.value)


def test_on_kafka_it_must_be_given() -> None:
    """Every worker needs the same one; the sentence says how to make it."""
    with pytest.raises(SpecError, match=r"snapshots\.key is missing: on Kafka .* .openssl rand -hex 32"):
        snapshot_key(quick(transport="kafka://x:9092"))


def test_made_beside_the_file(tmp_path: Path) -> None:
    """Once, for its owner's eyes only, and from then on it is that one."""
    spec = quick(transport=f"sqlite:///{tmp_path}/log.db?sync=normal")
    made = snapshot_key(spec)
    path = tmp_path / "log.db.key"
    assert len(made) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert snapshot_key(spec) == made
    assert [each.name for each in tmp_path.iterdir()] == ["log.db.key"]


def test_one_a_file(tmp_path: Path) -> None:
    """Logs don't share keys by accident."""
    one, two = (snapshot_key(quick(transport=f"sqlite:///{tmp_path}/{n}.db")) for n in "ab")
    assert one != two


def test_made_by_several_at_once(tmp_path: Path) -> None:
    """Workers that start together on a new log all have the same key, and a whole one."""
    for i in range(20):
        spec, found = quick(transport=f"sqlite:///{tmp_path}/{i}.db"), list[bytes]()
        gate = threading.Barrier(4)

        def look() -> None:
            gate.wait()  # noqa: B023
            found.append(snapshot_key(spec))  # noqa: B023

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len(key) for key in found] == [64] * 4
        assert len(set(found)) == 1


@pytest.mark.parametrize("content", ["", "\n", "short"])
def test_a_file_without_a_key(tmp_path: Path, content: str) -> None:
    """A file that a crash or a person left empty signs nothing: whoever knows that could sign, too."""
    (tmp_path / "log.db.key").write_text(content)
    with pytest.raises(SpecError, match=r"log\.db\.key holds no key"):
        snapshot_key(quick(transport=f"sqlite:///{tmp_path}/log.db"))


def test_in_memory() -> None:
    """A log that is lost with the process needs a key no longer than that."""
    assert len(snapshot_key(quick())) == 32
    assert snapshot_key(quick()) != snapshot_key(quick())
