"""The daemon as a process that comes to harm, made again and again without its imports: a line of JSON in, a life out.

    {"config": FILE, "log": FILE, "kill": [POINT, N], "held": false, "doubt": false}
    → {"pid": …} when it begins, {"code": …} when it is over

It is killed (SIGKILL) the Nth time it comes to POINT: one of the daemon's named boundaries, or "written", when the octets of a request went
to the socket. `held`: it waits for SIGCONT first, so that somebody can trace it. `doubt`: it lives, and its store can no longer say what
is committed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmsd import app, config
from mmsd.errors import StoreDoubt
from mmsd.link import cmpp, registry, smpp
from mmsd.link.carry import Link
from mmsd.link.channel import Socket, Wire

SUBMITS = (b"\0\0\0\4",)  # submit_sm and CMPP_SUBMIT have the same command id


class Watched:
    """A socket that says when a submit was written to it."""

    def __init__(self, wire: Wire, point: Callable[[str], None]) -> None:
        self._wire = wire
        self._point = point

    async def read(self) -> bytes:
        return await self._wire.read()

    def write(self, octets: bytes) -> None:
        self._wire.write(octets)
        if octets[4:8] in SUBMITS:
            self._point("written")

    async def close(self) -> None:
        await self._wire.close()


def world(kill: list[Any], doubt: bool) -> app.World:
    where, left = kill

    def point(name: str) -> None:
        nonlocal left
        left -= name == where
        if name == where and not left:
            if doubt:
                raise StoreDoubt("told so")
            os.kill(os.getpid(), signal.SIGKILL)

    def link(settings: registry.Settings) -> Link:
        async def connect() -> Wire:
            assert isinstance(settings, smpp.Settings | cmpp.Settings)
            return Watched(await Socket.open(settings.host, settings.port), point)

        if isinstance(settings, smpp.Settings):
            return smpp.link(settings, random=lambda: 0.0, wall=app.wall, connect=connect)
        if isinstance(settings, cmpp.Settings):
            return cmpp.link(settings, random=lambda: 0.0, wall=app.wall, connect=connect)
        return registry.make(settings, random=lambda: 0.0, wall=app.wall)

    return app.World(fault_point=point, link=link)


def live(case: dict[str, Any]) -> None:
    """One life, in the child."""
    log = os.open(case["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    if case["held"]:
        os.kill(os.getpid(), signal.SIGSTOP)
    try:
        code = app.serve(config.load(Path(case["config"])), None, world(case["kill"], case["doubt"]))
    except BaseException:  # noqa: BLE001  # said in the log; the code tells
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    os._exit(code)


def main() -> None:
    for line in sys.stdin:
        case = json.loads(line)
        pid = os.fork()
        if not pid:
            sys.stdin.close()
            live(case)
        say({"pid": pid})
        _, status = os.waitpid(pid, 0)
        say({"code": os.waitstatus_to_exitcode(status)})


def say(what: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
