"""The two rules of `conftest.py`, each seen at work in a small suite of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

def test_seed(seed, effort):
    assert 0 <= seed < 2**32 and effort == 1

def test_seed_named(seed):
    raise ValueError(seed)

def test_skipped():
    pytest.skip("no such server")

def test_ports(free_port):
    assert len({free_port() for _ in range(5)}) == 5

@pytest.mark.debian("tshark")
def test_debian(debian):
    assert debian("tshark").endswith("/tshark")
"""


@pytest.fixture
def suite(tmp_path: Path, root: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tools").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text((root / "tests/conftest.py").read_text())
    (tmp_path / "tools" / "debian.txt").write_text((root / "tools/debian.txt").read_text())
    (tmp_path / "tests" / "test_it.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    random\n    debian(package)\n")
    return tmp_path


def run(suite: Path, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=suite, env=os.environ | {"CI": "false"} | environment, capture_output=True, text=True, check=False)
    return done.stdout


def test_a_skip_fails_where_ci_is_true(suite: Path):
    assert "SKIPPED" in run(suite)
    assert "FAILED tests/test_it.py::test_skipped" in run(suite, CI="true")
    assert "SKIPPED" in run(suite, "--may-skip", "*test_skipped", CI="true")


def test_a_missing_server_is_a_skip_that_ci_fails(suite: Path):
    empty = suite / "bin"
    empty.mkdir()
    table = suite / "tools" / "debian.txt"
    table.write_text("tshark test no-such-program why\n")
    assert "Debian's tshark is not installed" in run(suite, "-k", "test_debian")
    assert "1 error" in run(suite, "-k", "test_debian", CI="true")


def test_a_failure_says_how_to_repeat_it(suite: Path):
    first = run(suite, "-k", "test_seed_named", "--seed", "7")
    assert "repeat with: pytest --seed 7 " in first
    number = first.partition("ValueError: ")[2].split()[0]
    assert f"ValueError: {number}" in run(suite, "-k", "test_seed_named", "--seed", "7")
    assert f"ValueError: {number}" not in run(suite, "-k", "test_seed_named", "--seed", "8")


def test_random_tests_are_marked(suite: Path):
    assert "2 deselected" not in run(suite, "-m", "random")
    assert "3 deselected" in run(suite, "-m", "random")
