"""The province: cities, numbers, handsets and what is wrong with them. All numbers are invented."""

from __future__ import annotations

import enum
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.agenda import Streams
from sim.scenario import Model, Population

if TYPE_CHECKING:
    from sim.radius import Session

CITIES: Final = (
    "Nanjing", "Wuxi", "Xuzhou", "Changzhou", "Suzhou", "Nantong", "Lianyungang",
    "Huaian", "Yancheng", "Yangzhou", "Zhenjiang", "Taizhou", "Suqian",
)  # fmt: skip
_BLOCKS: Final = 8  # of 10,000 numbers, a city
_BROWSERS: Final = "1371"
_SUBSCRIBERS: Final = "1340"
_ABROAD: Final = "1331"
_FOREIGNERS: Final = 60

MODELS: Final = (  # User-Agent, type allocation code
    (b"Nokia6600/1.0 (4.09.1) SymbianOS/7.0s Series60/2.0", "35580700"),
    (b"NokiaE71-1/200.21.118", "35629402"),
    (b"SonyEricssonK800i/R1KG", "35347100"),
    (b"SonyEricssonW800i/R1AA", "35248600"),
    (b"MOT-V600/0B.09.38R MIB/2.2", "35149200"),
    (b"SAMSUNG-SGH-E700/1.0", "35760800"),
    (b"Lenovo-i750/S1", "35990400"),
    (b"AMOI-M636/1.2", "35412000"),
    (b"ZTE-F100/1.0", "35934801"),
)
PLAIN: Final = (b"Nokia1112/2.0 (04.90)", "35102300")
"""A model without MMS."""


class Behaviour(enum.StrEnum):
    """What a subscriber's handset, settings or subscription make of a notification."""

    HEALTHY = "healthy"
    WRONG_APN = "wrong_apn"  # a session on the internet APN after each push
    WRONG_PROXY = "wrong_proxy"  # a session of its own on the MMS APN, nothing at the gateway
    WRONG_MMSC = "wrong_mmsc"  # fetches, then answers to another host
    WRONG_PATH = "wrong_path"  # fetches, then answers to a path that is no MMSC
    NO_FETCH = "no_fetch"
    OFF_EXPIRED = "off_expired"  # EXPIRED receipts
    OFF_ALIVE = "off_alive"  # EXPIRED receipts, but he browses
    UNDELIV = "undeliv"  # barred
    SMSC_REFUSED = "smsc_refused"
    SMSC_REJECTED = "smsc_rejected"  # REJECTD receipts
    SILENT = "silent"  # no receipt, no reaction
    REJECT = "reject"
    DEFER_LATER = "defer_later"
    DEFER_NEVER = "defer_never"
    NO_ACK = "no_ack"
    REFETCH = "refetch"  # fetches twice, before or after the acknowledgement
    LATE = "late"  # comes back into coverage after a while
    FULL = "full"  # no room for the push
    UNRECOGNISED = "unrecognised"  # the handset cannot make anything of it
    DENIED = "denied"  # the proxy set in the handset wants a password: 407, or a page to log in
    BROKEN = "broken"  # every answer breaks off
    TOO_LATE = "too_late"  # comes when the message is gone
    NO_MMS = "no_mms"  # a handset without MMS, and nobody has said so
    STANDING_PROXY = "standing_proxy"  # as wrong_proxy, in a session that is open all day
    CORRECTED = "corrected"  # names another APN; the network puts him on the right one
    REWRITTEN = "rewritten"  # posts to an address the MMSC had once; the proxy sends it to the one it has
    MISSPELT_APN = "misspelt_apn"  # the SGSN knows no such APN: no session, no accounting
    UNSUBSCRIBED_APN = "unsubscribed_apn"  # an APN that is not in his profile
    NO_DATA = "no_data"  # packet data is not open for him: refused on the right APN
    UNLUCKY = "unlucky"  # every activation fails for a fault of the network
    DATA_OFF = "data_off"  # no packet session, ever
    WIFI_ONLY = "wifi_only"  # the same to every node: what he does elsewhere nobody sees
    DUAL_SIM = "dual_sim"  # a handset with two cards: his neighbour's IMEI is his own
    DUAL_SIM_IDLE = "dual_sim_idle"  # the second card of such a handset, that never gets data
    ROAMING = "roaming"  # abroad: another network's SGSN
    MVNO = "mvno"  # another operator's subscriber in our network, with APNs and an MMSC of that operator; all is well
    ABROAD = "abroad"  # of another network: our MMSC sends it there
    MVNO_STRAY = "mvno_stray"  # the same, and never fetches: his sessions after a push are no fault of settings


