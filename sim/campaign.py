"""A seed message, and how it travels: the service sends it out, receivers send it on, friends receive it or do not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol

from mmsd.model import SECOND
from sim.agenda import Agenda, Streams
from sim.messages import ANSWERED, BROKEN, LOST, Answer, Delivery, Lineage
from sim.people import SENDS, People, Subscriber
from sim.scenario import Campaign, us


class Sender(Protocol):
    """What a campaign needs of the province."""

    cutoff: int

    def submit_vasp(self, receivers: list[Subscriber], lineage: Lineage) -> None: ...

    def submit(self, sender: Subscriber, receivers: list[Subscriber], *, subject: bytes, size: int, lineage: Lineage | None) -> None: ...

    def submit_again(
        self, sender: Subscriber, receivers: list[Subscriber], answers: Sequence[Answer], *, subject: bytes, size: int, lineage: Lineage
    ) -> int: ...

    def forward(self, original: Delivery, receivers: list[Subscriber], lineage: Lineage) -> None: ...


class Seed:
    """The campaign's one seed: its subject holds a tag, its size a class; both stay when a handset composes it anew."""

    def __init__(self, settings: Campaign, people: People, province: Sender, agenda: Agenda, streams: Streams) -> None:
        self._settings = settings
        self._people = people
        self._province = province
        self._agenda = agenda
        self._random = streams("campaign")

    def launch(self) -> None:
        """The service's own sending, in batches a second apart. Most of those who asked for it can use MMS."""
        if self._agenda.now >= self._province.cutoff:
            return
        if self._settings.every:
            self._agenda.after(us(self._settings.every), self.launch)
        wanted = min(self._settings.recipients, len(self._people.senders) // 2)
        chosen = self._random.sample(self._people.senders, wanted * 4 // 5)
        others = [s for s in self._people.subscribers if s.behaviour not in SENDS]
        chosen += self._random.sample(others, min(wanted - len(chosen), len(others)))
        self._random.shuffle(chosen)
        for batch, start in enumerate(range(0, len(chosen), self._settings.batch)):
            receivers = chosen[start : start + self._settings.batch]
            self._agenda.after(batch * SECOND, self._province.submit_vasp, receivers, Lineage(0, "", None))

    def retrieved(self, delivery: Delivery) -> None:
        """Somebody holds the seed now: he may send it on."""
        lineage, holder = delivery.lineage, delivery.receiver
        if lineage is None or lineage.generation >= self._settings.generations or holder.behaviour not in SENDS:
            return
        if self._random.random() < self._settings.forward:
            self._agenda.after(self._between(self._settings.think), self._send_on, delivery)

    def decoy(self, random_: random.Random, subject: bytes, size: int) -> tuple[bytes, int]:
        """An ordinary message that borrows the seed's subject or its size, never both."""
        if random_.random() < 0.5:
            return self._settings.subject.encode(), self._settings.size * 2 + size
        return subject, self._settings.size

    def _send_on(self, delivery: Delivery) -> None:
        if self._agenda.now >= self._province.cutoff:
            return
        holder, lineage = delivery.receiver, delivery.lineage
        assert lineage is not None
        friends = self._friends(holder)
        if self._random.random() < self._settings.by_reference:
            self._province.forward(delivery, friends, Lineage(lineage.generation + 1, "m_forward", delivery))
            return
        fresh = Lineage(lineage.generation + 1, "subject_size", delivery)
        content = self._compose()
        if self._random.random() < self._settings.unanswered:
            tries = self._settings.tries[0] if len(self._settings.tries) == 1 else self._random.choice(self._settings.tries)
            lost = BROKEN if self._settings.short and holder.wapbox and self._random.random() < self._settings.short else LOST
            last = self._province.submit_again(holder, friends, [lost] * tries + [ANSWERED], lineage=fresh, **content)
            self._perhaps_more(last, delivery, friends, content)
            return
        if self._resends(holder):  # its owner has learned that once is enough
            self._province.submit_again(holder, friends, [ANSWERED, ANSWERED], lineage=fresh, **content)
            return
        self._province.submit(holder, friends, lineage=fresh, **content)
        if self._random.random() < self._settings.again:
            self._agenda.after(self._between(self._settings.again_after), self._repeat, delivery, friends, content)

    def _resends(self, holder: Subscriber) -> bool:
        return bool(self._settings.resender) and holder.imei.startswith(self._settings.resender.encode())

    def _perhaps_more(self, wait: int, delivery: Delivery, friends: list[Subscriber], content: dict[str, Any]) -> None:
        if self._settings.more and not self._resends(delivery.receiver) and self._random.random() < self._settings.more:
            if wait and self._settings.overlap and self._random.random() < self._settings.overlap:
                wait = 0
            self._agenda.after(wait + self._between(self._settings.again_after), self._repeat, delivery, friends, content)

    def _repeat(self, delivery: Delivery, friends: list[Subscriber], content: dict[str, Any]) -> None:
        """A deliberate second forward to the same friends: a success of its own."""
        if self._agenda.now < self._province.cutoff and delivery.lineage is not None:
            fresh = Lineage(delivery.lineage.generation + 1, "subject_size", delivery)
            self._province.submit(delivery.receiver, friends, lineage=fresh, **content)
            self._perhaps_more(0, delivery, friends, content)

    def _compose(self) -> dict[str, Any]:
        """Subject and size of a forward composed anew: well inside the size class."""
        spread = self._settings.tolerance * 0.6
        subject = self._settings.subject
        if self._random.random() < self._settings.prefixed:
            subject = self._random.choice(("Fw:", "Fwd: ", "Fw: Fw: ", "转发:")) + subject
        charset = "gb18030" if self._random.random() < 0.1 else "utf-8"
        return {"subject": subject.encode(charset), "size": round(self._settings.size * self._random.uniform(1 - spread, 1 + spread))}

    def _friends(self, holder: Subscriber) -> list[Subscriber]:
        count = self._random.choice(self._settings.friends)
        pool = self._people.senders if self._random.random() < 0.7 else self._people.subscribers
        return [friend for friend in self._random.sample(pool, min(count, len(pool))) if friend is not holder]

    def _between(self, span: tuple[float, float]) -> int:
        return us(self._random.uniform(*span))
