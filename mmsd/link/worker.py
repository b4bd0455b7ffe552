"""The worker process: looks into pictures, and nothing else. Started by `workers`, one job at a time on its standard input.

It has no files, no key on its command line, little memory, and for each job so much processor time: the kernel ends it when it takes more.
What it is asked and what it answers are frames: four octets of length, then msgpack.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO, Final

import msgspec

from mmsd.errors import DecodeError

FRAME: Final = 4  # octets of a frame's length
LARGEST: Final = 256 << 20
_FILES: Final = 16
"""Descriptors: three of them are used; the others are for modules Python loads late."""


class Start(msgspec.Struct, frozen=True, tag="start"):
    """The first frame: what the worker may take, and the deployment's key. Seeds follow, then Ready."""

    key: bytes
    memory: int  # octets of address space
    cpu: float  # seconds a job
    picture_octets: int
    picture_pixels: int
    picture_frames: int


class Seed(msgspec.Struct, frozen=True, tag="seed"):
    """A live seed, RegisteredSeed.to_bytes."""

    octets: bytes


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """All seeds are told; answered by Done."""


class Judge(msgspec.Struct, frozen=True, tag="judge"):
    """Contents of a message, (media, octets, charset) each; answered by Judged."""

    contents: tuple[tuple[str, bytes, int], ...]
    held: tuple[str, ...]
    look_at_all: bool


class Learn(msgspec.Struct, frozen=True, tag="learn"):
    """Altered octets that were recognised; not answered."""

    digest: bytes
    seed: str
    picture: int


class Make(msgspec.Struct, frozen=True, tag="make"):
    """A picture to be marked and tried; answered by Made."""

    name: str
    octets: bytes
    payload: bytes


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Nothing more to say."""


class Judged(msgspec.Struct, frozen=True, tag="judged"):
    """verdict.Verdict in msgpack."""

    verdict: bytes


class Made(msgspec.Struct, frozen=True, tag="made"):
    """The marked octets, and seed.RegisteredPicture in msgpack."""

    octets: bytes
    registered: bytes


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The job came to nothing; `spent`: the worker should not be used again."""

    reason: str
    spent: bool = False


Asked = Start | Seed | Ready | Judge | Learn | Make
Answered = Done | Judged | Made | Failed


def written(frame: Asked | Answered) -> bytes:
    body = msgspec.msgpack.encode(frame)
    return len(body).to_bytes(FRAME, "big") + body


def _read(source: BinaryIO) -> Asked | None:
    head = source.read(FRAME)
    if len(head) < FRAME:
        return None
    asked: Asked = msgspec.msgpack.decode(source.read(int.from_bytes(head, "big")), type=Asked)
    return asked


def _confine(start: Start) -> None:
    """What the process may not take or do from here on."""
    os.nice(5)  # the daemon comes first
    resource.setrlimit(resource.RLIMIT_AS, (start.memory, start.memory))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _timed(seconds: float) -> None:
    """The kernel ends the process after so much of its own processor time; 0 = not any more. A decoder in C is ended, too."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Jobs until the end of input."""
    start = _read(source)
    if not isinstance(start, Start):
        raise SystemExit(2)
    _confine(start)
    work = _load(start, source)

    def answer(frame: Answered) -> None:
        target.write(written(frame))
        target.flush()

    if isinstance(work, Failed):
        answer(work)
        return
    answer(Done())
    while (asked := _read(source)) is not None:
        _timed(start.cpu)
        try:
            done = work(asked)
        except DecodeError as error:
            done = Failed(error.reason)
        except MemoryError:
            done = Failed("more memory than a picture may take", spent=True)
        _timed(0)
        if done is not None:
            answer(done)
            if isinstance(done, Failed) and done.spent:
                return


def _load(start: Start, source: BinaryIO) -> Callable[[Asked], Answered | None] | Failed:
    """The seeds read, and what does the jobs; Failed when a seed cannot be read. Here alone a decoder is loaded."""
    from mmsd.seeds.contents import Content
    from mmsd.seeds.library import Library
    from mmsd.seeds.making import Original
    from mmsd.seeds.pictures import Limits
    from mmsd.seeds.recognise import judge
    from mmsd.seeds.seed import RegisteredSeed

    limits = Limits(start.picture_octets, start.picture_pixels, start.picture_frames)
    seeds = []
    try:
        while isinstance(told := _read(source), Seed):
            seeds.append(RegisteredSeed.from_bytes(told.octets))
        library = Library(start.key, seeds)
    except DecodeError as error:
        return Failed(error.reason, spent=True)
    except MemoryError:
        return Failed("the live seeds need more memory than a worker may take", spent=True)

    def work(asked: Asked) -> Answered | None:
        match asked:
            case Judge(contents, held, look_at_all):
                verdict = judge([Content(*one) for one in contents], library, held, look_at_all=look_at_all, limits=limits)
                return Judged(msgspec.msgpack.encode(verdict))
            case Learn(digest, seed, picture):
                library.learn(digest, seed, picture)
                return None
            case Make(name, octets, payload):
                made = Original(octets, start.key, payload, limits).marked(name)
                return Made(made.octets, msgspec.msgpack.encode(made.registered))
            case _:
                return Failed("not a job")

    return work


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
