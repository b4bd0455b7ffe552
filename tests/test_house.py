"""The house rules of `tools/house.py`: kept by the tree, and each catches what it is for."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess

import pytest

from tools import house


def test_the_tree_keeps_the_rules():
    assert [str(finding) for name, text in house.files(house.ROOT) for finding in house.examine(name, text)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("README.md", "logs are in /ho" + "me/ann/logs"),
        ("docs/tour.md", "`/wo" + "rk/main/mmsd`"),
        ("mmsd/a.py", '"""A."""\n# TO' + "DO later"),
        ("mmsd/a.py", '"""A."""\nraise NotImplemented' + "Error"),
        ("tests/test_a.py", "@pytest.mark.sk" + "ip\ndef test(): ..."),
        ("tests/test_a.py", "def test():\n    assert Tr" + "ue"),
        ("mmsd/a.py", '"""A."""\nx = 1 ' + "\n"),
        ("mmsd/a.py", "x = 1\n"),
    ],
)
def test_each_rule_catches_its_case(path: str, text: str):
    assert len(list(house.examine(path, text))) == 1


@pytest.mark.parametrize("text", ["/var/log/mmsc/access.log", "https://host/home", "/framework/x", "see tests/home/x"])
def test_ordinary_text_passes(text: str):
    assert list(house.examine("README.md", text)) == []


def test_license_is_the_whole_apache_2_text():
    text = (house.ROOT / "LICENSE").read_text()
    assert len(text) == 11358
    assert hashlib.sha256(text.encode()).hexdigest() == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


def test_every_verb_says_what_it_does():
    makefile = (house.ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}  # of a make that runs us
    listed = subprocess.run(["make", "-s", "help"], cwd=house.ROOT, env=outside, check=True, capture_output=True, text=True).stdout
    assert {line.split()[1] for line in listed.splitlines()} == set(phony[1].split())


@pytest.mark.parametrize("script", ["tools/setup.sh", "tools/fresh.sh", ".ci/run"])
def test_scripts_are_sound(script: str):
    path = house.ROOT / script
    assert path.stat().st_mode & 0o111, "not executable"
    subprocess.run(["/bin/bash", "-n", str(path)], check=True)
