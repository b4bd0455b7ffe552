"""A registered seed survives its octets and no damage to them; making one keeps to its grades."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from bench import corpus
from mmsd.errors import DecodeError
from mmsd.seeds import alterations as alter
from mmsd.seeds import pictures, texts
from mmsd.seeds.making import GRADES, SAFE, Original, luma, psnr, ssim, tried
from mmsd.seeds.seed import MAGIC, RegisteredSeed
from tests.seeds.drawn import KEY, Campaign, card, payload


def test_octets_and_back(campaign: Campaign) -> None:
    for seed in campaign.library.seeds.values():
        assert RegisteredSeed.from_bytes(seed.to_bytes()) == seed


def test_every_flipped_octet_is_noticed(campaign: Campaign) -> None:
    octets = campaign.library.seeds["relay/river"].to_bytes()
    for place in range(0, len(octets), 401):
        broken = bytearray(octets)
        broken[place] ^= 0x40
        with pytest.raises(DecodeError):
            RegisteredSeed.from_bytes(bytes(broken))
    for cut in (0, 5, len(MAGIC), len(MAGIC) + 1, 50, len(octets) - 1):
        with pytest.raises(DecodeError):
            RegisteredSeed.from_bytes(octets[:cut])


def test_a_later_version_is_told() -> None:
    with pytest.raises(DecodeError, match="version 02"):
        RegisteredSeed.from_bytes(MAGIC + b"\x02" + bytes(64))


def test_a_seed_holds_no_octet_of_the_key(campaign: Campaign) -> None:
    assert all(KEY not in seed.to_bytes() for seed in campaign.library.seeds.values())


def test_a_marked_picture_keeps_to_its_grade(campaign: Campaign) -> None:
    for name, made in campaign.made.items():
        trial = made.registered.trial
        assert trial is not None
        target, likeness = GRADES[trial.grade]
        image = card("torch", f"Leg 0000{name[-1]}")
        original = luma(pictures.colour(pictures.opened(alter.jpeg(card("river"), 92, fine=True))) if name == "river" else image)
        shown = luma(campaign.picture(name))
        assert psnr(original, shown) >= target
        assert ssim(original, shown) >= likeness
        assert trial.lowest >= SAFE
        assert not made.registered.weak


def test_every_frame_is_marked_and_the_animation_stays_one() -> None:
    source = next(source for source in corpus.sources(0.01) if source.family == "animation")
    before = Image.open(io.BytesIO(source.octets))
    made = Original(source.octets, KEY, payload("moving")).marked("moving.gif")
    after = Image.open(io.BytesIO(made.octets))
    assert after.n_frames == before.n_frames  # type: ignore[attr-defined]  # of a GIF
    assert after.info["duration"] == before.info["duration"] == 250
    pairs = zip(pictures.frames(before), pictures.frames(after), strict=True)
    assert all(not np.array_equal(luma(one), luma(other)) for one, other in pairs)
    assert 1 < len(made.registered.faces) <= before.n_frames  # type: ignore[attr-defined]


def test_a_picture_without_anything_in_it_is_weak() -> None:
    made = Original(alter.png(Image.new("RGB", (200, 150), "white")), KEY, payload("white")).marked("white.png")
    assert made.registered.weak
    assert made.registered.trial is not None
    assert made.registered.trial.failed


def moving(*frames: Image.Image) -> bytes:
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=200)
    return out.getvalue()


def test_an_animation_is_judged_by_every_frame_that_may_be_left() -> None:
    """A handset keeps any one frame: a blank one beside a good one makes the seed weak, and is named."""
    made = Original(moving(card("torch"), Image.new("RGB", (320, 240), "white"), card("river")), KEY, payload("x")).marked("x.gif")
    assert made.registered.weak
    trial = made.registered.trial
    assert trial is not None
    assert "JPEG quality 50 (frame 2)" in trial.failed
    assert all(told.endswith("(frame 2)") for told in trial.failed)
    assert (trial.tried, trial.passed) == (45, 45 - len(trial.failed)), "each of three frames after each alteration"


def test_an_animation_of_many_pictures_keeps_a_face_of_each() -> None:
    frames = [card(template, seed=seed).resize((120, 100)) for seed in (1, 2, 3) for template in ("torch", "river", "lantern")]
    made = Original(moving(*frames), KEY, payload("x"))
    assert len(made.faces) == len(frames)
    marked = made.graded(*GRADES[1])
    trial = tried(made.registered("x.gif", marked.octets, marked.deviation), marked, KEY, 1)
    assert trial.tried == 15 * len(frames)
    assert not [told for told in trial.failed if "JPEG quality 50" in told], "no frame is a stranger"


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"no picture", "no picture"),
        (alter.jpeg(Image.new("RGB", (90, 300)), 80), "too few"),
        (alter.jpeg(card("river"), 80)[:5000], "breaks off"),
    ],
)
def test_what_cannot_be_marked(octets: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        Original(octets, KEY, payload("x"))


def test_measures_of_quality() -> None:
    image = luma(card("river"))
    assert psnr(image, image) == 99.0
    assert psnr(image, image + 2) == pytest.approx(10 * np.log10(255**2 / 4))
    assert ssim(image, image) == pytest.approx(1.0)
    noise = np.random.default_rng(1).normal(0, 12, image.shape)
    assert ssim(image, image + noise) < ssim(image, image + noise / 4) < 1


def test_texts_as_handsets_send_them() -> None:
    said = "一路平安，早日回家团圆！"
    own = texts.reduced(said)
    for raw in (said.encode(), said.encode("utf-16"), said.encode("utf-16-be"), said.encode("gb18030"), b"\xef\xbb\xbf" + said.encode()):
        assert texts.reduced(raw) == own
    assert texts.alike(own, texts.reduced("转发：Fw: " + said + "\r\n小明 敬上"))
    assert texts.alike(own, own[:8]), "cut off"
    assert texts.alike(own, own[:4] + "早目" + own[6:]) is False, "two signs of ten changed"
    assert not texts.alike("平安", "平安"), "too short to tell anything"
    assert not texts.alike(own, texts.reduced("一路平安，前程似锦，万事如意"))


def test_sounds_without_their_containers() -> None:
    frames = bytes(range(200))
    assert texts.sound(b"#!AMR\n" + frames) == texts.sound(frames)
    track = b"MTrk\0\0\0\x04abcd"
    assert texts.sound(b"MThd\0\0\0\6\0\1\0\1\0\x60" + track) == texts.sound(track) != texts.sound(b"MTrk\0\0\0\x04abce")
