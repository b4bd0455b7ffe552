"""The server that centres call: whom it hears, what it bounds, when it answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from mmsd.errors import ConfigError, LinkError
from mmsd.link.carry import Refuse, Settle
from mmsd.link.endpoint import Endpoint, Request, Response, Settings, Word
from tests.link.hearing import PATIENCE, SECRET, private, run, until
from tests.link.peer import certificate


@pytest.fixture
def settings(tmp_path: Path, free_port: Callable[[], int]) -> Callable[..., Settings]:
    port = free_port()

    def make(**changes: object) -> Settings:
        told: dict[str, object] = {"secret_file": private(tmp_path / "secret", SECRET), "port": port}
        return Settings(**(told | changes))  # type: ignore[arg-type]  # of every type

    return make


async def echo(request: Request) -> Response:
    return Response(200, f"{request.method} {request.name} {request.query} {len(request.body)}".encode())


async def ask(url: str, body: bytes | None = None, **more: object) -> tuple[int, str]:
    method = "GET" if body is None else "POST"
    async with aiohttp.ClientSession() as session, session.request(method, url, data=body, **more) as got:  # type: ignore[arg-type]
        return got.status, await got.text()


def test_whom_it_hears(settings: Callable[..., Settings]) -> None:
    async def scenario() -> None:
        async with Endpoint(settings(), ("report",), echo) as ours:
            url = ours.url("report")
            assert await ask(f"{url}?a=%FF&b=c", b"hello") == (200, "POST report a=%FF&b=c 5")
            base = url.removesuffix(f"{SECRET}/report")
            wrong = {
                await ask(f"{base}{secret}/{name}")
                for secret, name in (
                    (SECRET[:-1], "report"), (SECRET + "x", "report"), (SECRET.swapcase(), "report"), ("%ff", "report"), (SECRET, "other"),
                )
            }  # fmt: skip
            assert wrong == {(404, "")}  # none of them says what was wrong
            for path in ("", "report", f"{SECRET}/report/more", f"{SECRET}//report"):
                assert (await ask(base + path))[0] == 404

    run(scenario())


def test_what_it_bounds(settings: Callable[..., Settings]) -> None:
    """Octets of a body, time for it, requests at once, time to settle."""
    going = asyncio.Event()

    async def slow(request: Request) -> Response:
        await going.wait()
        return Response(200)

    async def scenario() -> None:
        async with Endpoint(settings(body_octets=1024, body_seconds=0.1, waiting=1), ("report",), slow) as ours:
            url = ours.url("report")
            assert (await ask(url, bytes(1025)))[0] == 413
            port = int(url.split(":")[2].partition("/")[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"POST /{SECRET}/report HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf".encode())
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
            writer.close()
            first = asyncio.create_task(ask(url, b"x"))
            await until(lambda: ours.busy == 1)
            async with aiohttp.ClientSession() as session, session.post(url, data=b"x") as got:
                assert (got.status, got.headers["Retry-After"]) == (503, "5")
            going.set()
            assert await first == (200, "")

    run(scenario())


def test_connections_that_say_nothing(settings: Callable[..., Settings]) -> None:
    """So many at once, and each so long."""

    async def scenario() -> None:
        async with Endpoint(settings(waiting=2, body_seconds=1.0), ("report",), echo) as ours:
            port = int(ours.url("").split(":")[2].partition("/")[0])
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
            for _, writer in silent[1:]:
                writer.write(b"POST /half HTTP/1.1\r\nHost: x\r\nX: ")
            reader, one_more = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            one_more.close()
            for reader, writer in silent:
                assert await reader.read() == b""
                writer.close()
            assert await ask(ours.url("report")) == (200, "GET report  0")

    run(scenario())


def test_words(settings: Callable[..., Settings]) -> None:
    ways: list[tuple[Settle, Refuse]] = []
    words: list[Word] = []

    async def scenario() -> None:
        async def answer(request: Request) -> Response:
            words.append(await ours.owe(lambda settle, refuse: ways.append((settle, refuse))))
            return Response(200)

        async with Endpoint(settings(settle_seconds=0.2), ("report",), answer) as ours:
            for say, word in (("settle", Word.SETTLED), ("later", Word.LATER), ("never", Word.NEVER), ("", Word.LATER)):
                asking = asyncio.create_task(ask(ours.url("report")))
                await until(lambda: len(ways) > len(words))
                settle, refuse = ways[-1]
                if say == "settle":
                    await settle()
                    await refuse(True)  # of no effect
                elif say:
                    await refuse(say == "never")
                assert (await asking)[0] == 200
                assert words[-1] is word
                await settle()  # of no effect after the answer
            asking = asyncio.create_task(ask(ours.url("report")))
            await until(lambda: len(ways) > len(words))
        assert (await asking)[0] == 200
        assert words[-1] is Word.LATER  # what waits when we go comes again

    run(scenario())


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("said", [b"", b"GET /"])
def test_who_comes_while_it_leaves_is_not_left_standing(settings: Callable[..., Settings], turns: int, said: bytes) -> None:
    """However far a connection got in the loop's next turns, it is closed, and a client does not wait for ever."""
    clients: list[socket.socket] = []

    async def scenario() -> None:
        async with Endpoint(settings(), ("report",), echo) as ours:
            url = urlsplit(ours.url("report"))
            for _ in range(3):
                clients.append(socket.create_connection((url.hostname, url.port)))
                clients[-1].send(said)
            for _ in range(turns):
                await asyncio.sleep(0)

    asyncio.run(scenario())
    for client in clients:
        with client, contextlib.suppress(ConnectionError):
            client.settimeout(PATIENCE)
            assert not client.recv(1000)


