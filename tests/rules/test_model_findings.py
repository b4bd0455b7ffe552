"""What many of one model's subscribers show is the model's."""

from __future__ import annotations

import random
from typing import Final

import numpy as np

from mmsd.model import DAY, HOUR
from mmsd.rules.model_findings import SAMPLE, ModelFindings
from mmsd.rules.settings import Judgement

SETTINGS: Final = Judgement()
NOON: Final = 20_000 * DAY + 12 * HOUR
NUMBERS: Final = range(8613800000000, 8613800000000 + 4_000)


def seen(many: int, ill: int, *, at: int = NOON, models: ModelFindings | None = None, cause: str = "BAD_APN") -> ModelFindings:
    models = models or ModelFindings(SETTINGS)
    for place, number in enumerate(NUMBERS[:many]):
        models.see("ZTE R750", number, at, cause if place < ill else "")
    return models


def found(models: ModelFindings, at: int = NOON + HOUR) -> list[tuple[str, str, bool, int, int]]:
    return [(each.model, each.cause, bool(each.cleared), each.n, each.of) for each in models.look(at)]


def test_a_fifth_of_fifty_is_the_models() -> None:
    assert found(seen(50, 10)) == [("ZTE R750", "BAD_APN", False, 10, 50)]
    assert found(seen(50, 9)) == []
    assert found(seen(49, 49)) == []


def test_what_many_have_whatever_their_handset_is_no_models() -> None:
    models = seen(50, 20)
    for place, number in enumerate(NUMBERS[100:160]):
        models.see("another", number, NOON, "BAD_APN" if place < 13 else "")
    assert found(models) == []  # 40 %, and 22 % of all others
    models = seen(50, 20)
    for place, number in enumerate(NUMBERS[100:160]):
        models.see("another", number, NOON, "BAD_APN" if place < 12 else "")
    assert found(models) == [("ZTE R750", "BAD_APN", False, 20, 50)]


def test_it_is_said_once_and_cleared_below_half_of_that_within_a_week() -> None:
    models = seen(60, 30)
    assert len(found(models)) == 1
    assert found(models, NOON + 2 * HOUR) == []
    assert models.stands("ZTE R750", "BAD_APN")
    assert not models.stands("ZTE R750", "BAD_PROXY")
    seen(60, 0, at=NOON + 3 * DAY, models=models)
    assert found(models, NOON + 3 * DAY + HOUR) == []  # those thirty were seen in this week
    seen(60, 5, at=NOON + 8 * DAY, models=models)
    assert found(models, NOON + 8 * DAY + HOUR) == [("ZTE R750", "BAD_APN", True, 5, 60)]
    assert not models.stands("ZTE R750", "BAD_APN")


def test_of_many_a_sample_tells_the_share() -> None:
    models = seen(4_000, 2_000)
    ((_, _, _, n, of),) = found(models)
    assert SAMPLE / 4 <= of <= SAMPLE
    assert abs(n / of - 0.5) < 0.25
    assert found(seen(4_000, 200)) == []


def test_order_and_restarts_do_not_matter(seed: int) -> None:
    draw = random.Random(seed)
    told = [(number, NOON + draw.randrange(3) * DAY, draw.choice(("", "", "BAD_APN", "BAD_PROXY"))) for number in NUMBERS[:700]] * 2
    plain = ModelFindings(SETTINGS)
    for number, at, cause in told:
        plain.see("A", number, at, cause)
    for _ in range(5):
        draw.shuffle(told)
        models = ModelFindings(SETTINGS)
        for place, (number, at, cause) in enumerate(told):
            models.see("A", number, at, cause)
            if place % 300 == 0:
                again = ModelFindings(SETTINGS)
                again.load(models.whole())
                models = again
        assert sorted(models.whole()[0][2].items()) == sorted(plain.whole()[0][2].items())


def test_whom_a_sample_leaves_out_is_known_beforehand() -> None:
    models = seen(4_000, 0)
    before = models.whole()
    numbers = np.array([*NUMBERS, 2**64 - 1], np.uint64)
    sampled = models.sampled("ZTE R750", numbers)
    assert sampled[:-1].sum() == len(before[0][2])
    for number in numbers[~sampled].tolist():
        models.see("ZTE R750", number, NOON + DAY, "BAD_APN")
    assert models.whole() == before
    assert models.sampled("another", numbers).all()


def test_who_was_not_seen_for_a_week_is_forgotten() -> None:
    models = seen(60, 30)
    models.see("ZTE R750", NUMBERS[70], NOON + 8 * DAY)
    models.look(NOON + 8 * DAY)
    ((_, _, sample, _, _),) = models.whole()
    assert len(sample) == 1
