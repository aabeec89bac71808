"""Reading the spec: what overrides what, and what each mistake is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import jsonschema
import pytest

from engine.errors import SpecError
from engine.spec import Spec
from engine.specparts import Part
from streams.specs import specfile
from streams.specs.speckeys import ANY_NAME, every_key

PLAIN = """\
pipeline: payments
events:
  key: card_id
  fields:
    card_id: {type: category}
    amount: {type: number}
"""

Write = Callable[..., Spec]


@pytest.fixture
def spec_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write `pipeline.yaml` and load it."""
    monkeypatch.chdir(tmp_path)

    def written(text: str, overrides: Mapping[str, str] | None = None, **environ: str) -> Spec:
        Path("pipeline.yaml").write_text(text)
        return specfile.load("pipeline.yaml", overrides or {}, environ)

    return written


@pytest.fixture
def told(spec_of: Write) -> Callable[..., list[str]]:
    """The lines that a spec is refused with."""

    def lines(text: str, overrides: Mapping[str, str] | None = None, **environ: str) -> list[str]:
        with pytest.raises(SpecError) as caught:
            spec_of(text, overrides, **environ)
        return str(caught.value).splitlines()

    return lines


def test_options_override_the_environment_which_overrides_the_file(spec_of: Write) -> None:
    """Flags, then variables, then the file."""
    text = PLAIN + "http: {port: 1, host: a}\npartitions: 2\n"
    environ = {"DRIFTLINE_HTTP__PORT": "3", "DRIFTLINE_HTTP__HOST": "b"}
    spec = spec_of(text, {"http.port": "4"}, **environ)
    assert (spec.http.port, spec.http.host, spec.partitions) == (4, "b", 2)


def test_variables_find_the_key_in_any_case(spec_of: Write) -> None:
    """A field that the file spells in capitals is found by its variable."""
    spec = spec_of(PLAIN.replace("amount", "Amount"), DRIFTLINE_EVENTS__FIELDS__AMOUNT__MAX="10")
    assert spec.events.fields["Amount"].max == 10


def test_a_list_can_be_set_at_once(spec_of: Write) -> None:
    """Lists are written as in YAML."""
    assert spec_of(PLAIN, {"features": "[amount]"}).features == ("amount",)


def test_reserved_and_foreign_variables_are_left_alone(spec_of: Write) -> None:
    """Neither our other variables nor those that Kubernetes sets for a service called driftline."""
    foreign = {"PORT": "tcp://10.0.0.1:80", "SERVICE_HOST": "10.0.0.1", "PORT_80_TCP_ADDR": "10.0.0.1"}
    environ = dict.fromkeys(specfile.RESERVED, "x") | foreign
    assert spec_of(PLAIN, **{"DRIFTLINE_" + name: value for name, value in environ.items()})


@pytest.mark.parametrize(
    ("written", "port"),
    [("${PORT:-9}", 9), ("${PORT}", 8000), ("8${ZEROS}", 8000), ('"${PORT}"', 8000), ("${EMPTY:-7}", 7)],
)
def test_variables_in_values(spec_of: Write, written: str, port: int) -> None:
    """A variable may be a value or a part of one, and may have a default."""
    environ = {} if written == "${PORT:-9}" else {"PORT": "8000", "ZEROS": "000", "EMPTY": ""}
    assert spec_of(PLAIN + f"http:\n  port: {written}\n", **environ).http.port == port


def test_a_secret_of_digits_stays_text(spec_of: Write) -> None:
    """Where text is wanted a variable is text, leading zeros and all."""
    text = PLAIN + "http:\n  token: ${T}\nkafka:\n  sasl_plain_password: ${T}\n"
    spec = spec_of(text, {"snapshots.key": "0123"}, T="0123")
    assert (spec.http.token, spec.kafka["sasl_plain_password"], spec.snapshots.key) == ("0123",) * 3


def test_secrets_come_from_files_beside_the_spec(spec_of: Write, tmp_path: Path) -> None:
    """Without the newline that editors put at the end, and never read as a number."""
    (tmp_path / "secret").write_text("0042\n")
    assert spec_of(PLAIN + "http: {token: '${file:secret}'}\n").http.token == "0042"


def test_two_dollars_are_one(spec_of: Write) -> None:
    """A dollar can be written, and one that begins no variable is itself."""
    assert spec_of(PLAIN + "http:\n  token: a$${b}$c\n").http.token == "a${b}$c"