FETCHES: Final = frozenset(
    {
        Behaviour.HEALTHY,
        Behaviour.WRONG_MMSC,
        Behaviour.WRONG_PATH,
        Behaviour.NO_ACK,
        Behaviour.REFETCH,
        Behaviour.LATE,
        Behaviour.BROKEN,
        Behaviour.CORRECTED,
        Behaviour.REWRITTEN,
        Behaviour.DUAL_SIM,
        Behaviour.ROAMING,
        Behaviour.MVNO,
    }
)
SENDS: Final = frozenset(
    {
        Behaviour.HEALTHY,
        Behaviour.NO_ACK,
        Behaviour.REFETCH,
        Behaviour.REJECT,
        Behaviour.DEFER_LATER,
        Behaviour.DEFER_NEVER,
        Behaviour.CORRECTED,
        Behaviour.REWRITTEN,
        Behaviour.DUAL_SIM,
        Behaviour.ROAMING,
    }
)
"""Whose own submits reach the MMSC."""

ASTRAY: Final = frozenset({Behaviour.WRONG_MMSC, Behaviour.WRONG_PATH})
"""Whose POSTs go to a wrong address: answers and submits alike."""

SESSIONLESS: Final = frozenset({Behaviour.DATA_OFF, Behaviour.WIFI_ONLY, Behaviour.DUAL_SIM_IDLE})
"""Who has no packet session, ever."""

REFUSED: Final[Mapping[Behaviour, tuple[str, str, int]]] = {  # APN asked for, event, its cause
    Behaviour.MISSPELT_APN: ("cmwapp", "ACTIVATE_REJECT", 27),
    Behaviour.UNSUBSCRIBED_APN: ("corp.vpn", "ACTIVATE_REJECT", 33),
    Behaviour.NO_DATA: ("cmwap", "ACTIVATE_REJECT", 33),
    Behaviour.UNLUCKY: ("cmwap", "ACTIVATE_REJECT", 38),
}
"""Whose sessions the SGSN refuses (TS 24.008 SM causes)."""

MVNOS: Final = frozenset({Behaviour.MVNO, Behaviour.MVNO_STRAY})

FAULTS: Final[Mapping[Behaviour, str]] = {
    Behaviour.WRONG_APN: "BAD_APN",
    Behaviour.MISSPELT_APN: "BAD_APN",
    Behaviour.UNSUBSCRIBED_APN: "BAD_APN",
    Behaviour.CORRECTED: "BAD_APN",
    Behaviour.WRONG_PROXY: "BAD_PROXY",
    Behaviour.STANDING_PROXY: "BAD_PROXY",
    Behaviour.DENIED: "BAD_PROXY",
    Behaviour.WRONG_MMSC: "BAD_MMSC_URL",
    Behaviour.WRONG_PATH: "BAD_MMSC_URL",
    Behaviour.REWRITTEN: "BAD_MMSC_URL",
    Behaviour.DATA_OFF: "NO_PDP",
    Behaviour.WIFI_ONLY: "NO_PDP",
    Behaviour.DUAL_SIM_IDLE: "NO_PDP",
    Behaviour.NO_DATA: "NO_PDP",  # not opened, or always refused: from accounting alone the same
    Behaviour.UNLUCKY: "NO_PDP",
    Behaviour.NO_MMS: "UNSUPPORTED",
    Behaviour.UNRECOGNISED: "UNSUPPORTED",
}
"""What is wrong with him, in the words of the findings; who is not here is healthy, and no finding may name him."""


