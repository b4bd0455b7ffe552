"""What wrote this file? Known formats are found by reading the first lines with each dialect."""

from __future__ import annotations

import random

import pytest

from mmsd.logs import DIALECTS, guess
from mmsd.logs.http import KNOWN
from tests.logs.tables import COPIES, DATA, make, read


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_recognised(name: str) -> None:
    dialect, options = COPIES[name]
    best = guess(read(DATA / f"{name}.log"), f"{name}.log")[0]
    assert (best.dialect, dict(best.options)) == (dialect, options)


def test_a_name_decides_where_the_lines_do_not() -> None:
    head = b"2026-11-22 17:44:20 Log begins\n"
    for name, dialect in (("mmsc-access.log", "mbuni"), ("bearerbox-access.log", "kannel-sms"), ("wapbox-access.log.1", "kannel-wap")):
        best = guess(head, name)[0]
        assert (best.dialect, best.score) == (dialect, 0.5)
        assert "none of them says anything" in best.why


def test_a_last_line_cut_off_counts_nothing() -> None:
    data = read(DATA / "chain-mmsc.log")
    assert guess(data[: len(data) // 2], "x")[0].score == 1.0


def test_a_share_of_lines() -> None:
    data = read(DATA / "chain-wapbox.log")
    best = guess(data + b"what is this\n" * 6, "x")[0]
    assert (best.dialect, best.score) == ("kannel-wap", 0.5)
    assert best.why.startswith("6 of 12 lines read as Kannel wapbox access log: 5 attempt")


@pytest.mark.parametrize("head", [b"", b"\n\n", b"\0" * 100, b"hello\nworld\n", b"{}\n", bytes(range(256)) * 4])
def test_nobody_wrote_this(head: bytes) -> None:
    assert guess(head, "mmsc.log") == []


def test_noise_never_raises(seed: int, effort: int) -> None:
    """Any bytes give records or rejects, in every dialect, whole or in two pieces."""
    rng = random.Random(seed)
    logs = [read(DATA / f"{name}.log") for name in COPIES]
    dialects = [make(dialect, options) for dialect, options in COPIES.values()]
    dialects += [make("http", {"format": form}) for form in KNOWN]
    for _ in range(10 * effort):
        data = bytearray(rng.choice(logs)[: rng.randrange(1, 3000)])
        for _ in range(rng.randrange(30)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        for dialect in dialects:
            parsed = dialect.scan(bytes(data), ordinal=1, offset=0, final=True)
            assert parsed.consumed == len(data)
            assert parsed.records.rows == len(parsed.records["at"])


def test_every_dialect_says_what_it_is() -> None:
    for name, dialect in DIALECTS.items():
        assert dialect.name == name
        assert dialect.summary
