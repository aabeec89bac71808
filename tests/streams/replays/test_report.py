"""A replay tells how good its predictions were: as JSON, as a page, as a picture."""

from __future__ import annotations

import math
import random
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.errors import DriftlineError
from engine.metrics.summary import Told
from engine.spec import Spec
from streams.replays.judged import POINTS_MAX, Trend
from streams.replays.replay import Replay, Report
from streams.replays.report import write_report

HOUR_S = 3_600
KINDS: dict[str, tuple[dict[str, Any], Any]] = {
    "binary": ({"use": "logistic_regression"}, lambda x, rng: x + rng.gauss(0, 0.3) > 0.5),
    "multiclass": ({"use": "naive_bayes"}, lambda x, rng: "abc"[int(3 * x)] if rng.random() < 0.9 else "a"),
    "regression": ({"use": "linear_regression"}, lambda x, rng: 40 * x + rng.gauss(0, 1)),
    "anomaly": ({"use": "half_space_trees"}, lambda x, rng: x > 0.98),
}


def spec(kind: str, **more: Any) -> Spec:
    fields = {
        "at": {"type": "timestamp"},
        "x": {"type": "number", "max": 0.995},
        "country": {"type": "category", "required": False},
    }
    labels = {"in_event": "y", **({"type": "category"} if kind == "multiclass" else {})}
    given = {"pipeline": "p", "events": {"time": "at", "fields": fields}, "labels": labels}
    model, asked = KINDS[kind][0], {"windows": [200, "2d"], "segments": ["country"]}
    return Spec.model_validate({**given, "model": model, "metrics": asked, **more})


def replayed(folder: Path, kind: str, **more: Any) -> Report:
    """Two weeks of hourly bursts, some countries missing, some numbers out of range."""
    rng, path = random.Random(1), folder / "events.jsonl"
    lines = []
    for i in range(1_500):
        x = rng.random()
        event = {"at": 1_767_225_600 + i * HOUR_S // 4, "x": x, "y": KINDS[kind][1](x, rng)}
        country = rng.choice(["NL", "BE", None])
        lines.append(msgspec.json.encode(event if country is None else event | {"country": country}))
    path.write_bytes(b"\n".join(lines))
    replay = Replay(spec(kind, **more), str(path), judge=True)
    list(replay.run())
    return replay.report(1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_told(tmp_path: Path, kind: str) -> None:
    """In plain data that a program can read, and that fits together."""
    report = replayed(tmp_path, kind)
    told = msgspec.json.decode(msgspec.json.encode(report))
    quality, labelled = told["quality"], told["metrics"]["labelled"]
    assert (quality["kind"], list(quality["windows"])) == (kind, ["life", "200", "2d"])
    assert quality["windows"]["200"]["labelled"] == 200
    assert 59 * 192 // 60 - 2 <= quality["windows"]["2d"]["labelled"] <= 192  # it moves in sixtieths
    assert set(quality["segments"]) == {"country=NL", "country=BE", "country=missing"}
    for groups in ("segments", "hours", "days"):
        assert sum(each["labelled"] for each in quality[groups].values()) == labelled
    if quality["confusion"]:
        assert sum(map(sum, quality["confusion"]["counts"])) == labelled
    if quality["calibration"]:
        assert sum(each["outcomes"] for each in quality["calibration"]) == labelled
    assert sum(n for _, _, n in quality["scores"]) >= labelled
    assert quality["features"]["x"] == {"out_of_range": told["dead_letters"]}
    assert quality["features"]["country"]["missing"] > 400
    assert [m["events"] for m in quality["over_time"]] == sorted({m["events"] for m in quality["over_time"]})


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture(tmp_path: Path, kind: str) -> None:
    """Every kind of model can be drawn."""
    write_report(tmp_path / "r.png", "p", replayed(tmp_path, kind))
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")


def test_a_page(tmp_path: Path) -> None:
    """It holds its pictures, asks nobody for anything, and shows names as what they are."""
    write_report(tmp_path / "r.html", "<b>p</b>", replayed(tmp_path, "binary"))
    page = (tmp_path / "r.html").read_text()
    assert "<h1>&lt;b&gt;p&lt;/b&gt;</h1>" in page
    assert page.count("data:image/png;base64,") == 9
    assert re.findall(r"https?:|<script|<link|url\(", page) == []


def test_confidence_on_a_page(tmp_path: Path) -> None:
    """How often intervals held the label stands there, where the spec asks for intervals."""
    write_report(tmp_path / "r.html", "p", replayed(tmp_path, "regression", confidence={"coverage": 0.9}))
    page = (tmp_path / "r.html").read_text()
    assert "<h2>Confidence</h2>" in page
    assert "coverage wanted" in page


def test_a_model_that_ran_away(tmp_path: Path) -> None:
    """An error without bounds can't be drawn; the rest of the report can."""
    report = replayed(tmp_path, "regression")
    assert report.quality is not None
    endless: dict[str, Told] = {
        name: dict.fromkeys(told, math.inf) for name, told in report.quality.windows.items()
    }
    wild = replace(report, quality=replace(report.quality, windows=endless))
    for name in ("r.png", "r.html"):
        write_report(tmp_path / name, "p", wild)
        assert (tmp_path / name).stat().st_size > 10_000


def test_little_to_tell(tmp_path: Path) -> None:
    """Without labels, without times and without windows there is a report, too."""
    fields = {"x": {"type": "number"}}
    events = tmp_path / "few.jsonl"
    events.write_bytes(b'{"x": 1}\n' * 3)
    few = Spec.model_validate({"pipeline": "p", "events": {"fields": fields}, "metrics": {"windows": []}})
    replay = Replay(few, str(events), judge=True)
    list(replay.run())
    for name in ("r.png", "r.html"):
        write_report(tmp_path / name, "p", replay.report(1.0))
        assert (tmp_path / name).stat().st_size > 0


def test_what_can_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that says no format; no plots without what draws them, and what to do about it."""
    report = replayed(tmp_path, "binary")
    with pytest.raises(DriftlineError, match=r"name it \.html or \.png"):
        write_report(tmp_path / "r.pdf", "p", report)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(DriftlineError, match=r"install it with pip install 'driftline\[report\]'"):
        write_report(tmp_path / "r.png", "p", report)


def test_judging_changes_no_output(tmp_path: Path) -> None:
    """Looking around between pieces of a batch leaves every byte as it is."""
    replayed(tmp_path, "binary")
    events, lanes = str(tmp_path / "events.jsonl"), []
    for judge in (False, True):
        replay = Replay(spec("binary"), events, judge=judge)
        lanes.append([value for out in replay.run() for value in out.predictions.values])
    assert lanes[0] == lanes[1]


def test_moments_are_bounded(tmp_path: Path) -> None:
    """When there are too many, every second one goes, and the steps become longer."""
    moments = replayed(tmp_path, "binary").quality
    assert moments is not None
    trend = Trend("life", moments=moments.over_time[:1] * POINTS_MAX)
    replay = Replay(spec("binary"), str(tmp_path / "events.jsonl"))
    list(replay.run())
    trend.see(replay.shard, 0)
    assert (len(trend.moments), trend.step) == (POINTS_MAX // 2, 100)
