"""The simulator's sessions sent to a real FreeRADIUS as packets: from the detail files it writes mmsd judges as the truth says."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import pytest

from bench.judged import judged
from bench.simulated import RADIUS, Run, accusations, kinds_of, score_simulated, settings_of
from mmsd import config
from sim import accounting
from sim.pace import generate
from sim.radius import GGSNS
from sim.scenario import load
from tests.e2e.servers import server

SECRET: Final = b"loop"
ZONE: Final = ZoneInfo("Asia/Shanghai")
SOURCES: Final = ("127.0.0.1", "127.0.0.2")
"""From where each GGSN sends."""

CONFIGURATION: Final = """
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
max_requests = 16384
security {{
    allow_vulnerable_openssl = yes
}}
client gateways {{
    ipaddr = 127.0.0.0/8
    secret = {secret}
}}
modules {{
    detail {{
        filename = {folder}/%{{Packet-Src-IP-Address}}/detail-%Y%m%d
        header = "%t"
    }}
}}
server accounting {{
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {port}
    }}
    accounting {{
        detail
    }}
}}
"""


@contextmanager
def freeradius(program: str, folder: Path, port: int) -> Iterator[None]:
    """Debian's server; it writes `folder`/ADDRESS/detail-YYYYMMDD, a folder for each GGSN."""
    folder.mkdir()
    (folder / "radiusd.conf").write_text(CONFIGURATION.format(folder=folder, secret=SECRET.decode(), port=port))
    with server([program, "-f", "-l", "stdout", "-d", str(folder), "-n", "radiusd"], folder, port, udp=True):
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    scenario, out = load(Path("table")), tmp_path_factory.mktemp("sim") / "table"
    scenario = msgspec.structs.replace(scenario, radius=msgspec.structs.replace(scenario.radius, past=False))  # the server writes one file
    generate(scenario, out, messages=150)
    return Run(scenario, out)


def test_real_accounting_packets(run: Run, tmp_path: Path, debian: Callable[[str], str], free_port: Callable[[], int], seed: int) -> None:
    port, random_ = free_port(), random.Random(seed)
    sent = []
    with freeradius(debian("freeradius"), tmp_path / "aaa", port):
        for name, source in zip(GGSNS, SOURCES, strict=True):
            (detail,) = (run.out / "radius" / name.decode()).glob("detail-*")
            unsettled = accounting.unsettled(accounting.records(detail), random_, overtaken=0.05, twice=0.02)
            sent.append(accounting.send(unsettled, ("127.0.0.1", port), SECRET, ZONE, source=source))
    written = [(tmp_path / "aaa" / source).glob("detail-*") for source in SOURCES]
    texts = ["".join(path.read_text() for path in paths) for paths in written]
    for text, count in zip(texts, sent, strict=True):
        blocks = text.split("\n\n")[:-1]
        attributes = {block.partition("\n")[2].partition("\tTimestamp")[0] for block in blocks}
        assert len(attributes) == count < len(blocks)  # what came twice, for the answer was lost, is written twice
    statuses = Counter(re.findall(r"Acct-Status-Type = ([\w-]+)", "".join(texts)))
    assert min(statuses[kind] for kind in ("Start", "Stop", "Interim-Update", "Accounting-On", "Accounting-Off")) > 0
    assert statuses["Start"] > statuses["Stop"]  # Stops are lost, and what a restart ends has none
    assert "\tAcct-Delay-Time = 3\n" in texts[0]
    assert all(name in texts[0] for name in ("3GPP-IMSI", "3GPP-IMEISV", "3GPP-Selection-Mode", "3GPP-SGSN-MCC-MNC", "3GPP-RAT-Type"))

    settings = settings_of(run.out)
    feeds = dict(settings.feeds)
    for feed, source in zip(RADIUS, SOURCES, strict=True):
        feeds[feed] = msgspec.structs.replace(feeds[feed], paths=(tmp_path / "aaa" / source / "detail-*",))
    campaigns = config.load_campaigns(run.out / "campaigns")
    found = judged(msgspec.structs.replace(settings, feeds=feeds), campaigns, to_the_end=True)
    score = score_simulated(run.out, found, kinds_of(settings))
    said = accusations(run.out, found)
    assert (score.shortfalls(), said.false, said.wrong.total()) == ({}, [], 0), score.wrong
    own = judged(settings, campaigns, to_the_end=True)  # from the files that the simulator wrote itself
    assert [(d.leg, d.cause, d.rule) for d in found.deliveries] == [(d.leg, d.cause, d.rule) for d in own.deliveries]
