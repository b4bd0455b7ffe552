"""Whose handsets these are: what they do with the operator's messages. A question is answered or not, settings are installed or not.

A handset takes settings only as far as it can read them (`sim.ota`); from then on it behaves as they say. Nothing here knows how the
operator decides: it is told texts and octets, by whoever carries them.
"""

from __future__ import annotations

import enum
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol

from sim.agenda import Agenda, Streams
from sim.ota import MmsSettings, Push, Refused, genuine, mms_settings, read_push
from sim.people import Behaviour, Subscriber
from sim.scenario import Habits, us

PUSH_PORT: Final = 2948
OTA_PORT: Final = 49999

MENDABLE: Final = frozenset(
    {
        Behaviour.WRONG_APN, Behaviour.WRONG_PROXY, Behaviour.STANDING_PROXY, Behaviour.DENIED, Behaviour.WRONG_MMSC, Behaviour.WRONG_PATH,
        Behaviour.MISSPELT_APN, Behaviour.UNSUBSCRIBED_APN, Behaviour.CORRECTED, Behaviour.REWRITTEN,
    }
)  # fmt: skip
"""Whose trouble ends with the right settings."""

_YES: Final = ("Y", "y", "Ｙ", "是", "1", "１", "Y。", " yes ", "是的")
_NO: Final = ("N", "不", "2", "否")
_OTHER: Final = ("你是谁？", "什么意思", "hi", "谢谢")
_STOP: Final = ("退订", "TD", "STOP")
_REQUEST: Final = ("彩信设置", "MMS")
_ANSWER: Final = re.compile(r"(?:回复|请回|reply(?:\s+with)?)\s*[“\"'「]?\s*([A-Za-z是]+\d*|\d+)", re.IGNORECASE)
_PIN: Final = re.compile(r"PIN\D{0,16}(\d{4,8})|(?:密码|口令)\D{0,8}(\d{4,8})", re.IGNORECASE)


class Form(enum.StrEnum):
    """What a handset takes over the air."""

    OMA = "oma"  # Client Provisioning
    LEGACY = "ota"  # settings of Nokia and Ericsson
    NONE = "none"  # its owner types them in, or not


@dataclass(slots=True)
class Story:
    """What happened to one number, as its owner saw it."""

    before: str  # how the handset behaved at first
    form: str
    texts: int = 0
    questions: int = 0
    said: list[str] = field(default_factory=list)  # yes, no, other, stop, request
    pushes: int = 0  # whole ones
    unasked: int = 0  # pushed before he said yes, or after he said stop
    refused: list[str] = field(default_factory=list)
    installed: int = 0
    mended: int = 0  # µs UTC


class Carrier(Protocol):
    """Whoever carries messages from subscribers to the operator."""

    def send(self, sender: Subscriber, to: str, text: str) -> None: ...


