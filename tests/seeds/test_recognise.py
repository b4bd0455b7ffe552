"""Messages judged: what counts, what is only probable, and what is nothing."""

from __future__ import annotations

import io
import random
from hashlib import sha256

import pytest
from PIL import Image

from bench import corpus
from mmsd.errors import DecodeError
from mmsd.seeds import alterations as alter
from mmsd.seeds.contents import Content
from mmsd.seeds.library import Library
from mmsd.seeds.mark import ACCEPTED
from mmsd.seeds.recognise import judge
from mmsd.seeds.seed import RegisteredSeed, key_name
from mmsd.seeds.verdict import EXACT, MARK, REGISTERED, Probable, Verdict
from tests.seeds.drawn import KEY, Campaign, card, make


def picture(octets: bytes) -> Content:
    return Content("image/jpeg", octets)


@pytest.mark.parametrize("change", sorted(corpus.CHANGES))
def test_an_altered_seed_is_recognised(campaign: Campaign, change: str) -> None:
    octets = corpus.CHANGES[change][1](campaign.picture("leg-2"), random.Random(change))
    verdict = judge([picture(octets)], campaign.library)
    assert [sighting.seed for sighting in verdict.sightings] == ["leg-2"]
    assert verdict.sightings[0].score >= ACCEPTED


@pytest.mark.parametrize("change", ["JPEG 75", "160 px", "cropped 5 %", "caption below", "turned 2°"])
def test_the_original_without_a_mark_is_not(campaign: Campaign, change: str) -> None:
    """The dearest of negatives: what was sent out before the campaign, say."""
    octets = corpus.CHANGES[change][1](card("torch", "Leg 00002"), random.Random(change))
    verdict = judge([picture(octets)], campaign.library)
    assert not verdict.sightings
    assert verdict.highest < ACCEPTED - 2


def test_another_deployments_mark_is_not(campaign: Campaign) -> None:
    foreign = make("leg-2", alter.png(card("torch", "Leg 00002")), bytes(32))
    assert not judge([picture(foreign.octets)], campaign.library).sightings


def test_a_card_of_the_template_and_a_picture_of_nothing_are_not(campaign: Campaign) -> None:
    for octets in (alter.jpeg(card("torch", "Leg 00004"), 75), *(corpus.unrelated(number) for number in range(12))):
        assert not judge([picture(octets)], campaign.library, held=["relay/leg-1", "relay/river"]).sightings


def test_the_methods(campaign: Campaign) -> None:
    whole = campaign.picture("river")
    for method, octets in (
        (EXACT, campaign.made["river"].octets),
        (MARK, alter.jpeg(whole, 50)),
        (REGISTERED, alter.jpeg(alter.cut(whole, 0.06, 0.0, 0.03, 0.07), 75)),
    ):
        assert [sighting.method for sighting in judge([picture(octets)], campaign.library).sightings] == [method]


def test_altered_octets_are_learnt(campaign: Campaign) -> None:
    octets = alter.jpeg(campaign.picture("leg-1"), 60)
    library = Library(KEY, campaign.library.seeds.values())
    verdict = judge([picture(octets)], library)
    assert [(one.digest, one.seed) for one in verdict.learned] == [(sha256(octets).digest(), "relay/leg-1")]
    library.learn(*verdict.learned[0])
    assert judge([picture(octets)], library).sightings[0].method == EXACT
    library.learn(bytes(32), "gone", 0)
    assert library.exact(b"") is None, "a seed that is not live any more"


def test_only_octets_are_compared_when_nothing_may_be_opened(campaign: Campaign) -> None:
    altered, exact = picture(alter.jpeg(campaign.picture("leg-1"), 60)), picture(campaign.made["leg-1"].octets)
    assert not judge([altered], campaign.library, look_at_all=False).sightings
    assert judge([exact], campaign.library, look_at_all=False).sightings


