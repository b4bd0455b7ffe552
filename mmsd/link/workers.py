"""Worker processes that look into pictures for the daemon, which never decodes one itself.

    async with Workers(settings, key, seeds) as workers:
        verdict = await workers.judge(contents, held)

A process is started anew, never forked, and is confined (`worker`): address space, processor time a job, no files. A decompression bomb, a
crash of a decoder or a picture that takes for ever costs its own verdict; the process is replaced and the next job is done. The key and
the seeds go through the pipe, so neither is on a command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Self

import msgspec

from mmsd.errors import LinkDown, LinkError
from mmsd.link.worker import FRAME, LARGEST, Answered, Asked, Done, Failed, Judge, Judged, Learn, Made, Make, Ready, Seed, Start, written
from mmsd.seeds.contents import Content
from mmsd.seeds.seed import RegisteredPicture
from mmsd.seeds.verdict import Learned, Verdict

_log = logging.getLogger(__name__)

_KEPT: Final = 50_000
"""Altered octets remembered for a process that is started later."""
_MOST_STARTS: Final = 3
"""Processes in a row that may fail to start before it is said aloud."""
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV")
_ENDED: Final = {
    signal.SIGPROF: "it took more processor time than a message may",
    signal.SIGSEGV: "a decoder crashed",
    signal.SIGBUS: "a decoder crashed",
    signal.SIGABRT: "a decoder gave up",
    signal.SIGKILL: "it was killed: out of memory, perhaps",
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What worker processes may take."""

    processes: int = 1
    memory_octets: int = 1 << 30  # address space of each; 10,000 live seeds take a quarter of it
    cpu_seconds: float = 5.0  # processor time of one message
    make_cpu_seconds: float = 60.0  # and of marking one picture
    answer_seconds: float = 60.0  # on the clock, whatever the machine is busy with
    make_answer_seconds: float = 600.0  # the same of marking one picture
    start_seconds: float = 120.0  # until a process has read all seeds
    picture_octets: int = 2 << 20
    picture_pixels: int = 16_000_000
    picture_frames: int = 60


class WorkerFailed(LinkError):
    """A job that came to nothing, and why; the next one is not touched."""

    retryable = False


class _Worker:
    """One process and its pipe."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # both are pipes
        assert process.stdout is not None
        self.process, self._to, self._from = process, process.stdin, process.stdout

    async def tell(self, frame: Asked) -> None:
        self._to.write(written(frame))
        await self._to.drain()

    async def answer(self) -> Answered:
        size = int.from_bytes(await self._from.readexactly(FRAME), "big")
        if size > LARGEST:
            raise WorkerFailed(f"a worker's answer of {size} octets")
        answer: Answered = msgspec.msgpack.decode(await self._from.readexactly(size), type=Answered)
        return answer

    async def end(self) -> int:
        """Ends the process, whatever it is doing; its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self._to.close()
        code = await self.process.wait()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # what it was told and did not read
            await self._to.wait_closed()
        return code


