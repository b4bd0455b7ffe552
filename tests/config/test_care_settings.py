"""`[care]` in a configuration: own texts, words and limits, and what is at fault."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmsd.config import check, load
from mmsd.rules.wording import TEMPLATES

FEED = '[feeds.mmsc1]\ndialect = "mbuni"\npaths = ["mmsc-access.log*"]\n'


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "mmsd.toml"
        path.write_text(FEED + text)
        return path

    return write


def test_own_texts_and_words(written):
    care = load(written('[care]\npushes = 1\ntexts = { thanks_zh = "谢谢！" }\n[care.words]\nyes = ["ja"]\n')).care
    assert (care.pushes, care.texts, care.words.yes) == (1, {"thanks_zh": "谢谢！"}, ("ja",))
    assert "否" in care.words.no  # a list that is not given stays


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[care]\ntexts = { question_zh = "Y/N" }', "care.texts.question_zh: {what} is missing; docs/care.md shows what it has to hold"),
        ('[care]\ntexts = { question_zn = "{what}" }', "care.texts.question_zn: there is no such text; did you mean `question_zh`?"),
        ('[care]\nstops = ["marketting"]', "care.stops[0]: no class is called 'marketting'; did you mean `marketing`?"),
        ("[care]\npush_gap = 3600", "care.push_gap: 3600.0 is out of range; take at least 86400.0"),
        ("[care]\npushes = 0", "care.pushes: 0 is out of range; take at least 1"),
        ("[care]\nholdout = 5", "care.holdout: 5.0 is out of range; take at most 1.0"),
        ('[care.words]\nno = ["n", "OK"]', "care.words.no[1]: 'OK' means yes already; a word has one meaning"),
        ('[care.words]\nstop = ["!"]', "care.words.stop[0]: '!' has neither letter nor digit; nobody could say it"),
    ],
)
def test_one_fault(written, text: str, fault: str):
    (found,) = check(written(text + "\n"))
    assert f"{found.key}: {found.what}; {found.remedy}" == fault


def test_every_text_is_in_the_documentation_with_its_placeholders(root: Path):
    rows = re.findall(r"^\| `(\w+)` \| .+? \| (.*?) ?\|$", (root / "docs/care.md").read_text(), re.MULTILINE)
    told = {name: (set(re.findall(r"\{(\w+)\}`(?: \(needed\))", cell)), set(re.findall(r"\{(\w+)\}", cell))) for name, cell in rows}
    assert told == {name: (set(template.needs), set(template.needs | template.may)) for name, template in TEMPLATES.items()}
