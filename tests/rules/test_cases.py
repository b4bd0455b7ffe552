"""The table of cases: every state can be reached and left, what is over stays over, and its consequences are written where they must be."""

from __future__ import annotations

import pytest

from mmsd.rules.cases import ACTIVATION, CAUSES, OVER, SETTINGS, TABLES, Act, Case, Event, Kind, State, Table, may, take
from mmsd.rules.findings import FINDINGS


def case(state: State = State.FOUND, kind: Kind = Kind.SETTINGS) -> Case:
    return Case(number=1, kind=kind, state=state, opened=0, origin="finding", causes=("BAD_APN",))


@pytest.mark.parametrize(("kind", "table"), [*TABLES.items()])
def test_every_state_is_reached_and_every_open_one_is_left(kind: Kind, table: Table):
    states = {state for state, _ in table} | {row.state for row in table.values()}
    reached, fresh = {State.FOUND}, {State.FOUND}
    while fresh:
        fresh = {row.state for (state, _), row in table.items() if state in fresh} - reached
        reached |= fresh
    assert reached == states
    assert states >= OVER
    for state in states - OVER:
        assert any(row.state in OVER for (before, _), row in table.items() if before is state), state


@pytest.mark.parametrize(("kind", "table"), [*TABLES.items()])
def test_what_is_over_stays_over(kind: Kind, table: Table):
    assert not {state for state, _ in table} & OVER
    assert all(take(case(state, kind), event, 1) is None for state in OVER for event in Event)


def test_settings_are_pushed_from_a_consent_alone():
    ways = {(state, event) for (state, event), row in SETTINGS.items() if Act.PUSH in row.acts}
    assert ways == {(State.CONSENTED, Event.PUSH), (State.NOT_TAKEN, Event.PUSH)}
    into = {event for (_, event), row in SETTINGS.items() if row.state is State.CONSENTED}
    assert into == {Event.YES, Event.CONSENT, Event.JOIN, Event.PUSH_UNSENT}
    assert not any(Act.PUSH in row.acts for row in ACTIVATION.values())


@pytest.mark.parametrize(("kind", "table"), [*TABLES.items()])
def test_every_open_case_ends_with_the_person(kind: Kind, table: Table):
    """A stop word, another owner and erasure end it wherever it stands, and nothing that waits leaves after it."""
    states = {state for state, _ in table}
    for state in states:
        for event in (Event.STOP, Event.CHANGED, Event.ERASED):
            row = table[state, event]
            assert row.state in OVER
            if state not in (State.FOUND, State.HELD_BACK):
                waiting = {Act.WITHDRAW, Act.CLOSE_QUESTION} if state is State.ASKED else {Act.WITHDRAW}
                assert set(row.acts) & waiting, (state, event)


@pytest.mark.parametrize(("kind", "table"), [*TABLES.items()])
def test_a_question_is_closed_by_whatever_leads_away_from_it(kind: Kind, table: Table):
    for (state, event), row in table.items():
        if state is State.ASKED and row.state is not State.ASKED:
            assert Act.CLOSE_QUESTION in row.acts, event


def test_a_finding_that_opens_a_case_is_one():
    assert set(CAUSES) <= set(FINDINGS)


def test_a_step_is_a_row_for_the_record():
    stepped = take(case(State.ASKED), Event.NO, 7, reason="not now", who="subscriber")
    assert stepped is not None
    step = stepped.step
    assert (step.case, step.at, step.event, step.before, step.after, step.reason, step.who) == (
        1, 7, "no", "asked", "declined", "not now", "subscriber",
    )  # fmt: skip
    assert (stepped.case.state, stepped.case.moved, stepped.case.closed, stepped.case.over) == (State.DECLINED, 7, 7, True)


def test_what_is_in_no_row_does_not_happen():
    assert take(case(), Event.PUSH, 1) is None
    assert not may(case(), Event.YES)
    assert may(case(), Event.ASK)
