"""Worker processes against real bombs, crashes and endless work: each costs one verdict, and the next message is judged."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from bench import cards
from mmsd.errors import LinkDown
from mmsd.link.workers import Settings, WorkerFailed, Workers
from mmsd.seeds import alterations as alter
from mmsd.seeds.contents import Content
from mmsd.seeds.making import Original
from mmsd.seeds.pictures import colour, opened
from mmsd.seeds.seed import RegisteredSeed, key_name
from mmsd.seeds.verdict import EXACT, MARK

KEY = bytes(range(32))
CARD = alter.jpeg(cards.torch(random.Random(1), (320, 240)), 90, fine=True)


@pytest.fixture(scope="module")
def seed() -> tuple[bytes, RegisteredSeed]:
    """Marked octets, and the seed."""
    made = Original(CARD, KEY, b"payload of a card").marked("card.jpg")
    return made.octets, RegisteredSeed("card", "relay", "card", key_name(KEY), (made.registered,))


@contextlib.asynccontextmanager
async def workers(seed: RegisteredSeed, **settings: float) -> AsyncIterator[Workers]:
    async with Workers(Settings(**settings), KEY, lambda: [seed.to_bytes()]) as running:  # type: ignore[arg-type]  # numbers by name
        yield running


def picture(octets: bytes) -> list[Content]:
    return [Content("image/jpeg", octets)]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes, between: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + between + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@functools.cache
def deflated(octets: int) -> bytes:
    """So many zeros, a thousandth of their size."""
    press = zlib.compressobj(9)
    block = bytes(1 << 20)
    return b"".join(press.compress(block) for _ in range(octets >> 20)) + press.flush()


def gif(width: int, height: int, frames: int, data: bytes) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + data
    return head + frame * frames + b"\x3b"


def jpeg_of(width: int, height: int) -> bytes:
    """A card's JPEG that says it has other dimensions."""
    at = CARD.index(b"\xff\xc0") + 5
    return CARD[:at] + struct.pack(">HH", height, width) + CARD[at + 4 :]


LZW = b"\x02\x16" + bytes(22) + b"\x00"

BOMBS: dict[str, Callable[[], bytes]] = {
    "PNG of 65,000 x 65,000": lambda: png(65_000, 65_000, deflated(1 << 20)),
    "PNG within the pixels, its rows a thousand times as long": lambda: png(100, 100, deflated(200 << 20)),
    "PNG with a text of 200 MiB": lambda: png(8, 8, zlib.compress(bytes(72)), chunk(b"zTXt", b"Comment\0\0" + deflated(200 << 20))),
    "PNG with a colour profile of 200 MiB": lambda: png(8, 8, zlib.compress(bytes(72)), chunk(b"iCCP", b"x\0\0" + deflated(200 << 20))),
    "GIF of 65,535 x 65,535": lambda: gif(65_535, 65_535, 1, LZW),
    "GIF of 4,000 x 4,000, 10,000 frames": lambda: gif(4000, 4000, 10_000, LZW),
    "JPEG of 65,500 x 65,500": lambda: jpeg_of(65_500, 65_500),
    "JPEG of 4,000 x 3,900, nothing behind": lambda: jpeg_of(4000, 3900),
    "octets cut off": lambda: CARD[:400],
    "nothing": lambda: b"",
}


HARMLESS = {"PNG within the pixels, its rows a thousand times as long", "JPEG of 4,000 x 3,900, nothing behind"}
"""Decoded as far as it is a picture."""


def test_bombs_cost_their_verdict(seed: tuple[bytes, RegisteredSeed]):
    """After each the same process, or the next, recognises a seed; none takes more memory than it may."""

    async def scenario() -> None:
        async with workers(seed[1], memory_octets=600 << 20) as running:
            for name, bomb in BOMBS.items():
                octets = bomb()
                verdict = await running.judge([Content("image/png", octets), *picture(seed[0])])
                assert [sighting.part for sighting in verdict.sightings if verdict.faults] in ([], [1]), name
                assert bool(verdict.faults) != (name in HARMLESS), name
                assert (await running.judge(picture(seed[0]))).sightings[0].method == EXACT, name

    asyncio.run(scenario())


def test_a_judged_message_is_what_the_recogniser_says(seed: tuple[bytes, RegisteredSeed]):
    async def scenario() -> None:
        async with workers(seed[1]) as running:
            altered = picture(alter.jpeg(colour(opened(seed[0])), 55))
            verdict = await running.judge(altered)
            assert [(one.seed, one.method) for one in verdict.sightings] == [("card", MARK)]
            assert (await running.judge(altered)).sightings[0].method == EXACT, "its octets are learnt"
            assert not (await running.judge(picture(CARD))).sightings
            assert running.failures == 0
            assert running.started == 1

    asyncio.run(scenario())


def children(running: Workers) -> Iterator[int]:
    for worker in running._alive:
        yield worker.process.pid


