"""Tokens, sessions, buckets: without HTTP."""

import hashlib
import os
import stat

import pytest

from mmsd.errors import ConfigError
from mmsd.web.access import Limiter, Sessions, Tokens, create, digest, parse
from tests.web.house import NOON, House


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_first_token_is_private_and_only_its_hash_is_in_the_file(tmp_path):
    house = House(tmp_path)
    for file in (house.token_file, tmp_path / "tokens.plain"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = house.token_file.read_text()
    assert house.token not in text
    assert hashlib.sha256(house.token.encode()).hexdigest() in text
    assert len(house.token) >= 43  # 256 bits in base64


def test_an_existing_token_file_is_left_alone(house):
    before = house.token_file.read_bytes()
    assert create(house.token_file, house.random) is None
    assert house.token_file.read_bytes() == before


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("read", "tokens:1: expected"),
        ("read aa bb cc", "tokens:1: expected"),
        ("all " + "0" * 64, "unknown scope 'all'"),
        ("read,write " + "0" * 64, "unknown scope 'write'"),
        ("read " + "0" * 63, "not a SHA-256"),
        ("read " + "A" * 64, "not a SHA-256"),
        ("read " + "0" * 64 + " tomorrow", "no ISO 8601 time"),
        ("read " + "0" * 64 + " 2027-01-01T00:00:00", "names no zone"),
    ],
)
def test_faulty_lines_are_refused_by_name(line, complaint):
    with pytest.raises(ConfigError, match=complaint):
        parse(line, "tokens")


def test_a_file_others_can_read_is_refused(house):
    house.token_file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        Tokens(house.token_file, lambda: NOON)


def test_a_token_lives_until_its_line_goes(house):
    assert house.tokens.check(house.token) is not None
    house.token_file.write_text("# nobody\n")
    assert house.tokens.check(house.token) is None


def test_a_token_expires(house):
    house.grant(f"read {digest('short')} 2026-11-22T12:00:01Z")
    assert house.tokens.check("short") is not None
    house.now += 1_000_000
    assert house.tokens.check("short") is None


def test_a_broken_file_grants_nothing_until_mended(house, caplog):
    good = house.token_file.read_text()
    house.grant("nonsense")
    assert house.tokens.check(house.token) is None
    assert "grants nothing until it is mended" in caplog.text
    house.token_file.write_text(good)
    assert house.tokens.check(house.token) is not None


def test_a_file_taken_away_grants_nothing(house, caplog):
    os.unlink(house.token_file)  # noqa: PTH108 - the shape of the accident
    assert house.tokens.check(house.token) is None
    assert "cannot be read" in caplog.text


@pytest.fixture
def sessions(house):
    return Sessions(house.tokens, house.random, lambda: house.uptime, lifetime=60.0, limit=3)


def test_a_code_opens_one_session_once(sessions):
    code = sessions.invite()
    cookie = sessions.open(code)
    assert sessions.find(cookie).scopes == {"read"}
    assert sessions.open(code) is None


def test_a_code_and_a_session_end(house, sessions):
    late, cookie = sessions.invite(), sessions.open(sessions.invite())
    house.uptime += 60.0
    assert sessions.open(late) is None
    assert sessions.find(cookie) is None


def test_a_session_ends_with_its_token(house, sessions):
    cookie = sessions.open(house.token)
    assert sessions.find(cookie) is not None
    house.token_file.write_text("")
    assert sessions.find(cookie) is None


def test_a_token_that_may_not_read_opens_no_session(house, sessions):
    house.grant(f"metrics {digest('scraper')}")
    assert sessions.open("scraper") is None


def test_sessions_and_codes_are_bounded(sessions):
    cookies = [sessions.open(sessions.invite()) for _ in range(4)]
    assert [sessions.find(cookie) is not None for cookie in cookies] == [False, True, True, True]
    codes = [sessions.invite() for _ in range(4)]
    assert sessions.open(codes[0]) is None
    assert sessions.open(codes[1]) is not None


def test_a_closed_session_is_gone(sessions):
    cookie = sessions.open(sessions.invite())
    sessions.close(cookie)
    assert sessions.find(cookie) is None


def test_a_bucket_gives_its_burst_then_its_rate():
    now = 0.0
    limiter = Limiter(rate=2.0, burst=3.0, monotonic=lambda: now)
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limiter.take("b") == 0
    now = 0.5
    assert limiter.take("a") == 0
    assert limiter.take("a") == 0.5


def test_asking_while_refused_does_not_push_the_end_away():
    times = [0.0, 0.25, 0.5, 0.75, 1.0]
    limiter = Limiter(rate=1.0, burst=1.0, monotonic=lambda: times.pop(0))
    assert [limiter.take("a") for _ in range(5)] == [0, 0.75, 0.5, 0.25, 0]


def test_buckets_are_bounded():
    limiter = Limiter(rate=1.0, burst=1.0, monotonic=lambda: 0.0, limit=2)
    for caller in "abc":
        assert limiter.take(caller) == 0
    assert limiter.take("a") == 0  # forgotten, so new
    assert limiter.take("c") > 0
