"""`mmsd seed`: made from files, kept only when it is strong, found again in a message as a handset sends it."""

from __future__ import annotations

import random
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from bench import cards
from mmsd.cli import main
from mmsd.codec import mime, mms, multipart, smil
from mmsd.codec.tables import mms as table
from mmsd.seeds import alterations as alter
from mmsd.seeds import compose
from mmsd.seeds.contents import Content, contents
from mmsd.seeds.pictures import colour, opened

NUMBER = "8613912345678"


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    path = tmp_path / "mmsd.toml"
    path.write_text(
        f'[state]\ndirectory = "{tmp_path}/state"\n[campaigns]\ndirectory = "{tmp_path}/campaigns"\n'
        f'[feeds.mmsc]\ndialect = "mbuni"\npaths = ["{tmp_path}/mmsc.log"]\n'
    )
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns/relay.toml").write_text('id = "relay"\nname = "Relay"\nstarts = "2026-11-22"\nends = "2099-11-22"\n')
    (tmp_path / "card.png").write_bytes(alter.png(cards.torch(random.Random(1), (240, 180))))
    (tmp_path / "white.png").write_bytes(alter.png(Image.new("RGB", (240, 180), "white")))
    return path


def seed(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["seed", *map(str, arguments)])


def make(configured: Path, *more: str | Path, picture: str = "card.png", name: str = "leg-1") -> Result:
    return seed("make", configured, configured.parent / picture, "--campaign", "relay", "--name", name, "--who", "Zhou", *more)


def test_made_listed_and_found(configured: Path):
    folder = configured.parent / "leg-1"
    made = make(configured, "--text", "第 1 棒，一路平安", "--subject", "火炬", "--to", NUMBER, "--family", "leg", "--out", folder)
    assert made.exit_code == 0, made.output
    assert "registered: relay/leg-1" in made.output
    assert {path.name for path in folder.iterdir()} == {"1.png", "message.mms", "content.mime"}
    listed = seed("list", configured, "--campaign", "relay", "--state", "live").output
    assert re.fullmatch(r"relay/leg-1  live  family leg, 1 pictures, [\d,]+ octets\n", listed)

    octets = (folder / "message.mms").read_bytes()
    pdu = mms.decode(octets)
    assert not pdu.faults
    assert str(pdu.get(table.SUBJECT)) == "火炬"
    start, picture, text = mms.parts(octets, pdu).parts
    (slide,) = smil.decode(bytes(start.body)).slides
    assert [multipart.find([picture, text], item.source) for item in slide.items] == [picture, text]
    assert text.text == "第 1 棒，一路平安"
    assert bytes(picture.body) == (folder / "1.png").read_bytes()
    again = configured.parent / "again"
    shown = seed("show", configured, "relay/leg-1", "--out", again)
    assert "15 of 15" in shown.output
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        name: (folder / name).read_bytes() for name in ("1.png", "content.mime")
    }

    handset = configured.parent / "altered.mms"
    altered = Content("image/jpeg", alter.jpeg(alter.scaled(colour(opened(bytes(picture.body))), 160), 60))
    handset.write_bytes(compose.send_request(compose.composed([altered]), transaction="T", receivers=[NUMBER]))
    looked = seed("look", configured, folder / "message.mms", handset, configured.parent / "card.png")
    assert looked.exit_code == 0
    exact, mark, none = looked.output.splitlines()
    assert exact.endswith("leg-1 of relay, exact")
    assert "leg-1 of relay, mark" in mark
    assert "no seed" in none
    assert seed("look", configured, configured.parent / "card.png").exit_code == 1

    assert seed("retire", configured, "relay/leg-1", "--who", "Zhou", "--why", "another card").exit_code == 0
    assert seed("look", configured, folder / "message.mms").exit_code == 1
    assert "retired" in seed("list", configured).output
    twice = seed("retire", configured, "relay/leg-1", "--who", "Zhou", "--why", "another card")
    assert (twice.exit_code, "no live seed" in twice.output) == (78, True)
    audit = CliRunner().invoke(main, ["audit", "list", str(configured), "--json"])
    assert [(row["who"], row["what"], row["subject"]) for row in msgspec.json.decode(audit.output)] == [
        ("Zhou", "seed_retire", "relay/leg-1"), ("Zhou", "seed", "relay/leg-1"),
    ]  # fmt: skip
    assert make(configured).exit_code == 78, "its name is not given again"


