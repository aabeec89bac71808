"""The confidence of a classifier: probabilities put right, and a set of classes for each prediction.

What is calibrated is the probability of True; where classes have names, that of the predicted class. The
others share what is left as they did before, and the predicted class stays the most probable: with names,
`prediction` is always the model's. Of True and False the more probable one is predicted.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import asdict
from operator import itemgetter
from typing import Any

from engine.confidence.calibration import Calibrator
from engine.confidence.sets import LEVELS, Sets, level_of
from engine.confidence.tally import Coverage, Losses
from engine.joined import Settlements
from engine.models.scores import Scores

# What waits for a label: the probability that was calibrated and what it became, the threshold, and then a
# byte for each class, its level.
NOTE = struct.Struct("<ffH")

Odds = dict[str, float]


class Classes:
    """Calibrated probabilities, and sets that hold the share of labels which the spec names."""

    def __init__(self, calibrate: bool, coverage: float | None, window: int) -> None:
        self.calibrate, self.coverage, self.window = calibrate, coverage, window
        self.calibrator, self.losses = Calibrator(), Losses()
        self.sets = None if coverage is None else Sets(coverage, window)
        self.tally = Coverage()
        self.classes: dict[str, int] = {}  # place in a note, by name
        self.block: list[tuple[float, bool]] = []  # since the last turn: what was said, and whether it came
        self.truths: list[int] = []  # the levels of the labels

    def apply(self, scores: Scores) -> list[bytes | None]:
        """Put predictions right, and give each its set; return what is to be remembered of it."""
        notes, sets = list[bytes | None](), list[Sequence[Any] | None]()
        said = list[tuple[Any, float | None, Odds | None]]()
        for known in zip(scores.predictions, scores.scores, scores.probabilities, strict=True):
            prediction, score, odds = known
            if not odds:
                said.append(known)
                notes.append(None)
                sets.append(None)
                continue
            raw, right = self._put_right(prediction, odds)
            if self.calibrate:
                prediction, score, odds = self._say(prediction, right)
            said.append((prediction, score, odds))
            found, threshold, levels = self._set(prediction, right)
            sets.append(found)
            name = "true" if isinstance(prediction, bool) else str(prediction)
            notes.append(NOTE.pack(raw, right[name], threshold) + levels)
        if said and self.calibrate:
            scores.predictions, scores.scores, scores.probabilities = zip(*said, strict=True)
        if self.sets is not None:
            scores.sets = sets
        return notes

    def _put_right(self, prediction: Any, odds: Odds) -> tuple[float, Odds]:
        """The probability that is calibrated, and all of them afterwards."""
        if isinstance(prediction, bool):
            raw = odds["true"] if "true" in odds else 1 - odds["false"]
            right = self.calibrator(raw)
            return raw, {"false": 1 - right, "true": right}
        top = str(prediction)
        raw = odds[top]
        others = sum(p for name, p in odds.items() if name != top)
        if len(odds) == 1:
            return raw, odds
        if others <= 0:  # the model is sure: nothing says how the others share what is left
            right = max(self.calibrator(raw), 1 / len(odds))
            each = (1 - right) / (len(odds) - 1)
            return raw, {name: right if name == top else each for name in odds}
        second = max(p for name, p in odds.items() if name != top) / others
        right = max(self.calibrator(raw), second / (1 + second))
        return raw, {name: right if name == top else (1 - right) * (p / others) for name, p in odds.items()}

    def _say(self, prediction: Any, right: Odds) -> tuple[Any, float, Odds]:
        if isinstance(prediction, bool):
            return right["true"] > right["false"], right["true"], right
        return prediction, right[str(prediction)], right

    def _set(self, prediction: Any, right: Odds) -> tuple[Sequence[Any] | None, int, bytes]:
        """The set, most probable first; its threshold; and the levels of all classes."""
        if self.sets is None:
            return None, 0, b""
        if isinstance(prediction, bool):
            return self._set_of_two(prediction, right)
        top = str(prediction)
        levels, inside, threshold = bytearray(len(self.classes)), [(2.0, top)], self.sets.threshold
        for name, p in right.items():
            place = self.classes.setdefault(name, len(self.classes))
            if place == len(levels):
                levels.append(0)
            levels[place] = level = level_of(p)
            if name == top:
                continue
            self.sets.saw(level, p)
            if level >= threshold:
                inside.append((p, name))
        self.sets.fresh_events += 1
        inside.sort(key=itemgetter(0), reverse=True)
        self.tally.regions += 1
        self.tally.size += len(inside)
        return [name for _, name in inside], threshold, bytes(levels)

    def _set_of_two(self, prediction: bool, right: Odds) -> tuple[Sequence[Any], int, bytes]:
        """The same of true and false, without going over them."""
        assert self.sets is not None
        sets, tally, no, yes = self.sets, self.tally, right["false"], right["true"]
        levels = level_of(no), level_of(yes)
        other = levels[not prediction]
        sets.fresh_mass[other] += no if prediction else yes
        sets.fresh_events += 1
        tally.regions += 1
        if other < sets.threshold:
            tally.size += 1
            return (prediction,), sets.threshold, bytes(levels)
        tally.size += 2
        return (prediction, not prediction), sets.threshold, bytes(levels)

    def learn(self, settled: Settlements) -> list[bool | None]:
        """Take labels that came; return whether each lay in its set, None where there was none."""
        inside: list[bool | None] = []
        for prediction, note, before, label in zip(
            settled.predictions, settled.notes, settled.before, settled.labels, strict=True
        ):
            if note is None:
                inside.append(None)
                continue
            raw, right, threshold = NOTE.unpack_from(note)
            true = label if isinstance(label, bool) else prediction == label
            self.block.append((raw, true))
            if before is None:
                self.losses.met(raw, right, true)
            inside.append(self._inside(prediction, note, threshold, before, label))
        return inside

    def _inside(self, prediction: Any, note: bytes, threshold: int, before: Any, label: Any) -> bool | None:
        if self.sets is None:
            return None
        level = self._level(prediction, note, label)
        self.truths.append(level)
        was = None if before is None else self._level(prediction, note, before) >= threshold
        self.tally.met(level >= threshold, was, self.window)
        return level >= threshold

    def _level(self, prediction: Any, note: bytes, label: Any) -> int:
        """The level that a label had: LEVELS where it was predicted, -1 where it was not known yet."""
        if label == prediction:
            return LEVELS
        place = NOTE.size + (label if isinstance(label, bool) else self.classes.get(str(label), len(note)))
        return note[place] if place < len(note) else -1

    def turn(self) -> None:
        """Learn from what came since the last turn."""
        self.calibrator.learn(self.block)
        if self.sets is not None:
            self.sets.learn(self.truths)
        self.block, self.truths = [], []

    def report(self) -> dict[str, float | int | None]:
        found = self.losses.report()
        return found if self.coverage is None else {**self.tally.report(self.coverage), **found}

    def state(self) -> list[Any]:
        sets = None if self.sets is None else self.sets.state()
        tallies = [asdict(self.tally), asdict(self.losses)]
        return [self.calibrator.state(), sets, self.classes, self.block, self.truths, tallies]

    def restore(self, state: list[Any]) -> None:
        calibrator, sets, self.classes, self.block, self.truths, tallies = state
        self.calibrator.restore(calibrator)
        if self.sets is not None:
            self.sets.restore(sets)
        self.tally, self.losses = Coverage(**tallies[0]), Losses(**tallies[1])
