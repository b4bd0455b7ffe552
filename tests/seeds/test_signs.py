"""The best of many siblings: as a plain product says, whatever is left out on the way; and a crowd of siblings is recognised by it."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from bench import corpus
from mmsd.seeds import alterations as alter
from mmsd.seeds import mark, recognise
from mmsd.seeds.contents import Content
from mmsd.seeds.fingerprint import VARIANTS, Index
from mmsd.seeds.library import Library
from mmsd.seeds.pictures import colour, opened
from mmsd.seeds.recognise import judge
from mmsd.seeds.seed import Floats, RegisteredPicture, RegisteredSeed, key_name
from mmsd.seeds.signs import Signs
from tests.seeds.drawn import KEY, Campaign, card, make, payload

CHIPS = [mark.chips(KEY, number.to_bytes(2, "big")) for number in range(400)]
SIGNS = Signs(CHIPS)
DENSE = np.stack([chips.ravel() for chips in CHIPS]).astype(np.float64)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05, 0.1, 0.3, 1.0])
def test_the_best_is_that_of_the_whole_product(share: float) -> None:
    """From nothing of a mark to nothing but it: cells that tell little come last, and no bound rules out who is the best."""
    noise = np.random.default_rng(round(share * 100))
    for number in range(0, 400, 40):
        left = noise.normal(size=(256, 10)) * noise.gamma(1.0, size=(256, 1)) * (1 - share) + share * 2 * CHIPS[number]
        left = (left / np.linalg.norm(left)).astype(np.float32)
        dense = DENSE @ left.ravel()
        assert np.allclose(SIGNS.scores(left), dense, atol=1e-3)
        best = SIGNS.best(left, 3)
        assert best[0] == int(dense.argmax())
        assert sorted(best, key=lambda one: -dense[one]) == best
        assert share < 0.3 or best[0] == number


def test_nothing_left_is_nobody_in_particular() -> None:
    assert len(SIGNS.best(np.zeros((256, 10), np.float32), 3)) == 3


def test_a_clear_best_spares_most_look_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    summed = Signs._summed

    def counted(self: Signs, table: Floats, cells: Iterable[int], scores: Floats, who: NDArray[np.intp] | None) -> Floats:
        cells = list(cells)
        asked.append(len(scores) * len(cells))
        return summed(self, table, cells, scores, who)

    monkeypatch.setattr(Signs, "_summed", counted)
    left = CHIPS[7].astype(np.float32) + np.random.default_rng(1).normal(size=(256, 10)).astype(np.float32)
    assert SIGNS.best(left / np.linalg.norm(left), 3)[0] == 7
    assert sum(asked) < 0.6 * 256 * 400


def test_the_nearest_of_a_crowd_are_those_of_a_search_by_hand() -> None:
    noise = np.random.default_rng(3)
    like = noise.integers(0, 1 << 63, 4, np.uint64)
    flips = noise.random((3000, len(VARIANTS), 256)) < noise.uniform(0.1, 0.3, (3000, 1, 1))
    faces = [np.packbits(rows, axis=1).view(np.uint64) ^ like for rows in flips]
    found = Index(faces).shortlist([like], 8, 104)
    distances = np.stack([np.bitwise_count(face ^ like).sum(axis=1) for face in faces])
    expected = sorted((int(row.min()), face) for face, row in enumerate(distances))[:8]
    assert [(near.distance, near.face) for near in found] == expected
    assert all(distances[near.face, near.variant] == near.distance for near in found)


def test_a_seed_among_a_crowd_of_siblings(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards that look all the same: none is asked by itself, and the right one is told by its chips, letterboxed and cropped, too."""
    face = campaign.library.seeds["relay/leg-1"].pictures[0].faces
    crowd = [
        RegisteredSeed(
            name, "relay", "leg", key_name(KEY), (RegisteredPicture(name, "image/png", payload(name), payload(name), face, 2.0),)
        )
        for name in (f"leg-{number}" for number in range(1000, 1000 + 70))
    ]
    library = Library(KEY, [*campaign.library.seeds.values(), *crowd])
    laid = recognise._marked
    monkeypatch.setattr(recognise, "_marked", lambda view, library, face: laid(view, library, face)
                        if len(library.siblings(face)) <= 3 else pytest.fail("one of a crowd by itself"))  # fmt: skip
    for change in ("JPEG 50", "128 px", "letterbox 176x220", "letterbox 240x320", "grey", "cropped 5 %", "caption below"):
        for name in ("leg-2", "leg-3"):
            octets = corpus.CHANGES[change][1](campaign.picture(name), random.Random(change))
            assert [found.seed for found in judge([Content("image/any", octets)], library).sightings] == [name], change
    stranger = alter.jpeg(card("torch", "Leg 00009"), 75)
    assert not judge([Content("image/any", stranger)], library).sightings


def test_cards_of_one_template_in_two_campaigns_are_never_taken_for_each_other() -> None:
    """No family joins them, and they look the same to every fingerprint: their marks tell them apart after all that is done to them."""
    made = {name: make(name, alter.png(card("torch", number))) for name, number in (("leg-1", "Leg 00001"), ("lamp-1", "Leg 00002"))}
    seeds = {name: RegisteredSeed(name, name[:3], name, key_name(KEY), (one.registered,)) for name, one in made.items()}
    library = Library(KEY, seeds.values())
    right = 0
    for name, one in made.items():
        for change, (_, altered) in corpus.CHANGES.items():
            octets = altered(colour(opened(one.octets)), random.Random(f"{name} {change}"))
            found = [sighting.label for sighting in judge([Content("image/any", octets)], library, held=list(seeds)).sightings]
            assert found in ([], [f"{name[:3]}/{name}"]), f"{name}, {change}"
            right += bool(found)
    assert right == 2 * len(corpus.CHANGES)
