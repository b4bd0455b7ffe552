"""Instructions a record of the kernels, counted by callgrind: what a busy machine does not change, so that a regression shows anywhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench import data, measure, province
from bench.pipeline import LINES_A_MESSAGE, intake
from bench.scan import Report, stream

RECORDS: Final = 12_000
FORMATS: Final = ("mbuni", "kannel", "columns", "quoted", "squid", "radius")

KERNELS: Final = {
    "scan": re.compile(r"pw_4mmsd_4fast_\d+scan_\w+?_\d+scan\b"),
    "join: take": re.compile(r"pw_4mmsd_4fast_\d+express_c_7Express_\d+take(_records)?\b"),
    "judge: survey": re.compile(r"pw_4mmsd_4fast_\d+express_c_7Express_\d+survey\b"),
}
"""Compiled functions by their symbols; what they call is counted with them."""

_COST: Final = re.compile(r"^\s*([\d,]+) \([^)]*\)\s+(.*)$")


def main() -> None:
    """`python -m bench.instructions FORMAT|whole FILE`: reads it, prints nothing."""
    party, path = sys.argv[1], Path(sys.argv[2])
    if party != "whole":
        stream(party, path)
        return
    with measure.folder() as state, intake(path, state) as (sequencer, _):
        while sequencer.tick():
            pass


def counts(party: str, path: Path, folder: Path) -> dict[str, int]:
    """Instructions of each kernel that ran while a process read the file."""
    told = folder / f"{party}.callgrind"
    environment = os.environ | measure.SINGLE | {"PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "bench.instructions", party, str(path)]
    subprocess.run(
        [str(shutil.which("valgrind")), "--tool=callgrind", f"--callgrind-out-file={told}", *command],
        env=environment, check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    listing = subprocess.run(
        [str(shutil.which("callgrind_annotate")), "--inclusive=yes", "--threshold=100", "--auto=no", str(told)],
        check=True, stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip
    found: dict[str, int] = {}
    for line in listing.splitlines():
        cost = _COST.match(line)
        for kernel, symbol in KERNELS.items():
            if cost is not None and symbol.search(cost[2]):
                found[kernel] = max(found.get(kernel, 0), int(cost[1].replace(",", "")))
    return found


def run(lines: int, say: Callable[[str], None]) -> Report:
    """`lines` has no meaning here: the counts are of a few thousand records."""
    if shutil.which("valgrind") is None or shutil.which("callgrind_annotate") is None:
        return Report({}, ["no instruction counts: valgrind is not there (apt-get install valgrind)"])
    rows: list[dict[str, Any]] = []
    with measure.folder() as folder:
        files = {"whole": province.access_log(RECORDS // LINES_A_MESSAGE)}
        for name in FORMATS:
            files[name] = folder / name
            files[name].write_bytes(b"".join(data.records(name, RECORDS)))
        for party, path in files.items():
            say(party)
            for kernel, instructions in counts(party, path, folder).items():
                rows.append(
                    {
                        "kernel": kernel,
                        "over": "mbuni, in the daemon's intake" if party == "whole" else party,
                        "instructions a record": round(instructions / RECORDS),
                    }
                )
    return Report(
        {f"instructions ({RECORDS:,} records, callgrind)": rows},
        ["valgrind runs what its own processor has: AVX2, never AVX-512. Compare rows of one machine, one compiler."],
    )


if __name__ == "__main__":
    main()
