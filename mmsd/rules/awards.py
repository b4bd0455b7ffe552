"""From judged dossiers to candidates: whose retrieval of a seed may earn something now, which attempt it belongs to, where it came from.

What can be said from State alone is said here, and does not depend on the order of lines: every line up to the horizon is known, and
candidates are made in order of retrieval. What depends on how many there were before is `forwards.decide`'s, inside the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from mmsd.model import NOT_LOGGED, SECOND
from mmsd.rules.campaign import SERVICE, Campaigns, Seed, Told, evidence_of
from mmsd.rules.copies import MM4, transactions
from mmsd.rules.forwards import OFF_NET, Candidate, forward_key
from mmsd.rules.handsets import HandsetArray, tac
from mmsd.rules.holdings import Holding, Served, of_seed
from mmsd.rules.life import reason_at
from mmsd.rules.lineage import Copy, lineage
from mmsd.rules.models import Models
from mmsd.rules.networks import Network
from mmsd.rules.posts import answered_by
from mmsd.rules.relate import Dossier, Thread
from mmsd.rules.signs import Seen
from mmsd.rules.state import Published, State
from mmsd.rules.submits import Answer, Group, Submit, group_of
from mmsd.rules.traces import AT, LINK, SIZE, A, Trace


class Handsets(Protocol):
    """What is asked of `flow.handsets`."""

    @property
    def models(self) -> Models: ...
    def find(self, numbers: npt.NDArray[np.uint64]) -> HandsetArray: ...
    def city_of(self, number: int) -> str: ...


class Ready(NamedTuple):
    """A seed's retrieval that may earn something now, in one campaign."""

    thread: Thread
    dossier: Dossier
    seen: Seen
    seed: Seed
    told: Told


