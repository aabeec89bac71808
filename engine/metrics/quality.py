"""How good the predictions are, as outcomes tell: prequential, each prediction judged before it is learned.

What comes is put aside, and counted at the shard's turns: so the figures don't depend on how a stream is
cut into batches, and arrays are long enough to be worth it. Whoever reads in between gets what waits
counted in, on a copy.

A correction takes the former label's part out of everything but the fading metrics and kappa_t, which
know no single outcome.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.duration import duration_ms
from engine.joined import Settlements
from engine.metrics import confusion
from engine.metrics.block import Block, Floats, Kind, Shape
from engine.metrics.coding import Codes, truths
from engine.metrics.confusion import Confusion
from engine.metrics.odds import Odds
from engine.metrics.segments import Segments
from engine.metrics.summary import DAY, DAYS, FADING, HOUR, LIFE, Summary, Told
from engine.metrics.tally import Layout, Tally, check_names
from engine.metrics.windows import HOURS, Newest, Panes, hour_of_week
from engine.models.scores import Scores
from engine.specmetrics import Metrics

CLASSES = (Kind.BINARY, Kind.MULTICLASS)


class Quality:
    """The metrics of one shard.

    Parameters
    ----------
    kind
        What is judged.
    names
        The features of a row, in order.
    wanted
        What the spec asks for.
    """

    def __init__(self, kind: Kind, names: Sequence[str], wanted: Metrics) -> None:
        self.kind, self.wanted = kind, wanted
        check_names(kind, wanted.outcomes)
        self.codes = Codes(2 if kind is not Kind.MULTICLASS else wanted.classes_max)
        self.layout = Layout(Shape(kind, self.codes.size if kind is Kind.MULTICLASS else 2))
        remember = wanted.probabilities and kind is Kind.MULTICLASS
        self.odds = Odds(wanted.classes_max) if remember else None
        self.at = [names.index(field) for field in wanted.segments]
        self.origin: float | None = None
        self.last = -1  # the newest label's code, for kappa_t
        self.pending = Settlements()
        self.now: Told | None = None  # what outcomes carry
        self.heard: list[Callable[[Block, float], None]] = []  # who else counts blocks as they come
        self._build()

    def _build(self) -> None:
        """Everything that is counted into, empty."""
        wanted, layout = self.wanted, self.layout
        counts = [window for window in wanted.windows if isinstance(window, int)]
        self.segments = Segments(wanted.segments, wanted.segments_max)
        self.segmented = Tally(layout, self.segments.groups) if wanted.segments else None
        self.life = Tally(layout, 1)
        self.confused = np.zeros((layout.shape.classes,) * 2) if self.kind in CLASSES else None
        self.newest = Newest(max(counts), self._block(Settlements(), [])) if counts else None
        self.panes = {w: Panes(layout, _ms(w)) for w in wanted.windows if isinstance(w, str)}
        self.fading = Tally(layout, 1) if wanted.fading is not None else None
        self.hours = Tally(layout, HOURS, layout.small) if wanted.hours else None

    # -- counting --------------------------------------------------------------------------------------

    def noted(self, scores: Scores, notes: Sequence[bytes | None] | None) -> Sequence[bytes | None] | None:
        """The notes of predictions, with what has to be remembered of them to judge them later."""
        if self.odds is None:
            return notes
        return self.odds.noted(scores.probabilities, notes or [None] * len(scores.probabilities))

    def update(self, settled: Settlements) -> None:
        """Take outcomes, in the order in which they came about; leave them the notes of others."""
        self.pending.extend(settled)
        if self.odds is not None:
            settled.notes = self.odds.rest(settled.notes)

    @np.errstate(over="ignore", invalid="ignore")  # what is beyond a float's range is told as infinite
    def turn(self) -> None:
        """Count what waits; outcomes to come carry how things stand now."""
        self.count()
        if self.wanted.outcomes and self.layout.labelled(self.life.row()):
            self.now = self._carried()

    @np.errstate(over="ignore", invalid="ignore")
    def count(self) -> None:
        """Count what waits."""
        settled, self.pending = self.pending, Settlements()
        if not settled:
            return
        # Before the first class was learned there is nothing.
        usable = settled.where(settled.scores if self.kind is Kind.ANOMALY else settled.predictions)
        first, again = usable, Settlements()
        if usable.before.count(None) < len(usable):
            again = usable.where(usable.before)
            first = usable.where([None if before is not None else 0 for before in usable.before])
        if first:
            self._add(self._block(first, first.labels))
        if again:
            self._correct(again)

    def _carried(self) -> Told:
        """What outcomes carry: rounded, since the last digit of a logarithm may be the machine's own."""
        told = self.layout.told(self._window(self.wanted.windows[0]))
        found = {name: told[name] for name in self.wanted.outcomes}
        return {name: None if value is None else round(value, 6) for name, value in found.items()}

    def _block(self, settled: Settlements, labels: Sequence[Any]) -> Block:
        n, guesses = len(settled), settled.predictions
        none, nothing = np.zeros(n, np.int64), np.zeros(n)
        label, guess, truth, found, seats = none, none, nothing, nothing, none[:, None]
        if self.kind is Kind.REGRESSION:
            truth, found = np.array(labels, float), np.array(guesses, float)
            if self.origin is None and n:
                self.origin = float(labels[0])
        elif self.kind is Kind.MULTICLASS:
            label, guess = self.codes.of(labels, guesses)
        else:
            label, guess = truths(labels), truths(guesses)
        if self.at:
            seats = self.segments.places([[row[i] for i in self.at] for row in settled.rows])
        score = np.array(settled.scores, float)
        time, place = np.array(settled.times, np.int64), np.array(settled.offsets, np.int64)
        given, square = nothing, nothing
        if self.kind is Kind.MULTICLASS:
            given = square = np.full(n, np.nan)
        if self.odds is not None:
            given, square = self.odds.given(settled.notes, labels)
        columns = (label, guess, truth, found, score, given, square, np.zeros(n), time, place, seats)
        return Block(self.origin or 0.0, *columns)

    def _add(self, block: Block) -> None:
        labels = block.label
        block.same[1:] = labels[1:] == labels[:-1]
        block.same[0] = labels[0] == self.last
        self.last = int(labels[-1])
        self._count(block, 1.0)
        if self.fading is not None and self.wanted.fading is not None:
            self.fading.fade(block, self.wanted.fading)
        if self.newest is not None:
            self.newest.add(block)

    def _correct(self, settled: Settlements) -> None:
        """Take the former labels out, and put the new ones in."""
        self._count(self._block(settled, settled.before), -1.0)
        block = self._block(settled, settled.labels)
        self._count(block, 1.0)
        if self.newest is not None:
            self.newest.correct(block)

    def _count(self, block: Block, sign: float) -> None:
        self.life.add(block, 0, sign)
        if self.confused is not None:
            confusion.count(self.confused, block, sign)
        for panes in self.panes.values():
            panes.add(block, sign)
        for hear in self.heard:
            hear(block, sign)
        if self.hours is not None:
            self.hours.add(block, hour_of_week(block.time), sign)
        if self.segmented is not None:
            for column in block.seats.T:
                self.segmented.add(block, column, sign)

    # -- telling ---------------------------------------------------------------------------------------

    def report(self) -> Told:
        """The metrics over the whole life by name; None while they are not defined."""
        return self.summary().told()

    @np.errstate(over="ignore", invalid="ignore")
    def told(self, window: str) -> Told:
        """The metrics over a window that the spec asks for, or over the whole life."""
        ahead = self._ahead()
        asked = next((each for each in self.wanted.windows if str(each) == window), None)
        return self.layout.told(ahead.life.row() if asked is None else ahead._window(asked))

    @np.errstate(over="ignore", invalid="ignore")
    def summary(self) -> Summary:
        """Everything that is judged, with what waits counted in."""
        ahead = self._ahead()
        return Summary(self.layout, ahead._rows(), ahead.names, ahead.origin or 0.0)

    def confusion(self) -> Confusion | None:
        """Which class was taken for which, with what waits counted in; None where there are no classes."""
        ahead = self._ahead()
        return None if ahead.confused is None else confusion.told(ahead.confused, ahead.names)

    @property
    def names(self) -> tuple[str, ...]:
        """What each code of a class stands for."""
        return ("false", "true") if self.kind is Kind.BINARY else tuple(self.codes.names)

    def _ahead(self) -> Quality:
        """A copy that has counted what waits."""
        if not self.pending:
            return self
        # Outcomes never change, so that the copy may share them.
        ahead = copy.deepcopy(self, {id(self.pending): self.pending, id(self.heard): []})
        ahead.count()
        return ahead

    def _rows(self) -> dict[tuple[str, str], Floats]:
        rows = {(LIFE, ""): self.life.row()}
        for window in self.wanted.windows:
            rows[str(window), ""] = self._window(window)
        if self.fading is not None:
            rows[FADING, ""] = self.fading.row()
        if self.segmented is not None:
            rows |= self._segment_rows(self.segmented)
        if self.hours is not None:
            hours = {f"{HOUR}={h:02}": list(range(h, HOURS, 24)) for h in range(24)}
            days = {f"{DAY}={day}": list(range(24 * d, 24 * d + 24)) for d, day in enumerate(DAYS)}
            rows |= {(LIFE, name): self.hours.row(groups) for name, groups in (hours | days).items()}
        return rows

    def _window(self, window: int | str) -> Floats:
        if isinstance(window, str):
            return self.panes[window].row
        assert self.newest is not None
        return self.layout.row(self.newest.last(window))

    def _segment_rows(self, segmented: Tally) -> dict[tuple[str, str], Floats]:
        known = self.segments.known()
        rows = {(LIFE, name): segmented.row(group) for name, group in known}
        for window in self.wanted.windows:
            if self.newest is not None and isinstance(window, int):
                block, tally = self.newest.last(window), Tally(self.layout, self.segments.groups)
                for column in block.seats.T:
                    tally.add(block, column)
                rows |= {(str(window), name): tally.row(group) for name, group in known}
        return rows

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that is kept, part by part, each with what was asked for when it was made."""
        # But for the place in the batch at hand, which is nobody's business any more.
        waiting = list(map(list, self.pending.columns()[1:]))
        newest = None if self.newest is None else self.newest.state()
        return {
            "wanted": self.wanted.model_dump(mode="json"),
            "codes": [self.codes.known, self.origin, self.last, self.now],
            "odds": None if self.odds is None else self.odds.places,
            "pending": waiting,
            "life": [self.life.state(), None if self.confused is None else self.confused.copy()],
            "newest": newest,
            "panes": {window: panes.state() for window, panes in self.panes.items()},
            "fading": None if self.fading is None else self.fading.state(),
            "hours": None if self.hours is None else self.hours.state(),
            "segments": [self.segments.seats, None if self.segmented is None else self.segmented.state()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse. Metrics that were asked for otherwise begin anew, if they do not change outputs."""
        known, origin, last, now = state["codes"]
        before, wanted = state["wanted"], self.wanted.model_dump(mode="json")
        pending = state["pending"]
        self.pending = Settlements([0] * len(pending[0]), *pending)
        if before["classes_max"] != wanted["classes_max"]:
            return
        self.codes.known, self.origin, self.last, self.now = known, origin, last, now
        if self.odds is not None:
            self.odds.places = state["odds"]
        self.life.restore(state["life"][0])
        self.confused = state["life"][1]
        if self.fading is not None and before["fading"] == wanted["fading"]:
            self.fading.restore(state["fading"])
        if self.hours is not None and before["hours"]:
            self.hours.restore(state["hours"])
        for window, panes in self.panes.items():
            if window in state["panes"]:
                panes.restore(state["panes"][window])
        same = all(before[key] == wanted[key] for key in ("segments", "segments_max"))
        if same:
            self.segments.seats = state["segments"][0]
            if self.segmented is not None:
                self.segmented.restore(state["segments"][1])
        if self.newest is not None and same and state["newest"] is not None:
            self.newest.restore(state["newest"])


def _ms(window: str) -> int:
    found = duration_ms(window)
    assert isinstance(found, int)
    return found
