"""All alerts of a shard, and what happens to them.

Whatever brings something about ends with `told`, at its own record: so the records are the same however the
stream is cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from engine.alerts.bound import MINUTE_MS, Outbox
from engine.alerts.life import NOBODY, By, Life
from engine.alerts.record import Alert, Care, Transition, iso
from engine.alerts.sight import Rule, Sight, Told
from engine.alerts.silences import Silences
from engine.control import Acknowledge, Order, Resolve, Silence, Unsilence
from engine.reasons import Reason, Unfit
from engine.specparts import Limits

Row = tuple[bytes, bytes | None]  # of the topic: key and value

NOT_FOUND = "it was not found again"
NO_CONDITION = "the spec has no such condition any more"


class Lives:
    """The alerts of a shard.

    Parameters
    ----------
    rules
        The conditions.
    limits
        The spec's.
    """

    def __init__(self, rules: Sequence[Rule], limits: Limits) -> None:
        self.rules = {rule.name: rule for rule in rules}
        self.most = limits.alerts_max
        self.inhibitors: dict[str, list[str]] = {}  # of a condition those that inhibit it
        for rule in rules:
            for name in rule.inhibits:
                self.inhibitors.setdefault(name, []).append(rule.name)
        self.all: dict[str, Life] = {}
        self.firing = Counter[str]()  # open alerts by name
        self.silences = Silences(limits.silences_max)
        self.outbox = Outbox(limits.alerts_per_minute_max)
        self.ended: dict[str, None] = {}  # those that lie resolved on the topic, the oldest first
        self.turned_away: dict[str, int] = {}  # by name: there was no room for them
        self.counts = Counter[tuple[str, str, str]]()  # records by name, severity and transition
        self.aged = 0  # when it was looked for those that are over

    # -- what brings something about -------------------------------------------------------------------

    def found(self, sight: Sight, now: int, again: bool = False) -> None:
        """Something happened, as a drift does; with `again` more is known of it."""
        life = self.all.get(sight.fingerprint)
        if life is None:
            if not again and (life := self._begin(sight, now)) is not None:
                self._fire(life, sight, now)
            return
        if not again:
            life.holds(now)
        self._tell_of(life, sight.told())
        self._change(life, "updated", now)

    def look(self, sights: Sequence[Sight], now: int) -> None:
        """How all conditions stand."""
        for sight in sights:
            life = self.all.get(sight.fingerprint)
            if sight.holds:
                self._holding(life, sight, now)
            elif life is not None:
                self._not_holding(life, sight, now)
        if not 0 <= now - self.aged < MINUTE_MS:
            self._age(now)

    def _holding(self, life: Life | None, sight: Sight, now: int) -> None:
        if life is None and (life := self._begin(sight, now)) is None:
            return
        life.holds(now)
        if life.stage == "pending":
            if now - life.since >= sight.rule.wait_ms:
                self._fire(life, sight, now, sight.value)
        elif life.stage == "open" and life.is_news(sight.value, sight.bound, now):
            life.value = sight.value
            life.told_again(now)
            self._tell_of(life, sight.told())
            self._change(life, "updated", now)

    def _not_holding(self, life: Life, sight: Sight, now: int) -> None:
        if life.stage == "pending":
            del self.all[sight.fingerprint]
        elif not sight.clear:
            life.holds(now)
        elif life.is_quiet(now, sight.rule.wait_ms):
            if life.stage == "open":
                self._tell_of(life, sight.told())
            self.end(life, now)

    def _age(self, now: int) -> None:
        """What was not found for long is over, as is what is no longer asked for."""
        self.aged = now
        for life in [*self.all.values()]:
            life.seen = min(life.seen, now)
            rule = self.rules.get(life.name)
            if rule is None or rule.severity != life.alert.labels["severity"]:
                self.end(life, now, By("", NO_CONDITION))
            elif now - life.seen >= rule.lasts_ms:
                self.end(life, now, By("", NOT_FOUND))

    def obey(self, order: Order, now: int) -> None:
        """Do what an order says; Unfit if it can't be done."""
        by = By(order.by, order.why)
        if isinstance(order, Acknowledge):
            life = self._open(order.alert)
            life.alert.acknowledged, life.alert.status = Care(order.by, order.why), "acknowledged"
            self._change(life, "acknowledged", now, by, by_order=True)
        elif isinstance(order, Resolve):
            life = self._open(order.alert)
            stays = life.value is not None and life.quiet is None  # a measure that still holds
            self.end(life, now, by, by_order=True)
            if stays:
                alert = msgspec.structs.replace(life.alert, evidence=None)
                self.all[order.alert] = msgspec.structs.replace(
                    life, alert=alert, stage="closed", shown=False
                )
        elif isinstance(order, Silence):
            self.silences.put(order, now)
            self._mute_all(now, by_order=True)
        elif isinstance(order, Unsilence):
            self.silences.end(order.id, now)
            self._mute_all(now, by, by_order=True)

    def forgotten(self, is_meant: Callable[[Mapping[str, str]], bool], now: int, by: By) -> None:
        """Alerts that are over because a person says that what they tell of is normal now."""
        for life in [life for life in self.all.values() if is_meant(life.alert.labels)]:
            self.end(life, now, by, by_order=True)

    def _open(self, key: str) -> Life:
        life = self.all.get(key)
        if life is None or life.stage != "open":
            raise Unfit(
                Reason.UNKNOWN_CONTROL,
                f'no alert "{key}" fires in this partition; `driftline alerts list` lists them',
            )
        return life

    # -- what becomes of one ---------------------------------------------------------------------------

    def _begin(self, sight: Sight, now: int) -> Life | None:
        if len(self.all) >= self.most:
            self.turned_away[sight.rule.name] = self.turned_away.get(sight.rule.name, 0) + 1
            return None
        return self.begin(sight.labels, sight.fingerprint, now)

    def begin(self, labels: dict[str, str], key: str, now: int) -> Life:
        """An alert of which nobody knows yet."""
        alert = Alert(
            status="firing",
            labels=dict(labels),
            annotations={},
            starts_at=iso(now),
            fingerprint=key,
            time=now,
            source="worker" if labels.get("source") == "worker" else "engine",
        )
        life = self.all[key] = Life(alert, "pending", since=now, seen=now)
        return life

    def _fire(self, life: Life, sight: Sight, now: int, value: float | None = None) -> None:
        life.value = value
        self._tell_of(life, sight.told())
        self.fire(life, now)
        self._change(life, "fired", now)

    def fire(self, life: Life, now: int) -> None:
        """It is open from here on."""
        waiting = self.outbox.waiting.get(life.alert.fingerprint)
        if waiting is not None:  # its last end is not told yet
            life.shown = waiting.life.shown
        life.fire(now)
        self.firing[life.name] += 1
        self._mute(life)
        if self.firing[life.name] == 1:
            self._mute_those_under(life.name, now)

    def end(self, life: Life, now: int, by: By = NOBODY, by_order: bool = False) -> None:
        """It is over; what nobody knew of is gone."""
        del self.all[life.alert.fingerprint]
        if life.stage != "open":
            return
        self.firing[life.name] -= 1
        self._change(life, "resolved", now, by, by_order)
        if self.firing[life.name] == 0:
            self._mute_those_under(life.name, now)

    def _change(
        self, life: Life, transition: Transition, now: int, by: By = NOBODY, by_order: bool = False
    ) -> None:
        life.change(transition, now, by)
        self.outbox.put(life, by_order)

    def _tell_of(self, life: Life, told: Told) -> None:
        alert = life.alert
        alert.annotations, alert.evidence, alert.traceparent = told

    # -- who is told of nothing ------------------------------------------------------------------------

    def _mute(self, life: Life) -> tuple[Transition, By] | None:
        """Find out whether anybody is to be told of it, and what of that has changed."""
        silence = self.silences.over(life.alert.labels)
        inhibitors = (name for name in self.inhibitors.get(life.name, ()) if self.firing[name] > 0)
        inhibitor, before = next(inhibitors, None), life.alert.muted
        if silence is not None:
            change: tuple[Transition, By] = ("silenced", By(silence.by, silence.why))
            life.alert.muted = f"silence:{silence.id}"
        elif inhibitor is not None:
            change = ("inhibited", NOBODY)
            life.alert.muted = f"inhibited:{inhibitor}"
        else:
            change = ("unsilenced" if before.startswith("silence:") else "uninhibited", NOBODY)
            life.alert.muted = ""
        return None if life.alert.muted == before else change

    def _mute_all(self, now: int, by: By = NOBODY, by_order: bool = False) -> None:
        self._mute_each([*self.all.values()], now, by, by_order)

    def _mute_those_under(self, name: str, now: int) -> None:
        """A condition began to fire, or no longer does, on which it hangs whether others are told."""
        rule = self.rules.get(name)
        if rule is not None and rule.inhibits:
            self._mute_each([life for life in self.all.values() if life.name in rule.inhibits], now)

    def _mute_each(self, lives: Sequence[Life], now: int, by: By = NOBODY, by_order: bool = False) -> None:
        for life in lives:
            if life.stage == "open" and (change := self._mute(life)) is not None:
                transition, who = change
                self._change(life, transition, now, by if who == NOBODY else who, by_order)

    # -- what is told ----------------------------------------------------------------------------------

    @property
    def held_total(self) -> int:
        """How much was ever held back."""
        return self.outbox.held_total

    def told(self, now: int) -> list[Row]:
        """The records of what has come about, as far as there is room for them."""
        if self.silences.pass_by(now):
            self._mute_all(now)
        rows = [self.written(life, held) for life, held in self.outbox.flush(now)]
        over = [*self.ended][: max(0, len(self.ended) - self.most)]
        for key in over:
            del self.ended[key]
        return rows + [(key.encode(), None) for key in over]

    def written(self, life: Life, held: int) -> Row:
        """An alert as a record; of those that are over it is known how many lie on the topic."""
        alert = life.record(held)
        self.counts[life.name, alert.labels["severity"], alert.transition] += 1
        self.ended.pop(alert.fingerprint, None)
        if alert.status == "resolved":
            self.ended[alert.fingerprint] = None
        return alert.key, alert.json()

    # -- its state -------------------------------------------------------------------------------------

    def state(self) -> Mapping[str, Any]:
        return {
            "all": [msgspec.to_builtins(life) for life in self.all.values()],
            "silences": self.silences.state(),
            "outbox": self.outbox.state(),
            "ended": list(self.ended),
            "turned_away": dict(self.turned_away),
            "counts": [[*key, count] for key, count in self.counts.items()],
            "aged": self.aged,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        lives = [msgspec.convert(each, Life) for each in state["all"]]
        self.all = {life.alert.fingerprint: life for life in lives}
        self.firing = Counter(life.name for life in lives if life.stage == "open")
        self.silences.restore(state["silences"])
        self.outbox.restore(state["outbox"], self.all)
        self.ended = dict.fromkeys(state["ended"])
        self.counts = Counter({(name, severity, what): n for name, severity, what, n in state["counts"]})
        self.turned_away, self.aged = dict(state["turned_away"]), state["aged"]
