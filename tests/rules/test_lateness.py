"""How late lines come: shares near the truth, whatever the pieces; what was long ago is forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from mmsd.model import SECOND
from mmsd.rules.lateness import BINS, MOST, Lateness


def seen(*delays: float, times: int = 1) -> Lateness:
    late = Lateness()
    for _ in range(times):
        late.take(np.array([round(delay * SECOND) for delay in delays], np.int64))
    return late


def test_shares_are_told_within_a_fifth(seed: int) -> None:
    draw = np.random.default_rng(seed)
    delays = (draw.lognormal(1.0, 2.0, 20_000) * SECOND).astype(np.int64)
    late = Lateness()
    for part in np.array_split(delays, 37):
        late.take(part)
    for share in (0.5, 0.9, 0.99, 1.0):
        true = float(np.quantile(delays, share))
        assert true * 0.95 - 2000 <= late.share(share) <= true * 1.25 + 2000, share


def test_what_comes_early_is_on_time() -> None:
    assert seen(-5.0, -0.1, 0.0).share(1.0) == 0


def test_none_seen_is_no_lateness() -> None:
    assert (Lateness().share(0.99), Lateness().n, Lateness().told().n) == (0, 0, 0)


def test_a_month_is_the_most() -> None:
    assert max(seen(1e9).counts) <= BINS


def test_what_has_not_happened_again_for_long_is_gone() -> None:
    late = seen(3600.0, times=1000)
    on_time = np.zeros(MOST // 2, np.int64)
    assert late.share(0.99) > 3000 * SECOND
    for _ in range(3):
        late.take(on_time)
    assert late.share(1.0) > 3000 * SECOND, "not at once"
    for _ in range(40):
        late.take(on_time)
    assert late.share(1.0) == 0
    assert late.n <= MOST


@pytest.mark.parametrize("pieces", [1, 7])
def test_pieces_make_no_difference(pieces: int, seed: int) -> None:
    delays = np.random.default_rng(seed).integers(-SECOND, 100 * SECOND, 5000)
    parts = Lateness()
    for part in np.array_split(delays, pieces):
        parts.take(part)
    whole = Lateness()
    whole.take(delays)
    assert dict(sorted(parts.counts.items())) == dict(sorted(whole.counts.items()))
