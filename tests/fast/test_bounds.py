"""No kernel reads a byte behind what it is given: the page behind it may not be read, and nothing falls."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.fast.builds import COMPILED

LOGS = """
import importlib, sys
import numpy as np
from bench import data
from mmsd.logs.plan import compile_plan
from tests.fast.edge import Edge

build, edge = importlib.import_module(sys.argv[1]), Edge(1 << 13)
for name in data.FORMATS:
    program = compile_plan(data.FORMATS[name][0]).program
    record = b"".join(data.records(name, 3))[-4096:]
    for stop in range(len(record) + 1):
        for final in (False, True):
            build.scan(program, edge.view(record[:stop]), 0, (1, 2), final)
        build.hash64(edge.view(record[:stop]), (1, 2))
        build.hash64_many(edge.view(record[:stop]), np.array([stop // 2]), np.array([stop]), (1, 2))
print("whole")
"""

CODECS = """
import random, sys
import mmsd.fast
from tests.fast.edge import Edges

edges = Edges(1 << 17)

def at_edge(kernel):
    return lambda data, *more, **named: edges.call(kernel, data, *more, **named)

for name in ("read_fields", "read_content_type", "read_parts", "walk", "read_records"):
    setattr(mmsd.fast, name, at_edge(getattr(mmsd.fast, name)))

from mmsd.errors import DecodeError  # and with it the codecs, whose kernels these now are
from tests.fuzz import seeds, targets

draw = random.Random(int(sys.argv[1]))
for name in ("mms", "multipart", "wsp", "push", "cdr"):
    before, all_seeds = edges.calls, seeds.own(name)
    for _ in range(1000):
        octets = bytearray(draw.choice(all_seeds))
        del octets[draw.randrange(len(octets) + 1) if draw.random() < 0.7 else len(octets) :]
        for _ in range(draw.randrange(3) if octets else 0):
            octets[draw.randrange(len(octets))] = draw.choice((0, 1, 0x1F, 0x7F, 0x80, 0x83, 0xFF, draw.randrange(256)))
        try:
            targets.TARGETS[name].read(bytes(octets))
        except DecodeError:
            pass
    assert edges.calls > before + 250, (name, edges.calls - before)
print("whole")
"""

PACKED = """
import random, sys
import numpy as np
from mmsd.fast import Express, Texts, siphash
from tests.fast.edge import Edge
from tests.rules import dossiers
from tests.rules.test_express import ANN, lane, story, taken_of

draw, edge, context = random.Random(int(sys.argv[1])), Edge(1 << 17), dossiers.context()
read = refused = 0
for _ in range(40):
    express, texts = lane(Express, context), Texts()
    taken_of(express, story(draw), 0)
    express.survey(10**9)
    portraits = b"".join(express.snapshot())
    for key in range(1, 9):
        texts.put(key, draw.randbytes(draw.randrange(12)))
    loaded, revived = lane(Express, context), lane(Express, context)
    for packed, load in (
        (portraits, loaded.load),
        (portraits, lambda view: revived.revive(np.array([ANN], np.uint64), view)),
        (texts.packed(), lambda view: Texts().load(view)),
    ):
        for place in range(100):
            damaged = bytearray(packed[: draw.randrange(len(packed) + 1) if place % 2 else len(packed)])
            for _ in range(draw.randrange(4) if damaged and place else 0):
                damaged[draw.randrange(len(damaged))] = draw.choice((0, 1, 9, 0x88, 0xDD, 0xEE, 0xF0, 0xFF, draw.randrange(256)))
            try:
                load(edge.view(bytes(damaged)))
                read += 1
            except ValueError:
                refused += 1
        loaded.keys(), revived.keys()
    for stop in range(40):
        siphash(edge.view(bytes(stop)), bytes(16))
assert min(read, refused) > 1000, (read, refused)
print("whole")
"""


here = pytest.mark.skipif(not COMPILED, reason="the compiled kernels are not here")


def falls_nowhere(script: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "whole"), done.stderr


@pytest.mark.parametrize("name", [build.__name__ for build in COMPILED])
def test_nothing_behind_a_log_is_read(name: str) -> None:
    falls_nowhere(LOGS, name)


@here
def test_nothing_behind_a_message_or_a_charging_record_is_read(seed: int) -> None:
    falls_nowhere(CODECS, str(seed))


@here
def test_nothing_behind_what_was_packed_is_read_however_it_is_damaged(seed: int) -> None:
    falls_nowhere(PACKED, str(seed))