class Workers:
    """Processes that judge messages and mark pictures. `seeds` gives the live ones, RegisteredSeed.to_bytes, whenever one is started."""

    def __init__(self, settings: Settings, key: bytes, seeds: Callable[[], Iterable[bytes]]) -> None:
        self._settings = settings
        self._key = key
        self._seeds = seeds
        self._idle: asyncio.LifoQueue[_Worker | None] = asyncio.LifoQueue()
        self._alive: set[_Worker] = set()
        self._learned: OrderedDict[bytes, Learned] = OrderedDict()
        self._stale: set[_Worker] = set()
        self._untold: dict[_Worker, list[Learned]] = {}
        self.failures = 0  # jobs that came to nothing
        self.started = 0

    async def __aenter__(self) -> Self:
        """Starts one process, so that what is wrong with the seeds is known now: LinkDown. The others start when they are needed."""
        first = await self._start(self._settings.cpu_seconds)
        for _ in range(self._settings.processes - 1):
            self._idle.put_nowait(None)
        self._idle.put_nowait(first)
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in tuple(self._alive):
            await self._end(worker)

    def renew(self) -> None:
        """The live seeds are others now: each process is replaced before its next job."""
        self._stale |= self._alive

    def learn(self, learned: Learned) -> None:
        """Remembers altered octets, in every process: of those recognised by one, or read from the store."""
        self._learned[learned.digest] = learned
        self._learned.move_to_end(learned.digest)
        if len(self._learned) > _KEPT:
            self._learned.popitem(last=False)
        for untold in self._untold.values():
            untold.append(learned)

    async def judge(self, contents: Sequence[Content], held: Collection[str] = (), *, look_at_all: bool = True) -> Verdict:
        """What a message holds. A worker that died over it is a fault of the verdict, never an exception. LinkDown: none can be started."""
        told = tuple((content.media, content.body, content.charset) for content in contents)
        try:
            answer = await self._job(Judge(told, tuple(held), look_at_all))
        except WorkerFailed as failed:
            return Verdict(faults=(str(failed),))
        assert isinstance(answer, Judged)  # what Judge is answered by
        verdict = msgspec.msgpack.decode(answer.verdict, type=Verdict)
        for learned in verdict.learned:
            self.learn(learned)
        return verdict

    async def make(self, name: str, octets: bytes, payload: bytes) -> tuple[bytes, RegisteredPicture]:
        """A picture marked and tried, in a process of its own: it takes seconds. WorkerFailed when the octets are no picture to be sent."""
        worker = await self._start(self._settings.make_cpu_seconds)
        try:
            answer = await self._asked(worker, Make(name, octets, payload), self._settings.make_answer_seconds)
        finally:
            await self._end(worker)
        if isinstance(answer, Failed):
            raise WorkerFailed(answer.reason)
        assert isinstance(answer, Made)  # what Make is answered by
        return answer.octets, msgspec.msgpack.decode(answer.registered, type=RegisteredPicture)

    async def _job(self, asked: Judge) -> Answered:
        worker = await self._idle.get()
        try:
            worker = await self._ready(worker)
            answer = await self._asked(worker, asked, self._settings.answer_seconds)
        except BaseException:  # it died, or we were cancelled before its answer
            if worker is not None:
                await self._end(worker)
            self._idle.put_nowait(None)
            raise
        if isinstance(answer, Failed) and answer.spent:
            await self._end(worker)
        self._idle.put_nowait(worker if worker in self._alive else None)
        if isinstance(answer, Failed):
            self.failures += 1
            raise WorkerFailed(answer.reason)
        return answer

    async def _ready(self, worker: _Worker | None) -> _Worker:
        """That process or a new one, told what the others have learnt."""
        if worker is not None and worker in self._stale:
            await self._end(worker)
            worker = None
        if worker is None:
            worker = await self._start(self._settings.cpu_seconds)
        untold, self._untold[worker] = self._untold[worker], []
        for learned in untold:
            await self._told(worker, Learn(*learned))
        return worker

    async def _told(self, worker: _Worker, frame: Asked) -> None:
        try:
            await worker.tell(frame)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer that does not come says why

    async def _asked(self, worker: _Worker, frame: Asked, seconds: float) -> Answered:
        """The answer. WorkerFailed when there is none; the process is gone then."""
        try:
            async with asyncio.timeout(seconds):
                await self._told(worker, frame)
                return await worker.answer()
        except TimeoutError:
            reason = "it took longer than a worker may"
        except (asyncio.IncompleteReadError, ConnectionResetError):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.answer_seconds):
                    await worker.process.wait()
            code = worker.process.returncode
            reason = _ENDED.get(signal.Signals(-code), f"signal {-code}") if code is not None and code < 0 else f"exit code {code}"
        self.failures += 1
        await self._end(worker)
        _log.warning("a worker process ended over a message: %s", reason)
        raise WorkerFailed(f"the worker that looked at it ended: {reason}")

    async def _start(self, cpu: float) -> _Worker:
        """A process with all seeds. LinkDown when none can be started, or when it refuses a seed."""
        settings = self._settings
        start = Start(
            self._key, settings.memory_octets, cpu, settings.picture_octets, settings.picture_pixels, settings.picture_frames
        )  # fmt: skip
        reason = ""
        for _ in range(_MOST_STARTS):
            worker = await self._spawned()
            try:
                async with asyncio.timeout(settings.start_seconds):
                    await worker.tell(start)
                    for seed in self._seeds():
                        await worker.tell(Seed(seed))
                    await worker.tell(Ready())
                    answer = await worker.answer()
            except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
                reason = f"{type(error).__name__}, exit code {await self._end(worker)}"
                continue
            except BaseException:
                await self._end(worker)
                raise
            if isinstance(answer, Done):
                self._untold[worker] = list(self._learned.values())
                return worker
            await self._end(worker)
            raise LinkDown(f"worker process: {answer.reason if isinstance(answer, Failed) else 'no answer it knows'}")
        raise LinkDown(f"no worker process can be started: {reason}")

    async def _spawned(self) -> _Worker:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mmsd.link.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={**environment, "OPENBLAS_NUM_THREADS": "1"},  # each thread of it would reserve address space
            start_new_session=True,  # Ctrl-C is for the daemon, which ends its workers
        )  # fmt: skip
        worker = _Worker(process)
        self._alive.add(worker)
        self.started += 1
        return worker

    async def _end(self, worker: _Worker) -> int:
        self._alive.discard(worker)
        self._stale.discard(worker)
        self._untold.pop(worker, None)
        return await worker.end()
