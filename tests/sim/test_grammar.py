"""The simulator's lines are built as the real nodes' are: every shape it writes occurs in the samples.

A shape is a line with its values put into classes; keys, punctuation, flags, statuses and error names stay as they are.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from sim.pace import generate
from sim.scenario import load
from tests.sim.conftest import FEEDS, Run, finished

_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


def _value(text: str) -> str:
    """The class of a value: nothing, a number, an address (or several), an id, other text."""
    if not text:
        return ""
    if re.fullmatch(r"-?\d+", text):
        return "-1" if text == "-1" else "N"
    if re.fullmatch(r"\+?\d{5,}(, \+?\d{5,})*", text):
        return "TO"
    if re.fullmatch(r"(\w\w?-)*qf\d+\.\d+\.x\d+\.\d+@[\w.]+", text):
        return "MESSAGE"
    if re.fullmatch(r"[\w.]+?-(\w\w?-)*qf\d+\.\d+\.x\d+\.\d+", text):
        return "TRANSACTION"
    return "TEXT"


def mbuni(line: str) -> str:
    line = _STAMP.sub("TIME ", line)
    line = re.sub(r"\[ACT:(\w+)\]", lambda m: m[0] if m[1] in {"Retrieved", "Rejected", "Deferred"} else "[ACT:VASP]", line)
    line = re.sub(r"\[(from|to|msgid|UA):([^\]]*)\]", lambda m: f"[{m[1]}:{_value(m[2]).replace('N', 'TO')}]", line)
    return re.sub(r"\[size=(-?\d+)\]", lambda m: f"[size={_value(m[1])}]", line)


def bearerbox(line: str) -> str:
    line = _STAMP.sub("TIME ", line)
    kind, udh = "", re.search(r"\[udh:(\d+):([0-9A-F]*)\]$", line)
    if udh is not None:
        assert len(udh[2]) == 2 * int(udh[1])
        kind = udh[0]
    message = re.search(r"\[msg:(\d+):(.*)\] \[udh:", line)
    if message is not None:
        binary = re.search(r"\[flags:-?\d+:[12]:", line) is not None
        assert len(message[2]) == int(message[1]) * (1 + binary)
        body = "HEX" if binary else re.sub(r"\b(id:|date:|err:|sub:|dlvrd:)[0-9a-fA-F]+", r"\1N", message[2])
        line = f"{line[: message.start()]}[msg:N:{body}] {kind}"
    line = re.sub(r"\[(from|to|FID):\+?\d+\]", r"[\1:N]", line)
    line = re.sub(r"\[(SVC|ACT):\w+\]", r"[\1:TEXT]", line)
    return re.sub(r"\[META:(\?smpp_resp\?)?(\?orig_msg\?)?", r"[META:\2", line)  # another release of Kannel adds the first


def wapbox(line: str) -> str:
    line = _STAMP.sub("TIME ", line)
    return re.sub(
        r"^TIME [\d.]+ \+?\d+ (\w+) <(https?://)[^>]*> \((.*)\) \d+ (\d)\d\d <[^>]+> <([^>]*)>$",
        lambda m: f"TIME IP TO {m[1]} {m[2]} ({m[3]}) N {m[4]}xx <TEXT> <{'TEXT' if m[5] else ''}>",
        line,
    )


def squid(line: str) -> str:
    return re.sub(
        r'^\d{10}\.\d{3} [ \d]{5}\d [\d.]+ "(\+?\d+|-)" (\w+|-) (\w+:)[^ ]* (\d)\d* \d+ \d+ "([^"]+)" '
        r'"(\\"http://[^"]+\\"|-)" "([^"]*)" "([^"]*)" (\w+)/(\w+)/([\d.]+|-) (.*)$',
        lambda m: " ".join(
            ("TIME", "-" if m[1] == "-" else "TO", m[2], m[3], m[4], m[7], m[9], m[10], "-" if m[11] == "-" else "IP", m[12])
        ),
        line,
    )


def radius(record: str) -> str:
    lines = record.splitlines()
    assert re.fullmatch(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", lines[0]), lines[0]
    quoted = [re.sub(r'"[^"]*"', '"TEXT"', line) for line in lines[1:]]
    return "\n".join(re.sub(r"= (\d[\d.]*)$", "= N", line) for line in quoted)


def _lines(paths: Iterable[Path]) -> list[str]:
    texts = [gzip.decompress(p.read_bytes()) if p.suffix == ".gz" else p.read_bytes() for p in paths]
    return [line for text in texts for line in text.decode("utf-8", "surrogateescape").splitlines()]


def _strange(shape: Callable[[str], str], ours: Iterable[str], real: Iterable[str]) -> list[str]:
    known = {shape(line) for line in real}
    assert len(known) > 3
    return sorted({shape(line) for line in ours} - known)


def test_mbuni_lines_are_built_like_real_ones(run: Run, shared: Path) -> None:
    real = _lines([*(shared / "samples/real-day/logs/mmsc").glob("mmsc-access.log*"), *(shared / "samples/mbuni").rglob("mmsc-access.log")])
    ours = [line for node in ("mmsc1", "mmsc2", "mmsc3") for line in run.lines(node)]
    assert not _strange(mbuni, ours, real)


def test_bearerbox_lines_are_built_like_real_ones(run: Run, shared: Path) -> None:
    real = _lines(
        [shared / "samples/real-day/logs/kannel/bearerbox-access.log"]
        + [shared / f"samples/{name}/bearerbox-access.log" for name in ("mbuni/chain", "kannel/default")]
    )
    assert not _strange(bearerbox, run.lines("sms"), [line for line in real if "[SMSC:smpp1]" in line or "Log" in line])


def test_wapbox_lines_are_built_like_real_ones(run: Run, shared: Path) -> None:
    folder = shared / "samples/real-day/logs/kannel"
    real = _lines([*folder.glob("wapbox-access.log*"), shared / "samples/kannel/default/wapbox-access.log"])
    assert not _strange(wapbox, run.lines("wapbox"), real)


def test_squid_lines_are_built_like_real_ones(run: Run, shared: Path) -> None:
    real = _lines([shared / "samples/real-day/logs/squid/access-mms.log", shared / "samples/http-proxy/access-mms.log"])
    assert not _strange(squid, run.lines("squid"), real)


def test_radius_records_are_built_like_real_ones(run: Run, shared: Path) -> None:
    folder = shared / "samples/real-day/logs/radius"
    real = "\n".join(_lines(sorted(folder.rglob("detail-*")))).split("\n\n")
    ours = (run.read("radius1") + run.read("radius2")).decode().split("\n\n")
    assert not _strange(radius, filter(str.strip, ours), filter(str.strip, real))


CONVENTIONS = (
    # no sample has them; each is by its node's own rule
    (r"\[ACT:Unrecognised\]", "[ACT:Retrieved]"),  # Mbuni writes the name of any X-Mms-Status
    ("%03%00%16&", "%03%00%01&"),  # Kannel escapes the network error of a receipt, whatever it is
    ('\t3GPP-Selection-Mode = "[023]"\n', ""),  # an attribute more, as the dictionary names it
)
"""What `table` writes beyond the samples, and what it is otherwise like."""


def test_every_behaviour_is_logged_like_a_real_one(tmp_path: Path, shared: Path) -> None:
    """The scenario `table`: all shapes but those of CONVENTIONS occur in the samples."""
    generate(load(Path("table")), tmp_path, messages=400)
    for name in FEEDS.values():
        path = tmp_path / name
        for old in [path, *path.parent.glob(f"{path.name}.*")]:
            data = gzip.decompress(old.read_bytes()) if old.suffix == ".gz" else old.read_bytes()
            text = data.decode("utf-8", "surrogateescape")
            for pattern, like in CONVENTIONS:
                text = re.sub(pattern, like, text)
            data = text.encode("utf-8", "surrogateescape")
            old.write_bytes(gzip.compress(data) if old.suffix == ".gz" else data)
    run = finished(tmp_path)
    test_mbuni_lines_are_built_like_real_ones(run, shared)
    test_bearerbox_lines_are_built_like_real_ones(run, shared)
    test_wapbox_lines_are_built_like_real_ones(run, shared)
    test_squid_lines_are_built_like_real_ones(run, shared)
    test_radius_records_are_built_like_real_ones(run, shared)


@pytest.mark.parametrize("feed", ["mmsc1", "sms", "wapbox"])
def test_lines_stand_in_the_order_of_their_times(run: Run, feed: str) -> None:
    stamps = [line[:19] for line in run.lines(feed)]
    assert stamps == sorted(stamps)


def test_squid_lines_stand_in_the_order_of_their_times(run: Run) -> None:
    stamps = [line[:14] for line in run.lines("squid")]
    assert stamps == sorted(stamps)