def test_the_content_for_mm7_is_the_same_message(configured: Path):
    folder = configured.parent / "leg-1"
    made = make(configured, "--text", "平安", "--to", NUMBER, "--out", folder)
    assert made.exit_code == 0, made.output
    headers, at = mime.decode_headers(data := (folder / "content.mime").read_bytes())
    kind = mime.decode_content_type(mime.get(headers, "content-type"))
    parts = mime.decode_multipart(data[at:], kind.parameters["boundary"])
    octets = (folder / "message.mms").read_bytes()
    assert [bytes(part.content()) for part in parts] == [bytes(part.body) for part in mms.parts(octets, mms.decode(octets)).parts]


def test_a_weak_seed_is_told_and_not_registered(configured: Path):
    weak = make(configured, "--json", picture="white.png")
    assert weak.exit_code == 1
    said = msgspec.json.decode(weak.output)
    assert (said["weak"], said["registered"]) == (True, False)
    assert said["pictures"][0]["failed"]
    assert not (configured.parent / "state/mmsd.db").exists()
    assert "weak seed" in make(configured, "--anyway", picture="white.png").output
    assert seed("list", configured).output.endswith("weak, taken by Zhou\n")


def test_a_look_alike_of_another_family_is_named_and_registered(configured: Path):
    assert "looks like" not in make(configured, "--family", "leg").output
    assert "looks like" not in make(configured, "--family", "leg", name="leg-2").output
    said = make(configured, name="lamp-1")
    assert said.exit_code == 0, said.output
    assert "card.png looks like seed relay/leg-1 (0 of 256 bits differ)" in said.output
    assert "looks like seed relay/leg-2" in said.output
    assert "registered: relay/lamp-1" in said.output
    told = msgspec.json.decode(make(configured, "--json", name="lamp-2").output)["alike"]
    assert {one["seed"] for one in told} == {"relay/leg-1", "relay/leg-2", "relay/lamp-1"}


def test_a_campaign_that_is_not_configured_has_no_seeds(configured: Path):
    (configured.parent / "campaigns/relay.toml").unlink()
    result = make(configured)
    assert result.exit_code == 78
    assert "write its file first" in result.output


@pytest.mark.parametrize(("name", "octets"), [("words.txt", b"hello"), ("broken.jpg", b"\xff\xd8\xff\xe0 no picture")])
def test_what_makes_no_seed(configured: Path, name: str, octets: bytes):
    (configured.parent / name).write_bytes(octets)
    result = make(configured, picture=name)
    assert result.exit_code == 2
    assert not (configured.parent / "state/mmsd.db").exists()


def test_a_name_that_is_a_path_is_refused(configured: Path):
    assert make(configured, name="../leg").exit_code == 2


def test_a_locked_part_is_unlocked_and_a_nested_one_found():
    jpeg = alter.jpeg(Image.new("RGB", (9, 9)), 50)
    locked = b"--b1\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: binary\r\n\r\n" + jpeg + b"\r\n--b1--\r\n"
    inner = multipart.encode([multipart.part("application/vnd.oma.drm.message", locked)])
    outer = [multipart.part("text/plain", b"hi"), multipart.part("application/vnd.wap.multipart.mixed", inner)]
    assert [(content.media, content.body) for content in contents(outer)] == [("text/plain", b"hi"), ("image/jpeg", jpeg)]