@dataclass(slots=True, eq=False)
class Subscriber:
    """One number and its handset. `digits` with the country code; `msisdn` as the network's gateways show it."""

    digits: bytes
    city: str
    behaviour: Behaviour
    agent: bytes
    profile: bytes  # name in the x-wap-profile URL
    imsi: bytes
    imei: bytes
    ggsn: int
    wapbox: bool
    apn_upper: bool
    standing: str = ""  # "", "cmwap" or "cmnet": a session open all day
    variant: float = 0.0  # 0 … 1: which of several ways of a behaviour
    plus: bytes = b""
    msisdn: bytes = b""
    session: Session | None = None  # on the MMS APN, usable now
    internet: Session | None = None
    reactions: int = 0  # pushes answered by a session on the internet APN
    moments: int = 0  # of those, how many surely stand apart from the push before
    pushed: int = 0  # when the last push came, µs UTC
    plmn: bytes = b"46002"  # head of the IMSI: whose subscriber he is
    since: int = 0  # µs: since when the number behaves so

    def __post_init__(self) -> None:
        self.plus = b"+" + self.digits
        self.attach(self.ggsn)

    def attach(self, ggsn: int) -> None:
        """His sessions are this GGSN's from now on; the second one writes the number with its sign."""
        self.ggsn = ggsn
        self.msisdn = self.plus if ggsn else self.digits

    @property
    def apn(self) -> str:
        """The APN of his MMS sessions."""
        return "mvno.wap" if self.behaviour in MVNOS else "cmwap"

    @property
    def internet_apn(self) -> str:
        return "mvno.net" if self.behaviour in MVNOS else "cmnet"


class People:
    """`subscribers` have MMS handsets, `browsers` never get or send one. `senders`, `astray`: who submits, rightly or wrongly."""

    def __init__(self, population: Population, streams: Streams, models: Sequence[Model] = ()) -> None:
        random_ = streams("people")
        names = tuple(Behaviour(name) for name in population.behaviours)
        weights = tuple(population.behaviours.values())
        drawn = random_.choices(names, weights, k=population.subscribers)
        self.subscribers = [_make(random_, i, _SUBSCRIBERS, behaviour, population.wapbox) for i, behaviour in enumerate(drawn)]
        self.browsers = [_make(random_, i, _BROWSERS, Behaviour.HEALTHY, population.wapbox) for i in range(population.browsers)]
        self._random = streams("models and cards")
        self._serial = 0
        for subscriber in self.subscribers:
            self._equip(subscriber, models)
            _settle(subscriber, random_, population)
        self.abroad = [_make(random_, i, _ABROAD, Behaviour.ABROAD, population.wapbox) for i in range(_FOREIGNERS)]
        self.sort()

    def sort(self) -> None:
        """Who submits, and how, as everybody behaves now."""
        self.senders = [s for s in self.subscribers if s.behaviour in SENDS]
        self.astray = [s for s in self.subscribers if s.behaviour in ASTRAY]

    def _equip(self, subscriber: Subscriber, models: Sequence[Model]) -> None:
        """Models with settings of their own; the cards of handsets with two; other operators' subscribers."""
        for model in models:
            if self._random.random() < model.share:
                names = tuple(Behaviour(name) for name in model.behaviours)
                subscriber.behaviour = self._random.choices(names, tuple(model.behaviours.values()))[0]
                subscriber.agent, subscriber.profile = model.agent.encode(), model.agent.partition("/")[0].encode()
                self._serial += 1
                subscriber.imei = f"{model.tac}{self._serial:06d}{model.software}".encode()
                break
        if subscriber.behaviour is Behaviour.NO_MMS:
            subscriber.agent, subscriber.profile = PLAIN[0], PLAIN[0].partition(b"/")[0]
            subscriber.imei = PLAIN[1].encode() + subscriber.imei[8:]
        elif subscriber.behaviour in {Behaviour.DUAL_SIM, Behaviour.DUAL_SIM_IDLE}:
            place = int(subscriber.imsi[-6:])
            subscriber.imei = self.subscribers[place - 1].imei  # of the card beside it
        elif subscriber.behaviour is Behaviour.TOO_LATE:
            subscriber.attach(0)  # the one that never restarts: he comes once only
        elif subscriber.behaviour in MVNOS:
            subscriber.plmn = b"46099"
            subscriber.imsi = subscriber.plmn + subscriber.imsi[5:]

    def change(self, subscriber: Subscriber, what: str, after: Behaviour, now: int) -> None:
        """Another handset, another card, another owner with both, or other settings: from now on he behaves like `after`."""
        self._serial += 1
        if what in ("handset", "owner"):
            subscriber.imei = f"{subscriber.imei[:8].decode()}9{self._serial:05d}01".encode()
        if what in ("sim", "owner"):
            subscriber.imsi = f"46002{_SUBSCRIBERS}9{self._serial:05d}".encode()
        subscriber.behaviour = after
        subscriber.reactions = subscriber.moments = subscriber.pushed = 0
        subscriber.standing = ""
        subscriber.since = now
        self.sort()


