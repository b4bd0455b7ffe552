"""NO_PDP rests on a month of sessions: the same verdicts, whatever a tick holds (R5, R10)."""

from __future__ import annotations

import os
import random
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import pytest

from bench.simulated import configuration
from mmsd import config
from mmsd.flow.sequencer import Settings as Pace
from mmsd.model import HOUR
from sim.pace import generate
from sim.scenario import load
from tests.flow import ledger
from tests.flow.conftest import Houses, Plain

pytestmark = pytest.mark.usefixtures("hurried")

WHOLE: Final = Pace(tick_seconds=10.0, chunk_bytes=1 << 28)
"""A tick reads all there is: yesterday's sessions and today's deliveries come together."""


BLOCK: Final = """{day:%a %b %d %H:%M:%S %Y}
\tAcct-Status-Type = Start
\tAcct-Session-Id = "{session}"
\tNAS-IP-Address = 10.36.255.1
\tFramed-IP-Address = 10.36.9.2
\tCalled-Station-Id = "cmwap"
\tCalling-Station-Id = "{number}"
\tEvent-Timestamp = "{day:%b %d %Y %H:%M:%S} CST"

"""


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> config.Settings:
    """Two days the last of which stands for a month: some had their last session just then, or a little before, and some have one again
    when it is too late."""
    table, replace = load(Path("table")), msgspec.structs.replace
    out = tmp_path_factory.mktemp("month")
    behaviours = {"healthy": 10.0, "data_off": 6.0, "no_fetch": 6.0, "wrong_apn": 4.0}
    generate(
        replace(
            table,
            run=replace(table.run, messages=120, submitting=90),
            population=replace(table.population, subscribers=60, browsers=10, behaviours=behaviours),
            campaign=replace(table.campaign, recipients=5),
            browsing=replace(table.browsing, ratio=1, base=1, slots=8, residents=3),
        ),
        out,
    )
    draw = random.Random(1)
    logs = b"".join(path.read_bytes() for path in out.glob("mmsc?/*.log*"))
    numbers = sorted(set(re.findall(r"\[to:\+?(86\d+)\]", logs.decode())))
    begins = datetime(2026, 11, 22, 9, 0)
    before = [(begins - timedelta(hours=draw.choice((draw.uniform(23.9, 24.3), 25, 29))), n) for n in numbers]
    again = [(begins + timedelta(seconds=135 + draw.randrange(200)), number) for number in draw.sample(numbers, len(numbers) // 2)]
    for name, sessions in (("detail-20261121", before), ("detail-20261123", again)):
        blocks = [BLOCK.format(day=day, session=f"{name}-{number}", number=number) for day, number in sorted(sessions)]
        (out / "radius" / "10.36.255.1" / name).write_text("".join(blocks))
    for path in out.glob("radius/*/detail-*"):
        day = datetime.strptime(path.name, "detail-%Y%m%d").timestamp()
        os.utime(path, (day, day))  # they are read in the order in which they were last written
    file = out / "mmsd.toml"
    file.write_text(configuration(out))
    return config.load(file)


def rows(told: ledger.Ledger) -> set[str]:
    return {row for row in ("U12", "U13") if f"'{row}'" in repr(told)}


def test_what_a_tick_holds_decides_nothing(house: Houses, plain: Plain, month: config.Settings, seed: int) -> None:
    for number in range(seed, seed + 3):
        draw = random.Random(number)
        judgement = msgspec.structs.replace(month.judgement, quiet=draw.choice((8.0, 60.0)))
        calm = house(number, given=month, judgement=judgement, campaigns=(), pace=WHOLE, follow=draw.random() < 0.5)
        run = house(number, given=month, judgement=judgement, campaigns=(), follow=draw.random() < 0.5)
        calm.clock.now += 48 * HOUR
        run.clock.now += 48 * HOUR
        calm.read_all()
        story = run.history((5_000, 20_000, 200_000))
        for each in (calm, run):
            told = ledger.read(each.state)
            differences = ledger.differences(told, plain(each))
            assert not differences, "\n".join([f"history {number}: {story}", *differences[:12]])
            assert rows(told) == {"U12", "U13"}
