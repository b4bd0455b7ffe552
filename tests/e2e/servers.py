"""Other people's programs, started on loopback with everything they write in one folder, and ended by their ids."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.e2e.running import until

SHANGHAI = {**os.environ, "TZ": "Asia/Shanghai"}


@contextlib.contextmanager
def server(
    command: Sequence[str], folder: Path, port: int, *, udp: bool = False, by: signal.Signals = signal.SIGTERM
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs until left, ended `by` a signal; entered when it listens (a UDP one: when it says it is ready)."""
    log = folder / f"{Path(command[0]).name}.out"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=SHANGHAI, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def up() -> bool:
        assert process.poll() is None, log.read_text()[-2000:]
        if udp:
            return "Ready to process requests" in log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(up, f"{command[0]} listens")
        yield process
    finally:
        process.send_signal(by)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Origin(BaseHTTPRequestHandler):
    """What stands behind a proxy: `/mms` gives a message, `/fault` fails, a POST is taken."""

    def do_GET(self) -> None:
        status = {"/mms": 200, "/fault": 500}.get(self.path.partition("?")[0], 404)
        body = b"\x8c\x84" + bytes(200) if status == 200 else b"no"
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.wap.mms-message" if status == 200 else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextlib.contextmanager
def origin() -> Iterator[int]:
    """Its port."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    try:
        yield made.server_address[1]
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


# ----------------------------------------------------------------------------------------------------------- RADIUS, RFC 2866

_ACCOUNTING_REQUEST, _ACCOUNTING_RESPONSE = 4, 5
_VENDOR_SPECIFIC, _3GPP = 26, 10415
_TYPES = {
    "User-Name": 1, "NAS-IP-Address": 4, "Framed-IP-Address": 8, "Called-Station-Id": 30, "Calling-Station-Id": 31, "Acct-Status-Type": 40,
    "Acct-Input-Octets": 42, "Acct-Output-Octets": 43, "Acct-Session-Id": 44, "Acct-Session-Time": 46, "Acct-Terminate-Cause": 49,
    "Event-Timestamp": 55,
}  # fmt: skip
_OF_3GPP = {"IMSI": 1, "SGSN-Address": 6, "GGSN-Address": 7, "Selection-Mode": 12, "IMEISV": 20, "User-Location-Info": 22}


def account(port: int, secret: bytes, attributes: Mapping[str, bytes], of_3gpp: Mapping[str, bytes]) -> None:
    """One Accounting-Request, sent until it is answered."""
    packed = b"".join(bytes([_TYPES[name], 2 + len(value)]) + value for name, value in attributes.items())
    for name, value in of_3gpp.items():
        packed += struct.pack(">BBIBB", _VENDOR_SPECIFIC, 8 + len(value), _3GPP, _OF_3GPP[name], 2 + len(value)) + value
    number = hashlib.md5(packed).digest()[0]
    head = struct.pack(">BBH", _ACCOUNTING_REQUEST, number, 20 + len(packed))
    request = head + hashlib.md5(head + bytes(16) + packed + secret).digest() + packed
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.connect(("127.0.0.1", port))
        link.settimeout(5)
        for _ in range(5):
            link.send(request)
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                answer = link.recv(4096)
                assert answer[:2] == bytes([_ACCOUNTING_RESPONSE, number])
                return
    raise AssertionError("RADIUS accounting is not answered")


def word(value: int) -> bytes:
    return struct.pack(">I", value)
