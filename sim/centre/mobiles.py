"""The subscribers behind the centre: what becomes of a message on the air, what they answer. A script of rules, or a test's object."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sim.centre.settings import Rule
from sim.centre.values import Message, Part, Submit


class Outcome(NamedTuple):
    """Of one part: what its receipt says, and when (seconds from the submit). No state: no receipt ever."""

    state: str
    error: int
    after: float


class Reply(NamedTuple):
    text: str
    after: float  # seconds


class Mobiles(Protocol):
    def refuses(self, submit: Submit, receiver: str) -> int:
        """The status with which the centre refuses the submit; 0 = it takes it."""
        ...

    def receive(self, part: Part) -> Outcome:
        """What becomes of a part that the centre took."""
        ...

    def read(self, message: Message) -> Reply | None:
        """What the subscriber answers to a whole message."""
        ...


class Script:
    """By rules; whom none fits receives everything and answers nothing.

    >>> script = Script([Rule(receiver="*02", state="UNDELIV", error=1)], after=0.2)
    """

    def __init__(self, rules: Sequence[Rule], after: float) -> None:
        self._rules = rules
        self._after = after

    def refuses(self, submit: Submit, receiver: str) -> int:
        return self._rule(receiver, submit.text).status

    def receive(self, part: Part) -> Outcome:
        rule = self._rule(part.receiver, part.submit.text)
        return Outcome(rule.state, rule.error, self._after if rule.after is None else rule.after)

    def read(self, message: Message) -> Reply | None:
        rule = self._rule(message.receiver, message.text)
        return Reply(rule.reply, rule.reply_after) if rule.reply else None

    def _rule(self, receiver: str, text: str) -> Rule:
        for rule in self._rules:
            if fnmatch.fnmatchcase(receiver, rule.receiver) and rule.text in text:
                return rule
        return Rule()
