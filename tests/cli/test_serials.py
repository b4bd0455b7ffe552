"""`mmsd serial`: checked as people write it, and a QR code that a camera reads."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mmsd.cli import main
from mmsd.errors import EncodeError
from mmsd.rules.serials import spell
from mmsd.web import qr

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
