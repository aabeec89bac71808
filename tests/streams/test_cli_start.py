"""`driftline init` and `driftline check`."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import jsonschema
import pytest

from engine.models import MODELS
from engine.shard import Shard
from engine.spec import Spec
from streams import starter
from streams.specs import specfile
from tests.streams.cli import Cli

FILES = ["driftline.yaml", "my_model.py", "payments.csv", "labels.csv", "snapshot.key", ".gitignore"]


def test_init_writes_a_folder(cli: Cli, tmp_path: Path) -> None:
    """With a spec that holds, a secret that only its owner reads, and commands that can be typed."""
    ended = cli("init", "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(FILES)
    assert stat.S_IMODE((tmp_path / "new" / "snapshot.key").stat().st_mode) == 0o600
    assert ended.out.splitlines()[0] == "cd new"
    assert specfile.load("new/driftline.yaml", {}, {}).snapshots.key is not None


def test_init_overwrites_nothing(cli: Cli, tmp_path: Path) -> None:
    """Not one file is written if one of them is there."""
    ended = cli("init")
    assert (ended.code, "driftline.yaml already" in ended.err) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["driftline.yaml"]


def test_the_sample_is_the_same_every_time() -> None:
    """So that people can compare what they see."""
    assert list(starter.sample()) == list(starter.sample())
    assert len(list(starter.sample())) == starter.PAYMENTS


@pytest.mark.parametrize("model", ["logistic_regression", "my_model:build"])
def test_the_starters_models_can_be_built(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """The ready one and the user's own."""
    cli("init", "new")
    monkeypatch.syspath_prepend(tmp_path / "new")
    Shard(specfile.load("new/driftline.yaml", {"model.use": model}, {}), 0)


def test_the_samples_commands_work(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row is sent; a second folder is not needed."""
    cli("init", "new")
    monkeypatch.chdir(tmp_path / "new")
    assert cli("produce", "payments.csv", "--json").row()["produced"] == 500
    assert cli("produce", "labels.csv", "--to", "labels", "--json").row()["produced"] == 500


def test_check_says_what_it_understood(cli: Cli) -> None:
    """The roles, the features and the topics."""
    shown = cli("check").out
    assert "id id, key card, time at" in shown
    assert "amount, country, new" in shown
    assert "pay.dead-letters" in shown
    watched = cli("check", "--set", "drift.false_alarms.per=1000000").out
    assert "at most 1 false alarm in 1,000,000 events, in 4 partitions; rank_sr on features" in watched


def test_check_hides_secrets(cli: Cli) -> None:
    """From programs, too."""
    ended = cli("check", "--json", "--set", "http.token=geheim", "--set", "kafka.sasl_plain_password=geheim")
    assert "geheim" not in ended.out
    assert ended.row()["spec"]["http"]["token"] == "(hidden)"


def test_check_tells_programs_what_is_wrong(cli: Cli) -> None:
    """Each problem with its place and key, and exit code 2."""
    cli.write("driftline.yaml", "pipeline: p\nevnts: {}\n")
    ended = cli("check", "--json")
    place = {"place": "driftline.yaml:2", "key": "evnts", "problem": 'unknown key; did you mean "events"?'}
    assert (ended.code, ended.row()) == (2, {"ok": False, "problems": [place]})


def test_check_prints_the_schema(cli: Cli) -> None:
    """One that takes the spec of these tests."""
    schema = json.loads(cli("check", "--schema").out)
    example = {"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}}
    jsonschema.Draft202012Validator(schema).validate(example)


def test_check_prints_the_reference(cli: Cli) -> None:
    """As a table, or for programs."""
    assert cli("check", "--reference").out.strip() == specfile.reference()
    keys = json.loads(cli("check", "--reference", "--json").out)
    assert {"pipeline", "model.with"} <= {key["where"] for key in keys}


def test_a_spec_can_be_printed_and_read_again(cli: Cli) -> None:
    """What check shows as JSON is a spec, but for its durations, which are in milliseconds."""
    shown = cli("check", "--json").row()["spec"]
    durations = {"commit", "snapshots", "limits", "watchdog", "labels", "serve", "notify"}
    assert Spec.model_validate({key: value for key, value in shown.items() if key not in durations})


def test_models_lists_the_table(cli: Cli) -> None:
    """With tasks, arguments and a sentence on when to use each; for programs, too."""
    shown = cli("models").out
    found = cli("models", "--json").row()
    assert set(found) == set(MODELS)
    for name, model in found.items():
        assert name in shown
        assert model["for"] in shown
        assert model["tasks"]
