"""What an operator may set about judgement and campaigns; `config.py` fills these from TOML. Durations are seconds."""

from __future__ import annotations

from typing import Literal

import msgspec

from mmsd.rules.answers import Words


class Judgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Windows and thresholds of `evidence-table.md` §1 and §4."""

    reaction: float = 60.0  # T0: a reaction to a push
    session: float = 900.0  # T1: a session belongs to a push when it overlaps [push, push + T1]
    late: float = 180.0  # T2: submit to first sign of the push; beyond it a delivery is DELAYED
    window: float = 72 * 3600.0  # from submit to expiry, when no push, CDR or final word says otherwise
    grace: float = 600.0  # beyond expiry, before absence closes a delivery
    skew: float = 2.0  # how far clocks of two nodes may differ
    join: float = 3.0  # a Notify line and its push stand within this
    answer: float = 5.0  # a POST so soon after a fetch of a content location is the handset's answer to it
    confirm: float = 900.0  # how long a retrieved message waits for its confirmation before it closes as OK_UNCONFIRMED
    cases: int = 3  # N: failures of one shape that raise a finding
    case_days: float = 7.0  # W
    repeat: float = 600.0  # failures closer than this count once
    little: int = 2000  # octets: a session that moved fewer came for nothing but the message (U8)
    logged: float = 60.0  # Z6: so long after a submit was accepted at a gateway the MMSC must have written its line
    handset_days: float = 30.0  # U1: a handset last seen so long before may be another by now
    history_days: float = 30.0  # NO_PDP: days without a packet session, and sessions remembered for as long
    silence: float = 600.0  # a feed silent for so long, and four times longer than in its last day, shows no absence meanwhile; 0 = never
    fault_window: float = 600.0  # answers of a node are counted over so long …
    fault_answers: int = 20  # … and with so many of them …
    fault_share: float = 0.3  # … this share of 5xx or refused pushes is a node fault
    fault_rise: float = 5.0  # a cause's share of the deliveries that close on a node, so many times that of the day before …
    fault_models: int = 5  # … and over so many models is a node fault
    model_share: float = 0.2  # X: a cause found with this share of the subscribers of a model and software version is the model's
    model_subscribers: int = 50  # … of so many subscribers at least
    quiet: float = 1800.0  # R8: a dossier without a line for this long leaves memory
    restate: float = 72 * 3600.0  # after closing, evidence may change a verdict for this long
    portal: int = 20  # an authority from which so many numbers GET is a portal, no MMSC
    ahead: float = 3600.0  # live: a line dated so far beyond the clock is a reject; it would stop its feed
    idle: float = 5.0  # live: a feed read to its end is taken to be this far behind the clock …
    patience: float = 3600.0  # … or as far as its lines were seen to come late, but no further


class Operator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Expected settings (`evidence-table.md` §8) of the operator whose nodes these are."""

    plmns: tuple[str, ...] = ()  # MCC-MNC of its own subscribers; empty: all whose operator has expected settings
    numbers: tuple[str, ...] = ()  # beginnings of its subscribers' numbers, with country code; empty: a number tells no network
    mms_apns: tuple[str, ...] = ("cmwap",)
    mmsc: tuple[str, ...] = ()  # expected authorities host[:port], aliases included; empty: those of the notifications
    ggsns: tuple[str, ...] = ()  # addresses of all its GGSNs; empty: those that the feeds name
    known_mmsc: tuple[str, ...] = ("mmsc.monternet.com", "mmsc.myuni.com.cn", "mmsc.vnet.mobi")  # of any operator


