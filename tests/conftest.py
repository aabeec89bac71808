"""Fixtures that start the real parts a test talks to. `tests/parts` has them for scripts, too."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.parts import kafka as kafka_parts
from tests.parts import redis as redis_parts

# The same examples in every run, however slow the machine is; `--hypothesis-profile default` takes others.
settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


def need(reason: str | None) -> None:
    """Skip the test if a part can't be started here; where CI runs, that is a failure."""
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_parts.Broker]:
    """A real Apache Kafka for all tests; those that break things take `breakable_kafka`."""
    need(kafka_parts.missing())
    with kafka_parts.Broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def second_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_parts.Broker]:
    """Another Apache Kafka, not to be used directly: a test may have left it broken."""
    need(kafka_parts.missing())
    if os.environ.get("DRIFTLINE_KAFKA"):
        pytest.skip("DRIFTLINE_KAFKA names a broker that tests must not break")
    with kafka_parts.Broker(tmp_path_factory.mktemp("breakable-kafka")) as broker:
        yield broker


@pytest.fixture
def breakable_kafka(second_kafka: kafka_parts.Broker) -> kafka_parts.Broker:
    """A real Apache Kafka that a test may stop, kill and freeze, and need not mend."""
    second_kafka.start()
    return second_kafka


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis_parts.Redis]:
    """A real Redis."""
    need(redis_parts.missing())
    with redis_parts.Redis(tmp_path_factory.mktemp("redis")) as server:
        yield server
