"""config/deploy/nginx-mirror.conf with Debian's nginx: whatever mmsd does, handsets get the MMSC's answer, and in time."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from aiohttp import web

from mmsd.link import mirror

REQUESTS: Final = 12
NAMES: Final = ("X-WAP-MSISDN", "X-MSISDN", "X-Up-Calling-Line-ID", mirror.TOKEN)
FOREVER: Final = "600s"
"""What a proxy that waited for the copy would wait for, each time."""


@asynccontextmanager
async def mmsc(taken: list[bytes], senders: list[str] | None = None) -> AsyncIterator[int]:
    """A stand-in that answers each POST with its own number."""

    async def answer(request: web.Request) -> web.Response:
        taken.append(await request.read())
        if senders is not None:
            senders.append(",".join(value for name in NAMES for value in request.headers.getall(name, [])))
        return web.Response(body=b"answer %d" % len(taken), content_type="application/vnd.wap.mms-message")

    application = web.Application()
    application.router.add_post("/{any:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def nginx(program: str, port: int, root: Path, folder: Path, to_mmsc: int, to_mmsd: int) -> AsyncIterator[str]:
    """The file as it is shipped, but for ports and for how long it waits for a copy; the address handsets post to."""
    text = (root / "config/deploy/nginx-mirror.conf").read_text()
    text = text.replace("127.0.0.1:1981", f"127.0.0.1:{to_mmsc}").replace("127.0.0.1:8092", f"127.0.0.1:{to_mmsd}")
    text = text.replace("listen 8080", f"listen 127.0.0.1:{port}")
    text = re.sub(r"(proxy_(?:connect|send|read)_timeout) \w+", rf"\1 {FOREVER}", text)
    temporary = "".join(f"{name}_temp_path {folder};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    conf = folder / "nginx.conf"
    conf.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr crit;\n"
        f"events {{}}\nhttp {{ access_log off;\n{temporary}{text}}}\n"
    )
    process = await asyncio.create_subprocess_exec(program, "-c", str(conf), "-p", str(folder), "-e", "stderr")
    try:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                assert process.returncode is None, "nginx would not start"
                await asyncio.sleep(0.02)
        writer.close()
        yield f"http://127.0.0.1:{port}/mms"
    finally:
        process.kill()
        await process.wait()


async def posted(url: str) -> list[bytes]:
    """The answers to so many submits one after the other, each over a connection of its own."""
    answers = []
    for number in range(REQUESTS):
        async with aiohttp.ClientSession() as client:
            pdu = mirror.MESSAGE + b"%d" % number
            async with client.post(url, data=pdu, headers={"X-WAP-MSISDN": "8613900000001"}) as answer:
                assert answer.status == 200
                answers.append(await answer.read())
    return answers


@pytest.mark.parametrize("mmsd", ["there", "stopped", "slow"])
def test_a_handset_s_answer_never_waits_for_the_copy(
    root: Path, tmp_path: Path, debian: Callable[[str], str], free_port: Callable[[], int], mmsd: str
) -> None:
    program, port = debian("nginx"), free_port()
    kept: list[tuple[int, str, bytes]] = []
    taken: list[bytes] = []

    async def scenario() -> list[bytes]:
        all_kept, loop = asyncio.Event(), asyncio.get_running_loop()

        def put(at: int, sender: str, pdu: bytes) -> bool:
            kept.append((at, sender, pdu))
            if len(kept) == REQUESTS:
                loop.call_soon_threadsafe(all_kept.set)
            return True

        async with mmsc(taken) as to_mmsc:
            if mmsd == "there":
                async with (
                    mirror.Mirror(mirror.Settings(port=0), put, wall=lambda: 1) as tap,
                    nginx(program, port, root, tmp_path, to_mmsc, tap.address[1]) as url,
                ):
                    answers = await posted(url)
                    await all_kept.wait()
                    return answers
            with socket.socket() as deaf:  # bound: nobody else has the port; slow: connections are made, and never answered
                deaf.bind(("127.0.0.1", 0))
                if mmsd == "slow":
                    deaf.listen(100)
                async with nginx(program, port, root, tmp_path, to_mmsc, deaf.getsockname()[1]) as url:
                    return await posted(url)

    async def bounded() -> list[bytes]:
        async with asyncio.timeout(300.0):  # half of what one answer would take that waited
            return await scenario()

    answers = asyncio.run(bounded())
    assert answers == [b"answer %d" % number for number in range(1, REQUESTS + 1)]
    assert taken == [mirror.MESSAGE + b"%d" % number for number in range(REQUESTS)]
    assert sorted(pdu for _, _, pdu in kept) == (sorted(taken) if mmsd == "there" else [])
    assert {sender for _, sender, _ in kept} <= {"8613900000001"}


def test_only_the_gateway_says_who_the_handset_is(
    root: Path, tmp_path: Path, debian: Callable[[str], str], free_port: Callable[[], int]
) -> None:
    """The file's gateway is 127.0.0.1; whoever comes from elsewhere may write into his headers what he likes."""
    program, port = debian("nginx"), free_port()
    kept: list[tuple[int, str, bytes]] = []
    senders: list[str] = []

    async def scenario() -> None:
        all_kept, loop = asyncio.Event(), asyncio.get_running_loop()

        def put(at: int, sender: str, pdu: bytes) -> bool:
            kept.append((at, sender, pdu))
            if len(kept) == 2:
                loop.call_soon_threadsafe(all_kept.set)
            return True

        settings = mirror.Settings(port=0, number_headers=NAMES[:3])
        async with (
            mmsc([], senders) as to_mmsc, mirror.Mirror(settings, put, wall=lambda: 1) as tap,
            nginx(program, port, root, tmp_path, to_mmsc, tap.address[1]) as url,
        ):  # fmt: skip
            for source in ("127.0.0.1", "127.0.0.2"):
                headers = {**dict.fromkeys(NAMES[1:], "8613999999999"), NAMES[0]: "8613900000001"}
                connector = aiohttp.TCPConnector(local_addr=(source, 0))
                async with aiohttp.ClientSession(connector=connector) as client:
                    pdu = mirror.MESSAGE + source.encode()
                    async with client.post(url, data=pdu, headers=headers) as answer:
                        assert answer.status == 200
            await all_kept.wait()

    async def bounded() -> None:
        async with asyncio.timeout(300.0):
            await scenario()

    asyncio.run(bounded())
    assert senders == ["8613900000001", ""]
    assert sorted((pdu[2:], sender) for _, sender, pdu in kept) == [(b"127.0.0.1", "8613900000001"), (b"127.0.0.2", "")]
