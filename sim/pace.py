"""Two ways to run a province: as fast as the machine can, or by the wall clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from mmsd.model import SECOND
from sim.province import Province
from sim.scenario import Scenario, us

_STEP: Final = SECOND // 20
_TOTALS: Final = SECOND


def generate(
    scenario: Scenario,
    out: Path,
    *,
    messages: int | None = None,
    seed: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Province:
    """Whole log files in virtual time. `progress(deliveries closed, lines written)` is called once a simulated minute."""
    start = round(scenario.run.start.timestamp()) * SECOND
    province = Province(scenario, out, start, seed=seed, messages=messages or scenario.run.messages)
    agenda = province.agenda
    while agenda.now < province.cutoff or agenda.now < province.cutoff + scenario.window + us(scenario.run.tail) or province.open:
        agenda.run(agenda.now + 60 * SECOND if agenda.now + 60 * SECOND < province.cutoff else agenda.now + SECOND)
        if progress is not None:
            progress(province.truth.rows.records, sum(file.lines for file in province.feeds.values()))
    province.finish()
    return province


def live(
    scenario: Scenario,
    out: Path,
    duration: float,
    *,
    wall: Callable[[], int],
    pause: Callable[[float], None],
    stopped: Callable[[], bool],
    seed: int | None = None,
    watch: Callable[[Province], None] | None = None,
    begun: Callable[[Province], Callable[[], None]] | None = None,
) -> Province:
    """Files that grow as time goes by, for `duration` seconds (0 = until stopped); `wall` gives µs UTC, `pause` sleeps.

    Submits stop `run.drain` seconds before the end, so that every window is over when it comes. `stopped()` ends at once: the truth then
    holds what was written, and says "open" of the rest. `watch` is called when the totals are written, once a second; `begun` when there is
    a province, and what it gives back before each of its steps.
    """
    start = wall() // SECOND * SECOND
    end = start + us(duration) if duration else 1 << 62
    drain = us(scenario.run.drain)
    province = Province(scenario, out, start, seed=seed, cutoff=max(end - drain, start + 1))
    meanwhile = begun(province) if begun is not None else None
    totals = hold = 0
    while not stopped():
        now = min(wall(), end)
        if meanwhile is not None:
            meanwhile()
        province.agenda.run(max(now, province.agenda.now))
        hold = (hold + 37) % 90  # a reader must expect half lines, of any length
        province.flush(hold)
        if now >= totals + _TOTALS:
            province.write_totals("running")
            totals = now
            if watch is not None:
                watch(province)
        if now >= end:
            break
        pause(_STEP / SECOND)
    province.finish()
    return province
