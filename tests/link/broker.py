"""A real mosquitto on a free port of 127.0.0.1, with names, passwords and the access list of `config/deploy`."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

SECRETS = {"mmsd": "outbound", "dashboard": "inbound"}


class Broker:
    """`start` and `kill` as often as a test wants; what it knew stays in `directory`."""

    def __init__(self, program: str, directory: Path, root: Path, port: int) -> None:
        self.port = port
        self._program = program
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        shown = (root / "config/deploy/mosquitto.conf").read_text()
        for place, name in (("passwd", "mmsd.passwd"), ("acl", "mmsd.acl")):
            shown = shown.replace(f"/etc/mosquitto/mmsd.{place}", str(directory / name))
        shown = shown.replace("listener 1883", f"listener {port}").replace("/var/lib/mosquitto/", f"{directory}/")
        assert not re.search(r"^[^#].*/(etc|var)/", shown, re.MULTILINE)
        self._config = directory / "mosquitto.conf"
        self._config.write_text(f"{shown}\nuser root\n" if os.geteuid() == 0 else shown)
        shutil.copy(root / "config/deploy/mosquitto.acl", directory / "mmsd.acl")
        passwd = directory / "mmsd.passwd"
        passwd.write_text("".join(f"{name}:{secret}\n" for name, secret in SECRETS.items()))
        subprocess.run(["mosquitto_passwd", "-U", str(passwd)], check=True, capture_output=True)
        for name, secret in SECRETS.items():
            (directory / name).write_text(secret + "\n")

    def password_file(self, name: str) -> str:
        return str(self._directory / name)

    def use_tls(self, certificate: Path, key: Path) -> None:
        """The certificate lines of the shown configuration, for the one listener."""
        with self._config.open("a") as file:
            file.write(f"certfile {certificate}\nkeyfile {key}\n")

    def start(self) -> None:
        with (self._directory / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(self._config)], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            assert self._process.poll() is None, (self._directory / "mosquitto.log").read_text()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def freeze(self) -> None:
        """It holds its connections and answers nothing, until killed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def kill(self, by: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def broker(program: str, directory: Path, root: Path, port: int) -> Iterator[Broker]:
    made = Broker(program, directory, root, port)
    made.start()
    try:
        yield made
    finally:
        made.kill()
