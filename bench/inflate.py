"""A compressed log as a feed reads it, beside a bare zlib inflate of the same file."""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from bench import measure, province
from bench.pipeline import LINES_A_MESSAGE
from bench.scan import KEY, Report
from mmsd.link.files import OsFiles
from mmsd.link.tail import Tail, TailSettings
from mmsd.logs import DIALECTS

CHUNK: Final = 1 << 20
BLOCK: Final = 64 << 10


def bare(path: Path) -> measure.Facts:
    """zlib alone, 64 KiB at a time, every byte thrown away."""
    clock, octets = measure.Clock(), 0
    inflater = zlib.decompressobj(31)
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            octets += len(inflater.decompress(block))
    return clock.facts() | {"octets": octets}


def tailed(path: Path, *, scanned: bool) -> measure.Facts:
    """The feed's tailer, and the dialect behind it when `scanned`."""
    dialect = DIALECTS["mbuni"].from_options({}, zone=ZoneInfo("Asia/Shanghai"), key=KEY)
    clock, octets = measure.Clock(), 0
    tail = Tail("mmsc", [str(path)], files=OsFiles(), monotonic=time.monotonic, settings=TailSettings(follow=False))
    while not tail.finished():
        tail.poll()
        chunk = tail.read(CHUNK)
        if chunk is None:
            continue
        whole = chunk.data.rfind(b"\n") + 1
        if scanned:
            whole = dialect.scan(chunk.data, ordinal=chunk.ordinal, offset=chunk.offset, final=chunk.final).consumed
        tail.take(whole)
        tail.pending(), tail.extents()
        tail.committed()
        octets += whole
    return clock.facts() | {"octets": octets}


PARTIES: Final[dict[str, Callable[[Path], measure.Facts]]] = {
    "zlib inflate": bare,
    ".gz to chunks": lambda path: tailed(path, scanned=False),
    ".gz to columns": lambda path: tailed(path, scanned=True),
    "plain to chunks": lambda path: tailed(path, scanned=False),
    "plain to columns": lambda path: tailed(path, scanned=True),
}


def main() -> None:
    """`python -m bench.inflate PARTY FILE`: JSON."""
    measure.alone()
    party, path = sys.argv[1], Path(sys.argv[2])
    measure.warm(path)
    measure.tell(PARTIES[party](path))


def run(lines: int, say: Callable[[str], None]) -> Report:
    """A log of `lines` lines, gzipped at level 6."""
    say("writing the file")
    log = province.access_log(lines // LINES_A_MESSAGE)
    packed = province.compressed(log)

    def party(name: str) -> Callable[[], measure.Facts]:
        return lambda: measure.child("bench.inflate", name, str(log if name.startswith("plain") else packed))

    found = measure.in_turns({name: party(name) for name in PARTIES}, say)
    bare_one = found["zlib inflate"]
    if len({facts["octets"] for facts in found.values()}) > 1:
        raise SystemExit("not all read the same octets")
    rows = [
        {
            "compressed log": name,
            "s": facts["seconds"],
            "CPU s": facts["cpu"],
            "MB/s of text": facts["octets"] / facts["cpu"] / 1e6,
            "× zlib": facts["seconds"] / bare_one["seconds"],
            "× zlib by CPU": facts["cpu"] / bare_one["cpu"],
        }
        for name, facts in found.items()
    ]
    return Report(
        {f"inflate: {lines:,} lines, {packed.stat().st_size / 1e6:.1f} MB as stored, {bare_one['octets'] / 1e6:.1f} MB of text": rows},
        ["Must: 1.6 times a bare inflate; aim: 1.25."],
    )


if __name__ == "__main__":
    main()
