"""With a feed less a verdict moves left in the widening order, and no other way: over random worlds and every set of feeds."""

from __future__ import annotations

import random
from collections import Counter
from typing import Final

from mmsd import config
from mmsd.rules.causes import RULES, Verdict
from tests.rules.aloud import standing, wider
from tests.rules.worlds import FEEDS, World, draw, signs

TABLE: Final = config.load_causes()
GUESS: Final = 0.5
"""A cause of no more confidence is a guess, and where the table has a wider cell it counts as none (evidence table, section 5)."""
WORLDS: Final = 6_000


def without(feeds: frozenset[str], feed: str) -> frozenset[str]:
    return feeds - ({feed, "apns"} if feed == "sessions" else {feed})


def drawn(chance: random.Random) -> tuple[World, frozenset[str]]:
    world = draw(chance)
    few = frozenset(feed for feed in FEEDS if chance.random() < 0.75)
    return world, frozenset(FEEDS) if chance.random() < 0.5 else few if "sessions" in few else few - {"apns"}


def outranked(world: World, feeds: frozenset[str], blunt: Verdict) -> bool:
    """Whether this was to be said of the same signs already, had no row before it fitted: two causes at once, not one mistaken."""
    return (blunt.rule, blunt.cause) in {(said.rule, said.cause) for said in standing(signs(world, feeds))}


def left_of(sharp: Verdict, blunt: Verdict) -> bool:
    """The same and no surer, something wider, or not known."""
    if blunt.outcome == "open":
        return True
    if (sharp.rule, sharp.cause) == (blunt.rule, blunt.cause):
        return blunt.confidence <= sharp.confidence
    return not {blunt.rule, blunt.cause}.isdisjoint(wider(sharp.rule, sharp.cause))


def believed(world: World) -> bool:
    """A report lies: whoever sees no other proof of the push believes it, and no order of causes can help it (row N6)."""
    return world.arrived and world.reports == "failed"


def told(seed: int, world: World, feeds: frozenset[str], feed: str, sharp: Verdict, blunt: Verdict) -> str:
    return f"seed {seed}: without {feed} of {sorted(feeds)} {sharp} becomes {blunt}: {world}"


def test_no_feed_less_moves_a_verdict_sideways(seed: int, effort: int):
    chance = random.Random(seed)
    met: Counter[str] = Counter()
    for _ in range(WORLDS * effort):
        world, feeds = drawn(chance)
        sharp = TABLE.judge(signs(world, feeds))
        met[sharp.rule] += 1
        if believed(world):
            continue
        for feed in sorted(feeds):
            blunt = TABLE.judge(signs(world, without(feeds, feed)))
            if blunt.confidence > GUESS and not left_of(sharp, blunt):
                assert outranked(world, feeds, blunt), told(seed, world, feeds, feed, sharp, blunt)
    assert set(met) == set(RULES[1:])


def test_the_cells_say_what_is_read_without_a_feed(seed: int, effort: int):
    """From every feed to all but one: the same row, what the cell names, or left of that."""
    chance = random.Random(seed)
    every = frozenset(FEEDS)
    for _ in range(WORLDS * effort):
        world = draw(chance)
        sharp = TABLE.judge(signs(world, every))
        if believed(world):
            continue
        for feed in FEEDS:
            blunt = TABLE.judge(signs(world, without(every, feed)))
            cell = TABLE.rows[sharp.rule].without.get(feed, ())
            readings = {sharp.rule}.union(*(wider(reading, cause_of(reading)) for reading in cell))
            if blunt.confidence > GUESS and blunt.outcome != "open" and {blunt.rule, blunt.cause}.isdisjoint(readings):
                assert outranked(world, every, blunt), told(seed, world, every, feed, sharp, blunt)


def cause_of(reading: str) -> str:
    return TABLE.rows[reading].cause if reading in TABLE.rows else reading


def test_a_lying_report_is_contradicted_by_the_gateway_alone():
    """The one exception, as the table has it: N6, and without the gateway the report stands."""
    chance = random.Random(6)
    found: Counter[tuple[str, str]] = Counter()
    while min(found.values(), default=0) < 20 or len(found) < 2:
        world = draw(chance)
        sharp = TABLE.judge(signs(world, frozenset(FEEDS)))
        if sharp.rule == "N6":
            blunt = TABLE.judge(signs(world, frozenset(FEEDS) - {"gateway"}))
            found[sharp.rule, blunt.rule] += 1
            assert blunt.rule in TABLE.rows["N6"].without["gateway"]
            assert blunt.confidence == 0.8


def test_what_is_open_with_every_feed_is_open_with_fewer(seed: int, effort: int):
    chance = random.Random(seed)
    for _ in range(WORLDS * effort):
        world, feeds = drawn(chance)
        sharp, blunt = TABLE.judge(signs(world, frozenset(FEEDS))), TABLE.judge(signs(world, feeds))
        assert sharp.outcome != "open" or sharp.lapsed or blunt.outcome == "open", told(seed, world, feeds, "some", sharp, blunt)