def test_yaml_says_what_it_shows(spec_of: Write) -> None:
    """Norway is no boolean, 1e-3 is a number, a section with no keys is an empty one."""
    text = PLAIN + "    land: {type: category, one_of: [NO, SE]}\nmodel: {with: {rate: 1e-3}}\nlimits:\n"
    spec = spec_of(text)
    assert spec.events.fields["land"].one_of == ("NO", "SE")
    assert spec.model.with_ == {"rate": 0.001}


def test_anchors_and_merges_are_followed(spec_of: Write) -> None:
    """What is the same is written once; what is written beside a merge wins."""
    text = PLAIN + "    a: &money {type: number, min: 0, max: 9}\n    b:\n      <<: *money\n      max: 5\n"
    fields = spec_of(text).events.fields
    assert (fields["b"].min, fields["b"].max) == (0, 5)


MISTAKES = {
    "unknown key": (
        PLAIN + "    tax: {tpye: number}\n",
        'pipeline.yaml:7: events.fields.tax.tpye: unknown key; did you mean "type"?',
    ),
    "key of another section": (
        PLAIN + "stall: 5s\n",
        "pipeline.yaml:7: stall: unknown key here; there is watchdog.stall",
    ),
    "nothing near": (
        PLAIN + "watchdog: {xyz: 1}\n",
        "pipeline.yaml:7: watchdog.xyz: unknown key; known here: stall",
    ),
    "missing key": (
        PLAIN + "    tax: {min: 0}\n",
        (
            "pipeline.yaml:7: events.fields.tax.type: missing, and needed: What the value is."
            " `ignored` is not read at all."
        ),
    ),
    "missing section": ("pipeline: p\n", "pipeline.yaml:1: events: missing, and needed"),
    "whole number": (
        PLAIN + "http:\n\n  port: abc\n",
        'pipeline.yaml:9: http.port: expected a whole number, got "abc"',
    ),
    "number": (
        PLAIN + "    tax: {type: number, min: low}\n",
        'pipeline.yaml:7: events.fields.tax.min: expected a number, got "low"',
    ),
    "finite": (
        PLAIN + "    tax: {type: number, min: .inf}\n",
        "pipeline.yaml:7: events.fields.tax.min: expected a finite number, got Infinity",
    ),
    "boolean": (
        PLAIN + "create_topics: maybe\n",
        'pipeline.yaml:7: create_topics: expected true or false, got "maybe"',
    ),
    "text": (
        PLAIN + "transport: 5\n",
        "pipeline.yaml:7: transport: expected text, got 5; write it in quotes",
    ),
    "list": (
        PLAIN + "features: amount\n",
        'pipeline.yaml:7: features: expected a list, like [a, b], got "amount"',
    ),
    "entry of a list": (
        PLAIN + "features:\n- amount\n- 5\n",
        "pipeline.yaml:9: features[1]: expected text, got 5; write it in quotes",
    ),
    "section": (PLAIN + "http: 80\n", "pipeline.yaml:7: http: expected keys and values, got 80"),
    "field in short": (
        PLAIN + "    tax: number\n",
        'pipeline.yaml:7: events.fields.tax: expected keys and values, got "number"; write {type: number}',
    ),
    "one of several types": (
        PLAIN + "kafka: {client_id: [1]}\n",
        "pipeline.yaml:7: kafka.client_id: expected text or a number or true or false, got [1]",
    ),
    "one of a list": (
        PLAIN + "delivery: exactly-once\n",
        (
            "pipeline.yaml:7: delivery: expected exactly_once or at_least_once, got"
            ' "exactly-once"; did you mean "exactly_once"?'
        ),
    ),
    "all of it": (
        PLAIN + "confidence: {coverage: 1.5}\n",
        "pipeline.yaml:7: confidence.coverage: must be below 1, got 1.5",
    ),
    "none of it": (
        PLAIN + "confidence: {coverage: 0}\n",
        "pipeline.yaml:7: confidence.coverage: must be above 0, got 0",
    ),
    "too small": (PLAIN + "partitions: 0\n", "pipeline.yaml:7: partitions: must be 1 or more, got 0"),
    "too large": (
        PLAIN + "http: {port: 70000}\n",
        "pipeline.yaml:7: http.port: must be 65535 or less, got 70000",
    ),
    "name": (
        PLAIN + "topics: {control: a b}\n",
        'pipeline.yaml:7: topics.control: takes only letters, digits, ".", "_" and "-", got "a b"',
    ),
    "no field": (
        "pipeline: p\nevents:\n  fields: {}\n",
        "pipeline.yaml:3: events.fields: needs at least 1 entry",
    ),
    "duration": (
        PLAIN + "labels: {wait: 7}\n",
        "pipeline.yaml:7: labels.wait: a duration is a number with a unit: 250ms, 30s, 5m, 1h or 7d; got 7",
    ),
    "long duration": (
        PLAIN + "labels: {wait: 99999999999d}\n",
        'pipeline.yaml:7: labels.wait: a duration is at most 36500d; got "99999999999d"',
    ),
    "range of a field": (
        PLAIN + "    tax:\n      type: text\n      min: 0\n",
        "pipeline.yaml:9: events.fields.tax.min: min and max go with number and integer, not with text",
    ),
    "role without field": (
        PLAIN.replace("key: card_id", "key: card"),
        "pipeline.yaml:3: events.key: names 'card', which is not in events.fields",
    ),
    "feature without field": (
        PLAIN + "features:\n- amount\n- tax\n",
        "pipeline.yaml:9: features[1]: names 'tax', which is not in events.fields",
    ),
    "feature twice": (
        PLAIN + "features: [amount, amount]\n",
        "pipeline.yaml:7: features: names a field twice",
    ),
    "window of no field": (
        PLAIN + "features:\n- amount\n- {name: spend, agg: sum, of: amuont, over: 1h}\n",
        (
            "pipeline.yaml:9: features[1].of: names 'amuont', which is not in events.fields;"
            ' did you mean "amount"?'
        ),
    ),
    "window by no field": (
        PLAIN + "features:\n- name: spend\n  agg: sum\n  of: amount\n  by: [card]\n  over: 1h\n",
        (
            "pipeline.yaml:11: features[0].by[0]: names 'card', which is not in events.fields;"
            ' did you mean "card_id"?'
        ),
    ),
    "window of a text": (
        PLAIN + "features: [{name: spend, agg: sum, of: card_id, over: 1h}]\n",
        "pipeline.yaml:7: features[0].of: names 'card_id', a category; sum takes number, integer, boolean",
    ),
    "made of nothing": (
        PLAIN + "features: [amount, {name: a, make: ratio, of: [amount, mean]}]\n",
        (
            "pipeline.yaml:7: features[1].of[1]: names 'mean', which is not in events.fields,"
            " nor a feature above"
        ),
    ),
    "made of too little": (
        PLAIN + "features: [{name: a, make: product, of: amount}]\n",
        "pipeline.yaml:7: features[0].of: of takes two for product, not 1",
    ),
    "neither remembered nor made": (
        PLAIN + "features: [{name: a, of: amount}]\n",
        "pipeline.yaml:7: features[0]: a feature has either `agg` or `make`",
    ),
    "filled with a text": (
        PLAIN + "features: [{name: a, make: fill, of: amount, value: none}]\n",
        "pipeline.yaml:7: features[0].value: names 'none', but for a number it is mean, last or a number",
    ),
    "window without length": (
        PLAIN + "features: [{name: spend, agg: sum, of: amount}]\n",
        "pipeline.yaml:7: features[0]: sum needs `over`: how long the window is",
    ),
    "half-life of a sum": (
        PLAIN + "features: [{name: spend, agg: sum, of: amount, over: 1h, half_life: 1h}]\n",
        (
            "pipeline.yaml:7: features[0].half_life: half_life means nothing for sum;"
            " it takes by, of, over, own, window"
        ),
    ),
    "unknown aggregation": (
        PLAIN + "features: [{name: spend, agg: summ, of: amount, over: 1h}]\n",
        (
            "pipeline.yaml:7: features[0].agg: expected count, sum, mean, min, max, variance, zscore,"
            ' distinct, since_last, last or ewm, got "summ"; did you mean "sum"?'
        ),
    ),
    "unknown key of a feature": (
        PLAIN + "features: [{name: spend, agg: sum, of: amount, ovr: 1h}]\n",
        'pipeline.yaml:7: features[0].ovr: unknown key; did you mean "over"?',
    ),
    "feature without name": (
        PLAIN + "features: [{agg: count, over: 1h}]\n",
        "pipeline.yaml:7: features[0].name: missing, and needed: What the model calls it.",
    ),
    "short tumbling windows": (
        PLAIN + "features: [{name: n, agg: count, over: 1ms, window: tumbling}]\n",
        (
            "pipeline.yaml:7: features[0].over: names '1ms', less than 1/1000 of limits.lateness_max;"
            " for windows that short lower the limit"
        ),
    ),
    "same path": (
        PLAIN + "    tax: {type: number, path: amount}\n",
        (
            'pipeline.yaml:7: events.fields.tax.path: reads "amount", which events.fields.amount'
            " (pipeline.yaml:6) reads too; give one of them another path"
        ),
    ),
    "path into a value": (
        PLAIN + "    tax: {type: number, path: amount.tax}\n",
        (
            'pipeline.yaml:7: events.fields.tax.path: reads "amount.tax", which events.fields.amount'
            " (pipeline.yaml:6) reads too; give one of them another path"
        ),
    ),
    "broken path": (
        PLAIN + "    tax: {type: number, path: a..b}\n",
        'pipeline.yaml:7: events.fields.tax.path: "a..b" has an empty part; write a.b.c',
    ),
    "name of a field": (
        PLAIN + '    " tax": {type: number}\n',
        "pipeline.yaml:7: events.fields. tax: a name has up to 200 visible characters and no space around it",
    ),
    "label is a feature": (
        PLAIN + "labels: {in_event: amount}\n",
        (
            "pipeline.yaml:7: labels.in_event: events.fields.amount is a feature; a model that sees its label"
            " learns nothing; list features without it"
        ),
    ),
    "label keys": (
        PLAIN + "labels: {value: weight}\n",
        (
            'pipeline.yaml:7: labels.weight: reads "weight", which labels.value'
            " (pipeline.yaml:7) reads too; give one of them another path"
        ),
    ),
    "one name for two": (
        PLAIN + 'alerts: [{when: "lag > 5"}, {when: "lag > 6"}]\n',
        "pipeline.yaml:7: alerts[1]: name: alerts[0] is called LagAbove, too; give one of them a name",
    ),
    "twice": (
        PLAIN + "pipeline: q\n",
        "pipeline.yaml:7: pipeline: written twice, first in line 1; keep one of them",
    ),
    "tag": (
        PLAIN + "transport: !!python/name:os.system x\n",
        (
            "pipeline.yaml:7: transport: the tag tag:yaml.org,2002:python/name:os.system means nothing here;"
            " leave it out"
        ),
    ),
    "no mapping": ("- a\n", "pipeline.yaml:1: a spec is keys and values, beginning with `pipeline: name`"),
    "tab": (
        PLAIN + "http:\n\tport: 1\n",
        (
            "pipeline.yaml:8: this is not YAML: found character '\\t' that cannot start any token;"
            " indent with spaces, not with tabs"
        ),
    ),
    "variable in braces": (
        PLAIN + "http: {port: ${PORT}}\n",
        (
            "pipeline.yaml:7: this is not YAML: expected ',' or '}', but got '{';"
            ' inside {...} and [...] quote it: "${NAME}"'
        ),
    ),
    "condition of nothing": (
        PLAIN + 'alerts:\n  - {when: "accurcy < 0.8"}\n',
        'pipeline.yaml:8: alerts[0].when: there is nothing called "accurcy"; did you mean "accuracy"?',
    ),
    "key of a condition": (
        PLAIN + 'alerts:\n  - {when: "accuracy < 0.8", sverity: info}\n',
        'pipeline.yaml:8: alerts[0].sverity: unknown key; did you mean "severity"?',
    ),
    "severity of a condition": (
        PLAIN + 'alerts:\n  - {when: "accuracy < 0.8", severity: hot}\n',
        'pipeline.yaml:8: alerts[0].severity: expected info, warning or critical, got "hot"',
    ),
    "unset variable": (
        PLAIN + "http:\n  port: ${P}\n",
        "pipeline.yaml:8: http.port: the variable P is not set; set it, or give a default: ${P:-default}",
    ),
    "broken variable": (
        PLAIN + "http:\n  token: ${A B}\n",
        (
            "pipeline.yaml:8: http.token: ${A B} is not ${NAME}, ${NAME:-default} or ${file:path};"
            " a plain $ is $$"
        ),
    ),
    "no secret": (
        PLAIN + "http:\n  token: ${file:nowhere}\n",
        "pipeline.yaml:8: http.token: nowhere can't be read: No such file or directory",
    ),
    "secret of the wrong type": (
        PLAIN + "http: {token: [secret]}\n",
        "pipeline.yaml:7: http.token: expected text, got a secret",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_line(told: Callable[..., list[str]], mistake: str) -> None:
    """The file, the line, the key, what is wrong and what to do."""
    text, line = MISTAKES[mistake]
    assert told(text) == [line]


@pytest.mark.parametrize(
    ("overrides", "environ", "line"),
    [
        ({"http.prot": "1"}, {}, 'options: http.prot: unknown key; did you mean "port"?'),
        ({"features.0": "x"}, {}, "options: features.0: unknown key; nothing is set one by one here"),
        ({"http.port": "x"}, {}, 'options: http.port: expected a whole number, got "x"'),
        ({}, {"HTTP__PORT": "x"}, 'DRIFTLINE_HTTP__PORT: http.port: expected a whole number, got "x"'),
        (
            {},
            {"TRANSPROT": "x"},
            'DRIFTLINE_TRANSPROT: no key of the spec has this name; did you mean "DRIFTLINE_TRANSPORT"?',
        ),
        ({"pipeline.name": "x"}, {}, "options: pipeline.name: unknown key; nothing is set one by one here"),
    ],
)
def test_who_set_the_value_is_told(
    told: Callable[..., list[str]], overrides: dict[str, str], environ: dict[str, str], line: str
) -> None:
    """A mistake in a variable or an option does not send people to the file."""
    assert told(PLAIN, overrides, **{"DRIFTLINE_" + name: value for name, value in environ.items()}) == [line]


def test_all_mistakes_are_told_at_once(told: Callable[..., list[str]]) -> None:
    """In the order of the file, those of the environment last."""
    lines = told(PLAIN + "partitions: 0\nmodle: {}\nhttp: {port: x}\n", DRIFTLINE_LIMITS__EARLY_MAX="0")
    assert [line.split(": ")[0] for line in lines] == [
        *(f"pipeline.yaml:{line}" for line in (7, 8, 9)),
        "DRIFTLINE_LIMITS__EARLY_MAX",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {<<: *a}",
        "a: &a [*a]",
        "[" * 2000,
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
        ),
    ],
    ids=["merges itself", "holds itself", "deep", "bomb"],
)
def test_a_hostile_file_is_refused(told: Callable[..., list[str]], text: str) -> None:
    """Neither the stack nor the memory gives way."""
    assert "nested deeper than 50" in told(text)[0] or "more than 200,000 values" in told(text)[0]


