"""What do detectors find on real streams, scored by the streams' own rules?

    python -m benchmarks.drift_streams --json

- insects2013_abrupt: 49 features, two changes that are known to the row. How many rows later is the first
  alarm of any feature, and how many alarms are there before the first change?
- nab_real: 47 series of the Numenta Anomaly Benchmark with 110 windows, by its own scores.
- tcpd: 32 series of the Turing Change Point Dataset, by covering and F1 against its annotators.

Ours have one budget in all of a collection, River's detectors their defaults; those that are quick also come
`retuned`, with as many alarms as the default of ours. `engine` is the whole walk with
a spec that says nothing but the budget: it looks first how long values remember each other. Nothing is tuned
to any of these streams.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from benchmarks.drift_scores import PROFILES, covering, f1, nab, normalised, windows
from benchmarks.streams import FOLDER, load
from engine.drift.detector import Floats
from engine.drift.detectors import DETECTORS

CHANGES = (1775, 3550)  # of the insects
BLOCK = 256
SERIES_QUICK = 8
PER = {"insects": 100_000, "nab": 10_000, "tcpd": 1_000}
"""One false alarm is bearable in so many rows: of all 49 features of the insects together, of each series
of the others."""
DEFAULT = "rank_sr"
SHORT = 100
"""The values that tell what is normal in series of a few hundred; elsewhere it is 1,000, by default."""
STEPS = 24  # in which a rival is retuned
Found = dict[str, Any]
Blocks = Sequence[Floats]


class Said(NamedTuple):
    """An alarm."""

    row: int
    start: int  # where it says that the change began; the row itself if it does not say


# -- detectors ---------------------------------------------------------------------------------------------


def ours(name: str, block: Floats, per: int, reference: int | None) -> list[Said]:
    """The alarms of one of ours, with one false alarm in so many rows; each signal has its part of that.

    The default watches signal by signal here; others that can watch all together do that.
    """
    entry, count = DETECTORS[name], len(block)
    known = {"reference": reference} if reference and "reference" in entry.options else {}
    detector = entry.build(count, known)
    if entry.together and name != DEFAULT:
        detector.allow(np.full(count, np.inf), per)
    else:
        detector.allow(np.full(count, float(per * count)), np.inf)
    found = []
    for at in range(0, block.shape[1], BLOCK):
        alarms = detector.update(np.ascontiguousarray(block[:, at : at + BLOCK]))
        found += [Said(at + a.at, at + a.at - max(0, a.back - 1)) for a in alarms]
    return found


def river(build: Callable[[], Any], values: Floats) -> list[Said]:
    """The alarms of one of River's, on one signal; ADWIN's window says where a change began."""
    detector, found = build(), []
    for row, value in enumerate(values.tolist()):
        if not np.isnan(value):
            detector.update(value)
            if detector.drift_detected:
                kept = getattr(detector, "width", None)
                found.append(Said(row, row if kept is None else row - round(kept) + 1))
    return found


def knobs() -> dict[str, tuple[Callable[[float], Any], float, float]]:
    """Those that are quick, by the knob that makes alarms few or many, and between which values."""
    from river import drift

    return {
        "River ADWIN": (lambda delta: drift.ADWIN(delta=delta), 1e-30, 0.999),
        "River PageHinkley": (lambda height: drift.PageHinkley(threshold=height), 1e18, 1e-6),
    }


def rivals(quick: bool) -> dict[str, Callable[[], Any]]:
    """River's detectors of numbers, as they come; KSWIN takes a quarter of a millisecond a value."""
    from river import drift

    known: dict[str, Callable[[], Any]] = {
        "River ADWIN": drift.ADWIN,
        "River PageHinkley": drift.PageHinkley,
    }
    if not quick:
        known["River KSWIN"] = lambda: drift.KSWIN(seed=42)
    return known


Alarms = list[list[Said]]
"""Of each series."""


def retuned(build: Callable[[float], Any], few: float, many: float, blocks: Blocks, wanted: int) -> Alarms:
    """One of River's with as many alarms as wanted, or hardly more: its knob is halved in towards them."""
    found: Alarms = [[] for _ in blocks]
    for _ in range(STEPS):
        middle = (few * many) ** 0.5
        said = everywhere(partial(build, middle), blocks)
        if sum(map(len, said)) <= wanted:
            few, found = middle, said
        else:
            many = middle
    return found


def everywhere(build: Callable[[], Any], blocks: Blocks) -> Alarms:
    """One of River's on every signal of every series."""
    return [sorted(said for values in block for said in river(build, values)) for block in blocks]


