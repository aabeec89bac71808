"""Planting changes into rows, one after the other, the same at every run."""

from __future__ import annotations

from random import Random
from typing import Any

from engine.drift.inject.plan import Change, Planted, Span
from engine.drift.inject.values import NUMBERS, Cell, Known, another, as_number, within
from engine.errors import SpecError
from engine.spec import Spec
from engine.specparts import Kind


class Barren(SpecError):
    """The rows before a change don't say what it would be."""


class Planter:
    """Plants the changes into rows, which come in order.

    Parameters
    ----------
    planted
        The changes, checked against the spec.
    spec
        The pipeline's.
    label
        What a label is: boolean, category or number.
    """

    def __init__(self, planted: Planted, spec: Spec, label: str | None) -> None:
        self.planted, self.spec, self.numeric = planted, spec, label == "number"
        fields = spec.events.fields
        names = dict.fromkeys(name for change in planted.changes for name in change.fields)
        self.cells = {
            name: Cell(name, tuple((fields[name].path or name).split(".")), fields[name], Known())
            for name in names
        }
        path = spec.labels.in_event
        self.label = None if path is None else Cell("label", tuple(path.split(".")), None, Known())
        self.loose = Cell("label", tuple(spec.labels.value.split(".")), None, Known())
        self.rngs = [Random(f"{planted.seed}/{i}") for i in range(len(planted.changes))]
        self.spans: list[Span] = []

    @property
    def first(self) -> int:
        """The first row that is changed."""
        return min(span.start for span in self.spans)

    @property
    def flips(self) -> bool:
        return any(change.change == "label_flip" for change in self.planted.changes)

    def see(self, data: Any) -> None:
        """A row before the first change."""
        for cell in (*self.cells.values(), *((self.label,) if self.label else ())):
            cell.known.see(cell.read(data))

    def see_label(self, data: Any) -> None:
        """A row of a file of labels, whose event came before the first change."""
        self.loose.known.see(self.loose.read(data))

    def check(self) -> None:
        """Whether the rows before said enough.

        Raises
        ------
        Barren
            If a change could be none.
        """
        for i, change in enumerate(self.planted.changes):
            for cell in (self.cells[name] for name in change.fields):
                if text := _barren(change, cell):
                    raise Barren(
                        f"changes[{i}]: {cell.name} {text} before row {self.first:,}; begin it later"
                    )

    def change(self, row: int, data: dict[str, Any]) -> bool:
        """Change an event; whether there was anything to do to it."""
        touched = False
        for change, span, rng in zip(self.planted.changes, self.spans, self.rngs, strict=True):
            weight = span.weight(row)
            if weight > 0:
                self._change(change, weight, rng, data)
                touched = True
        return touched

    def change_label(self, row: int | None, data: dict[str, Any]) -> bool:
        """Change a label of a file of labels, by the row of its event."""
        touched = False
        for change, span, rng in zip(self.planted.changes, self.spans, self.rngs, strict=True):
            weight = span.weight(row) if row is not None and change.change == "label_flip" else 0.0
            if weight > 0:
                self._flip(self.loose, data, rng, change.power * weight)
                touched = True
        return touched

    def _change(self, change: Change, weight: float, rng: Random, data: dict[str, Any]) -> None:
        cells, share = [self.cells[name] for name in change.fields], change.power * weight
        if change.change in NUMBERS:
            for cell in cells:
                _renumber(cell, change, weight, rng, data)
        elif change.change == "swap":
            if rng.random() < share:
                one, other = (cell.read(data) for cell in cells)
                cells[0].write(data, other)
                cells[1].write(data, one)
        elif change.change == "label_flip":
            if self.label is not None:
                self._flip(self.label, data, rng, share)
        else:
            for cell in cells:
                if rng.random() < share:
                    cell.write(data, _replaced(cell, change, rng, data))

    def _flip(self, cell: Cell, data: dict[str, Any], rng: Random, share: float) -> None:
        value = cell.read(data)
        if value is not None and rng.random() < share:
            cell.write(data, self._turned(value, cell.known, rng))

    def _turned(self, value: Any, known: Known, rng: Random) -> Any:
        """True and false, a class into another one, a number to the other side of the mean."""
        positive, number = self.spec.labels.positive, as_number(value)
        if positive is not None:
            return positive if value != positive else another(positive, list(known.values), rng)
        if isinstance(value, bool):
            return not value
        if number is not None:
            return 2 * known.mean - number if self.numeric else 1 - number
        return another(value, known.words, rng)


def _renumber(cell: Cell, change: Change, weight: float, rng: Random, data: dict[str, Any]) -> None:
    number = as_number(cell.read(data))
    if number is not None and cell.field is not None:
        new = NUMBERS[change.change](number, cell.known, change, weight, rng)
        cell.write(data, within(new, cell.field))


def _replaced(cell: Cell, change: Change, rng: Random, data: dict[str, Any]) -> Any:
    """Another category; None where it is to be missing, or is already."""
    value = cell.read(data)
    if value is None or change.change == "missing":
        return None
    if isinstance(value, bool):
        return not value
    return another(value, cell.known.words, rng) if change.to is None else change.to


def _barren(change: Change, cell: Cell) -> str:
    known = cell.known
    if change.change in NUMBERS and known.spread <= 0:
        return "has no spread" if known.count > 1 else "has no values"
    boolean = cell.field is not None and cell.field.type is Kind.BOOLEAN
    if change.change == "categories" and change.to is None and not boolean and len(known.words) < 2:
        return "has less than two categories"
    return ""
