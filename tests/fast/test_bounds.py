"""No build of the kernel reads a byte behind the data: the page behind it may not be read, and the scan does not fall."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.fast.builds import COMPILED

SCRIPT = """
import ctypes, importlib, mmap, sys
from bench import data
from mmsd.logs.plan import compile_plan

build = importlib.import_module(sys.argv[1])
page = mmap.PAGESIZE
memory = mmap.mmap(-1, 3 * page)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
if ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(address + 2 * page), page, 0):
    raise OSError(ctypes.get_errno(), "mprotect")
view = memoryview(memory)[: 2 * page]
for name in data.FORMATS:
    program = compile_plan(data.FORMATS[name][0]).program
    record = b"".join(data.records(name, 3))[-page:]
    for stop in range(len(record) + 1):
        start = len(view) - stop
        view[start:] = record[:stop]
        for final in (False, True):
            build.scan(program, view[start:], 0, (1, 2), final)
        build.hash64(view[start:], (1, 2))
print("whole")
"""


@pytest.mark.parametrize("name", [build.__name__ for build in COMPILED])
def test_nothing_behind_the_data_is_read(name: str):
    done = subprocess.run([sys.executable, "-c", SCRIPT, name], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "whole"), done.stderr
