"""Evidence is remembered for as long as it may count, and counts once it is known whether its node failed."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from mmsd import config
from mmsd.model import MINUTE, SECOND, Kind
from mmsd.rules.campaign import Campaigns
from mmsd.rules.cities import Cities
from mmsd.rules.finding_memory import FindingMemory
from mmsd.rules.findings import DELIVERY, Found, Ground, kept_for
from mmsd.rules.relate import Expected
from mmsd.rules.settings import Judgement
from mmsd.rules.state import State
from mmsd.rules.verdicts import Judge

ANN, BOB = 8613800000001, 8613800000002
NOON: Final = 1_795_334_400_000_000
SETTINGS: Final = Judgement(repeat=5.0)
STANDS: Final = Found("BAD_PROXY", NOON, 0, 0.85, "normal", ())


def ground(place: int, node: int = 0, closed: int = 0) -> Ground:
    at = NOON + place * MINUTE
    return Ground((DELIVERY, 0, place), "BAD_PROXY", at, 0.85, "", 0, 0, place, int(Kind.SESSION_START), node, closed)


NOWHERE: Final = Cities({})


def judge_of(state: State) -> Judge:
    state.feed("aaa1", "ggsn1", "", "sessions")
    nobody = Campaigns((), ZoneInfo, lambda text: 0)
    return Judge(
        state, campaigns=nobody, cities=lambda: NOWHERE, zone=ZoneInfo("UTC"), row_secret=b"k" * 32, file_of=lambda feed, ordinal: "detail"
    )


def new_state() -> State:
    expected = Expected(frozenset(), frozenset(), (), frozenset())
    return State(settings=SETTINGS, expected=expected, codes=config.load_codes(), causes=config.load_causes())


def said(judge: Judge) -> list[tuple[str, bool]]:
    """(cause, whether it is withdrawn)."""
    raised = judge.find(ANN)
    for each in raised:
        if each.found is not None:
            judge.state.findings.say(ANN, each.found)
    return [(each.cause, each.found is None) for each in raised]


def test_evidence_waits_for_its_window_and_a_fault_of_the_node_takes_it_away() -> None:
    state = new_state()
    judge, node = judge_of(state), state.label("mmsc1")
    state.findings.learn(ANN, [ground(place, node, NOON + 5 * MINUTE) for place in range(3)])
    state.horizon = NOON + 6 * MINUTE
    assert said(judge) == []
    assert not state.findings.due(state.horizon)
    state.horizon = NOON + 10 * MINUTE
    assert state.findings.due(state.horizon)
    assert state.findings.ripe(state.horizon) == {ANN}
    assert said(judge) == [("BAD_PROXY", False)]
    for place in range(30):  # late lines: the node refused
        state.closings.add(node, NOON + MINUTE, "T1", "NODE_FAULT", 35_000_000 + place, 1)
    (fault,), _ = state.node_faults(state.horizon)
    assert state.findings.closed_at({(node, fault.start)}, state.closings.start_of) == {ANN}
    assert said(judge) == [("BAD_PROXY", True)]


def test_evidence_of_another_node_or_window_stands() -> None:
    state = new_state()
    judge, node, other = judge_of(state), state.label("mmsc1"), state.label("mmsc2")
    for place in range(30):
        state.closings.add(node, NOON, "T1", "NODE_FAULT", 35_000_000 + place, 1)
    state.horizon = NOON + 60 * MINUTE
    state.node_faults(state.horizon)
    state.findings.learn(ANN, [ground(0, other, NOON), ground(1, node, NOON + 11 * MINUTE), ground(2)])
    assert said(judge) == [("BAD_PROXY", False)]


def test_what_changed_comes_back() -> None:
    memory, loaded = FindingMemory(SETTINGS), FindingMemory(SETTINGS)

    def keep() -> None:
        loaded.load(memory.changes(), horizon=NOON)
        memory.forget_changes()
        assert loaded.whole() == memory.whole()

    memory.learn(ANN, [ground(1), ground(2)])
    memory.learn(BOB, [ground(3)])
    memory.say(ANN, STANDS)
    memory.wait(BOB, NOON + SECOND)
    keep()
    memory.learn(BOB, [])
    memory.withdraw(ANN, "BAD_PROXY")
    keep()
    assert loaded.grounds(BOB) == []
    assert loaded.grounds(ANN) == [ground(1), ground(2)]
    assert loaded.ripe(NOON + SECOND) == {BOB}


def test_what_was_asked_for_is_not_asked_for_again_after_a_restart() -> None:
    memory, loaded = FindingMemory(SETTINGS), FindingMemory(SETTINGS)
    memory.wait(ANN, NOON)
    loaded.load(memory.whole(), horizon=NOON)
    assert not loaded.due(NOON + MINUTE)


def test_old_evidence_goes_and_what_was_cleared_long_ago_is_not_spoken_of_again() -> None:
    memory = FindingMemory(SETTINGS)
    later = NOON + kept_for(SETTINGS) + 60 * MINUTE
    memory.learn(ANN, [ground(0), ground(1)])
    memory.learn(BOB, [ground(0), ground(1), ground(2)])
    memory.say(ANN, Found("BAD_APN", NOON, NOON + MINUTE, 0.8, "normal", ()))
    memory.say(BOB, STANDS)
    memory.prune(later)
    assert list(memory.numbers) == [BOB]
    assert (memory.said(ANN), len(memory.said(BOB))) == ((), 1)
