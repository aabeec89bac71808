"""Alerts that a state knows nothing of are ended, once, by an order."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.alerts.record import Alert, read
from tests.streams.keepers import Stage

MISSING: dict[str, Any] = {"alerts": [{"when": "missing of age > 50%", "over": 50, "at_least": 50}]}
OTHER_MODEL = {"model": {"use": "tests.streams.keepers:Chain", "with": {"start": 0.25}}}


def told(stage: Stage) -> list[Alert]:
    """The newest record of each alert."""
    newest = {key: value for key, value, _ in stage.lane("alerts")}
    return [read(value) for value in newest.values() if value is not None]


async def fired() -> Stage:
    """A stage on whose topic an alert fires; no snapshot has it."""
    stage = Stage(**MISSING)
    stage.events(0, 200)
    keeper = await stage.settle(await stage.keeper().opened())
    await keeper.park(save=False)
    assert [(alert.status, alert.labels["feature"]) for alert in told(stage)] == [("firing", "age")]
    return stage


async def opened(stage: Stage, fresh: bool = False) -> Stage:
    """The shard is opened, and takes the orders that this brings about."""
    keeper = await stage.keeper(fresh=fresh).opened()
    await asyncio.gather(*[task for task in keeper.tasks if "tidy" in repr(task)])
    await stage.settle(keeper)
    await keeper.park(save=False)
    return stage


def test_with_its_condition() -> None:
    """Where the spec has no such condition any more, and nothing is known of what fired under it."""

    async def story() -> None:
        stage = await opened(Stage((await fired()).log, alerts=[]))
        (alert,) = told(stage)
        assert (alert.status, alert.by, alert.transition) == ("resolved", "driftline", "resolved")
        assert "alerts changed" in alert.why
        await opened(stage)
        assert len(stage.lane("control")) == 1

    asyncio.run(story())


def test_with_its_state() -> None:
    """After --fresh, too; what holds still fires anew."""

    async def story() -> None:
        before = await fired()
        stage = await opened(Stage(before.log, **MISSING, **OTHER_MODEL), fresh=True)
        (alert,) = told(stage)
        assert (alert.status, alert.by) == ("resolved", "driftline")
        stage.events(200, 400)
        await opened(stage)
        (again,) = told(stage)
        assert (again.status, again.fingerprint) == ("firing", alert.fingerprint)
        assert again.starts_at > alert.starts_at

    asyncio.run(story())


def test_what_is_known_goes_on() -> None:
    """A shard that is opened again under the same spec gives no order."""

    async def story() -> None:
        stage = await opened(await fired())
        assert [alert.status for alert in told(stage)] == ["firing"]
        assert stage.lane("control") == []

    asyncio.run(story())