def test_a_fault_of_ours_is_told_without_what_was_asked(settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def faulty(request: Request) -> Response:
        raise KeyError("fault")

    async def scenario() -> None:
        async with Endpoint(settings(), ("report",), faulty) as ours:
            assert await ask(ours.url("report") + "?to=8613900000001", b"8613900000001") == (500, "")
            port = int(ours.url("").split(":")[2].partition("/")[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"8613900000001 is no HTTP\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.0 400 ")
            writer.close()

    run(scenario())
    assert "a report could not be answered" in caplog.text
    assert "13900000001" not in caplog.text
    assert SECRET not in caplog.text


def test_over_tls_and_through_a_proxy(settings: Callable[..., Settings], tmp_path: Path) -> None:
    async def scenario() -> None:
        pem, key = certificate(tmp_path)
        trust = ssl.create_default_context(cafile=str(pem))
        async with Endpoint(settings(certificate=str(pem), key=str(key)), ("report",), echo) as ours:
            assert ours.url("report").startswith("https://127.0.0.1:")
            assert (await ask(ours.url("report"), ssl=trust))[0] == 200
        async with Endpoint(settings(public_url="https://mmsd.example.net/reports/"), ("report",), echo) as ours:
            assert ours.url("report") == f"https://mmsd.example.net/reports/{SECRET}/report"

    run(scenario())


def test_settings_that_cannot_be(settings: Callable[..., Settings], tmp_path: Path) -> None:
    for changes, why in (
        ({"host": "0.0.0.0"}, "host: 0.0.0.0 is not loopback"),
        ({"host": "mmsd.example.net"}, "host: mmsd.example.net is not loopback"),
        ({"certificate": "a.pem"}, "certificate: it and key"),
        ({"public_url": "mmsd"}, "public_url: "),
        ({"public_url": "http://mmsd/?a=b"}, "public_url: "),
    ):
        with pytest.raises(ConfigError, match=why):
            settings(**changes)
    assert settings(host="::1").host == "::1"

    async def scenario() -> None:
        for text in ("short", "x" * 200, "with a blank in the middle", "端" * 30):
            with pytest.raises(ConfigError, match="secret_file: expected 22 to 128"):
                await Endpoint(settings(secret_file=private(tmp_path / "bad", text)), (), echo).__aenter__()
        (tmp_path / "bad").chmod(0o640)
        with pytest.raises(LinkError, match="others may read"):
            await Endpoint(settings(secret_file=str(tmp_path / "bad")), (), echo).__aenter__()
        with pytest.raises(ConfigError, match="certificate: cannot be used"):
            await Endpoint(settings(certificate="none", key="none"), (), echo).__aenter__()
        async with Endpoint(settings(), (), echo):
            with pytest.raises(ConfigError, match="is taken or not ours"):
                await Endpoint(settings(), (), echo).__aenter__()

    run(scenario())
