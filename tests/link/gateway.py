"""Debian's Kannel on free ports of 127.0.0.1: bearerbox, smsbox, and Kannel's own fakesmsc as the centre."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

PATIENCE = 60.0
USER, PASSWORD = "care", "open sesame"

CONFIGURATION = """
group = core
admin-port = {admin}
admin-password = x
admin-interface = 127.0.0.1
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
box-deny-ip = "*.*.*.*"
log-file = "{folder}/bearerbox.log"
log-level = 0
dlr-storage = internal
{core}

group = smsc
smsc-id = centre
{smsc}

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = "{folder}/smsbox.log"
log-level = 0
{smsbox}

group = sendsms-user
username = {user}
password = "{password}"
user-allow-ip = 127.0.0.1
black-list-regex = "^.86999"

{services}
"""

FAKE = """
smsc = fake
port = {centre}
connect-allow-ip = 127.0.0.1
"""

SMPP = """
smsc = smpp
interface-version = 34
host = 127.0.0.1
port = {centre}
transceiver-mode = true
smsc-username = {user}
smsc-password = secret
system-type = ""
source-addr-ton = 0
dest-addr-ton = 1
msg-id-type = 0x01
reconnect-delay = 1
"""

POST = """
group = sms-service
keyword = default
catch-all = true
max-messages = 0
send-sender = true
post-url = "{url}"
"""

GET = """
group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{url}?from=%p&to=%P&coding=%c&charset=%C&udh=%u&text=%b&at=%T&service=%n"
"""


class Taken(NamedTuple):
    """A message as the centre got it."""

    sender: str
    receiver: str
    udh: bytes
    kind: str  # fakesmsc's word: "text", "ucs-2", "data"
    data: bytes


_GOT = re.compile(rb"Got message \d+: <(.*)>$", re.MULTILINE)


class Gateway:
    """`start` and `stop` each of its programs as a test wants."""

    def __init__(self, debian: Callable[[str], str], folder: Path, free_port: Callable[[], int]) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in ("admin", "box", "centre", "sendsms")}
        self._programs = {"bearerbox": debian("kannel"), "fakesmsc": debian("kannel-extras")}
        self._programs["smsbox"] = str(Path(self._programs["bearerbox"]).with_name("smsbox"))
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['sendsms']}/cgi-bin/sendsms"

    def configure(
        self, *, core: str = "", smsbox: str = "http-request-retry = 60\nhttp-queue-delay = 1", services: str = "", smpp: int = 0
    ) -> None:
        """`smpp`: the port of a centre; 0: it is fakesmsc."""
        smsc = SMPP.format(centre=smpp, user=USER) if smpp else FAKE.format(centre=self.ports["centre"])
        text = CONFIGURATION.format(
            **self.ports, folder=self.folder, user=USER, password=PASSWORD, core=core, smsbox=smsbox, services=services, smsc=smsc.strip()
        )
        (self.folder / "kannel.conf").write_text(text)

    def start(self) -> None:
        """Its boxes, and fakesmsc."""
        self.boxes()
        self.centre()

    def boxes(self) -> None:
        self.run("bearerbox", str(self.folder / "kannel.conf"))
        self._until("box", lambda: self._listens("box"))
        self.run("smsbox", str(self.folder / "kannel.conf"))
        self._until("sendsms", lambda: "Connected to bearerbox" in self.said("smsbox"))  # it listens before it knows who may send

    def centre(self, *messages: str) -> None:
        """A new fakesmsc that sends `messages`, in its words, as soon as it is connected; the last one has gone."""
        self.stop("fakesmsc")
        words = messages or ("1 2 text none",)
        self.run("fakesmsc", "-H", "127.0.0.1", "-r", str(self.ports["centre"]), "-i", "0.1", "-m", str(len(messages)), *words)

    def run(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as out:
            self._running[name] = subprocess.Popen(
                [self._programs[name], *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def stop(self, name: str) -> None:
        process = self._running.pop(name, None)
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def said(self, name: str) -> str:
        """What a program wrote so far."""
        files = [self.folder / f"{name}.out", self.folder / f"{name}.log"]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def taken(self) -> list[Taken]:
        """What the centre got so far."""
        found = []
        for line in _GOT.findall((self.folder / "fakesmsc.out").read_bytes()):
            sender, receiver, kind, rest = line.split(b" ", 3)
            udh = b""
            if kind == b"udh":
                udh, kind, rest = rest.split(b" ", 2)
            data = rest if kind == b"text" and not udh else unquote_to_bytes(rest.replace(b"+", b" "))
            found.append(Taken(sender.decode(), receiver.decode(), unquote_to_bytes(udh.replace(b"+", b" ")), kind.decode(), data))
        return found

    def _listens(self, name: str) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()
        except OSError:
            return False
        return True

    def _until(self, what: str, true: Callable[[], bool]) -> None:
        """AssertionError with its last words when one of the programs has ended."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            for program, process in self._running.items():
                assert process.poll() is None, self.said(program)[-2000:]
            assert time.monotonic() < deadline, what
            time.sleep(0.02)


@contextlib.contextmanager
def gateway(debian: Callable[[str], str], folder: Path, free_port: Callable[[], int]) -> Iterator[Gateway]:
    """Configured by the test, and stopped when it is over."""
    made = Gateway(debian, folder, free_port)
    try:
        yield made
    finally:
        for name in ("fakesmsc", "smsbox", "bearerbox"):
            made.stop(name)
