"""`mmsd serial`: checked as people write it, and a QR code that a camera reads."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mmsd import app, config
from mmsd.cli import main
from mmsd.errors import EncodeError
from mmsd.model import Batch, Serial
from mmsd.rules.serials import spell
from mmsd.store.sqlite import SqliteStore
from mmsd.web import qr
from tests.store.conftest import NOW, put
from tests.store.values import forward

SERIAL = spell(0x5EED_2008_0324_0001, "CQ-")


def serial(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(main, ["serial", *arguments], input=given)


def test_a_good_one():
    assert (serial("check", SERIAL, "--prefix", "CQ-").output, serial("check", SERIAL[3:]).exit_code) == ("well formed\n", 0)
    assert serial("check", "-", "--prefix", "cq", given=SERIAL.lower() + "\n").exit_code == 0


def test_a_wrong_one_is_not_repeated():
    swapped = SERIAL[:5] + SERIAL[6] + SERIAL[5] + SERIAL[7:]
    assert swapped != SERIAL
    for said in ("check", "qr"):
        result = serial(said, swapped, "--prefix", "CQ-")
        assert result.exit_code == 1
        assert "neighbours" in result.output
        assert swapped[3:8] not in result.output


def drawn(svg: str) -> Image.Image:
    """The code's path, filled in: what a browser shows of it."""
    side, scale = (int(re.search(pattern, svg)[1]) for pattern in (r'width="(\d+)"', r"scale\((\d+)\)"))  # type: ignore[index]  # is there
    image = Image.new("L", (side // scale, side // scale), 255)
    path = re.findall(r'stroke="#000" d="([^"]+)"', svg)[0]
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(number) for number in numbers.split()]
        if command == "h":
            for step in range(int(values[0])):
                image.putpixel((int(x) + step, int(y)), 0)
            x += values[0]
        elif command == "M":
            x, y = values
        else:
            x, y = x + values[0], y + values[1]
    return image.resize((side, side), Image.Resampling.NEAREST)


@pytest.mark.debian("zbar-tools")
@pytest.mark.parametrize("address", ["{serial}", "https://relay.example/s/{serial}?from=sms"])
def test_a_camera_reads_the_code(tmp_path: Path, address: str):
    result = serial("qr", SERIAL, "--prefix", "CQ-", "--address", address)
    assert result.exit_code == 0
    drawn(result.output).save(tmp_path / "code.png")
    read = subprocess.run(["zbarimg", "--quiet", "--raw", tmp_path / "code.png"], capture_output=True, text=True, timeout=30, check=True)
    assert read.stdout.strip() == address.replace("{serial}", SERIAL.replace("-", ""))


def test_an_address_without_its_place_and_a_text_too_long():
    assert "{serial}" in serial("qr", SERIAL, "--prefix", "CQ-", "--address", "https://relay.example/").output
    with pytest.raises(EncodeError, match="no QR code"):
        qr.svg("x" * 4000)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A configuration whose store has issued SERIAL."""
    path = tmp_path / "mmsd.toml"
    path.write_text('[feeds.mmsc1]\ndialect = "mbuni"\npaths = ["mmsc-access.log*"]\n[state]\ndirectory = "state"\n')
    settings = config.load(path)
    with SqliteStore.open(settings.state.directory, settings=settings.store, keys=app.load_keys(settings), wall=lambda: NOW) as store:
        put(store, Batch(at=NOW, forwards=[forward(1)], serials=[Serial(SERIAL, forward(1).key)]))
    return path


def test_it_is_looked_up_and_redeemed_once(house: Path):
    said = f" {SERIAL[:7].lower()} {SERIAL[7:]}\n"
    shown = serial("show", str(house), "-", given=said).output
    assert "redeemed  -" in shown
    assert "relay" in shown
    assert serial("redeem", str(house), "-", "--who", "shop 12", "--why", "tea set", given=said).output == "redeemed\n"
    again = serial("redeem", str(house), "-", "--who", "shop 13", "--why", "tea set", given=said)
    assert (again.exit_code, "by shop 12" in again.output) == (1, True)
    assert json.loads(serial("show", str(house), "-", "--json", given=said).output)["who"] == "shop 12"
    audit = CliRunner().invoke(main, ["audit", "list", str(house)]).output
    assert audit.count("redeem") == 1
    for said_ in (shown, again.output, audit):
        assert SERIAL[3:9] not in said_


def test_one_that_was_never_issued(house: Path):
    never = spell(0xBAD_5EED_0000_1111)
    assert serial("show", str(house), never).exit_code == 1
    assert serial("redeem", str(house), never, "--why", "tea set").exit_code == 1
    assert serial("show", str(house), never[:-1]).exit_code == 1
