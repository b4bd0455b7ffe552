"""Registration: known places are found again to a fraction of a pixel, and what is not there is given up."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mmsd.seeds import geometry
from mmsd.seeds.geometry import IDENTITY, Map, boxed, cropped, inverted, joined, seen, turned
from mmsd.seeds.pictures import canonical
from mmsd.seeds.register import ALIKE, Received, Template
from mmsd.seeds.seed import Floats
from tests.seeds.drawn import card

PLACES: dict[str, Map] = {
    "untouched": IDENTITY,
    "cropped": cropped((0.09, 0.01, 0.98, 0.95)),
    "in a frame": boxed((0.08, 0.1, 0.9, 0.93)),
    "turned": turned(4.2, 1.0, 4 / 3),
    "turned and larger": turned(-3.3, 1.08, 4 / 3),
    "a caption below": boxed((0.0, 0.0, 1.0, 0.83)),
}


def received(values: Floats, by: Map) -> Floats:
    mean = float(values.mean())
    return seen(Image.fromarray(values - mean), inverted(by)) + mean


@pytest.mark.parametrize("template", ["river", "torch", "lantern"])
@pytest.mark.parametrize("place", sorted(PLACES))
def test_a_known_place_is_found(template: str, place: str) -> None:
    values, by = canonical(card(template).convert("L")), PLACES[place]
    shown = Received(received(values, by), 4 / 3)
    wanted = Template(values)
    near = geometry.turned(0.6, 1.01) if place != "a caption below" else boxed((0.0, 0.0, 1.0, 0.87))
    found = max(wanted.refined(shown, [near, *wanted.coarse(shown, 3).places]), key=lambda pair: pair[1])
    corners = np.array([[0.2, 0.8, 0.2, 0.8], [0.2, 0.2, 0.8, 0.8], [1, 1, 1, 1]])
    assert np.abs(found[0] @ corners - by @ corners).max() < 0.006, "less than a pixel of the canonical grid"
    assert found[1] > 0.5


def test_what_is_not_there_is_given_up() -> None:
    wanted = Template(canonical(card("river").convert("L")))
    shown = Received(canonical(card("lantern").convert("L")), 4 / 3)
    coarse = wanted.coarse(shown, 3)
    assert not coarse.is_clear(100)
    assert all(alike < 0.5 for _, alike in wanted.refined(shown, [IDENTITY, *coarse.places]))


def test_a_flat_picture_is_nowhere() -> None:
    wanted = Template(canonical(card("river").convert("L")))
    shown = Received(np.full((128, 128), 7, np.float32))
    assert list(wanted.refined(shown, [IDENTITY, *wanted.coarse(shown, 2).places])) == []
    flat = Template(np.full((128, 128), 7, np.float32))
    assert all(alike < ALIKE for _, alike in flat.refined(shown, [IDENTITY]))


def test_places_that_come_to_the_same_are_given_once() -> None:
    values = canonical(card("river").convert("L"))
    wanted, shown = Template(values), Received(values)
    assert len(list(wanted.refined(shown, [IDENTITY, turned(0.5), turned(-0.5), boxed((0.01, 0.0, 1.0, 1.0))]))) == 1


def test_maps_join_and_invert(seed: int) -> None:
    draw = np.random.default_rng(seed)
    for _ in range(50):
        one, other = (turned(draw.uniform(-9, 9), draw.uniform(0.7, 1.4), draw.uniform(0.5, 2)) for _ in range(2))
        assert np.allclose(joined(joined(one, other), inverted(other)), one)
        point = np.array([*draw.uniform(0, 1, 2), 1.0])
        assert np.allclose(joined(one, other) @ point, one @ np.append(other @ point, 1.0))


def test_a_map_and_the_view_through_it_agree() -> None:
    """A dot at a place of the received picture is seen where the inverted map says."""
    values = np.zeros((128, 128), np.float32)
    values[40, 90] = 100.0
    by = joined(turned(5, 1.1), boxed((0.1, 0.05, 0.9, 0.9)))
    view = seen(Image.fromarray(values), by)
    row, column = np.unravel_index(int(view.argmax()), view.shape)
    x, y = inverted(by) @ np.array([90.5 / 128, 40.5 / 128, 1.0])
    assert abs(x * 128 - column - 0.5) <= 1
    assert abs(y * 128 - row - 0.5) <= 1