def everybody(
    blocks: Blocks, per: int, names: Sequence[str], reference: int | None = None
) -> Iterator[tuple[str, Alarms, float]]:
    """Each detector's alarms, and the processor's seconds that it took."""
    most = 0
    for name in names:
        began = time.thread_time()
        found = [ours(name, block, per, reference) for block in blocks]
        yield name, found, time.thread_time() - began
        most = sum(map(len, found)) if name == DEFAULT else most
    for name, rival in rivals(quick=list(names) == [DEFAULT]).items():
        began = time.thread_time()
        yield name, everywhere(rival, blocks), time.thread_time() - began
    for name, (build, few, many) in knobs().items():
        began = time.thread_time()
        found = retuned(build, few, many, blocks, most)
        yield f"{name}, retuned", found, (time.thread_time() - began) / STEPS


def walked(spec: Mapping[str, Any], lines: Sequence[bytes]) -> tuple[list[Said], float]:
    """The alarms of a whole pipeline on recorded events."""
    from engine.spec import Spec
    from streams.backtest.run import Backtest

    with TemporaryDirectory() as folder:
        path = Path(folder, "events.jsonl")
        path.write_bytes(b"\n".join(lines))
        backtest, began = Backtest(Spec.model_validate(spec), str(path)), time.thread_time()
        for _ in backtest.run():
            pass
        return [Said(each.row, each.row) for each in backtest.raised], time.thread_time() - began


def names_for(kind: str) -> list[str]:
    """Our detectors that take these signals and need nothing else to be said."""
    return [name for name, entry in DETECTORS.items() if kind in entry.takes and ":" not in name]


# -- insects -----------------------------------------------------------------------------------------------


def insects(names: Sequence[str]) -> dict[str, Found]:
    rows, labels = load("insects2013_abrupt", None)
    fields = list(rows[0])
    block = np.array([[row[name] for row in rows] for name in fields], np.float64)
    found = {
        name: delays(said) | {"seconds": s} for name, (said,), s in everybody([block], PER["insects"], names)
    }
    spec = {
        "pipeline": "insects",
        "events": {"fields": {name: {"type": "number"} for name in fields}},
        "labels": {"in_event": "target", "type": "category"},
        "model": {"use": "naive_bayes"},
        "drift": {"false_alarms": {"at_most": 1, "per": PER["insects"]}},
    }
    lines = [json.dumps(row | {"target": y}).encode() for row, y in zip(rows, labels, strict=True)]
    said, seconds = walked(spec, lines)
    return found | {"engine": delays(said) | {"seconds": seconds}}


def delays(said: Sequence[Said]) -> Found:
    """Rows to the first alarm behind each change, the changed row included; and alarms before any."""
    ends = [*CHANGES[1:], 1 << 30]
    after = [
        min((each.row for each in said if start <= each.row < end), default=None)
        for start, end in zip(CHANGES, ends, strict=True)
    ]
    delays = [None if row is None else row - start + 1 for row, start in zip(after, CHANGES, strict=True)]
    return {"delays": delays, "before": sum(each.row < CHANGES[0] for each in said), "alarms": len(said)}


# -- the Numenta anomaly benchmark -------------------------------------------------------------------------


class Series(NamedTuple):
    values: Floats
    times: list[int]  # seconds
    windows: list[tuple[int, int]]