class Owners:
    """All subscribers, from the first message on. `mend` changes how a handset behaves; `right` are the settings that work."""

    def __init__(
        self, habits: Habits, right: MmsSettings, agenda: Agenda, streams: Streams, carrier: Carrier, mend: Callable[[Subscriber], None]
    ) -> None:
        self._habits = habits
        self._right = right
        self._agenda = agenda
        self._random = streams("owners")
        self._streams = streams
        self._carrier = carrier
        self._mend = mend
        self._pins: dict[bytes, str] = {}
        self.stories: dict[bytes, Story] = {}

    def form(self, subscriber: Subscriber) -> Form:
        """Alike for all handsets of a model."""
        draw = self._streams(f"form of {subscriber.profile.decode()}").random()
        return Form.NONE if draw < self._habits.none else Form.LEGACY if draw < self._habits.none + self._habits.legacy else Form.OMA

    def begin(self, subscribers: Iterable[Subscriber], to: str) -> None:
        """Some whose settings are wrong ask for others by themselves, sooner or later in the first minute."""
        for subscriber in subscribers:
            if subscriber.behaviour in MENDABLE and self._random.random() < self._habits.asks:
                wait = us(self._random.uniform(5, 60))
                self._agenda.after(wait, self._say, subscriber, to, "request", self._random.choice(_REQUEST))

    def text(self, subscriber: Subscriber, sender: str, text: str) -> None:
        """A text comes: a PIN to keep, a question to answer, settings to type in, or something to read."""
        story = self._story(subscriber)
        story.texts += 1
        pin = _PIN.search(text)
        if pin is not None:
            self._pins[subscriber.digits] = pin[1] or pin[2]
        elif self._right.apn in text and self._right.proxy in text:
            if self._random.random() < self._habits.by_hand and self._right.mmsc.rstrip("/") in text:
                self._agenda.after(self._wait(), self._install, subscriber, self._right)
        elif (asked := _ANSWER.search(text)) is not None:
            story.questions += 1
            self._answer(subscriber, sender, asked[1])

    def push(self, subscriber: Subscriber, port: int, data: bytes) -> None:
        """Settings come, whole. What the handset or its owner does not want is kept as a reason."""
        story = self._story(subscriber)
        story.pushes += 1
        if "stop" in story.said or not {"yes", "request"} & set(story.said):
            story.unasked += 1
        try:
            found = self._opened(subscriber, port, read_push(data))
        except Refused as reason:
            story.refused.append(str(reason))
            return
        self._agenda.after(self._wait(), self._install, subscriber, found)

    def totals(self) -> dict[str, Any]:
        """Of all: how many were asked, said what, were pushed, are mended; why handsets refused."""
        stories = self.stories.values()
        said = Counter(word for story in stories for word in set(story.said))
        return {
            "asked": sum(bool(story.questions) for story in stories),
            **{word: said[word] for word in ("yes", "no", "other", "stop", "request")},
            "pushed": sum(bool(story.pushes) for story in stories),
            "unasked": sum(story.unasked for story in stories),
            "installed": sum(bool(story.installed) for story in stories),
            "mended": sum(bool(story.mended) for story in stories),
            "refused": dict(Counter(reason for story in stories for reason in story.refused)),
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """One for each number that heard from the operator, in the order of the first message."""
        for digits, story in self.stories.items():
            yield {"number": digits.decode(), **asdict(story)}

    # ---------------------------------------------------------------------------------------------------------------- inside

    def _story(self, subscriber: Subscriber) -> Story:
        return self.stories.setdefault(subscriber.digits, Story(subscriber.behaviour.value, self.form(subscriber).value))

    def _wait(self) -> int:
        return us(self._random.uniform(*self._habits.reply))

    def _answer(self, subscriber: Subscriber, to: str, asked: str) -> None:
        """Everybody has one mind: he says the same whenever he is asked. A word with a code in it is copied."""
        draw = random.Random(f"mind of {subscriber.digits.decode()}").random()
        habits = self._habits
        choices = ((habits.yes, "yes", _YES), (habits.no, "no", _NO), (habits.other, "other", _OTHER), (habits.stop, "stop", _STOP))
        for share, word, spellings in choices:
            if draw < share:
                coded = word == "yes" and len(asked) > 1 and any(map(str.isdigit, asked))
                self._say(subscriber, to, word, asked if coded else self._random.choice(spellings))
                return
            draw -= share

    def _say(self, subscriber: Subscriber, to: str, word: str, text: str) -> None:
        def send() -> None:
            self._story(subscriber).said.append(word)
            self._carrier.send(subscriber, to, text)

        self._agenda.after(self._wait(), send)

    def _opened(self, subscriber: Subscriber, port: int, push: Push) -> MmsSettings:
        """What the handset shows its owner. Refused: not for such a handset, a wrong seal, unreadable, or he does not want it."""
        form = self.form(subscriber)
        if form is Form.NONE or (port == PUSH_PORT) is not (form is Form.OMA):
            raise Refused(f"a handset that takes {form.value} has no use for it")
        if form is Form.OMA and not genuine(push, imsi=subscriber.imsi.decode(), pin=self._typed(subscriber)):
            raise Refused("the seal is wrong" if push.sec == 0 else "the PIN is wrong")
        found = mms_settings(push)
        if self._random.random() >= self._habits.install:
            raise Refused("its owner does not install it")
        return found

    def _typed(self, subscriber: Subscriber) -> str:
        pin = self._pins.get(subscriber.digits, "")
        return pin if self._random.random() < self._habits.type_pin else pin[::-1]

    def _install(self, subscriber: Subscriber, settings: MmsSettings) -> None:
        story = self._story(subscriber)
        story.installed += 1
        right = (settings.apn.lower(), settings.proxy, settings.mmsc.rstrip("/"))
        if right == (self._right.apn, self._right.proxy, self._right.mmsc.rstrip("/")):
            if subscriber.behaviour in MENDABLE:
                story.mended = self._agenda.now
                self._mend(subscriber)
        else:
            story.refused.append("wrong settings were installed")
