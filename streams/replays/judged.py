"""Everything that a replay can tell of its predictions, as plain data: for programs, and for plots."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.metrics.confusion import Confusion
from engine.metrics.summary import DAY, HOUR, LIFE, Told
from engine.shard import Shard

POINTS_MAX = 300


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stood when so many events had come."""

    events: int
    time: int  # of the newest record
    metrics: Told


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions by score: their mean score, the share that came true, how many outcomes."""

    score: float
    share: float
    outcomes: int


@dataclass(frozen=True, slots=True)
class Judged:
    """How good the predictions were."""

    kind: str  # binary, multiclass, regression or anomaly
    windows: dict[str, Told]  # `life`, and each that the spec asks for
    over_time: list[Moment]  # over the first of its windows
    segments: dict[str, Told]
    hours: dict[str, Told]
    days: dict[str, Told]
    calibration: list[Bin]
    roc: list[tuple[float, float]]
    confusion: Confusion | None
    classes: dict[str, int]  # how often each was predicted
    scores: list[tuple[float, float, int]]  # from, to, how many
    rows: int
    features: dict[str, dict[str, int]]  # values that were missing, new, or refused with their event


@dataclass
class Trend:
    """Moments at even distances: when there are too many, every second one goes."""

    window: str
    step: int = 50
    seen: int = 0
    moments: list[Moment] = field(default_factory=list)

    def see(self, shard: Shard, time: int) -> None:
        """Note how things stand, if it is time to."""
        if shard.events < self.seen + self.step:
            return
        told = shard.quality.told(self.window)
        if not told["labelled"]:
            return
        self.seen = shard.events
        self.moments.append(Moment(shard.events, time, told))
        if len(self.moments) > POINTS_MAX:
            self.moments, self.step = self.moments[1::2], 2 * self.step


def judged(shard: Shard, moments: list[Moment], timed: bool) -> Judged:
    """What there is to tell of a shard; hours only where events have a time of their own."""
    summary, traffic = shard.quality.summary(), shard.traffic
    life = {name: summary.told(LIFE, name) for name in summary.segments()}
    there = {name: told for name, told in life.items() if told["labelled"]}
    fields = shard.quality.wanted.segments
    spread, inputs = traffic.spread, traffic.inputs
    return Judged(
        kind=shard.quality.kind.value,
        windows={window: summary.told(window) for window in summary.windows()},
        over_time=moments,
        segments={name: told for name, told in there.items() if name.partition("=")[0] in fields},
        hours=_under(HOUR, there) if timed else {},
        days=_under(DAY, there) if timed else {},
        calibration=[Bin(score, share, int(n)) for score, share, n in summary.calibration()],
        roc=summary.roc(),
        confusion=shard.quality.confusion(),
        classes={} if spread is None else spread.classes,
        scores=[] if spread is None else spread.histogram(),
        rows=0 if inputs is None else inputs.rows,
        features={} if inputs is None else inputs.report(),
    )


def _under(field: str, told: dict[str, Told]) -> dict[str, Told]:
    return {name.partition("=")[2]: each for name, each in told.items() if name.partition("=")[0] == field}
