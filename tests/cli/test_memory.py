"""How the process takes memory (`mmsd.cli.prepare_memory`)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

COUNT = """
import ctypes, sys, tempfile, threading
libc = ctypes.CDLL(None)
if not hasattr(libc, "malloc_info"):
    sys.exit(77)
libc.fopen.restype = ctypes.c_void_p

def pools():
    with tempfile.NamedTemporaryFile() as told:
        file = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
        libc.malloc_info(0, file)
        libc.fclose(file)
        return told.read().count(b"<heap nr=")

from mmsd.cli import prepare_memory
if len(sys.argv) > 1:
    prepare_memory()
before, together = pools(), threading.Barrier(3)

def work():
    held = [bytearray(50_000) for _ in range(20)]
    together.wait()

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(pools() - before)
"""


def test_threads_share_one_memory() -> None:
    """Left alone, threads that work at the same time have one each besides."""
    counted, environment = [], {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    for words in ([], ["prepared"]):
        done = subprocess.run([sys.executable, "-c", COUNT, *words], env=environment, check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode == 77:
            pytest.skip("not glibc")
        assert done.returncode == 0
        counted.append(int(done.stdout))
    assert counted[0] > counted[1] == 0
