"""README's tables are the code's: keys, limits, metrics, reasons, models, commands, payloads, files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from connectors.log import Batch
from engine.alerts.subjects import SUBJECTS
from engine.drift.detectors import DETECTORS
from engine.drift.evidence.record import Drift
from engine.models import MODELS
from engine.reasons import Reason
from engine.shard import Shard
from engine.spec import Spec
from engine.specalerts import Condition
from streams.cli import COMMANDS
from streams.specs import speckeys
from streams.specs.yamlfile import Loader
from streams.telemetry.metrictable import NOTIFY, SERVE, WORKER, Table
from tests.test_docs import PACKAGES, README, ROOT, mapped
from tests.test_house import tracked

FIELDS = {"x": {"type": "number"}, "country": {"type": "category", "required": False}}
SPEC = {"pipeline": "p", "events": {"fields": FIELDS}, "labels": {"in_event": "y"}}
CODE = re.compile(r"`([^`]+)`")
REPEATED = re.compile(r"It repeats (.*?), and adds:", re.DOTALL)


def section(heading: str) -> str:
    """What stands under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}$\n(.*?)(?=^#+ |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found is not None, f"README has no heading {heading!r}"
    return found[1]


def rows(heading: str, first: str) -> list[list[str]]:
    """The rows of the table under a heading whose first column is called so."""
    lines = section(heading).partition(f"| {first} |")[2].splitlines()[2:]
    cells = [re.split(r" ?(?<!\\)\| ?", line)[1:-1] for line in lines]
    return cells[: next((i for i, row in enumerate(cells) if not row), len(cells))]


def codes(cell: str) -> list[str]:
    return CODE.findall(cell)


def names(heading: str, first: str) -> list[str]:
    """Everything that the first column names."""
    return [name for row in rows(heading, first) for name in codes(row[0])]


def test_spec_reference() -> None:
    """Every key, with its type, default and meaning: paste what `driftline check --reference` prints."""
    assert speckeys.reference() in section("Spec reference")


def test_limits() -> None:
    """Every key that bounds something, with its default."""
    defaults = {".".join(key.where): key.default for key in speckeys.every_key()}
    shown = {codes(row[0])[0]: row[1] for row in rows("Limits", "limit") if codes(row[0])}
    wanted = {key for key in defaults if key.startswith("limits.") or key.endswith("_max")}
    assert wanted - set(shown) == set()
    assert {key: default for key, default in shown.items() if defaults.get(key, default) != default} == {}


@pytest.mark.parametrize(
    ("heading", "table"),
    [("Metrics", WORKER), ("Metrics of delivery", NOTIFY), ("Metrics of the API", SERVE)],
)
def test_metrics(heading: str, table: Table) -> None:
    """Every metric, with its kind and its labels."""
    shown = {codes(row[0])[0]: (row[1], tuple(codes(row[2]))) for row in rows(heading, "metric")}
    assert shown == {name: (kind, labels) for name, (kind, labels, _) in table.items()}


def test_reasons() -> None:
    """Every reason of a dead letter, in the order of the list."""
    assert names("Dead letter", "reason") == list(Reason)


def test_commands() -> None:
    """Every command, in the order of the help."""
    assert sorted(names("Operating", "command")) == sorted(COMMANDS)


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str) -> None:
    """Every model, with its arguments and their defaults, and the tasks that it can do."""
    shown = {codes(row[0])[0]: row for row in rows("Models", "`model.use`")}
    pairs = (argument.split(": ") for argument in codes(shown[name][1]))
    assert {argument: float(default) for argument, default in pairs} == MODELS[name].arguments
    assert tuple(shown[name][2].split(", ")) == MODELS[name].tasks


def test_payloads() -> None:
    """Every field of a prediction and of an outcome."""
    out = Shard(Spec.model_validate(SPEC), 0).walk(
        Batch("p.events", 0, 0, 1, [0], [0], [None], [b'{"x": 1, "y": true}'])
    )
    assert set(names("Prediction", "field")) == set(json.loads(out.predictions.values[0] or b""))
    repeated = REPEATED.search(section("Outcome"))
    assert repeated is not None
    assert {*codes(repeated[1]), *names("Outcome", "field")} == set(json.loads(out.outcomes.values[0] or b""))


def test_drift_record() -> None:
    """Every field of a drift record."""
    shown = {name for row in rows("Drift record", "field") for name in codes(row[0])}
    assert shown == set(Drift.__struct_fields__)


@pytest.mark.parametrize("name", DETECTORS)
def test_detectors(name: str) -> None:
    """Every detector, with its options and their defaults, what it takes, and what its budget rests on."""
    shown = {codes(row[0])[0]: row for row in rows("Detectors", "`use`") if codes(row[0])}
    entry = DETECTORS[name]
    told = [yaml.safe_load(option) for option in codes(shown[name][1])]
    defaults = {name: value for option in told for name, value in option.items()}
    assert defaults == {name: list(v) if isinstance(v, tuple) else v for name, v in entry.options.items()}
    assert tuple(shown[name][2].split(", ")) == entry.takes
    assert shown[name][3] == entry.guarantee


def test_conditions() -> None:
    """Every key of a condition."""
    keys = {field.alias or name for name, field in Condition.model_fields.items()}
    assert set(names("Conditions", "key")) == keys


@pytest.mark.parametrize("name", [name for name in SUBJECTS if name != "drift"])
def test_subjects(name: str) -> None:
    """Every subject of a condition: its unit, what it is counted over, what of, and what it is."""
    shown = {codes(row[0])[0]: row for row in rows("Conditions", "subject")}
    subject = SUBJECTS[name]
    assert shown[name][1] == subject.unit
    own = {"time": "a time", "now": ""}.get(subject.over, subject.over)
    assert shown[name][2] == ("the worker" if subject.where == "worker" else own)
    assert subject.of in shown[name][3]
    assert bool(subject.of) is bool(shown[name][3])
    assert shown[name][4] == subject.told


@pytest.mark.parametrize("block", re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
def test_specs(block: str) -> None:
    """What README shows of a spec may stand in one."""
    Spec.model_validate({**SPEC, **yaml.load(block, Loader)})


def test_map_is_complete() -> None:
    """Every module of the packages is in the map; of the demo and the starter the folder is enough."""
    files = [path for path in map(Path, tracked()) if path.parts[0] in PACKAGES and path.suffix == ".py"]
    there = {str(path) for path in files if not path.stem.startswith("__")}
    known = {path for path in there if path.startswith(("streams/demo/", "streams/starter/"))}
    assert there - known - set(mapped(README)) == set()


@pytest.mark.parametrize("row", rows("One event, followed through the files", "what happens"))
def test_an_event_is_followed(row: list[str]) -> None:
    """The functions that it meets are in the files that are named."""
    found = re.findall(r"`(\w+)` in `([\w/.]+)`", row[1])
    assert found
    assert [f for f, path in found if f"def {f}(" not in Path(ROOT, path).read_text()] == []