def ends_with(
    deed: Callable[[int], None], **settings: float
) -> Callable[[tuple[bytes, RegisteredSeed]], Coroutine[None, None, tuple[str, ...]]]:
    """Does something to the process while it is busy with a message; the faults of that verdict."""

    async def scenario(seed: tuple[bytes, RegisteredSeed]) -> tuple[str, ...]:
        async with workers(seed[1], **settings) as running:
            busy = alter.jpeg(colour(opened(seed[0])).resize((2400, 1800)), 90)
            pid = next(children(running))
            os.kill(pid, signal.SIGSTOP)  # so that it is in the middle of it, whatever the machine is doing
            judged = asyncio.create_task(running.judge(picture(busy)))
            await asyncio.sleep(0)
            deed(pid)
            verdict = await judged
            assert (await running.judge(picture(seed[0]))).sightings, "the next one is judged"
            assert running.failures == 1
            assert running.started == 2
            return verdict.faults

    return scenario


@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGKILL, "killed"), (signal.SIGSEGV, "crashed"), (signal.SIGABRT, "gave up"), (signal.SIGTERM, "signal 15")],
)
def test_a_process_that_dies_is_replaced(seed: tuple[bytes, RegisteredSeed], number: signal.Signals, said: str):
    def deed(pid: int) -> None:
        os.kill(pid, number)
        with contextlib.suppress(ProcessLookupError):  # killed and taken away before it could go on
            os.kill(pid, signal.SIGCONT)

    faults = asyncio.run(ends_with(deed)(seed))
    assert said in faults[0]


def test_a_process_that_does_not_answer_is_replaced(seed: tuple[bytes, RegisteredSeed]):
    """Stopped for good: only the clock tells."""

    async def scenario() -> None:
        async with Workers(Settings(answer_seconds=2.0), KEY, lambda: [seed[1].to_bytes()]) as running:
            os.kill(next(children(running)), signal.SIGSTOP)
            assert "longer" in (await running.judge(picture(seed[0]))).faults[0]
            assert (await running.judge(picture(seed[0]))).sightings

    asyncio.run(scenario())


def test_processor_time_is_bounded(seed: tuple[bytes, RegisteredSeed]):
    """Many pictures in one message, each of them fair."""

    async def scenario() -> None:
        large = alter.png(colour(opened(seed[0])).resize((2000, 1500)))
        async with workers(seed[1], cpu_seconds=0.05) as running:
            verdict = await running.judge(picture(large) * 12)
            assert "processor time" in verdict.faults[0]
            assert (await running.judge(picture(seed[0]))).sightings

    asyncio.run(scenario())


def test_what_is_cancelled_leaves_no_answer_behind(seed: tuple[bytes, RegisteredSeed]):
    """Else the next message would get the verdict of the one before."""

    async def scenario() -> None:
        async with workers(seed[1]) as running:
            os.kill(next(children(running)), signal.SIGSTOP)
            judged = asyncio.create_task(running.judge(picture(CARD)))
            await asyncio.sleep(0)
            judged.cancel()
            with pytest.raises(asyncio.CancelledError):
                await judged
            assert (await running.judge(picture(seed[0]))).sightings

    asyncio.run(scenario())


def test_seeds_that_changed_are_told_to_a_new_process(seed: tuple[bytes, RegisteredSeed]):
    async def scenario() -> None:
        live = [seed[1].to_bytes()]
        async with Workers(Settings(processes=2), KEY, lambda: live) as running:
            assert (await running.judge(picture(seed[0]))).sightings
            live.clear()
            running.renew()
            assert not (await running.judge(picture(seed[0]))).sightings

    asyncio.run(scenario())


def test_a_seed_that_cannot_be_read_is_told_at_the_start(seed: tuple[bytes, RegisteredSeed]):
    async def scenario(key: bytes, told: bytes) -> None:
        async with Workers(Settings(), key, lambda: [told]):
            raise AssertionError("it started")

    with pytest.raises(LinkDown, match="another key"):
        asyncio.run(scenario(bytes(32), seed[1].to_bytes()))
    with pytest.raises(LinkDown, match="damaged"):
        asyncio.run(scenario(KEY, seed[1].to_bytes()[:-1] + b"?"))


def test_a_picture_is_marked_in_a_process(seed: tuple[bytes, RegisteredSeed]):
    async def scenario() -> None:
        async with workers(seed[1]) as running:
            octets, registered = await running.make("card.jpg", CARD, b"payload of a card")
            assert octets == seed[0]
            assert registered == seed[1].pictures[0]
            with pytest.raises(WorkerFailed, match="no picture"):
                await running.make("card.jpg", b"no picture", b"payload")

    asyncio.run(scenario())


def test_processes_end_with_the_daemon_and_read_no_key_from_a_command_line(seed: tuple[bytes, RegisteredSeed]):
    async def scenario() -> list[int]:
        async with workers(seed[1]) as running:
            pids = list(children(running))
            for pid in pids:
                seen(pid)
        return pids

    def seen(pid: int) -> None:
        for file in ("cmdline", "environ"):
            octets = Path(f"/proc/{pid}/{file}").read_bytes()
            assert KEY not in octets
            assert KEY.hex().encode() not in octets

    for pid in asyncio.run(scenario()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_the_daemons_own_process_loads_no_decoder():
    code = "import sys, mmsd.link.workers, mmsd.link.worker, mmsd.seeds.seed; sys.exit('PIL' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
