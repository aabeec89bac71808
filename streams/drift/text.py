"""A drift record for a terminal: what moved, since when, how far, and what carries it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.drift.evidence.record import Category, Change, Drift, Group, Histogram, Place
from streams.records import printable, when

COLUMNS = ["place", "id", "found", "signal", "detector", "change", "since", "effect"]
BAR = 24  # characters of the longest bar
BLOCKS = " ▏▎▍▌▋▊▉█"
INDENT, NAME_WIDTH, SIGNAL_WIDTH = 14, 28, 60
CATEGORIES, GROUPS = 12, 10  # lines
FIGURES = {"mean": "mean", "share": "mean", "missing": "mean", "spread": "sd"}  # that tell of a change
TOP = 3  # signals that are named in short


def headline(drift: Drift) -> str:
    """One line.

    It goes where there is room for one: a list, the demo, a log.
    """
    moved = f" {drift.direction}" if drift.direction not in ("", "neither") else ""
    since = "at or before" if drift.start.bounded else "since"
    return (
        f"{_signal(drift.signal)}: {drift.change or 'changed'}{moved} {since} event {drift.start.offset:,}, "
        f"found at event {drift.detected.offset:,} by {drift.detector}"
    )


def row(place: str, drift: Drift) -> list[str]:
    """A line of a table, under `COLUMNS`."""
    change = f"{drift.change} {drift.direction}".strip()
    since = f"{'<= ' if drift.start.bounded else ''}{drift.start.offset:,}"
    found = f"event {drift.detected.offset:,}, {when(drift.detected.time)}"
    effect = "" if drift.effect_size is None else f"{drift.effect_size:.2f} {drift.effect}"
    return [place, drift.fingerprint, found, _signal(drift.signal), drift.detector, change, since, effect]


def brief(drift: Drift) -> Iterator[str]:
    """Three lines or so, where there is no room for all of it."""
    yield headline(drift)
    if drift.changes:
        yield ", ".join(f"{each.kind} {_moved(drift, each)}" for each in drift.changes)
    if (bins := drift.histogram) is not None:
        most = max([*bins.reference, *bins.current])
        yield f"before {spark(bins.reference, most)}  since {spark(bins.current, most)}"
    if drift.top_features:
        top = (f"{_signal(each.signal)} {each.share:.0%}" for each in drift.top_features[:TOP])
        yield f"share of the change: {', '.join(top)}"
    if drift.cause:
        yield f"what drifted: {drift.cause}"


def spark(shares: Sequence[float], most: float) -> str:
    """A histogram on one line.

    >>> spark([0.0, 0.2, 0.4], 0.4)
    ' ▄█'
    """
    steps = " ▁▂▃▄▅▆▇█"
    return "".join(steps[round(share / most * 8)] if most else " " for share in shares)


def described(drift: Drift) -> Iterator[str]:
    """All of it, line by line."""
    yield headline(drift)
    for name, told in _facts(drift):
        yield f"  {name.ljust(INDENT)}{told}"
    if drift.histogram is not None:
        yield from _table("values", "before", "since", list(_bins(drift.histogram)))
    if drift.categories:
        yield from _table("category", "before", "since", list(_shares(drift.categories[:CATEGORIES])))
    yield from _bars(
        "share of the change",
        [(_signal(each.signal), each.share) for each in drift.top_features],
    )
    yield from _groups(drift.groups[:GROUPS])


def _facts(drift: Drift) -> Iterator[tuple[str, str]]:
    yield "id", f"{drift.fingerprint}, partition {drift.partition}, model {drift.model} {drift.version}"
    yield (
        "found",
        f"{_place(drift.detected)}, statistic {_number(drift.statistic)} of {_number(drift.threshold)}",
    )
    start = drift.start
    bound = " or before" if start.bounded else ""
    yield (
        "since",
        f"event {start.offset:,}{bound}, {when(start.time)}, {start.records:,} records before it was found",
    )
    if drift.shows is not None:
        yield "shows", _place(drift.shows)
    for each in drift.changes:
        yield each.kind, _moved(drift, each)
    if drift.effect_size is not None:
        p = "" if drift.p_value is None else f", p {_number(drift.p_value)}"
        yield "effect size", f"{_number(drift.effect_size)} ({drift.effect}){p}"
    now, then = drift.current, drift.reference
    yield "compared", f"{now.n:,} values since then with {then.n:,} ({then.window})"
    if drift.cause:
        yield "what drifted", drift.cause
    if drift.suspected_cause:
        yield "suspected", printable(drift.suspected_cause, 300)
    for warning in drift.warnings:
        yield "warning", warning
    if drift.dropped:
        yield "dropped", f"{drift.dropped:,} drifts before this one were too many to be told"


def _place(place: Place) -> str:
    return f"event {place.offset:,}, {when(place.time)}"


def _moved(drift: Drift, each: Change) -> str:
    """How far: of a shape there are no two figures."""
    effect, name = f"effect {_number(each.effect)}", FIGURES.get(each.kind, "")
    before, now = each.before, each.now
    if before is None and now is None:
        before, now = drift.reference.figures.get(name), drift.current.figures.get(name)
    if before is None and now is None:
        return effect
    return f"{_number(before)} -> {_number(now)}, {effect}"


def _signal(name: str) -> str:
    """Values of segments are in it, which may be anything."""
    return printable(name, SIGNAL_WIDTH)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


# -- bars ----------------------------------------------------------------------------------------------


def bar(share: float, most: float, width: int = BAR) -> str:
    """A bar as long as its share of the longest, in eighths of a character.

    >>> bar(1, 1, 4), bar(0.5, 1, 3), bar(0, 1)
    ('████', '█▌', '')
    """
    eighths = round(share / most * width * 8) if most > 0 else 0
    whole, part = divmod(max(0, eighths), 8)
    return ("█" * whole + BLOCKS[part]).rstrip()


Line = tuple[str, float, float]


def _bins(histogram: Histogram) -> Iterator[Line]:
    edges, last = histogram.edges, len(histogram.reference) - 1
    for at, (before, now) in enumerate(zip(histogram.reference, histogram.current, strict=True)):
        low, high = _number(edges[at]), _number(edges[at + 1])
        name = f"below {high}" if at == 0 else f"from {low}" if at == last else f"{low} to {high}"
        yield name, before, now


def _shares(categories: Sequence[Category]) -> Iterator[Line]:
    for each in categories:
        name = printable(each.category, NAME_WIDTH - 4)
        yield f"{name} new" if each.new else name, each.before, each.now


def _table(name: str, before: str, now: str, lines: Sequence[Line]) -> Iterator[str]:
    """Two bars a line, on one scale."""
    most = max(max(then, since) for _, then, since in lines)
    width = max(len(name), *(len(each) for each, _, _ in lines))
    yield ""
    yield f"  {name.ljust(width)}  {before.ljust(BAR + 7)}{now}"
    for each, then, since in lines:
        left = f"{then:5.1%} {bar(then, most)}".ljust(BAR + 7)
        yield f"  {each.ljust(width)}  {left}{since:5.1%} {bar(since, most)}".rstrip()


def _bars(title: str, lines: Sequence[tuple[str, float]]) -> Iterator[str]:
    if not lines:
        return
    most = max(share for _, share in lines)
    width = max(map(len, [title, *(name for name, _ in lines)]))
    yield ""
    yield f"  {title}"
    for name, share in lines:
        yield f"  {name.ljust(width)}  {share:5.1%} {bar(share, most)}".rstrip()


def _groups(groups: Sequence[Group]) -> Iterator[str]:
    if not groups:
        return
    named = [f"{each.by}={printable(each.value, NAME_WIDTH)}" for each in groups]
    width = max(map(len, named))
    yield ""
    yield "  where it comes from"
    for name, each in zip(named, groups, strict=True):
        counts = f"{each.before:,} records before, {each.since:,} since"
        first = f", first seen at event {each.first_offset:,}" if each.new else ""
        yield f"  {name.ljust(width)}  {each.share:5.1%} of the change, {counts}{first}"
