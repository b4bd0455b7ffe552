"""Our records through pycrate's schema of TS 32.298, and pycrate's through ours. One process a direction, all record types."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mmsd.codec import ber
from mmsd.codec.cdr import Record, decode_record, encode_record
from mmsd.codec.tables import cdr as table
from tests.codec.charging import OPAQUE, as_pycrate, record

SET = 0x31


def retagged(raw: bytes) -> bytes:
    """A record under the tag of a SET."""
    _, _, _, body, length = ber.decode_header(raw, 0, len(raw))
    return bytes((SET,)) + ber.encode_length(length) + raw[body:]


def tagged(raw: bytes, tag: int) -> bytes:
    """And back under its own."""
    _, _, _, body, _ = ber.decode_header(raw, 0, len(raw))
    return ber.constructed(tag, [raw[body:]])


def ask(root: Path, lines: Iterable[list[Any]]) -> list[Any]:
    given = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(
        [sys.executable, "-m", "tests.codec.pycrate_peer"], input=given, capture_output=True, text=True, check=False, cwd=root, timeout=100
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    dice = random.Random(32298)
    return [record(tag, dice, share) for tag in table.RECORDS for share in (1.0, 0.6, 0.0)]


def test_pycrate_reads_ours(root: Path, records: list[Record]) -> None:
    answers = ask(root, ([found.name, retagged(encode_record(found)).hex()] for found in records))
    assert len(answers) == len(records)
    for found, answer in zip(records, answers, strict=True):
        assert {name: value for name, value in answer.items() if name not in OPAQUE} == as_pycrate(found), found.name
        assert set(answer) == set(found.fields), found.name


def test_ours_reads_pycrates(root: Path, records: list[Record]) -> None:
    answers = ask(root, ([found.name, as_pycrate(found)] for found in records))
    for found, answer in zip(records, answers, strict=True):
        got = decode_record(tagged(bytes.fromhex(answer), found.type))
        assert dict(got.fields) == {name: value for name, value in found.fields.items() if name not in OPAQUE}, found.name
        assert got.unknown == ()
