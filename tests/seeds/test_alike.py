"""A new seed held against the live ones: cards of one template that are no siblings are named."""

from __future__ import annotations

import random

import pytest

from bench import cards
from mmsd.seeds import alterations as alter
from mmsd.seeds.alike import alike
from mmsd.seeds.faces import faces
from mmsd.seeds.seed import RegisteredPicture, RegisteredSeed, key_name
from tests.seeds.drawn import KEY, payload


def drawn(label: str, template: str, family: str = "", number: str = "Leg 00001", seed: int = 1) -> RegisteredSeed:
    """A card as it is registered, in a size of handsets."""
    campaign, name = label.split("/")
    image = cards.TEMPLATES[template](random.Random(seed), (320, 240), number=number)
    octets = alter.png(image)
    picture = RegisteredPicture("card.png", "image/png", octets[:32], payload(label), faces([image.convert("L")]), 2.0)
    return RegisteredSeed(name, campaign, family or name, key_name(KEY), (picture,))


LIVE = [drawn(f"relay/{template}", template) for template in cards.TEMPLATES]


@pytest.mark.parametrize("template", cards.TEMPLATES)
def test_a_card_of_the_same_template_is_named(template: str) -> None:
    (found,) = alike(drawn("lamp/one", template, number="Leg 00002"), LIVE)
    assert (found.seed, found.picture) == (f"relay/{template}", "card.png")
    assert found.bits < 32


def test_siblings_and_the_seed_itself_are_not() -> None:
    first, second = drawn("relay/leg-1", "torch", "leg"), drawn("relay/leg-2", "torch", "leg", "Leg 00002")
    assert alike(second, [first, second]) == []
    found = alike(drawn("lamp/leg-2", "torch", "leg", "Leg 00002"), [first, second])
    assert {one.seed for one in found} == {"relay/leg-1", "relay/leg-2"}, "a family belongs to one campaign"


def test_the_nearest_is_named_first() -> None:
    """Two drawings of a template whose cards differ in more than the number."""
    drawings = [drawn(f"relay/{template}-{seed}", template, seed=seed) for template in cards.TEMPLATES for seed in (2, 1)]
    both = [alike(drawn("lamp/one", template), drawings) for template in cards.TEMPLATES]
    assert [found[0].seed for found in both] == [f"relay/{template}-1" for template in cards.TEMPLATES]
    assert all([one.bits for one in found] == sorted(one.bits for one in found) for found in both)
    assert max(map(len, both)) > 1
