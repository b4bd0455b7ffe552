"""The scanner: lines a second beside polars and csv in the same run, linear cost, flat memory.

Ours is timed as a feed runs it: the file read in chunks of 1 MiB, each made into columns by `plan.run`, what was not consumed read again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import data, peers
from mmsd import fast
from mmsd.logs import plan

CHUNK = 1 << 20
KEY = (0x243F6A8885A308D3, 0x13198A2E03707344)


@dataclass(slots=True)
class Report:
    """Tables by title, and what their numbers do not say."""

    tables: dict[str, list[dict[str, Any]]]
    notes: list[str]


def stream(name: str, path: Path) -> tuple[int, int, int]:
    """Scan a file as a feed does: (lines, rows, rejects)."""
    compiled = plan.compile_plan(data.FORMATS[name][0])
    lines = rows = rejects = offset = 0
    with path.open("rb", buffering=0) as file:
        while True:
            chunk = os.pread(file.fileno(), CHUNK, offset)
            final = len(chunk) < CHUNK
            parsed = plan.run(compiled, chunk, ordinal=0, offset=offset, final=final, key=KEY)
            lines, rows, rejects = lines + parsed.lines, rows + parsed.records.rows, rejects + parsed.rejects.total
            offset += parsed.consumed
            if final:
                return lines, rows, rejects


def main() -> None:
    """`python -m bench.scan FORMAT FILE`: best of fifteen, and the most memory this process ever held, as JSON."""
    name, path = sys.argv[1:]
    times = []
    for _ in range(15):
        begun = time.process_time()
        lines, rows, rejects = stream(name, Path(path))
        times.append(time.process_time() - begun)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) // 1024  # getrusage would tell the most its parent held, too
    print(json.dumps({"seconds": min(times), "lines": lines, "rows": rows, "rejects": rejects, "peak_mib": peak, "twin": fast.TWIN}))


def child(*words: str, **environment: str) -> dict[str, Any]:
    """Run a bench's part in a process of its own and read its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"} | environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def run(lines: int, say: Callable[[str], None]) -> Report:
    speeds, compared, growth = [], [], []
    with tempfile.TemporaryDirectory(prefix="mmsd-bench-") as folder:
        for name in data.FORMATS:
            say(f"{name}: writing {lines:,} records")
            path = Path(folder) / name
            whole = b"".join(data.records(name, lines))
            path.write_bytes(whole)
            say(f"{name}: scanning")
            ours = child("bench.scan", name, str(path))
            rate = ours["lines"] / ours["seconds"]
            speeds.append(
                {
                    "format": name,
                    "bytes a record": len(whole) // lines,
                    "lines/s": int(rate),
                    "MB/s": int(len(whole) / ours["seconds"] / 1e6),
                    "rows": ours["rows"],
                    "rejects": ours["rejects"],
                }
            )
            if name in peers.SEPARATORS:
                row: dict[str, Any] = {"format": name, "mmsd lines/s": int(rate)}
                for peer in peers.PEERS:
                    say(f"{name}: {peer}")
                    theirs = lines / child("bench.peers", peer, name, str(path), POLARS_MAX_THREADS="1")["seconds"]
                    row |= {f"{peer} lines/s": int(theirs), f"÷ {peer}": rate / theirs}
                compared.append(row)
            if name in ("mbuni", "radius"):
                say(f"{name}: ten times as much")
                with path.open("ab") as file:
                    for _ in range(9):
                        file.write(whole)
                tenfold = child("bench.scan", name, str(path))
                growth.append(
                    {
                        "format": name,
                        "ns a line, 1×": ours["seconds"] / ours["lines"] * 1e9,
                        "ns a line, 10×": tenfold["seconds"] / tenfold["lines"] * 1e9,
                        "peak MiB, 1×": ours["peak_mib"],
                        "peak MiB, 10×": tenfold["peak_mib"],
                    }
                )
            path.unlink()
    return Report(
        {
            f"scan: file to columns, one thread, chunks of 1 MiB ({fast.TWIN})": speeds,
            "scan: beside others, one thread each": compared,
            "scan: linear cost, flat memory": growth,
        },
        [
            "Seconds are CPU seconds of a whole process, the best of several runs: other programs do not count, a second thread would.",
            "csv and polars-split only cut at one separator: no value is converted, no literal checked, no bad line named.",
            "polars makes the same columns by expressions, but checks no literal, names no bad line, no position; Kannel's counted bodies",
            "are cut at any ']' and their hex is not told from text. It collects all rows; ours go by in chunks.",
            "No peer reads the other formats: blanks inside quotes, padding, blocks, raw line feeds.",
        ],
    )


if __name__ == "__main__":
    main()
