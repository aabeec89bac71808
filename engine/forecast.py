"""Forecasting: one forecaster for each series, and what a prediction of a series is.

An event is the next value of its entity's series. Its prediction, made once that value is learned, is of
the value after it; and when that one comes, with the series' next event, the two make an outcome. So a
forecast is out before what it tells is known, as with any label that comes late, and nobody sends labels.

A forecaster that raises, or says something that is no number, begins anew, for its series only, and the event
is a dead letter. While it has seen too few values to say anything, the prediction is null.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from engine.columns import Events
from engine.errors import ModelError
from engine.fold import Rows
from engine.join import Join
from engine.joined import Next, Settled, Settlements
from engine.models.hybrid import Hybrid
from engine.models.scores import Failure, Scores, Task, finite
from engine.spec import Spec

Series = list[Any]  # its forecaster, the event whose prediction waits for the next value, has it spoken


class Forecasts(Hybrid):
    """The series of one shard, in the place of its model: with `advance` for `run`.

    Parameters
    ----------
    forecaster
        The River forecaster that each series begins with.
    spec
        The pipeline's spec, which says under `forecast` what is wanted.
    """

    def __init__(self, forecaster: Any, spec: Spec) -> None:
        assert spec.forecast is not None
        self.task, self.twin, self.without = Task.REGRESS, None, "forecasters have no compiled form"
        self.wanted, self.by_entity = spec.forecast, spec.events.key is not None
        if not hasattr(forecaster, "forecast"):
            raise ModelError(f"model.use: {type(forecaster).__name__} is no forecaster: it needs forecast")
        try:
            self.begin = pickle.dumps(forecaster, pickle.HIGHEST_PROTOCOL)
        except (pickle.PicklingError, TypeError, AttributeError) as exc:
            raise ModelError(f"the model {type(forecaster).__name__} can't be pickled: {exc}") from exc
        self.series: OrderedDict[str, Series] = OrderedDict()  # the least recently seen first
        self.switched, self.learns = False, True
        self.left = 0  # series that had to leave
        self.anew = 0  # series that began anew after an error

    def stop_learning(self) -> None:
        self.learns = False

    def advance(self, events: Events, rows: Rows) -> tuple[Scores, list[Next]]:
        """Learn each event's value and forecast its series; return also whose next values they are."""
        scores, told = Scores([], [], [], []), list[Next]()
        predictions, forecasts = list[float | None](), list[Sequence[float] | None]()
        for i, (entity, event_id, row) in enumerate(zip(events.entities, events.ids, rows.rows, strict=True)):
            series, value = self._series(entity if self.by_entity else ""), row[0]
            waiting, found = series[1], None
            try:
                found = self._next(series, value)
            except Exception as exc:  # noqa: BLE001 - the forecaster is the user's: anything may come
                scores.failures.append(Failure(i, type(exc).__name__, str(exc)))
                series[:] = [pickle.loads(self.begin), None, False]
                self.anew += 1
            else:
                if value is not None:
                    series[1] = event_id
                    if waiting is not None:
                        told.append((i, waiting, float(value)))
            predictions.append(found[0] if found else None)
            forecasts.append(found)
        scores.predictions, scores.scores, scores.forecasts = predictions, predictions, forecasts
        scores.probabilities = [None] * len(predictions)
        return scores, told

    def _series(self, name: str) -> Series:
        series = self.series.get(name)
        if series is None:
            series = self.series[name] = [pickle.loads(self.begin), None, False]
            if len(self.series) > self.wanted.series_max:
                self.series.popitem(last=False)
                self.left += 1
        else:
            self.series.move_to_end(name)
        return series

    def _next(self, series: Series, value: float | None) -> list[float] | None:
        forecaster, _, spoken = series
        if value is not None and self.learns:
            forecaster.learn_one(float(value))
        try:
            found = [finite(each) for each in forecaster.forecast(self.wanted.horizon)]
        except (IndexError, ValueError, TypeError):
            if spoken:
                raise
            return None  # it has seen too few values
        series[2] = True
        return found

    def glance(self, events: Events, rows: Rows) -> Scores:
        """What `advance` would say of each event, were it the next one; no series takes it."""
        scores, found = Scores([], [], [], []), list[list[float] | None]()
        for i, (entity, row) in enumerate(zip(events.entities, rows.rows, strict=True)):
            known = self.series.get(entity if self.by_entity else "")
            copied = self.begin if known is None else pickle.dumps(known[0], pickle.HIGHEST_PROTOCOL)
            series = [pickle.loads(copied), None, known is not None and known[2]]
            try:
                found.append(self._next(series, row[0]))
            except Exception as exc:  # noqa: BLE001 - the forecaster is the user's: anything may come
                scores.failures.append(Failure(i, type(exc).__name__, str(exc)))
                found.append(None)
        scores.predictions = scores.scores = [each[0] if each else None for each in found]
        scores.forecasts, scores.probabilities = found, [None] * len(found)
        return scores

    def learn(self, rows: Rows, labels: Sequence[Any], weights: Sequence[float | None]) -> list[Failure]:
        """A label of its own makes an outcome, and teaches nothing: the series' values do."""
        return []

    def state(self) -> list[Any]:
        return [self.series, self.left, self.anew]

    def restore(self, state: list[Any]) -> None:
        self.series, self.left, self.anew = state


def settle(join: Join, events: Events, told: Sequence[Next]) -> Settlements:
    """Let events that are remembered have the next values of their series, which came with other events."""
    settled, ledger = list[Settled](), join.ledger
    for row, event_id, value in told:
        slot, time = ledger.find(event_id), events.times[row]
        if slot is None or ledger.label(slot) is not None:
            continue  # forgotten, or a label record was there before
        if abs(time - ledger.time(slot)) <= join.wait:
            join.counts.joined += 1
            ledger.settle(slot, value)
            settled.append(Settled(events.index[row], *ledger.entry(slot), None, value, time, None))
    return Settlements.of(settled)
