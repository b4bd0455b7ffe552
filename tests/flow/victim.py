"""A process that reads logs and says `tick` after every commit, until it is killed or done. Run by test_recovery."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from mmsd.flow import sequencer
from mmsd.model import SECOND
from tests.flow import rig


def main(logs: str, state: str, seed: str) -> None:
    sequencer.HOUSEKEEPING, sequencer.SNAPSHOT_BYTES = SECOND, 60_000  # type: ignore[misc]  # small, so that both happen
    house = rig.House(Path(logs), Path(state), rig.Clock(rig.AFTERWARDS), draw=random.Random(int(seed)))

    def say(_: sequencer.Sequencer) -> None:
        tell("tick")

    house.life(rig.Misfortune(), house.done, largest=40_000, sloth=0.3, between=say)
    house.end()
    tell("done")


def tell(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
