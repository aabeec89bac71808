"""What runs in containers: the files fit together, versions are pinned, nobody is root."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from engine.spec import Spec
from tests.parts.processes import ALONE

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

TEXTS = {"type": "array", "items": {"type": "string"}}
SHAPE = {
    "type": "object",
    "required": ["services", "secrets", "volumes"],
    "additionalProperties": False,
    "properties": {
        "services": {"additionalProperties": {"$ref": "#/$defs/service"}},
        "secrets": {
            "additionalProperties": {
                "type": "object",
                "required": ["file"],
                "additionalProperties": False,
                "properties": {"file": {"type": "string", "pattern": r"^\./deploy/secrets/\w+$"}},
            }
        },
        "volumes": {"additionalProperties": {"type": "null"}},
    },
    "$defs": {
        "service": {
            "type": "object",
            "required": ["restart"],
            "oneOf": [{"required": ["image"]}, {"required": ["build"]}],
            "additionalProperties": False,
            "properties": {
                "image": {"type": "string", "pattern": r"^[\w/-]+:v?\d+(\.\d+)+(-\w+)?$"},
                "build": {"type": "string"},
                "platform": {"type": "string"},
                "restart": {"enum": ["unless-stopped"]},
                "ports": {"type": "array", "items": {"pattern": r"^127\.0\.0\.1:\d+:\d+$"}},
                "environment": {"type": "object", "additionalProperties": {"type": "string"}},
                "command": TEXTS,
                "volumes": {
                    "type": "array",
                    "items": {"pattern": r"^(\./[\w./-]+:/[\w./-]+:ro|\w+:/[\w/-]+)$"},
                },
                "secrets": TEXTS,
                "tmpfs": TEXTS,
                "cap_drop": TEXTS,
                "security_opt": TEXTS,
                "read_only": {"type": "boolean"},
                "stop_grace_period": {"type": "string", "pattern": r"^\d+s$"},
                "depends_on": {"type": ["array", "object"]},
                "healthcheck": {
                    "type": "object",
                    "required": ["test", "interval", "timeout", "retries"],
                    "additionalProperties": False,
                    "properties": {
                        "test": TEXTS,
                        "retries": {"type": "integer"},
                        "interval": {"type": "string"},
                        "timeout": {"type": "string"},
                        "start_period": {"type": "string"},
                    },
                },
            },
        }
    },
}


def steps(word: str) -> list[str]:
    """What follows a word of the Dockerfile, in every line that begins with it."""
    return [line.removeprefix(word).strip() for line in DOCKERFILE if line.startswith(word + " ")]


def mounts(service: str) -> dict[str, str]:
    """Where a service sees files of the repository: path inside -> path here."""
    pairs = [volume.split(":") for volume in SERVICES[service].get("volumes", ())]
    return {inside: here for here, inside, *_ in pairs if here.startswith(".")}


def pipeline() -> Spec:
    return Spec.model_validate(yaml.safe_load((ROOT / mounts("worker")["/app/driftline.yaml"]).read_text()))


def jobs() -> dict[str, dict[str, Any]]:
    """What Prometheus scrapes."""
    settings = yaml.safe_load((ROOT / mounts("prometheus")["/etc/prometheus/prometheus.yml"]).read_text())
    return {job["job_name"]: job for job in settings["scrape_configs"]}


def kafka() -> dict[str, str]:
    settings: dict[str, str] = SERVICES["kafka"]["environment"]
    return settings


def test_compose_file_has_the_shape() -> None:
    """Every service uses known keys; images name a version; ports stay on this machine."""
    jsonschema.validate(COMPOSE, SHAPE)


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="no docker-compose here")
def test_compose_reads_its_file() -> None:
    """Compose itself has nothing to say against the file."""
    command = ["docker-compose", "-f", str(ROOT / "docker-compose.yml"), "config", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_exists(name: str) -> None:
    """Mounted files are in the repository; volumes, secrets and other services are declared."""
    service = SERVICES[name]
    named = [v.split(":")[0] for v in service.get("volumes", ()) if not v.startswith(".")]
    assert [path for path in mounts(name).values() if not (ROOT / path).exists()] == []
    assert [
        path for path in mounts(name).values() if (ROOT / path).is_dir() and not any((ROOT / path).iterdir())
    ] == []
    assert set(named) <= set(COMPOSE["volumes"])
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    assert set(service.get("depends_on", ())) <= set(SERVICES)


def test_secrets_stay_out_of_the_repository_and_the_image() -> None:
    """Git ignores the secrets, and the image's build does not see their folder."""
    paths = [secret["file"] for secret in COMPOSE["secrets"].values()]
    ignored = subprocess.run(
        ["git", "check-ignore", *paths], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ignored.stdout.splitlines() == paths
    assert not any(entry.startswith("!deploy") for entry in (ROOT / ".dockerignore").read_text().splitlines())


def test_image_is_built_from_files_that_exist() -> None:
    """What the Dockerfile copies is there, and .dockerignore lets it in."""
    copied = [path for step in steps("COPY") if "--from" not in step for path in step.split()[:-1]]
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    packages = {"engine", "connectors", "streams"}
    assert packages <= set(copied)
    assert [path for path in copied if not (ROOT / path).exists() or f"!{path}" not in let_in] == []


def test_image_installs_only_what_is_locked() -> None:
    """Packages come with the hashes of the lock files; the project itself brings nothing along."""
    installs = re.findall(r"\b(?:install|wheel) (?!-d|-o)(.*?)(?=&&|$)", " && ".join(steps("RUN")))
    assert len(installs) == 4
    assert all("--require-hashes" in install or "--no-deps" in install for install in installs)


def test_image_is_pinned_and_not_root() -> None:
    """One minor version of Python, an ordinary user, and a fixed hash seed."""
    assert {step.split()[0] for step in steps("FROM")} == {"python:3.13-slim"}
    assert steps("USER") == ["10001:10001"]
    assert "PYTHONHASHSEED=0" in steps("ENV")[-1].split()
    assert (steps("ENTRYPOINT"), steps("CMD")) == (['["driftline"]'], ['["run"]'])


def test_worker_can_write_only_where_it_should() -> None:
    """The container's own files can't be changed, and no capability is left."""
    worker = SERVICES["worker"]
    assert (worker["read_only"], worker["cap_drop"]) == (True, ["ALL"])
    assert "user" not in worker
    assert steps("WORKDIR")[-1] == steps("VOLUME")[0] == "/data"


def test_pipeline_is_a_spec_that_fits_its_surroundings() -> None:
    """The worker finds the broker, has its secrets, and is healthy where the image looks."""
    spec = pipeline()
    secrets = {f"${{file:/run/secrets/{name}}}" for name in SERVICES["worker"]["secrets"]}
    assert {spec.http.token, spec.snapshots.key} == secrets
    assert spec.transport.removeprefix("kafka://") in kafka()["KAFKA_ADVERTISED_LISTENERS"]
    assert any(f":{spec.http.port}/healthz" in line for line in DOCKERFILE)
    assert (spec.http.host, steps("EXPOSE")) == ("0.0.0.0", [str(spec.http.port)])
    assert "DRIFTLINE_SPEC=/app/driftline.yaml" in steps("ENV")[-1].split()


def test_kafka_creates_no_topic_by_itself() -> None:
    """A mistyped topic is an error; and every listener has a protocol."""
    names = {listener.split(":")[0] for listener in kafka()["KAFKA_LISTENERS"].split(",")}
    assert kafka()["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert {
        pair.split(":")[0] for pair in kafka()["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    } == names
    assert pipeline().create_topics


def test_prometheus_scrapes_the_workers() -> None:
    """It asks every worker, on the worker's port, with the worker's token."""
    job = jobs()["driftline"]
    [target] = job["dns_sd_configs"]
    assert set(target["names"]) <= set(SERVICES)
    assert target["port"] == pipeline().http.port
    token = job["authorization"]["credentials_file"].removeprefix("/run/secrets/")
    assert token in SERVICES["prometheus"]["secrets"]
    assert pipeline().http.token == f"${{file:/run/secrets/{token}}}"
    if promtool := shutil.which("promtool"):
        subprocess.run(
            [promtool, "check", "config", "--syntax-only", ROOT / "deploy/prometheus.yml"], check=True
        )


def test_prometheus_scrapes_what_serves_and_notifies() -> None:
    """On the ports of the spec, with secrets that are there."""
    spec, found = pipeline(), jobs()
    for name, port in (("serve", spec.serve.port), ("notify", spec.notify.port)):
        assert found[name]["static_configs"] == [{"targets": [f"{name}:{port}"]}]
        assert str(port) in SERVICES[name]["healthcheck"]["test"][-1]
        token = found[name]["authorization"]["credentials_file"].removeprefix("/run/secrets/")
        assert token in SERVICES["prometheus"]["secrets"]
    assert spec.serve.tokens == "/run/secrets/" + SERVICES["serve"]["secrets"][-1]


def test_each_does_its_own() -> None:
    """The worker starts nothing beside itself, since that has services of its own."""
    commands = [SERVICES[name]["command"] for name in ("worker", "serve", "notify")]
    assert commands == [["run", *ALONE], ["serve"], ["notify"]]
    [receiver] = pipeline().notify.receivers.values()
    assert receiver.address == "http://alertmanager:9093"


def test_grafana_reads_prometheus() -> None:
    """The provisioned source is the Prometheus service."""
    path = mounts("grafana")["/etc/grafana/provisioning/datasources/prometheus.yml"]
    [source] = yaml.safe_load((ROOT / path).read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")


def test_grafana_shows_the_dashboards() -> None:
    """They are provisioned from where they are mounted."""
    path = mounts("grafana")["/etc/grafana/provisioning/dashboards/driftline.yml"]
    [provider] = yaml.safe_load((ROOT / path).read_text())["providers"]
    assert any((ROOT / mounts("grafana")[provider["options"]["path"]]).glob("*.json"))


def test_prometheus_reads_the_rules_and_tells_alertmanager() -> None:
    """The rules are where its settings look for them, and alerts go to the service's port."""
    settings = yaml.safe_load((ROOT / mounts("prometheus")["/etc/prometheus/prometheus.yml"]).read_text())
    [pattern] = settings["rule_files"]
    assert any((ROOT / mounts("prometheus")[str(Path(pattern).parent)]).glob("*.yml"))
    [target] = settings["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert SERVICES["alertmanager"]["ports"] == [f"127.0.0.1:9093:{target.removeprefix('alertmanager:')}"]
    assert "/etc/alertmanager/alertmanager.yml" in mounts("alertmanager")
