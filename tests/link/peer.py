"""A peer that speaks HTTP in raw octets: it keeps what it was asked, and answers as it is told."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HANG = b"hang"  # no answer, the connection stays
CUT = b""  # no answer, the connection ends


class Asked(NamedTuple):
    """A request as it came: its first line, its headers by lower-case name, its body."""

    line: str
    headers: dict[str, str]
    body: bytes


def answer(status: int, body: bytes = b"", content_type: str = "text/html") -> bytes:
    """In the spelling of Kannel's own HTTP server."""
    head = f"HTTP/1.1 {status} Said\r\nServer: Kannel/1.4.5\r\nContent-Length: {len(body)}\r\nContent-type: {content_type}\r\n\r\n"
    return head.encode() + body


class Peer:
    def __init__(self) -> None:
        self.port = 0
        self.asked: list[Asked] = []
        self.answers: deque[bytes] = deque()
        """One a request; the last one stays."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *fields = head.rstrip("\r\n").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            self.asked.append(Asked(line, headers, await reader.readexactly(int(headers["content-length"]))))
            said = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
            if said == HANG:
                await reader.read()  # until the client goes
            writer.write(b"" if said == HANG else said)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a look at the port
        finally:
            writer.close()

    def tell(self, *answers: bytes) -> None:
        self.answers = deque(answers)


@asynccontextmanager
async def peer(*answers: bytes, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    made = Peer()
    made.tell(*answers)
    server = await asyncio.start_server(made.serve, "127.0.0.1", port, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Of 127.0.0.1, signed by itself: certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mmsc")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "mmsc.pem", folder / "mmsc.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return pem, secret
