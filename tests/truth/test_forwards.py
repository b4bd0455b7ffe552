"""What handsets send again, and what people send again, beside the truth: none is lost, none is paid twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.judged import judged
from bench.relayed import Relayed, relayed
from bench.simulated import made, settings_of
from mmsd import config


def row(message: str, group: str, reason: str = "", receiver: str = "b") -> dict[str, object]:
    return {"message": message, "sender": "a", "receiver": receiver, "forward": {"group": group, "counted": not reason, "reason": reason}}


class Forward:
    """As much of one as is scored."""

    def __init__(self, message: str, receiver: str = "b") -> None:
        self.message, self.sender, self.receiver = message, "a", receiver


class Issued:
    def __init__(self, message: str, serial: str = "S", receiver: str = "b") -> None:
        self.forward, self.serial = Forward(message, receiver), serial


TRUTH = [row("m1", "m1"), row("m2", "m1", "sent again"), row("m3", "m3")]


@pytest.mark.parametrize(
    ("found", "lost", "paid", "strange", "exchanged"),
    [
        ([Issued("m1"), Issued("m3")], 0, 0, 0, 0),
        ([Issued("m2"), Issued("m3")], 0, 0, 0, 0),  # either try of it
        ([Issued("m1")], 1, 0, 0, 0),
        ([Issued("m1"), Issued("m3", "")], 1, 0, 0, 0),
        ([Issued("m1"), Issued("m2"), Issued("m3")], 0, 1, 0, 0),
        ([Issued("m1"), Issued("m2")], 0, 0, 0, 1),  # tries that overlap: the two have two serials
        ([Issued("m1"), Issued("m3"), Issued("decoy", receiver="c")], 0, 0, 1, 0),
    ],
)
def test_both_errors_are_counted(found: list[Issued], lost: int, paid: int, strange: int, exchanged: int):
    result = relayed(TRUTH, found)  # type: ignore[arg-type]  # as much of them as is scored
    assert (result.due, result.again) == (2, 1)
    assert (len(result.lost), len(result.paid), len(result.strange), result.exchanged) == (lost, paid, strange, exchanged)
    assert bool(result.shortfalls()) == bool(lost + paid + strange)


def test_draws_are_added_up():
    every = Relayed.none() + Relayed(10, (), 4, ("x",), (), 2) + Relayed(5, ("y",), 6, (), (), 1)
    assert (every.due, every.again, every.caught) == (15, 10, 0.9)
    assert (
        str(every) == "15 forwards, 1 lost; 10 sent again, 1 paid twice (90.00% caught); 3 earned another's serial of the same two people"
    )
    assert Relayed.none().caught is None


@pytest.mark.parametrize("seed", [1, 2])
def test_a_relay_whose_handsets_send_again(tmp_path: Path, seed: int):
    run = made("forwards", tmp_path / "run", seed=seed, share=0.3)
    found = judged(settings_of(run.out), config.load_campaigns(run.out / "campaigns"), to_the_end=True)
    result = relayed(run.rows(), found.forwards)
    assert result.shortfalls() == []
    assert result.due > 200
    assert result.again > 50


def test_a_relay_whose_people_pass_on_by_reference_pays_no_resend(tmp_path: Path):
    """In this draw two tries of a handset wait for one session, and the later one is the first to go."""
    run = made("passed-on", tmp_path / "run", seed=5)
    found = judged(settings_of(run.out), config.load_campaigns(run.out / "campaigns"), to_the_end=True)
    result = relayed(run.rows(), found.forwards)
    assert result.shortfalls() == []
    assert result.due > 600
    assert result.again > 50


@pytest.mark.parametrize("draw", [1, 3, 5])
def test_what_is_passed_on_by_reference_is_known_by_its_message_and_its_push(tmp_path: Path, draw: int):
    """The same message comes to many again and again, with reports on what they passed on themselves in between."""
    run = made("passed-on", tmp_path, seed=draw, share=0.1)
    found = judged(settings_of(run.out), config.load_campaigns(run.out / "campaigns"), to_the_end=True)
    told = {(one.message, one.leg, one.sender, one.receiver) for one in found.deliveries if one.outcome == "delivered"}
    due = {
        (row["message"], row["leg"], row["sender"], row["receiver"])
        for row in run.rows()
        if row["outcome"] == "delivered" and row["forward"] is not None and row["forward"]["method"] == "m_forward"
    }
    assert len(due) > 150
    assert due - told == set()
    assert relayed(run.rows(), found.forwards).lost == ()  # also where the seed is learned in the first tick, before any time is known