def nab_series() -> dict[str, Series]:
    kept: dict[str, list[tuple[float, int, bool]]] = {}
    with gzip.open(FOLDER / "nab_real.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            when = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp()
            mark = row["in_anomaly_window"] == "1"
            kept.setdefault(row["series"], []).append((float(row["value"]), int(when), mark))
    return {
        name: Series(np.array([r[0] for r in rows]), [r[1] for r in rows], windows([r[2] for r in rows]))
        for name, rows in kept.items()
    }


def numenta(names: Sequence[str], most: int | None) -> dict[str, Found]:
    collection = list(nab_series().values())[:most]
    found = {
        name: told_nab(collection, said) | {"seconds": seconds}
        for name, said, seconds in everybody([each.values[None] for each in collection], PER["nab"], names)
    }
    for name, more in (("engine", {}), ("engine, season: daily", {"season": "daily"})):
        runs = [walked(nab_spec(**more), nab_lines(each)) for each in collection]
        seconds = sum(took for _, took in runs)
        found[name] = told_nab(collection, [said for said, _ in runs]) | {"seconds": seconds}
    return found | {"silence": told_nab(collection, [[] for _ in collection]) | {"seconds": 0.0}}


def nab_spec(**more: Any) -> Found:
    return {
        "pipeline": "nab",
        "events": {"time": "at", "fields": {"at": {"type": "timestamp"}, "value": {"type": "number"}}},
        "model": {"use": "half_space_trees"},
        "limits": {"past_max": "36500d"},
        "drift": {
            "false_alarms": {"at_most": 1, "per": PER["nab"]},
            "watch": ["features"],
        }
        | more,
    }


def nab_lines(series: Series) -> list[bytes]:
    return [
        json.dumps({"at": at, "value": value}).encode()
        for at, value in zip(series.times, series.values.tolist(), strict=True)
    ]


def told_nab(collection: Sequence[Series], said: Alarms) -> Found:
    scores = {
        what: [
            nab(len(series.values), series.windows, [each.row for each in alarms], profile)
            for series, alarms in zip(collection, said, strict=True)
        ]
        for what, profile in PROFILES.items()
    }
    told: Found = {what: round(normalised(each), 2) for what, each in scores.items()}
    told["found"] = sum(each.found for each in scores["standard"])
    told["false_alarms"] = sum(each.false_alarms for each in scores["standard"])
    return told


# -- the Turing change point dataset -----------------------------------------------------------------------


def tcpd_series() -> dict[str, tuple[Floats, dict[str, list[int]]]]:
    """Values, a row a variable; and the annotators' points."""
    kept: dict[str, dict[str, list[float]]] = {}
    with gzip.open(FOLDER / "tcpd_long.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            value = float(row["value"]) if row["value"] else np.nan
            kept.setdefault(row["series"], {}).setdefault(row["var"], []).append(value)
    annotated = json.loads((FOLDER / "tcpd_annotations.json").read_text())
    return {name: (np.array(list(each.values())), annotated[name]) for name, each in kept.items()}


def turing(names: Sequence[str], most: int | None) -> dict[str, Found]:
    collection = list(tcpd_series().values())[:most]
    found = {
        name: told_tcpd(collection, said)
        for name, said, _ in everybody([block for block, _ in collection], PER["tcpd"], names, SHORT)
    }
    return found | {"silence": told_tcpd(collection, [[] for _ in collection])}


def told_tcpd(collection: Sequence[tuple[Floats, dict[str, list[int]]]], said: Alarms) -> Found:
    coverings, f1s = [], []
    for (block, annotated), alarms in zip(collection, said, strict=True):
        points = {each.start for each in alarms}
        coverings.append(covering(annotated, points, block.shape[1]))
        f1s.append(f1(annotated, points))
    told = {"covering": round(mean(coverings), 4), "f1": round(mean(f1s), 4)}
    return told | {"alarms": sum(map(len, said))}


# -- telling -----------------------------------------------------------------------------------------------


def table(what: str, told: Mapping[str, Found]) -> Iterator[str]:
    columns = list(next(iter(told.values())))
    yield f"\n{what:<24}" + "".join(f"{name:>14}" for name in columns)
    for name, each in told.items():
        yield f"{name:<24}" + "".join(f"{_cell(each[column]):>14}" for column in columns)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join("missed" if each is None else str(each) for each in value)
    return f"{value:.2f}" if isinstance(value, float) and abs(value) >= 10 else str(value)[:7]


def main() -> None:
    parser = argparse.ArgumentParser(description="our drift detectors and River's on real streams")
    parser.add_argument("--json", action="store_true", help="print the figures as an object")
    parser.add_argument("--quick", action="store_true", help="few series, our default detector, no KSWIN")
    asked = parser.parse_args()
    names = [DEFAULT] if asked.quick else names_for("numbers")
    for name in names:
        DETECTORS[name].warm()
    most = SERIES_QUICK if asked.quick else None
    told: dict[str, dict[str, Found]] = {}
    runs: dict[str, Callable[[], dict[str, Found]]] = {
        "insects": lambda: insects(names),
        "tcpd": lambda: turing(names, most),
        "nab": lambda: numenta(names, most),
    }
    for what, run in runs.items():
        print(f"{what} ...", file=sys.stderr)
        told[what] = run()
        if not asked.json:
            print("\n".join(table(what, told[what])), flush=True)
    if asked.json:
        first, second = told["insects"][DEFAULT]["delays"]
        print(json.dumps({"insects_first": first, "insects_second": second, "per": PER} | told))


if __name__ == "__main__":
    main()
