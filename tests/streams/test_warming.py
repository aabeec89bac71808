"""Kernels are compiled aside: nobody waits for them, and no output shows them."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.shard import Shard
from streams import warming
from streams.replays.replay import Replay
from streams.warming import Warming
from tests.engine.cases import event, spec
from tests.test_house import ROOT

LIMIT_S = 250.0
LINEAR = {"use": "logistic_regression"}
FRESH = """
import os, sys, time, json
from streams.warming import Warming, busy
from engine.shard import Shard
from tests.engine.cases import spec
wanted = spec(model={"use": "logistic_regression"})
warming = Warming(wanted)
warming.start()
warming.thread.join(250)
shard = Shard(wanted, 0)
warming.switch(shard)
print(json.dumps([warming.ready, warming.how, shard.model.compiled, busy()]))
"""


def waited(found: Warming) -> Warming:
    found.start()
    assert found.thread is not None
    found.thread.join(LIMIT_S)
    return found


def fresh_process(folder: Path, code: str = FRESH, **environment: str) -> list[object]:
    """What a process says that has never seen a kernel."""
    known = {"NUMBA_CACHE_DIR": str(folder), "PATH": "", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=known, capture_output=True, text=True, check=True
    )
    found: list[object] = json.loads(done.stdout)
    return found


def test_first_compiled_aside_then_found_on_disk(tmp_path: Path) -> None:
    """Another process compiles; the next start finds what it left."""
    assert fresh_process(tmp_path) == [True, "compiled aside", True, False]
    assert fresh_process(tmp_path) == [True, "loaded", True, False]


def test_without_a_folder_for_them(tmp_path: Path) -> None:
    """Where nothing can be kept on disk, kernels are compiled in the process."""
    nowhere = tmp_path / "nowhere"
    nowhere.touch()  # a file, so no folder can be made of it
    code = "from numba.core import caching\ncaching.CacheImpl._locator_classes = []\n" + FRESH
    assert fresh_process(nowhere, code)[:3] == [True, "compiled", True]


def test_without_numba() -> None:
    """The model stays with River, and the reason is known."""
    code = "import sys\nsys.modules['numba'] = None\n" + FRESH
    ready, how, compiled, _ = fresh_process(Path(), code)
    assert (ready, compiled) == (False, False)
    assert "numba" in str(how)


def test_a_model_without_a_form(caplog: pytest.LogCaptureFixture) -> None:
    """It is said why; shards are left alone."""
    found = waited(Warming(spec(model={"use": "tests.engine.cases:Picky"})))
    shard = Shard(found.spec, 0)
    found.switch(shard)
    assert (found.ready, shard.model.compiled) == (False, False)
    assert found.how == "Picky has no compiled form"


def test_what_is_not_wanted_does_not_happen() -> None:
    """`model.compile: false`; and nothing begins after a stop."""
    plain, stopped = Warming(spec(model={**LINEAR, "compile": False})), Warming(spec(model=LINEAR))
    assert stopped.stop()
    for found in (plain, stopped):
        found.start()
        assert found.thread is None


def test_stopping_does_not_wait_for_the_compiler(tmp_path: Path) -> None:
    """The process that compiles is ended, and the thread with it."""
    code = FRESH.replace(
        "warming.thread.join(250)", "while warming.child is None: time.sleep(0.01)\nwarming.stop()"
    )
    code = code.replace("print(", "warming.thread.join(60)\nprint(")
    began = time.monotonic()
    assert fresh_process(tmp_path, code) == [False, "stopped", False, False]
    assert time.monotonic() - began < LIMIT_S


def test_the_spec_is_the_same_with_and_without() -> None:
    """A state goes on under either."""
    assert spec(model=LINEAR).fingerprint == spec(model={**LINEAR, "compile": False}).fingerprint


def test_a_replay_goes_over_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the outputs that it would have had."""
    monkeypatch.setattr(warming, "JOIN_S", LIMIT_S)
    rng, file = random.Random(2), tmp_path / "events.jsonl"
    rows = [event(str(i), rng.random() * 9, y=rng.random() > 0.5) for i in range(5000)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    said, compiled = [], []
    for compile_it in (False, True):
        wanted = spec(labels={"in_event": "y"}, model={**LINEAR, "compile": compile_it})
        run = Replay(wanted, str(file))
        monkeypatch.setattr("streams.replays.replay.WARM_AFTER_S", -1.0)
        lines = []
        for outputs in run.run():
            lines += outputs.predictions.values
            if compile_it and run.warming.thread is not None:
                run.warming.thread.join(LIMIT_S)
        said.append(lines)
        compiled.append(run.shard.model.compiled)
    assert compiled == [False, True]
    assert said[0] == said[1]