def test_a_huge_file_is_refused(told: Callable[..., list[str]]) -> None:
    """Before it is read."""
    assert told(PLAIN + "#" * specfile.SIZE_MAX) == ["pipeline.yaml: longer than 1,048,576 bytes"]


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    """The first thing that a newcomer may see."""
    with pytest.raises(SpecError, match="no such file; `driftline init` writes one"):
        specfile.load(tmp_path / "driftline.yaml")


def test_what_is_no_text_is_refused_with_its_line(tmp_path: Path) -> None:
    """A file in another encoding."""
    (tmp_path / "p.yaml").write_bytes(b"pipeline: p\n# \xe9\n")
    with pytest.raises(SpecError, match=r"p\.yaml:2: not UTF-8 text"):
        specfile.load(tmp_path / "p.yaml")


def leaves(part: type[Part]) -> set[str]:
    """The names of all keys of a model and of the models in it."""
    names: set[str] = set()
    for name, field in part.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Part):
            names |= leaves(inner)
        else:
            names.add(field.alias or name)
    return names


def test_a_mistake_in_a_feature_of_an_option(spec_of: Write) -> None:
    """Its place is the option."""
    with pytest.raises(SpecError) as caught:
        spec_of(PLAIN, {"features": "[{name: a, agg: sum, of: amuont, over: 1h}]"})
    assert str(caught.value).startswith("options: features: features[0].of names 'amuont', which is not in")


