"""Node faults: shares of answers in windows of event time."""

from __future__ import annotations

import numpy as np

from mmsd.model import SECOND
from mmsd.rules.pulse import Fault, Pulse
from mmsd.rules.settings import Judgement

SETTINGS = Judgement(fault_window=10.0, fault_answers=4, fault_share=0.5)


def count(pulse: Pulse, *answers: tuple[float, bool], kind: str = "mmsc", node: int = 7) -> None:
    at = np.array([int(second * SECOND) for second, _ in answers], np.int64)
    bad = np.array([fault for _, fault in answers])
    pulse.count(kind, np.full(len(answers), node, np.uint64), at, bad)


def told(pulse: Pulse, second: float) -> list[Fault]:
    return [fault for _, fault in pulse.over(int(second * SECOND)) if fault is not None]


def test_a_share_of_faults_is_told_once_when_its_window_is_over() -> None:
    pulse = Pulse(SETTINGS)
    count(pulse, (1, True), (2, False), (3, True), (4, False), (12, True))
    assert told(pulse, 9.9) == []
    assert told(pulse, 10) == [Fault("mmsc", 7, 0, 10 * SECOND, 4, 2)]
    assert told(pulse, 10) == []
    assert told(pulse, 30) == []  # one answer in the second window is too few


def test_few_answers_or_few_faults_say_nothing() -> None:
    pulse = Pulse(SETTINGS)
    count(pulse, (1, True), (2, True), (3, True))
    count(pulse, (1, True), (2, False), (3, False), (4, False), node=8)
    assert told(pulse, 10) == []
    assert not pulse.windows


def test_order_and_pieces_do_not_matter() -> None:
    answers = [(1.0, True), (11.0, False), (2.0, True), (3.0, False), (4.0, True), (12.0, True)]
    whole, parts = Pulse(SETTINGS), Pulse(SETTINGS)
    count(whole, *answers)
    for answer in reversed(answers):
        count(parts, answer)
    assert whole.windows == parts.windows
    assert told(whole, 100) == told(parts, 100) != []