@dataclass(slots=True)
class Awards:
    """See the module. `row_secret` names forwards; `city_of` knows a number's city by its prefix, "" = unknown."""

    state: State
    campaigns: Campaigns
    row_secret: bytes
    city_of: Callable[[int], str]
    network: Network
    handsets: Handsets | None = None
    served: Callable[[npt.NDArray[np.uint64]], Iterable[Served]] = lambda numbers: ()  # of these numbers, whom the service sent a seed
    _posted: dict[int, list[Trace]] = field(default_factory=dict)  # lines of senders who are asked whether they were answered
    _imeis: dict[int, int] = field(default_factory=dict)  # of the senders of what is awarded now

    # ----------------------------------------------------------------------------------------------------- what is ready

    def prepare(self, dossiers: Iterable[Dossier]) -> None:
        """To be called before `ready`: lines of all whose submits have to be shown answered are looked for together."""
        self._posted = self.state.lines_of(
            thread.sender for dossier in dossiers for thread in dossier.threads
            if thread.opened is not None and self.evidence(thread) and self._said(dossier, thread) < 0
        )  # fmt: skip

    def _said(self, dossier: Dossier, thread: Thread) -> int:
        """Whether it was answered, as was said last (`Published.answered`)."""
        entry = self.state.published.get(dossier.subscriber, {}).get((thread.domain, thread.identity, thread.forwarded))
        return entry.answered if entry is not None else -1

    def evidence(self, thread: Thread) -> list[Told]:
        """The seeds that it holds, as far as there are campaigns."""
        return evidence_of(thread, self.state.seeds, self.state.seed_names) if self.campaigns else []

    def ready(self, thread: Thread, dossier: Dossier, seen: Seen, entry: Published, horizon: int) -> list[Ready]:
        """A seed's retrieval whose hold is over, once in each campaign; not before it is known of its submit and earlier ones whether they
        were answered. What came from another MMSC that turns out to be ours is ready again: it may have been told apart.

        `entry` is about to be published; until then it is told here when to look again, and what was asked or awarded.
        """
        if thread.opened is None or thread.passed_on:
            return []
        evidence = self.evidence(thread)
        if not evidence:
            return []
        if entry.answered < 0:
            self._ask_answer(thread, entry, horizon)
        if entry.answered < 0 or not seen.retrieved or seen.signs.doubted:
            return []
        ready = []
        for told in evidence:
            seed = self.campaigns.of(told.seed)
            if seed is None or (entry.awarded_in(told.campaign) and not _found_at_home(thread)):
                continue
            due = seen.retrieved + int(seed.campaign.hold * SECOND)
            if horizon < due:
                entry.due = min(entry.due, due)
            else:
                entry.award(told.campaign)
                ready.append(Ready(thread, dossier, seen, seed, told))
        return ready

    def _ask_answer(self, thread: Thread, entry: Published, horizon: int) -> None:
        """Whether the sender's gateway shows that the submit was answered; asked once, while his lines are still at hand."""
        settings = self.state.settings
        join = int(settings.join * SECOND)
        due = thread.began + join + int(settings.skew * SECOND)
        if horizon < due:
            entry.due = min(entry.due, due)
            return
        opened = thread.opened
        size = opened[SIZE] if opened is not None and not thread.forwarded else NOT_LOGGED
        mmscs = self.state.expected.authorities or self.state.authorities
        entry.answered = int(answered_by(self._posted.get(thread.sender, ()), thread.began, size, join, mmscs))

    # -------------------------------------------------------------------------------------------------------- candidates

    def award(self, ready: Iterable[Ready]) -> list[Candidate]:
        """Candidates of all that is ready, in order of retrieval; a seed that came from the service itself is only held.

        A parent was retrieved before its child was submitted, whoever's dossier was judged first.
        """
        candidates = []
        in_order = sorted(ready, key=lambda one: (one.seen.retrieved, one.thread.identity))
        senders = np.unique(np.array([each.thread.sender for each in in_order], np.uint64))
        self._look_up(senders)
        receivers = np.array([each.dossier.subscriber for each in in_order], np.uint64)
        people = np.union1d(senders, receivers)
        self.state.holdings.bring(people)
        self._hold_served(people, frozenset(senders.tolist()))
        for each in in_order:
            if self.campaigns.is_service(each.thread.sender):
                self._hold(each, 0, SERVICE)
            else:
                candidates.append(self._candidate(each))
        return candidates

    def _hold_served(self, people: npt.NDArray[np.uint64], senders: frozenset[int]) -> None:
        """What the service sent them counts as held although no line shows it: with whoever sends it on, and where the MMSC says so."""
        for one in self.served(people) if len(people) else ():
            seed = self.state.seed_number(f"{one.campaign}/{one.seed}")
            mine = of_seed(self.state.holdings.of(one.number), one.campaign, seed)
            shown = any(holding.key == SERVICE and holding.at >= one.at for holding in mine)
            if not shown and (one.arrived or one.number in senders):
                self.state.hold(Holding(one.number, one.at, one.campaign, seed, 0, SERVICE))

    def _hold(self, ready: Ready, generation: int, key: bytes, sender: int = 0) -> None:
        """The receiver has all siblings that the message holds, though it is one forward."""
        told = ready.told
        for seed in (told.seed, *told.beside):
            self.state.hold(Holding(ready.dossier.subscriber, ready.seen.retrieved, told.campaign, seed, generation, key, sender))

    def _look_up(self, senders: npt.NDArray[np.uint64]) -> None:
        self._imeis = {}
        if self.handsets is not None and len(senders):
            rows = self.handsets.find(senders)
            self._imeis = dict(zip(rows["number"].tolist(), rows["imei"].tolist(), strict=True))

    def _candidate(self, ready: Ready) -> Candidate:
        thread, dossier, seen, seed = ready.thread, ready.dossier, ready.seen, ready.seed
        campaign, receiver, sender = seed.campaign, dossier.subscriber, thread.sender
        group = self._group(thread, dossier, seed)
        keys = [forward_key(self.row_secret, campaign.id, member, sender, receiver) for member in group.members]
        had = of_seed(self.state.held(sender, thread.began), campaign.id, seed.number)
        origin = lineage([Copy(one.at, one.key, one.generation) for one in had], thread.began)
        off_net = self._off_net(thread, receiver)
        reason = self._reason(ready, off_net) or ("doubted" if group.doubted else "")
        self._hold(ready, origin.generation, keys[0], sender)
        message = self.state.texts.get(thread.message or thread.identity, b"").decode("utf-8", "replace")
        city = (self.handsets.city_of(sender) if self.handsets is not None else "") or self.city_of(sender)
        model = self.handsets.models.label(self._imeis.get(sender, 0)) if self.handsets is not None else ""
        return Candidate(
            keys[0], seed, message, sender, receiver, thread.began, seen.retrieved, city, ready.told.method, ready.told.score,
            origin.generation, origin.parent, reason, tuple(keys[1:]), origin.candidates, off_net, model, origin.received,
        )  # fmt: skip

    def _group(self, thread: Thread, dossier: Dossier, seed: Seed) -> Group:
        """The attempt, of all that this sender sent to this receiver of the seed."""
        threads = [
            other
            for other in dossier.threads
            if other.sender == thread.sender and other.opened is not None and seed.number in {told.seed for told in self.evidence(other)}
            and (other is thread or not other.passed_on)
        ]  # fmt: skip
        posted = [other.origin or other for other in threads]  # where his handset sent it
        lines = [other.opened for other in posted if other.opened is not None]
        resends = bool(seed.campaign.resends) and self._resends(thread.sender, seed.campaign.resends)
        submits = [
            Submit(other.identity, line[AT], line[LINK], transaction, line[SIZE], _answer(self._said(dossier, base)), resends)
            for other, base, line, transaction in zip(
                threads, posted, lines, transactions(lines, [each.copies for each in posted]), strict=True
            )
        ]
        place = next(place for place, other in enumerate(threads) if other is thread)
        return group_of(submits[place], submits, seed.campaign.resend, seed.campaign.hold)

    def _resends(self, sender: int, models: Sequence[str]) -> bool:
        """Whether the sender's model is one of those that send again of themselves."""
        imei = self._imeis.get(sender, 0)
        if self.handsets is None or not imei:
            return False
        model = self.handsets.models.of_imei(imei)
        label = model.label.casefold() if model is not None else ""
        code = f"{tac(imei):08}"
        return any(name.casefold() in (label, code) for name in models)

    # -------------------------------------------------------------------------------------------------------- the rules

    def _off_net(self, thread: Thread, receiver: int) -> str:
        """Which of the two is in another network: "sender", "receiver", "both"; "" = neither, as far as is known."""
        assert thread.opened is not None, "what was not submitted is not ready"
        sender_off = (thread.opened[A] == MM4 and thread.origin is None) or not self.network.owns(thread.sender)
        receiver_off = bool(thread.out) or not self.network.owns(receiver)
        return {(True, True): "both", (True, False): "sender", (False, True): "receiver"}.get((sender_off, receiver_off), "")

    def _reason(self, ready: Ready, off_net: str) -> str:
        """Why the campaign's rules do not count it, as far as they do not count others; "" when they may."""
        thread, receiver, seed = ready.thread, ready.dossier.subscriber, ready.seed
        campaign = seed.campaign
        if thread.sender == receiver and not campaign.self_forward:
            return "self"
        if not seed.starts <= thread.began < seed.ends:
            return "outside_dates"
        if stands := reason_at(seed.life, thread.began):
            return stands
        if not _NETWORKS[off_net] <= set(campaign.off_net):
            return OFF_NET
        if campaign.new_receiver and self._held_before(receiver, campaign.id, ready.seen.retrieved):
            return "held_before"
        if campaign.ring and self._came_from(thread.sender, receiver, campaign.id, thread.began, campaign.ring):
            return "ring"
        return ""

    def _held_before(self, receiver: int, campaign: str, at: int) -> bool:
        return any(holding.at < at and holding.campaign == campaign for holding in self.state.held(receiver, at))

    def _came_from(self, holder: int, whom: int, campaign: str, before: int, hops: int) -> bool:
        """Whether a copy that `holder` held by then had come from, or in so many steps through, `whom`."""
        seen, holders = {holder}, {holder: before}
        for _ in range(hops):
            givers: dict[int, int] = {}
            for number, until in holders.items():
                for holding in self.state.held(number, until):
                    if holding.campaign == campaign and holding.at <= until and holding.sender:
                        givers[holding.sender] = max(holding.at, givers.get(holding.sender, 0))
            if whom in givers:
                return True
            holders = {number: at for number, at in givers.items() if number not in seen}
            seen |= set(holders)
        return False


def _found_at_home(thread: Thread) -> bool:
    """Whether it came over MM4, and the log of the MMSC that sent it is one of ours: which may be read later than its retrieval."""
    return thread.origin is not None and thread.opened is not None and thread.opened[A] == MM4


def _answer(said: int) -> Answer:
    """What was said of a submit; of one that is not asked yet nothing says no."""
    return Answer(said) if said >= 0 else Answer.YES


_NETWORKS: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset(), "sender": frozenset({"senders"}), "receiver": frozenset({"receivers"}), "both": frozenset({"senders", "receivers"}),
}  # fmt: skip
"""What `CampaignSettings.off_net` has to name for a forward to count."""