def test_every_key_is_in_the_reference() -> None:
    """With what it means."""
    assert leaves(Spec) <= {key.where[-1] for key in every_key()}
    assert {key.where for key in every_key() if ANY_NAME in key.where}
    assert [key for key in every_key() if not key.meaning] == []


def test_defaults_in_the_reference_are_written_as_in_a_file() -> None:
    """A duration with its unit, an alias under the name that is written."""
    assert "| `labels.wait` | duration | `7d` |" in specfile.reference()
    assert "`model.with`" in specfile.reference()


def test_the_schema_takes_what_the_models_take(spec_of: Write) -> None:
    """It is a schema, it takes a spec, and refuses an unknown key and a bare duration."""
    schema = specfile.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    good = {"pipeline": "p", "events": {"fields": {"x": {"type": "number"}}}, "labels": {"wait": "7d"}}
    assert check.is_valid(good)
    assert not check.is_valid({**good, "labels": {"wait": 7}})
    assert not check.is_valid({**good, "modle": {}})


@pytest.mark.parametrize("key", ["drift.warmup", "drift.reference.frist", "forecast.horizont"])
def test_sections_that_may_be_left_out(spec_of: Write, key: str) -> None:
    """Their keys are known as all others are, to files, options and messages."""
    with pytest.raises(SpecError, match=rf"{key}: unknown key; did you mean"):
        spec_of(PLAIN, {key: "100"})
