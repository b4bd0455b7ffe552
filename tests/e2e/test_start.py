"""What keeps the daemon from starting is said at once, in one place, with what to do; and it leaves everything as it was."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import pytest

from tests.e2e.running import Daemon, configure, hashes, mmsd, running

EXIT_CONFIG = 78
EXIT_RUNNING = 75

BROKEN = """\
[state]
directory = "state"

[feeds.mmsc1]
dialekt = "mbuni"
paths = "mmsc.log"

[feeds.wap1]
dialect = "kannel-wap"
paths = ["wapbox.log"]

[[feeds.wap1.samples]]
line = "2026-11-22 17:44:25 nonsense"
expect = { kind = "ATTEMPT" }

[judgement]
grace = "10 min"
"""

FAULTS = {  # line: key, and what shows that the remedy is there
    5: ("feeds.mmsc1.dialekt", "did you mean `dialect`?"),
    6: ("feeds.mmsc1.paths", "put it in brackets"),
    17: ("judgement.grace", "durations are seconds"),
}


def test_a_second_instance_changes_nothing(tmp_path: Path, logs: Path) -> None:
    config = configure(tmp_path, logs)
    with running(config) as first:
        first.agrees(logs)
        first.told(config)
        # Everything is read and nothing is written any more, so the state stands still but for what a second one would do to it.
        before = hashes(first.state)
        answer = mmsd("run", config)
        assert answer.returncode == EXIT_RUNNING
        assert f"state directory {first.state}" in answer.stderr
        assert "Traceback" not in answer.stderr
        assert hashes(first.state) == before
        first.agrees(logs)
        assert first.ask("/readyz", token="").status == 200


@pytest.mark.parametrize("command", ["check", "run"])
def test_every_fault_is_said_at_once(tmp_path: Path, command: str) -> None:
    config = tmp_path / "mmsd.toml"
    config.write_text(BROKEN)
    answer = mmsd(command, config)
    assert answer.returncode == EXIT_CONFIG
    said = answer.stdout + answer.stderr
    for line, (key, remedy) in FAULTS.items():
        assert re.search(rf"{re.escape(str(config))}:{line}: {re.escape(key)}: .*{re.escape(remedy)}", said), said
    assert re.search(rf"{re.escape(str(config))}:1[2-4]: feeds\.wap1\.samples", said), said
    assert "Traceback" not in said
    assert not (tmp_path / "state").exists()


def test_a_sound_configuration_passes(tmp_path: Path, logs: Path) -> None:
    answer = mmsd("check", configure(tmp_path, logs))
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "8 feeds, no faults" in answer.stdout
    assert not (tmp_path / "state").exists()


def test_no_such_configuration(tmp_path: Path) -> None:
    for command in ("check", "run"):
        answer = mmsd(command, tmp_path / "none.toml")
        assert answer.returncode == EXIT_CONFIG
        assert "none.toml" in answer.stdout + answer.stderr
        assert "Traceback" not in answer.stderr


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, logs: Path) -> Path:
    """The state of one that has read everything and ended in order."""
    with running(configure(tmp_path_factory.mktemp("ended"), logs)) as daemon:
        daemon.agrees(logs)
        daemon.process.terminate()
        assert daemon.wait() == 0
    return daemon.folder


@pytest.fixture
def stopped(tmp_path: Path, logs: Path, ended: Path) -> Daemon:
    """A copy of it, ours to spoil."""
    folder = Path(shutil.copytree(ended, tmp_path / "copy"))
    return Daemon(configure(folder, logs))


@pytest.mark.parametrize(
    ("name", "mode", "remedy"), [("state.key", 0o644, "chmod 600"), ("tokens", 0o644, "chmod 600"), ("state.key", None, "restore")]
)
def test_secrets_that_others_can_read_or_that_are_gone(stopped: Daemon, name: str, mode: int | None, remedy: str) -> None:
    secret = stopped.state / name
    if mode is None:
        secret.unlink()
    else:
        secret.chmod(mode)
    answer = mmsd("run", stopped.folder / "mmsd.toml")
    assert answer.returncode == EXIT_CONFIG, answer.stderr
    assert str(secret) in answer.stderr or name in answer.stderr
    assert remedy in answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr
    assert secret.exists() == (mode is not None)  # a new key would stand where the old one belongs


def test_places_that_cannot_be_written(tmp_path: Path, logs: Path) -> None:
    config = configure(tmp_path, logs)
    answer = mmsd("run", config, "--ready-file", tmp_path / "none/ready")
    assert answer.returncode == EXIT_CONFIG
    assert f"--ready-file: {tmp_path}/none/ready: No such file" in answer.stderr
    config.write_text(config.read_text().replace('directory = "state"', f'directory = "{config}/state"'))
    answer = mmsd("run", config)
    assert answer.returncode == EXIT_CONFIG
    assert f"state.directory: {config}/state: Not a directory" in answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr


def test_nothing_of_the_state_is_for_others(stopped: Daemon) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in (stopped.state, *stopped.state.iterdir(), stopped.folder / "ready")}
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_a_port_that_is_taken(tmp_path: Path, logs: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        config = configure(tmp_path, logs)
        config.write_text(config.read_text().replace("port = 0", f"port = {port}"))
        answer = mmsd("run", config)
        assert answer.returncode == EXIT_CONFIG, answer.stderr
        assert f"web.port: port {port} is taken" in answer.stdout + answer.stderr
        assert "Traceback" not in answer.stdout + answer.stderr

        config.write_text(config.read_text().replace(f"port = {port}", f"port = {port}\nports = 50"))
        with running(config) as daemon:
            assert port < int(daemon.base.rpartition(":")[2]) < port + 50
