"""Run in a network namespace of its own: a link whose line drops every packet for a while. Writes what the link says of it, a line each.

unshare --net --map-root-user python -m tests.link.cut_off smpp FOLDER
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from mmsd.link.carry import Down, Uncertain, Up
from tests.link.test_centre_faults import house, message


def line(state: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


async def main(protocol: str, folder: Path) -> None:
    """TCP alone would try for a quarter of an hour before it gave up."""
    line("up")
    async with house(protocol, folder, probe_seconds=0.5, probe_answer_seconds=0.5, retry_seconds=0.2) as it:
        line("down")
        answer = await it.link.send(message())
        assert isinstance(answer, Uncertain)
        told = [answer.why, (await it.event(Down))[0].why]
        line("up")
        await it.event(Up, 2)
        told.append(f"{type(await it.link.send(message('two'))).__name__} {dict(it.taken())}")
        sys.stdout.write("\n".join(told))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
