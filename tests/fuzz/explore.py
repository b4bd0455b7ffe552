"""One target, searched by atheris: `python -m tests.fuzz.explore TARGET CORPUS FOUND [libFuzzer's flags]`, run by `tests.fuzz`.

A broken promise is written to FOUND and the search goes on: each place that raises is told a few times. Only an input that takes too long
or too much memory ends it.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from pathlib import Path

_TOLD = 3
"""Inputs kept of one fault: they are made small afterwards, and the smallest is the one to look at."""


def main() -> None:
    import atheris

    target, corpus, found, *flags = sys.argv[1:]
    with atheris.instrument_imports(include=["mmsd"], enable_loader_override=False):
        from tests.fuzz.found import broken
        from tests.fuzz.targets import TARGETS
    check = TARGETS[target].check
    told: Counter[tuple[str, str]] = Counter()

    def one(data: bytes) -> None:
        fault = broken(check, data)
        if fault is not None and told[fault[:2]] < _TOLD:
            told[fault[:2]] += 1
            (Path(found) / f"broken-{hashlib.sha1(data, usedforsecurity=False).hexdigest()[:12]}").write_bytes(data)
            print(f"{target}: {fault.kind} at {fault.place}: {fault.message}", flush=True)

    atheris.Setup([sys.argv[0], corpus, f"-artifact_prefix={found}/", *flags], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