def _make(random_: random.Random, index: int, network: str, behaviour: Behaviour, wapbox: float) -> Subscriber:
    city, place = index % len(CITIES), index // len(CITIES)
    block = city * _BLOCKS + place // 10_000 % _BLOCKS
    # 7,919 is coprime to 10,000: neighbours do not have neighbouring numbers
    number = f"86{network}{500 + block}{place * 7919 % 10_000:04d}"
    agent, code = random_.choice(MODELS)
    return Subscriber(
        digits=number.encode(),
        city=CITIES[city],
        behaviour=behaviour,
        agent=agent,
        profile=agent.partition(b"/")[0],
        imsi=f"46002{network}{index:06d}".encode(),
        imei=f"{code}{network[-1]}{index % 100_000:05d}{random_.randrange(1, 16):02d}".encode(),
        ggsn=random_.randrange(2),
        wapbox=random_.random() < wapbox and behaviour is not Behaviour.REWRITTEN,  # that rewrites nothing
        apn_upper=random_.random() < 0.2,
        variant=random_.random(),
    )


def _settle(subscriber: Subscriber, random_: random.Random, population: Population) -> None:
    """Who keeps a session open all day. Those who get no push have none: a session would say that they are there."""
    draw = random_.random()
    if subscriber.behaviour in SENDS or subscriber.behaviour in ASTRAY:
        if draw < population.standing_cmwap:
            subscriber.standing = "cmwap"
        elif draw < population.standing_cmwap + population.standing_cmnet:
            subscriber.standing = "cmnet"
    elif subscriber.behaviour is Behaviour.STANDING_PROXY:
        subscriber.standing = "cmwap"
        subscriber.attach(0)
    elif subscriber.behaviour is Behaviour.NO_FETCH:
        if draw < 0.25:
            subscriber.standing = "cmnet"
        elif draw < 0.5:
            subscriber.standing = "cmwap"
            subscriber.attach(0)  # the one that never restarts: his session spans every push


def write_lists(people: People, models: Sequence[Model], handsets: Path, codes: Path) -> None:
    """What the operator's own systems know at the beginning of the day: `msisdn,imei,imsi,city`, and which models have MMS."""
    rows = [
        f"{subscriber.digits.decode()},{subscriber.imei.decode()},{subscriber.imsi.decode()},{subscriber.city}"
        for subscriber in (*people.subscribers, *people.browsers)
    ]
    handsets.write_text("msisdn,imei,imsi,city\n" + "\n".join(rows) + "\n")
    known = {code: f"{agent.partition(b'/')[0].decode()},yes" for agent, code in MODELS}
    known |= {model.tac: f"{model.agent.partition('/')[0]},yes" for model in models}
    known[PLAIN[1]] = f"{PLAIN[0].partition(b'/')[0].decode()},no"
    codes.write_text("tac,model,mms\n" + "".join(f"{code},{rest}\n" for code, rest in sorted(known.items())))


def write_prefixes(path: Path) -> None:
    """`prefix,city`: the operator's table, by the country code and seven digits."""
    rows = [
        f"86{network}{500 + city * _BLOCKS + block},{name}"
        for network in (_SUBSCRIBERS, _BROWSERS)
        for city, name in enumerate(CITIES)
        for block in range(_BLOCKS)
    ]
    path.write_text("prefix,city\n" + "\n".join(sorted(rows)) + "\n")
