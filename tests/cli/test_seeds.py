"""`mmsd seed`: made from files, kept only when it is strong, found again in a message as a handset sends it."""

from __future__ import annotations

import random
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
from mmsd.seeds.seed import RegisteredSeed

NUMBER = "8613912345678"


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    path = tmp_path / "mmsd.toml"
    path.write_text(f'[state]\ndirectory = "{tmp_path}/state"\n[feeds.mmsc]\ndialect = "mbuni"\npaths = ["{tmp_path}/mmsc.log"]\n')
    (tmp_path / "card.png").write_bytes(alter.png(cards.torch(random.Random(1), (240, 180))))
    (tmp_path / "white.png").write_bytes(alter.png(Image.new("RGB", (240, 180), "white")))
    return path


def seed(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["seed", *map(str, arguments)])


def make(configured: Path, *more: str, picture: str = "card.png", name: str = "leg-1") -> Result:
    return seed("make", configured, configured.parent / picture, "--campaign", "relay", "--name", name, *more)


def test_made_listed_and_found(configured: Path):
    made = make(configured, "--text", "第 1 棒，一路平安", "--subject", "火炬", "--to", NUMBER, "--family", "leg")
    assert made.exit_code == 0, made.output
    folder = configured.parent / "state/seeds/relay/leg-1"
    assert {path.name for path in folder.iterdir()} == {"registered.seed", "1.png", "message.mms", "content.mime"}
    assert seed("list", configured).output == "relay  leg-1  family leg, 1 pictures\n"

    octets = (folder / "message.mms").read_bytes()
    pdu = mms.decode(octets)
    assert not pdu.faults
    assert str(pdu.get(table.SUBJECT)) == "火炬"
    start, picture, text = mms.parts(octets, pdu).parts
    (slide,) = smil.decode(bytes(start.body)).slides
    assert [multipart.find([picture, text], item.source) for item in slide.items] == [picture, text]
    assert text.text == "第 1 棒，一路平安"
    registered = RegisteredSeed.from_bytes((folder / "registered.seed").read_bytes())
    assert registered.texts == ("第1棒一路平安",)
    assert bytes(picture.body) == (folder / "1.png").read_bytes()

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


def test_the_content_for_mm7_is_the_same_message(configured: Path):
    made = make(configured, "--text", "平安", "--to", NUMBER)
    assert made.exit_code == 0, made.output
    folder = configured.parent / "state/seeds/relay/leg-1"
    headers, at = mime.decode_headers(data := (folder / "content.mime").read_bytes())
    kind = mime.decode_content_type(mime.get(headers, "content-type"))
    parts = mime.decode_multipart(data[at:], kind.parameters["boundary"])
    octets = (folder / "message.mms").read_bytes()
    assert [bytes(part.content()) for part in parts] == [bytes(part.body) for part in mms.parts(octets, mms.decode(octets)).parts]


def test_a_weak_seed_is_told_and_not_kept(configured: Path):
    weak = make(configured, "--json", picture="white.png")
    assert weak.exit_code == 1
    said = msgspec.json.decode(weak.output)
    assert said["weak"]
    assert said["pictures"][0]["failed"]
    assert not (configured.parent / "state/seeds").exists()
    assert "weak seed" in make(configured, "--anyway", picture="white.png").output
    assert seed("list", configured).output.endswith("weak\n")


def test_a_seed_is_made_once(configured: Path):
    assert make(configured).exit_code == 0
    again = make(configured)
    assert again.exit_code == 78
    assert "another name" in again.output


@pytest.mark.parametrize(("name", "octets"), [("words.txt", b"hello"), ("broken.jpg", b"\xff\xd8\xff\xe0 no picture")])
def test_what_makes_no_seed(configured: Path, name: str, octets: bytes):
    (configured.parent / name).write_bytes(octets)
    result = make(configured, picture=name)
    assert result.exit_code == 2
    assert not (configured.parent / "state/seeds").exists()


def test_a_name_that_is_a_path_is_refused(configured: Path):
    assert make(configured, name="../leg").exit_code == 2


def test_a_locked_part_is_unlocked_and_a_nested_one_found():
    jpeg = alter.jpeg(Image.new("RGB", (9, 9)), 50)
    locked = b"--b1\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: binary\r\n\r\n" + jpeg + b"\r\n--b1--\r\n"
    inner = multipart.encode([multipart.part("application/vnd.oma.drm.message", locked)])
    outer = [multipart.part("text/plain", b"hi"), multipart.part("application/vnd.wap.multipart.mixed", inner)]
    assert [(content.media, content.body) for content in contents(outer)] == [("text/plain", b"hi"), ("image/jpeg", jpeg)]