def test_text_and_smil_never_count(campaign: Campaign) -> None:
    """Exact text, from a holder: probable, no more."""
    text = Content("text/plain", "一路平安，早日回家团圆！".encode())
    verdict = judge([text, Content("application/smil", b"<smil/>")], campaign.library, held=["relay/river"])
    assert not verdict.sightings
    assert verdict.probable == (Probable("river", "relay", ("holder", "text")),)
    assert judge([text], campaign.library).probable == (), "one sign is no sign"


def test_a_look_alike_from_a_holder_is_probable(campaign: Campaign) -> None:
    verdict = judge([picture(alter.jpeg(card("torch", "Leg 00002"), 80))], campaign.library, held=["relay/leg-2"])
    assert ("leg-2", ("holder", "look")) in [(one.seed, one.signs) for one in verdict.probable]


def test_two_seeds_in_one_message(campaign: Campaign) -> None:
    """Both are seen, the surer first."""
    contents = [picture(alter.jpeg(campaign.picture("leg-3"), 50)), picture(campaign.made["river"].octets)]
    verdict = judge(contents, campaign.library)
    assert [(sighting.seed, sighting.part) for sighting in verdict.sightings] == [("river", 1), ("leg-3", 0)]


def test_two_campaigns_may_give_one_name(campaign: Campaign) -> None:
    """Neither name nor family of a seed is another campaign's; of a message with a seed of each, both are seen."""
    other = make("leg-1", alter.jpeg(card("lantern"), 92, fine=True))
    theirs = RegisteredSeed("leg-1", "lamps", "leg", key_name(KEY), (other.registered,))
    library = Library(KEY, [*campaign.library.seeds.values(), theirs])
    contents = [picture(alter.jpeg(campaign.picture("leg-1"), 50)), picture(other.octets)]
    verdict = judge(contents, library, held=["lamps/leg-1"])
    assert [sighting.label for sighting in verdict.sightings] == ["lamps/leg-1", "relay/leg-1"]
    assert {library.entries[face].seed.label for face in library.siblings(library.faces_of("lamps/leg-1")[0])} == {"lamps/leg-1"}


def test_the_same_seed_twice_is_one(campaign: Campaign) -> None:
    contents = [picture(alter.jpeg(campaign.picture("leg-3"), quality)) for quality in (50, 90)]
    verdict = judge(contents, campaign.library)
    assert [(sighting.seed, sighting.part) for sighting in verdict.sightings] == [("leg-3", 1)]


def test_what_cannot_be_decoded_costs_one_part(campaign: Campaign) -> None:
    contents = [picture(b"\xff\xd8\xff\xe0 no jpeg"), picture(campaign.made["leg-1"].octets)]
    verdict = judge(contents, campaign.library)
    assert [sighting.seed for sighting in verdict.sightings] == ["leg-1"]
    assert [fault.partition(":")[0] for fault in verdict.faults] == ["part 0"]


def test_an_animation_is_recognised_by_any_frame(campaign: Campaign) -> None:
    original = corpus.sources(0.01)[-2]
    assert original.family == "animation"
    made = make("moving", original.octets)
    library = Library(KEY, [RegisteredSeed("moving", "relay", "moving", key_name(KEY), (made.registered,))])
    image = Image.open(io.BytesIO(made.octets))
    for number in range(image.n_frames):  # type: ignore[attr-defined]  # Pillow's stubs tell it of no plain image
        image.seek(number)
        assert judge([picture(alter.jpeg(image.convert("RGB"), 60))], library).sightings[0].seed == "moving"
    out = io.BytesIO()
    strange = [card("river").resize(image.size), image.convert("RGB"), image.convert("RGB")]
    strange[0].save(out, "GIF", save_all=True, append_images=strange[1:])
    assert judge([picture(out.getvalue())], library).sightings, "something else was put before it"


def test_a_seed_of_another_key_is_refused(campaign: Campaign) -> None:
    with pytest.raises(DecodeError, match="another key"):
        Library(bytes(32), campaign.library.seeds.values())


def test_a_library_without_seeds_recognises_nothing(campaign: Campaign) -> None:
    assert judge([picture(campaign.made["leg-1"].octets)], Library(KEY, [])) == Verdict()