class Own(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How our own traffic is known (`evidence-table.md` §2): it is in no ratio."""

    senders: tuple[str, ...] = ()  # short codes that send our messages
    accounts: tuple[str, ...] = ()  # VASP ids of ours at the MMSC's MM7 door


class Codes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What codes mean at some of the nodes, over what mmsd's own tables say (`docs/codes.md`). Each restriction that is given must hold."""

    feeds: tuple[str, ...] = ()  # only in lines of these feeds
    nodes: tuple[str, ...] = ()  # of these nodes
    links: tuple[str, ...] = ()  # on these SMSC links, as the SMS gateway's log names them
    absent: tuple[str, ...] = ()  # network errors (`type:code` or `code`) and words of a report (`MK:0023`): switched off or out of reach
    barred: tuple[str, ...] = ()  # no such number, suspended, barred
    full: tuple[str, ...] = ()  # memory of the handset exceeded
    map: dict[str, dict[str, str]] = {}  # set of codes → code, or prefix with "*" → cause


class SeedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One seed message of a campaign, as far as a log line can show it."""

    id: str
    messages: tuple[str, ...] = ()  # message ids of the seed as the service sent it
    tags: tuple[str, ...] = ()  # values of a seed tag column
    subjects: tuple[str, ...] = ()  # a subject that contains one of these …
    size_min: int = 0  # … and a message size in [size_min, size_max] octets
    size_max: int = 0


class SendingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[sending]` of a campaign file: what a group sending takes where it says nothing else."""

    hours: tuple[str, ...] = ("09:00-20:00",)  # local time, in which seeds leave; the governor's quiet hours hold besides
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)  # weekdays, 0 = Monday
    rate: float = 10.0  # messages a second
    control: float = 0.05  # share that is never sent it, to compare with
    price: float = 0.0  # of one multimedia message
    sms_price: float = 0.0  # of one SMS; a long text is several
    currency: str = "CNY"
    silent: tuple[str, ...] = ("silent",)  # groups whose members had sent no MMS in the month before, as the operator's own data says
    window: float = 7 * 86400.0  # who sends the seed on within so long took part, for what it was good for


class RequestSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[request]` of a campaign file: a word sent to a short code brings the seed."""

    keywords: tuple[str, ...] = ("2008",)  # in any case and script width; none: nobody can ask
    short_code: str = "106587999"  # the number it has to be sent to; "": any of ours
    seed: str = ""  # which; "": the campaign's first, by name, that was made here and is live
    again: float = 86400.0  # one to a number in so long
    expires: float = 86400.0  # it is dropped when it could not leave for so long
    early_zh: str = "活动尚未开始，敬请期待。"  # the answer before the campaign begins …
    early_en: str = "The campaign has not begun yet."
    over_zh: str = "活动已结束，感谢您的参与。"  # … when it is over …
    over_en: str = "The campaign is over. Thank you."
    paused_zh: str = "活动暂停，请稍后再试。"  # … and while it is paused
    paused_en: str = "The campaign pauses. Please try again later."


class PrizeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[draws.prizes]]` of a campaign file: the best first."""

    name: str
    count: int = 1


class DrawSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[draws]]` of a campaign file: prizes drawn among serials (docs/draw.md)."""

    name: str
    prizes: tuple[PrizeSettings, ...]
    title: str = ""  # as the SMS calls it; "": its name
    first: str = ""  # local days of the forwards that take part, both in it; "": the campaign's
    last: str = ""
    chances: str = "serial"  # serial: each is an entry; person: one each, however many he holds
    reserves: int = 0  # drawn besides, for prizes that nobody takes
    once: bool = True  # who won a prize in another draw of the campaign is left out
    excluded: str = ""  # file with the numbers of those who may not win, one a line; as it reads when the draw is committed to
    beacon: str = ""  # where a number comes from that nobody knows at the close; "": none is mixed in
    sms_zh: str = "恭喜！您的序列号{serial}在{draw}抽奖中获得：{prize}。"
    sms_en: str = "Congratulations! Your serial {serial} has won in the draw {draw}: {prize}."
    sms_expires: float = 7 * 86400.0


class CampaignSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A campaign file, `config/campaigns/*.toml`."""

    id: str
    name: str
    starts: str  # local date or date-time, ISO 8601
    ends: str
    seeds: tuple[SeedSettings, ...] = ()  # beside those that were made here
    senders: tuple[str, ...] = ()  # short codes that send the seeds out: their deliveries are no forwards
    zone: str = "Asia/Shanghai"
    hold: float = 60.0  # seconds of event time between a retrieval and its decision
    resend: float = 1800.0  # window in which an unanswered attempt and its repetition are one
    resends: tuple[str, ...] = ()  # models that send again of themselves: as the tables call them, or their type allocation codes
    pair_cap: int = 1000  # forwards from one sender to one receiver
    sender_cap: int = 0  # forwards of one sender; 0: no limit
    sender_daily: int = 0  # … in one local day
    fan_in: int = 0  # senders whose forwards count to one receiver in one local day
    ring: int = 0  # back to whom the sender has it from, by so many hands, is held; 0: it counts
    new_receiver: bool = False  # only to whoever never held the campaign's seed before
    self_forward: bool = False
    off_net: tuple[Literal["senders", "receivers"], ...] = ()  # of other networks count and earn serials too
    serial_prefix: str = ""
    language: str = "zh"
    languages: dict[str, str] = {}  # beginning of a number → language of the SMS to it
    sms_zh: str = "您转发的彩信已送达（第{leg}次）。序列号：{serial}"
    sms_en: str = "Your forward was received (no. {leg}). Serial: {serial}"
    sms_expires: float = 24 * 3600.0
    quiet_hours: bool = True  # whether the SMS keeps the governor's quiet hours
    target: int = 0  # forwards that it aims at; 0: none said
    public: bool = False  # whether anybody may see its counter, without a token
    restate: float = 72 * 3600.0  # so long after its end figures of a day may change; then they are final
    sending: SendingSettings = SendingSettings()
    request: RequestSettings = RequestSettings()
    draws: tuple[DrawSettings, ...] = ()


class ClassSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may leave of one class of messages. None is "no limit"; 0 is a limit that lets nothing through."""

    switch: Literal["off", "shadow", "on"] = "shadow"  # shadow: judged, listed and counted, never sent
    caps: tuple[str, ...] = ("5 in 1 day",)  # to one subscriber, in any stretch so long
    daily: int | None = None  # to all subscribers together in one local day
    canary: int | None = None  # of each campaign the first so many leave, then it waits for a person's word
    quiet: bool = True  # whether quiet hours hold it


class GovernorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hand on the brake: what leaves, how much of it, and when."""

    quiet_hours: tuple[str, ...] = ("21:00-08:00",)  # local time
    conversation: float = 900.0  # an answer to a subscriber's own message of the last so many seconds leaves in quiet hours too; 0: none
    caps: tuple[str, ...] = ("10 in 1 day",)  # to one subscriber, of all classes together
    uncapped: tuple[str, ...] = ("serial",)  # purposes that no cap holds, and that count towards none
    transactional: ClassSettings = ClassSettings()
    service: ClassSettings = ClassSettings()
    marketing: ClassSettings = ClassSettings()
    provisioning: ClassSettings = ClassSettings()


class CareSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is asked, and what an answer is good for."""

    ask_from: float = 0.8  # confidence of a finding from which its subscriber is asked
    answer: float = 48 * 3600.0  # a question is open for so long
    question_window: float = 30 * 86400.0  # one question to a subscriber in so long
    declined_window: float = 180 * 86400.0  # … after a no
    retry: float = 86400.0  # a question that did not leave is asked again after so long
    consent: float = 30 * 86400.0  # a consent holds for so long
    push_gap: float = 86400.0  # one push to a subscriber in so long
    pushes: int = 2  # of one case; after the last it is handed over
    install: float = 86400.0  # after a push nothing is evidence for so long: he may not have installed it yet
    unproven: float = 30 * 86400.0  # a case that nothing proves closes so long after its last push
    no_session: float = 7 * 86400.0  # activation: so long without a session means that it did not help
    holdout: float = 0.05  # share of found subscribers that is never asked, to compare with
    offer: bool = False  # settings are offered to whoever has a new handset
    renotify: bool = False  # some time after a push left the MMSC is asked to announce again what waits for him
    renotify_after: float = 1800.0  # so long after it
    test_message: bool = False  # a small MMS of our own is sent after the time to install, to see whether it took
    stops: tuple[str, ...] = ("service", "marketing", "provisioning")  # classes that a stop word ends for its sender; "all" = all
    imsi_age: float = 30 * 86400.0  # an IMSI last known to be his longer ago seals nothing
    unknown_handset: Literal["oma_cp", "legacy_ota", "manual"] = "oma_cp"  # form of settings for a model of which nothing is known
    language: Literal["zh", "en"] = "zh"  # of SMS to whoever has none on record
    texts: dict[str, str] = {}  # own wording by the text's name, such as question_zh
    words: Words = Words()
