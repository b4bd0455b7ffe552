"""Draws: everybody has the chance that is promised, nobody wins twice, and whatever is changed in a paper is found."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from mmsd.errors import DecodeError
from mmsd.model import Draw, Winner
from mmsd.rules import draw as rules
from mmsd.rules.draw import Listed, Terms
from mmsd.rules.settings import CampaignSettings, DrawSettings, PrizeSettings

TERMS = '{"first":"2026-11-01","last":"2026-11-30","prizes":[{"name":"火炬","count":1},{"name":"tea set","count":3}],"reserves":2,"chances":"serial","once":true,"beacon":""}'  # noqa: E501
SEED = bytes(range(32))


def whole(entries: int, people: int, salt: int = 0) -> bytes:
    draw = Random(salt)
    persons = [draw.randbytes(8) for _ in range(people)]
    return rules.packed((draw.randbytes(12), persons[n % people]) for n in range(entries))


BOUND = TERMS[:-1] + f',"excluded":"{rules.digest(["00" * 8, "ff" * 8])}"}}'
BARRED = bytes(8) + b"\xff" * 8


def published(packed: bytes, beacon: str = "", seed: bytes = SEED, said: str = BOUND) -> list[str]:
    listing = rules.digest(Listed(packed))
    places = rules.drawn(Listed(packed), seed, listing, beacon, rules.read_terms(said))
    draw = Draw(
        "torch", "grand", rules.DRAWN, said, rules.commitment("torch", "grand", said, seed), seed, b"", 1, 2, 3, len(packed) // 20, 7,
        {"staff": 2}, listing, beacon, barred=BARRED if said == BOUND else b"",
    )  # fmt: skip
    winners = [Winner("torch", "grand", one.place, one.prize, bytes.fromhex(one.entry), one.place) for one in places]
    return list(rules.paper(draw, Listed(packed), winners))


def test_the_terms_of_the_test_are_terms():
    assert rules.read_terms(TERMS).wanted == 6


def test_a_paper_is_as_it_should_be(tmp_path: Path):
    for beacon in ("", "05 11 23 28 30 31 + 04"):
        lines = published(whole(500, 90), beacon)
        assert rules.faults(rules.read_paper(f"{line}\n" for line in lines)) == []
        assert next(line for line in lines if line.startswith("winner: 1 ")).endswith(" 火炬")
        assert sum(line.startswith("winner: ") for line in lines) == 6


def script(root: Path, tmp_path: Path, lines: list[str]) -> subprocess.CompletedProcess[str]:
    """The one of docs/draw.md, run over a paper."""
    (code,) = re.findall(r"```python\n(.*?)```", (root / "docs/draw.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "check.py").write_text(code, "utf-8")
    (tmp_path / "paper.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return subprocess.run(
        [sys.executable, tmp_path / "check.py", tmp_path / "paper.txt"], capture_output=True, text=True, check=False, timeout=30
    )


@pytest.mark.parametrize("said", [BOUND, TERMS])
def test_a_few_lines_of_python_come_to_the_same(root: Path, tmp_path: Path, said: str):
    lines = published(whole(300, 40), "1 2 3", said=said)
    for wrong in (False, True):
        if wrong:
            place = next(n for n, line in enumerate(lines) if line.startswith("winner: 2 "))
            lines[place : place + 2] = [
                line.replace(*pair) for line, pair in zip(lines[place : place + 2][::-1], (("3", "2", 1), ("2", "3", 1)), strict=True)
            ]
        ran = script(root, tmp_path, lines)
        assert ("as it should be" in ran.stdout, "other winners" in ran.stderr) == (not wrong, wrong), ran.stderr
        assert bool(rules.faults(rules.read_paper(lines))) == wrong


def test_no_person_wins_twice_and_all_places_are_given():
    for people in (1, 3, 6, 50):
        packed = whole(2_000, people)
        owner = dict(line.split() for line in Listed(packed))
        places = rules.drawn(Listed(packed), SEED, "l", "", rules.read_terms(TERMS))
        assert len(places) == min(people, 6)
        assert len({owner[one.entry] for one in places}) == len(places)
        assert [one.prize for one in places] == ["火炬", "tea set", "tea set", "tea set", "", ""][: len(places)]


def test_few_are_looked_at_and_the_first_are_found():
    """The shortcut for long lists finds whom sorting all of them finds."""
    packed = whole(3_000, 5)
    places = rules.drawn(Listed(packed), SEED, "l", "", rules.read_terms(TERMS))
    mixed = rules._hash(rules.FORMAT, SEED.hex(), "l", "")
    owners: list[str] = []
    order: list[str] = []
    for line in sorted(Listed(packed), key=lambda line: rules._hash(mixed, line.split()[0])):
        entry, person = line.split()
        if person not in owners:
            owners.append(person)
            order.append(entry)
    assert [one.entry for one in places] == order


def test_each_entry_has_the_same_chance():
    packed = whole(20, 20)
    terms = Terms("", "", (PrizeSettings("tea"),), 0, "serial", True, "")
    wins = Counter(
        rules.drawn(Listed(packed), n.to_bytes(32, "big"), "l", "", terms)[0].entry for n in range(4_000)
    )  # the seed numbers are given, so this comes out the same each time
    chi = sum((wins[line.split()[0]] - 200) ** 2 / 200 for line in Listed(packed))
    assert chi < 43.8  # 19 degrees of freedom, one in a thousand


def changes(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    blank = lines.index("")
    heads = {line.partition(":")[0]: n for n, line in enumerate(lines[:blank])}

    def with_(n: int, line: str) -> list[str]:
        return [*lines[:n], line, *lines[n + 1 :]]

    yield "seed number", with_(heads["seed"], f"seed: {bytes(32).hex()}")
    yield "terms", with_(heads["terms"], lines[heads["terms"]].replace('"count":3', '"count":4'))
    yield "winners", with_(heads["beacon"], "beacon: another")
    yield "winners", [line for n, line in enumerate(lines) if n != heads["winner"]]
    yield "list", with_(blank + 1, lines[blank + 1][:-1] + ("0" if lines[blank + 1][-1] != "0" else "1"))
    yield "list", lines[:-1]
    yield "order", [*lines, lines[-1]]
    yield "may not win are not", [line for line in lines if not line.startswith("barred: 00")]
    yield "may not win are not", [line for line in lines if not line.startswith("barred: ")]
    yield "may not win are not", with_(heads["barred"], f"barred: {lines[-1][-16:]}")
    yield "in the list who may not", with_(heads["barred"], f"barred: {lines[-1][-16:]}")
    yield "committed", with_(heads["campaign"], "campaign: other")
    yield "does not say list", [line for n, line in enumerate(lines) if n != heads["list"]]
    yield "handed on", [*lines[:blank], "forfeit: 1 declined 6", *lines[blank:]]  # 5 is the first reserve
    yield "handed on", [*lines[:blank], "forfeit: 1 declined", *lines[blank:]]
    yield "handed on", [*lines[:blank], "forfeit: 7 declined", *lines[blank:]]
    yield "cannot be read", with_(heads["seed"], "seed: secret")
    yield "cannot be read", with_(heads["terms"], "terms: {}")
    yield "without a seed", [line for n, line in enumerate(lines) if n != heads["seed"]]


def test_whatever_is_changed_is_found():
    lines = published(whole(200, 40))
    for word, changed in changes(lines):
        faults = rules.faults(rules.read_paper(changed))
        assert faults, word
        assert any(word in fault for fault in faults), (word, faults)


HANDED = ["forfeit: 5 erased", "forfeit: 2 no_answer 6", "forfeit: 6 declined", "forfeit: 1 disqualified"]


def test_blanks_in_the_name_of_a_prize_stand_as_they_are(root: Path, tmp_path: Path):
    """Terms cannot be changed once they are committed to, whatever `mmsd check` says of them by now."""
    lines = published(whole(300, 40), said=TERMS.replace("tea set", " tea  set "))
    assert any(line.endswith("  tea  set ") for line in lines)
    assert rules.faults(rules.read_paper(f"{line}\n" for line in lines)) == []
    assert "as it should be" in script(root, tmp_path, lines).stdout


def test_prizes_handed_on_are_repeated_by_the_paper(root: Path, tmp_path: Path):
    lines = published(whole(300, 40))
    blank = lines.index("")
    for said, right in ((HANDED, True), (HANDED[:2], True), (HANDED[1:], False), ([*HANDED[:3], "forfeit: 1 disqualified 3"], False)):
        changed = [*lines[:blank], *said, *lines[blank:]]
        assert (rules.faults(rules.read_paper(changed)) == []) == right, said
        ran = script(root, tmp_path, changed)
        assert ("as it should be" in ran.stdout, "elsewhere" in ran.stderr) == (right, not right), ran.stderr


def test_terms_without_who_may_not_win_allow_no_such_list():
    lines = published(whole(200, 40), said=TERMS)
    assert rules.faults(rules.read_paper(lines)) == []
    assert rules.faults(rules.read_paper([*lines[:5], "barred: 00", *lines[5:]])) == [
        "those who may not win are not those that were committed to"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "mmsd draw 1\nforfeit: 0 declined 4\n",
        "mmsd draw 1\nforfeit: 2\n",
        "",
        "mmsd draw 2\n",
        "mmsd draw 1\nno head\n",
        "mmsd draw 1\nwinner: x y\n",
        "mmsd draw 1\nseed: 1\nseed: 2\n",
    ],
)
def test_what_is_no_paper(text: str):
    with pytest.raises(DecodeError):
        rules.read_paper(text.splitlines(keepends=True))


def test_before_the_draw_a_paper_tells_nothing_of_the_seed():
    packed = whole(20, 20)
    closed = Draw("torch", "grand", rules.CLOSED, TERMS, "c", SEED, b"k", 1, 2, 0, 20, 20, {}, rules.digest(Listed(packed)))
    lines = list(rules.paper(closed, Listed(packed), []))
    assert not any(SEED.hex() in line for line in lines)
    assert rules.faults(rules.read_paper(lines)) == []
    assert repr(closed) == "Draw(torch/grand, closed)"
    assert "" not in rules.paper(Draw("torch", "grand", rules.COMMITTED, TERMS, "c", SEED, b"k", 1), [], [])


def test_a_place_beyond_the_prizes_is_a_reserve():
    assert rules.drawn(Listed(whole(1, 1)), SEED, "l", "", Terms("", "", (), 1, "serial", True, ""))[0][:2] == (1, "")


def test_a_certificate_is_in_the_language_of_the_number():
    campaign = CampaignSettings("torch", "Torch", "2026-11-01", "2026-11-30", (), languages={"852": "en"})
    settings = DrawSettings("grand", (PrizeSettings("tea", 3),))
    draw = Draw("torch", "grand", rules.DRAWN, TERMS, "", SEED, b"", 1, 2, 3, 4, 4, {}, "", "")
    won = [
        (Winner("torch", "grand", place, "tea", b"", place), number, "S")
        for place, number in enumerate(("8613912340001", "85291234567"), 1)
    ]
    filled = {"prize": "tea", "serial": "S", "draw": "grand"}
    assert [row.body for row in rules.certificates(draw, settings, campaign, won, 0)] == [
        settings.sms_zh.format(place=1, **filled),
        settings.sms_en.format(place=2, **filled),
    ]
