"""The table as data: read and proved, asked of one row and of columns alike, changed by an operator to the left only."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest

from mmsd import config
from mmsd.errors import ConfigError
from mmsd.rules.causes import CAUSES, COLUMNS, GROUPS, MOST, OUTCOMES, RULES, SIGNS, Signs, columns
from mmsd.rules.table import Causes, RowChange, Table, VariantChange, read
from tests.rules.aloud import FILE, standing
from tests.rules.worlds import FEEDS, draw
from tests.rules.worlds import signs as signs_of

TABLE: Final = config.load_causes()


def drawn(chance: random.Random) -> Signs:
    """Signs by chance, contradictions and all; half of them those of a world, else the last rows were never asked."""
    feeds = frozenset(feed for feed in FEEDS if chance.random() < 0.8)
    found = signs_of(draw(chance), feeds)
    for _ in range(chance.choice((0, 0, 1, 3, 25))):
        name = chance.choice(list(SIGNS))
        setattr(found, name, chance.choice(SIGNS[name].values))
    return found


# ----------------------------------------------------------------------------------------------- one row, columns, and the file's own words


def test_it_says_what_the_file_says(seed: int, effort: int):
    chance = random.Random(seed)
    met = set()
    for _ in range(8000 * effort):
        signs = drawn(chance)
        said = TABLE.judge(signs)
        assert (said.rule, said.outcome, said.cause, said.confidence, said.suspects) == next(standing(signs))
        met.add(said.rule)
    assert met == set(RULES[1:])


def test_columns_say_what_one_row_is_told(seed: int, effort: int):
    chance = random.Random(seed)
    rows = [drawn(chance) for _ in range(20_000 * effort)]  # more than a block
    found = TABLE.judge_columns(columns(rows))
    for signs, row in zip(rows, found, strict=True):
        said, saying = TABLE.judge(signs), TABLE.sayings[row["said"]]
        assert (RULES[row["rule"]], OUTCOMES[row["outcome"]], CAUSES[row["cause"]]) == (said.rule, said.outcome, said.cause)
        assert (GROUPS[row["group"]], row["confidence"] / 100, bool(row["lapsed"])) == (said.group, said.confidence, said.lapsed)
        assert (saying.suspects, saying.hints, saying.detail, saying.lapsed) == (said.suspects, said.hints, said.detail, said.lapsed)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_columns(rows: int):
    assert len(TABLE.judge_columns(np.zeros(rows, COLUMNS))) == rows


def test_a_count_beyond_all_that_are_told_apart_is_the_last_one():
    many = Signs(over=True, r="none", c="none", p="delivered", get="none", post="none", s="other-new", other_new=MOST + 400)
    assert TABLE.judge(many).rule == "U10"
    assert RULES[TABLE.judge_columns(columns([many]))["rule"][0]] == "U10"


def test_a_word_that_no_sign_has_is_a_fault_of_ours():
    for ask in (TABLE.judge, lambda signs: columns([signs])):
        with pytest.raises(KeyError, match="perhaps"):
            ask(Signs(get="perhaps"))


def test_more_combinations_than_are_remembered():
    table = read(FILE)
    chance = random.Random(1)
    table._memo.update({(number,): table.sayings[0] for number in range(1 << 14)})  # as if so many had been asked
    for _ in range(50):
        signs = drawn(chance)
        assert table.judge(signs) == TABLE.judge(signs)
    assert len(table._memo) <= 50


# ------------------------------------------------------------------------------------------------------------ what reading it proves


def broken(change: Callable[[dict[str, Any]], None]) -> str:
    """What reading says of the file with a change."""
    parsed = copy.deepcopy(FILE)
    change(parsed)
    with pytest.raises(ConfigError) as caught:
        read(parsed)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file["rows"].pop("U16"), "rows: not the rows that there are: ['U16']"),
        (lambda file: file["attempts"].update(Z9=file["attempts"]["Z1"]), "attempts: not the rows that there are: ['Z9']"),
        (lambda file: file["rows"]["U9"].update(cuase="OK"), "rows[...]: Object contains unknown field `cuase`"),
        (lambda file: file["rows"]["U9"].update(cause="BAD_APM"), "rows.U9.cause: 'BAD_APM' is not known"),
        (lambda file: file["rows"]["U9"].update(outcome="lost"), "rows.U9.outcome: 'lost' is not known"),
        (lambda file: file["rows"]["U9"].update(group="rest"), "rows.U9.group: 'rest' is not known"),
        (lambda file: file["rows"]["U9"]["without"].update(smsc=["U15"]), "rows.U9.without: 'smsc' is not known"),
        (lambda file: file["rows"]["B2"]["variants"]["fault"].update(cause="LOST"), "rows.B2.variants.fault.cause: 'LOST' is not known"),
        (lambda file: file["rows"]["U9"].update(when=[{"sess": "expected"}]), "rows.U9.when.0.sess: no such sign"),
        (lambda file: file["rows"]["U9"].update(when=[{"s": "expectd"}]), "rows.U9.when.0.s: 'expectd' is none of 'n/c', 'expected',"),
        (lambda file: file["rows"]["O2"].update(when=[{"over": 0}]), "rows.O2.when.0.over: 0 is none of False, True"),
        (lambda file: file["rows"]["U10"].update(when=[{"other_new": {"least": "x"}}]), "rows.U10.when.0.other_new: 'x' is no number"),
        (lambda file: file["rows"]["U10"].update(when=[{"s": {"least": 3}}]), "rows.U10.when.0.s: 3 is no number for it"),
        (lambda file: file["rows"]["U16"].update(when=[{"s": "n/c", "p": ["delivered", "unknown"]}]), "rows: none fits over = True"),
        (lambda file: file["rows"]["U16"].update(when=[{"s": "expected"}]), "rows.U16.variants.unproved: is never reached"),
        (lambda file: file["rows"]["N5"]["variants"].update(x={"when": [{"p": "delivered"}]}), "rows.N5.variants.x: is never reached"),
        (lambda file: file["attempts"]["Z7"].update(when=[{"shows": "5xx"}]), "attempts.Z7: is never reached"),
        (lambda file: file["wider"].update(EXPIRED=["NO_PUSH"]), "wider.EXPIRED: comes back to itself"),
        (lambda file: file["wider"].update(LOST=["EXPIRED"]), "wider.LOST: 'LOST' is neither row nor cause"),
        (lambda file: file["rows"]["U15"]["without"].update(gateway=["U8"]), "rows.U15.without.gateway: U8 is not wider than U15"),
        (
            lambda file: file["rows"]["D3"]["variants"]["unseen"].update(confidence=0.85),
            "rows.D3.variants.unseen.confidence: the variant unseen (0.85) would be surer than its row (0.8)",
        ),
    ],
)  # fmt: skip
def test_a_table_that_is_not_whole_is_not_read(change: Callable[[dict[str, Any]], None], said: str):
    assert broken(change).startswith(said)


# ------------------------------------------------------------------------------------------------------------ an operator's changes


def test_an_operator_may_be_less_sure_and_wider():
    table = config.load_causes(
        Causes(
            {"repeated": 4},
            {
                "U6": RowChange(cause="NO_RETRIEVE", suspects=("BAD_MMSC_URL",)),
                "U10": RowChange(confidence=0.8),
                "U8": RowChange(variants={"standing": VariantChange(cause="NO_RETRIEVE", confidence=0.9)}),
            },
        )
    )
    seen: dict[str, Any] = {"over": True, "r": "none", "c": "none", "p": "delivered", "get": "none", "post": "none"}

    def said(**signs: Any) -> tuple[str, str, float, tuple[str, ...]]:
        verdict = table.judge(Signs(**{**seen, **signs}))
        return verdict.rule, verdict.cause, verdict.confidence, verdict.suspects

    assert said(post="wrong host") == ("U6", "NO_RETRIEVE", 0.8, ("BAD_MMSC_URL",))
    assert said(s="other-new", other_new=3) == ("U11", "NO_RETRIEVE", 0.7, ("BAD_APN",))
    assert said(s="other-new", other_new=4) == ("U10", "BAD_APN", 0.8, ())
    assert said(s="expected", s_silent=True) == ("U8", "NO_RETRIEVE", 0.9, ())
    assert said(s="expected", s_silent=True, s_fast=True) == ("U8", "BAD_PROXY", 0.85, ())
    assert TABLE.judge(Signs(**{**seen, "post": "wrong host"})).cause == "BAD_MMSC_URL"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"U99": RowChange()}, "causes.rows.U99: no such row"),
        ({"U11": RowChange(cause="BAD_APN")}, "causes.rows.U11.cause: U11 says NO_RETRIEVE, and BAD_APN is not wider: a verdict may lose"),
        ({"U10": RowChange(cause="BAD_PROXY")}, "causes.rows.U10.cause: U10 says BAD_APN, and BAD_PROXY is not wider"),
        ({"U10": RowChange(cause="NO_PDP")}, "causes.rows.U10.cause: U10 says BAD_APN, and NO_PDP is not wider"),
        ({"U10": RowChange(cause="UNKNOWN")}, "causes.rows.U10.cause: U10 says BAD_APN, and UNKNOWN is not wider"),
        ({"T6": RowChange(cause="OK_UNCONFIRMED")}, "causes.rows.T6.cause: T6 says RETRIEVE_FAILED, and OK_UNCONFIRMED is not wider"),
        ({"D3": RowChange(cause="OK")}, "causes.rows.D3.cause: D3 says OK_UNCONFIRMED, and OK is not wider"),
        ({"U10": RowChange(cause="BAD_ANP")}, "causes.rows.U10.cause: 'BAD_ANP' is no cause"),
        ({"U10": RowChange(suspects=("NOBODY",))}, "causes.rows.U10.suspects.0: 'NOBODY' is no cause"),
        ({"U10": RowChange(confidence=1.0)}, "causes.rows.U10.confidence: 1.0 is no confidence"),
        ({"O2": RowChange(confidence=0.5)}, "causes.rows.O2.confidence: this row names no cause"),
        ({"U8": RowChange(confidence=0.4)}, "causes.rows.U8.confidence: the variant unproved (0.65) would be surer than its row (0.4)"),
        (
            {"U8": RowChange(variants={"standing": VariantChange(confidence=0.9)})},
            "causes.rows.U8.variants.standing.confidence: the variant standing (0.9) would be surer than its row (0.85); take at most 0.85",
        ),
        ({"U8": RowChange(variants={"sat": VariantChange()})}, "causes.rows.U8.variants.sat: no such variant; U8 has standing_unproved"),
        ({"U2": RowChange(variants={"x": VariantChange()})}, "causes.rows.U2.variants.x: no such variant; U2 has none"),
        (
            {"U9": RowChange(variants={"unproved": VariantChange(cause="NO_RETRIEVE")})},
            "causes.rows.U9.variants.unproved.cause: U9 says EXPIRED, and NO_RETRIEVE is not wider",
        ),
    ],
)  # fmt: skip
def test_what_would_move_sideways_is_refused(rows: dict[str, RowChange], said: str):
    with pytest.raises(ConfigError) as caught:
        config.load_causes(Causes(rows=rows))
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(("numbers", "said"), [({"repeat": 4}, "repeat: no such number"), ({"repeated": 0}, "repeated: 0 is out of range")])
def test_numbers_that_are_none(numbers: dict[str, int], said: str):
    with pytest.raises(ConfigError, match=f"causes.numbers.{said}"):
        config.load_causes(Causes(numbers))


def test_no_change_that_is_taken_moves_a_verdict_sideways(seed: int):
    """Whatever causes and confidences are tried: those that are taken leave every verdict where it was, or left of it."""
    chance = random.Random(seed)
    taken: list[Table] = []
    while len(taken) < 12:
        change = RowChange(chance.choice(CAUSES[1:]), chance.choice((None, 0.3, 0.6, 0.9)))
        try:
            taken.append(config.load_causes(Causes(rows={chance.choice(RULES[1:]): change})))
        except ConfigError:
            continue
    for table in taken:
        for _ in range(400):
            signs = drawn(chance)
            before, after = TABLE.judge(signs), table.judge(signs)
            assert before.rule == after.rule
            assert after.cause in TABLE.widened(before.rule, before.cause)
