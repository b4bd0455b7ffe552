"""`make fuzz`: each target in turn, so many seconds each; exit status 1 when something was found.

    python -m tests.fuzz                          all of them, FUZZ_SECONDS (600) each
    python -m tests.fuzz mms wbxml --seconds 60   two of them, a minute each

Nine tenths of the time go to the search for broken promises, a tenth to the search for what a megabyte can cost. The corpora stay below
run/fuzz and the next run goes on from them.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.fuzz import costs, seeds
from tests.fuzz.found import KEPT, Broken, broken, keep, minimised
from tests.fuzz.targets import TARGETS

_RUN: Final = Path("run/fuzz")
_LONGEST: Final = 4096  # octets of an input: a megabyte is the other search's
_PATIENCE: Final = 20  # seconds for one input


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("FUZZ_SECONDS", "600")), help="for each target")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31), help="repeats a run")
    given = parser.parse_args()
    if unknown := set(given.targets) - TARGETS.keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    print(f"seed {given.seed}", flush=True)
    paths: list[Path] = []
    for target in given.targets or TARGETS:
        paths += explore(target, 0.9 * given.seconds, given.seed)
        paths += weigh(target, 0.1 * given.seconds, given.seed)
    for path in paths:
        print(f"found: {path}")
    return 1 if paths else 0


def explore(target: str, seconds: float, seed: int) -> list[Path]:
    """Searches for a broken promise: the files it kept."""
    corpus, found = _RUN / target / "corpus", _RUN / target / "found"
    shutil.rmtree(found, ignore_errors=True)
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for octets in (*seeds.own(target), *seeds.beside(target)):
        (corpus / hashlib.sha1(octets, usedforsecurity=False).hexdigest()).write_bytes(octets)
    limits = [f"-max_total_time={max(int(seconds), 1)}", f"-max_len={_LONGEST}", f"-timeout={_PATIENCE}", "-rss_limit_mb=2048"]
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.explore",
        target,
        str(corpus),
        str(found),
        *limits,
        f"-seed={seed}",
        "-print_final_stats=1",
    ]
    pure = os.environ | {"MMSD_PURE": "1"}  # what is compiled shows no branches; the targets compare it with what is not
    with (_RUN / target / "log").open("w") as log:
        status = subprocess.run(command, env=pure, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    said = (_RUN / target / "log").read_text(errors="replace")
    done = [line.split()[1] for line in said.splitlines() if line.startswith("stat::number_of_executed_units:")]
    print(f"{target}: {done[0] if done else 'no'} inputs, exit {status}, log {_RUN / target / 'log'}", flush=True)
    return [_kept(target, path) for path in _smallest(target, found)] + ([_RUN / target / "log"] if status else [])


def weigh(target: str, seconds: float, seed: int) -> list[Path]:
    """Searches for what costs too much, in a process of its own: its memory is nobody else's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(costs.search, (target, seconds, seed))


def _smallest(target: str, found: Path) -> list[Path]:
    """One input of each fault."""
    chosen: dict[tuple[str, str], Path] = {}
    for path in sorted(found.iterdir(), key=lambda path: (path.stat().st_size, path.name)):
        fault = broken(TARGETS[target].check, path.read_bytes())
        chosen.setdefault(fault[:2] if fault else ("slow or large", path.name), path)
    return list(chosen.values())


def _kept(target: str, path: Path) -> Path:
    """The input of a fault, made small, where the suite runs it."""
    data = path.read_bytes()
    fault = broken(TARGETS[target].check, data)
    if fault is None:  # a time-out or a memory limit: to be looked at as it is
        return path

    def fails(less: bytes) -> bool:
        return Broken.same(fault, broken(TARGETS[target].check, less))

    small = minimised(data, fails)
    name = f"{fault.kind.lower()}-{hashlib.sha1(small, usedforsecurity=False).hexdigest()[:8]}"
    return keep(KEPT / target, ((small, 1),), f"{fault.kind} at {fault.place}: {fault.message}", name)


if __name__ == "__main__":
    sys.exit(main())
