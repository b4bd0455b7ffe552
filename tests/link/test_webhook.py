"""The hand-over list to a business system: what goes out, and what its answers mean."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import ssl
import subprocess
from pathlib import Path

import pytest

from mmsd.errors import ConfigError, LinkDown
from mmsd.link.webhook import Said, Settings, Verdict, Webhook, check
from tests.link.peer import CUT, HANG, Peer, answer, certificate, peer

NOW = 1795344960_000000
LINE = {"id": "17.1", "msisdn": "8613900000001", "kind": "activation"}


def settings(folder: Path, port: int, **more: object) -> Settings:
    (secret := folder / "secret").write_text("sixteen octets or more\n")
    secret.chmod(0o600)
    return Settings(**{"url": f"http://127.0.0.1:{port}/mmsd", "secret_file": str(secret), "timeout": 5.0, **more})  # type: ignore[arg-type]


def told(folder: Path, said: bytes, **more: object) -> tuple[Said, Peer]:
    async def go() -> tuple[Said, Peer]:
        async with peer(said) as there, Webhook(settings(folder, there.port, **more), wall=lambda: NOW) as hook:
            return await hook.tell("17.1", LINE), there

    return asyncio.run(go())


def test_what_is_told_can_be_proved_ours(tmp_path: Path) -> None:
    said, there = told(tmp_path, answer(202))
    assert said == Said(Verdict.TAKEN)
    (asked,) = there.asked
    assert asked.line == "POST /mmsd HTTP/1.1"
    assert json.loads(asked.body) == LINE
    assert asked.headers["idempotency-key"] == "17.1"
    signed = f"{asked.headers['mmsd-timestamp']}.".encode() + asked.body
    wanted = hmac.new(b"sixteen octets or more", signed, hashlib.sha256).hexdigest()
    assert asked.headers["mmsd-signature"] == f"sha256={wanted}"
    outside = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", "sixteen octets or more", "-r"], input=signed, capture_output=True, check=True, timeout=30
    )
    assert outside.stdout.split()[0].decode() == wanted


@pytest.mark.parametrize(
    ("said", "reason"),
    [(answer(409, b"no such tariff"), "no such tariff"), (answer(404, b"8613900000001 unknown"), "HTTP 404"), (answer(302), "HTTP 302")],
)
def test_a_refusal_is_final_and_names_nobody(tmp_path: Path, said: bytes, reason: str) -> None:
    assert told(tmp_path, said)[0] == Said(Verdict.REFUSED, reason)


@pytest.mark.parametrize("said", [answer(500), answer(503), answer(429), answer(408), CUT])
def test_what_nobody_took_is_told_again(tmp_path: Path, said: bytes) -> None:
    with pytest.raises(LinkDown):
        told(tmp_path, said)


def test_silence_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(LinkDown, match=r"no answer within 0\.2 s"):
        told(tmp_path, HANG, timeout=0.2)


def test_over_tls_by_the_authorities_that_are_given(tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)

    async def go(**trusted: str) -> Said:
        async with peer(answer(200), tls=context) as there:
            asked = settings(tmp_path, there.port, url=f"https://127.0.0.1:{there.port}/", **trusted)
            async with Webhook(asked, wall=lambda: NOW) as hook:
                return await hook.tell("17.1", LINE)

    assert asyncio.run(go(ca_file=str(pem))) == Said(Verdict.TAKEN)
    with pytest.raises(LinkDown, match="self-signed certificate"):
        asyncio.run(go())


@pytest.mark.parametrize(
    "url", ["http://crm.example.net/", "ftp://127.0.0.1/", "https://u:p@crm.example.net/", "http://10.0.0.1/", "nonsense"]
)
def test_a_number_never_leaves_in_the_clear(url: str) -> None:
    with pytest.raises(ConfigError):
        check(Settings(url, "secret"))


@pytest.mark.parametrize("url", ["https://crm.example.net/mmsd", "http://127.0.0.1:8000/", "http://localhost/", "http://[::1]:80/x"])
def test_where_it_may_go(url: str) -> None:
    check(Settings(url, "secret"))


def test_a_short_secret_is_none(tmp_path: Path) -> None:
    asked = settings(tmp_path, 1)
    Path(asked.secret_file).write_text("short")

    async def go() -> None:
        async with Webhook(asked, wall=lambda: NOW):
            pass

    with pytest.raises(ConfigError, match="16 octets at least"):
        asyncio.run(go())
