"""The command's frame: what is there, what it costs, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.cli import COMMANDS
from tests.streams.cli import Cli, start

HEAVY = ("faust", "river", "kafka", "aiokafka", "pandas", "numpy", "rich.progress")


def test_help_lists_every_command(cli: Cli) -> None:
    """With a line about each."""
    shown = cli("--help").out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(cli: Cli, name: str) -> None:
    """The table names something that exists, and it explains itself."""
    ended = cli(name, "--help")
    assert (ended.code, "Usage" in ended.out) == (0, True)


def test_help_costs_little() -> None:
    """Nothing heavy is imported before it is used."""
    program = f"""
import sys
from typer.testing import CliRunner
from streams.cli import app
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
assert CliRunner().invoke(app, ["check", "--schema"]).exit_code == 0
print([name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_typing_error_is_met_with_a_proposal(cli: Cli) -> None:
    """As a usage error."""
    ended = cli("chekc")
    assert (ended.code, "check" in ended.err) == (2, True)


def test_the_version_is_told(cli: Cli) -> None:
    """On stdout."""
    assert cli("--version").out.startswith("driftline ")


def test_a_wrong_spec_ends_with_2(cli: Cli) -> None:
    """What is wrong goes to stderr, with no traceback."""
    ended = cli("topics", "list", "--set", "http.prot=1")
    assert ended == (2, "", 'options: http.prot: unknown key; did you mean "port"?\n')


def test_a_setting_without_a_value_ends_with_2(cli: Cli) -> None:
    """And with an example."""
    ended = cli("check", "--set", "http.port")
    assert (ended.code, "--set key=value" in ended.err) == (2, True)


def test_a_log_that_is_away_ends_with_1(cli: Cli) -> None:
    """In one sentence."""
    ended = cli("topics", "list", "--transport", "kafka://127.0.0.1:1")
    assert (ended.code, ended.err.startswith("error: "), ended.err.count("\n")) == (1, True, 1)


def test_the_spec_can_be_named_by_the_environment(cli: Cli, tmp_path: Path) -> None:
    """As with --spec."""
    (tmp_path / "driftline.yaml").rename(tmp_path / "other.yaml")
    assert cli("check").code == 2
    assert cli("check", env={"DRIFTLINE_SPEC": "other.yaml"}).code == 0


def test_ctrl_c_ends_with_130(cli: Cli, tmp_path: Path) -> None:
    """Without a traceback."""
    cli.write("events.csv", "id,card\ne1,c1\n")
    cli("produce", "events.csv")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start("tail", "events", "--follow", folder=tmp_path, **pipes) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 130


def test_a_reader_who_has_enough_is_no_error(cli: Cli, tmp_path: Path) -> None:
    """`driftline tail | head` ends silently."""
    cli.write("events.csv", "id,card\n" + "e1,c1\n" * 3000)
    cli("produce", "events.csv")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start("tail", "events", "--from-start", folder=tmp_path, **pipes) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
