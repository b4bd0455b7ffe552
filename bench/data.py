"""Seeded log lines in the formats of real nodes, and a plan for each: what benches time and the differential test compares.

The plans resemble the dialects of `mmsd.logs` but are fixed here, so that numbers of two commits can be compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mmsd.logs import plan
from mmsd.logs.plan import Block, Form, Plan
from mmsd.model import Kind, Method

START = 1_795_344_000  # 2026-11-22 18:40:00 at +08:00
ISO = "%Y-%m-%d %H:%M:%S"

METHODS = plan.one_of({"GET": Method.GET, "POST": Method.POST, "HEAD": Method.HEAD}, column="method", default=Method.OTHER)
ADDRESS = plan.ipv4("address")
STATUS = plan.integer("status")
OCTETS = plan.integer("octets")

MBUNI = Plan(
    "mbuni",
    Form(
        "{at} {event} MMS [INT:{interface}] [ACT:{answer}] [MMSC:{}] [from:{sender}] [to:{receiver}] [msgid:{message}] [size={size}]"
        " [UA:{agent}] [MMBox:{}]",
        at=plan.moment(ISO),
        event=plan.one_of(
            {
                "Received": {"kind": Kind.SUBMIT},
                "Notify": {"kind": Kind.NOTIFY},
                "Fetched": {"kind": Kind.FETCH},
                "Failed Fetch": {"kind": Kind.FETCH_FAILED},
                "NotifyResp": {"kind": Kind.RESPONSE},
                "Forwarded": {"kind": Kind.FORWARD},
                "Sent": {"kind": Kind.SENT_OUT, "interface": 4},
            }
        ),
        interface=plan.one_of({"MM1": 1, "MM3": 3, "MM4": 4, "MM7": 7}, column="interface", default=0),
        answer=plan.one_of({"": -1, "Retrieved": 129, "Rejected": 130, "Deferred": 131}, column="status", default=0),
        sender=plan.address("sender").keep("sender"),
        receiver=plan.addresses("receiver").keep("receiver"),
        message=plan.hashed("message").keep("message"),
        size=plan.integer("size"),
        agent=plan.text("agent").last(),
    ),
    Form("{at} Log begins", at=plan.moment(ISO), ignore=True),
)

KANNEL = Plan(
    "kannel",
    Form(
        "{at} {event} [SMSC:{smsc}] [SVC:{service}] [ACT:{account}] [BINF:{}] [FID:{fid}] [META:{meta}] [from:{sender}] [to:{receiver}]"
        " [flags:{}:{coding}:{}:{}:{mask}] [msg:{length}:{body}] [udh:{header_length}:{header}]",
        at=plan.moment(ISO),
        event=plan.one_of(
            {
                "Sent SMS": {"kind": Kind.PUSH},
                "Receive DLR": {"kind": Kind.PUSH_REPORT},
                "Receive SMS": {"kind": Kind.MO},
                "REJECTED Send SMS": {"kind": Kind.PUSH, "push_state": 10},
            }
        ),
        smsc=plan.hashed("_smsc").keep("smsc"),
        service=plan.text("service"),
        account=plan.text("account"),
        fid=plan.hashed("_fid").keep("fid"),
        meta=plan.percent("push_error").part("dlr_err=", "&"),
        sender=plan.address("sender").keep("sender"),
        receiver=plan.address("receiver").keep("receiver"),
        coding=plan.integer("_coding"),
        mask=plan.integer("_mask"),
        length=plan.integer("_length"),
        body=plan.one_of({"": 0, "DELIVRD": 2, "EXPIRED": 3, "UNDELIV": 4}, column="push_state", default=8)
        .part("stat:", " ")
        .counted("_length", "_coding")
        .also(plan.text("_body"), plan.hexadecimal("_refused").part("NACK/", "/")),
        header_length=plan.integer("_header_length"),
        header=plan.text("_udh").counted("_header_length", twice=True),
    ),
    Form("{at} Log begins", at=plan.moment(ISO), ignore=True),
)

CUSTOM = Plan(
    "kannel-custom",
    Form(
        "{at}|{epoch}|{event}|{smsc}|{service}|{account}|{}|{id}|{fid}|{}|{sender}|{receiver}|{}:{coding}:{}:{}:{mask}|{length}|{header_length}"
        "|{header}|{report}|{meta}|{}|{body}",
        at=plan.moment(ISO),
        epoch=plan.moment("%s", "expires"),
        event=plan.one_of({"Sent SMS": {"kind": Kind.PUSH}, "Receive DLR": {"kind": Kind.PUSH_REPORT}}, default={"kind": Kind.SMS}),
        smsc=plan.hashed("_smsc", fold=True),
        service=plan.text("service"),
        account=plan.text("account"),
        id=plan.hashed("_id"),
        fid=plan.hashed("_fid"),
        sender=plan.address("sender"),
        receiver=plan.address("receiver"),
        coding=plan.integer("_coding"),
        mask=plan.integer("_mask"),
        length=plan.integer("_length"),
        header_length=plan.integer("_header_length"),
        header=plan.text("_udh"),
        report=plan.text("_report"),
        meta=plan.percent("push_error").part("dlr_err=", "&"),
        body=plan.text("_body").private(),
    ),
)

WAPBOX = Plan(
    "wapbox",
    Form(
        "{at} {address} {receiver} {method} <{url}> ({type}, charset='{}') {octets} {status} <{agent}> <{server}>",
        at=plan.moment(ISO),
        receiver=plan.address("receiver").keep("receiver"),
        url=plan.url().keep("host", "path").last(),
        type=plan.content_type("answer_type"),
        agent=plan.text("agent").last(),
        server=plan.skipped(),
        address=ADDRESS,
        method=METHODS,
        status=STATUS,
        octets=OCTETS,
    ),
    Form("{at} Log begins", at=plan.moment(ISO), ignore=True),
)

SQUID_MMS = Plan(
    "squid-mms",
    Form(
        "{at}{~}{latency} {address} {receiver} {method} {url} {status} {octets} {sent} {agent} {profile} {request_type} {answer_type}"
        " {result}/{}/{} {*}",
        at=plan.moment("%s.%f").fixed(14),
        latency=plan.integer("latency"),
        receiver=plan.address("receiver").keep("receiver").quoted(),
        url=plan.url().keep("host", "path"),
        sent=plan.integer("sent"),
        agent=plan.text("agent").quoted(),
        profile=plan.skipped().quoted(),
        request_type=plan.content_type("request_type").quoted(),
        answer_type=plan.content_type("answer_type").quoted(),
        result=plan.skipped(),
        address=ADDRESS,
        method=METHODS,
        status=STATUS,
        octets=OCTETS,
    ),
)

SQUID = Plan(
    "squid",
    Form(
        "{at}{~}{latency} {address} {result}/{status} {octets} {method} {url} {} {}/{} {type}",
        at=plan.moment("%s.%f").fixed(14),
        latency=plan.integer("latency"),
        result=plan.skipped(),
        url=plan.url().keep("host", "path"),
        type=plan.content_type("answer_type"),
        address=ADDRESS,
        method=METHODS,
        status=STATUS,
        octets=OCTETS,
    ),
)

COMBINED = Plan(
    "combined",
    Form(
        '{address} {} {} [{at}] "{method} {url} HTTP/{}" {status} {octets} {} "{agent}" {*}',
        at=plan.moment("%d/%b/%Y:%H:%M:%S %z"),
        url=plan.url().keep("host", "path").last(),
        agent=plan.text("agent").last(),
        address=ADDRESS,
        method=METHODS,
        status=STATUS,
        octets=OCTETS,
    ),
)

COLUMNS = Plan(
    "columns",
    Form(
        "{at}|{kind}|{message}|{sender}|{receiver}|{size}|{status}|{tag}|{name}|{flags}",
        at=plan.moment("%Y%m%d%H%M%S"),
        kind=plan.one_of({"MO": {"kind": Kind.SUBMIT}, "MT": {"kind": Kind.FETCH}, "HB": plan.IGNORED}),
        message=plan.hashed("message").keep("message"),
        sender=plan.address("sender").keep("sender"),
        receiver=plan.addresses("receiver").keep("receiver"),
        size=plan.integer("size"),
        status=plan.integer("status"),
        tag=plan.hashed("tag").keep("tag"),
        name=plan.text("subject").quoted(lines=True),
        flags=plan.hexadecimal("_flags"),
    ),
)

REQUESTS = Plan(
    "requests",
    Form(
        "{at} request added - sender:{account}:{sender} {address} target:{receiver} request: '{text}'",
        at=plan.moment(ISO),
        account=plan.text("account"),
        sender=plan.address("sender"),
        address=plan.ipv4("address"),
        receiver=plan.address("receiver"),
        text=plan.text("_body").over_lines(),
        set={"kind": Kind.SMS_REQUEST},
    ),
    Form(
        "{at} request failed - {?hard }{reason}",
        at=plan.moment(ISO),
        reason=plan.text("status"),
        set={"kind": Kind.SMS_REQUEST, "status": 1},
    ),
)

RADIUS = Block(
    "radius",
    Form("{at}", at=plan.moment("%a %b %e %H:%M:%S %Y")),
    {
        "Acct-Status-Type": plan.one_of(
            {"Start": Kind.SESSION_START, "Stop": Kind.SESSION_STOP, "Interim-Update": Kind.SESSION_INTERIM}, column="kind"
        ).must(),
        "Acct-Session-Id": plan.hashed("session"),
        "Calling-Station-Id": plan.address("receiver").keep("receiver"),
        "Called-Station-Id": plan.apn().keep("apn"),
        "Framed-IP-Address": plan.ipv4("address"),
        "Event-Timestamp": plan.moment("%b %e %Y %H:%M:%S %Z", "expires"),
        "3GPP-IMSI": plan.digits("imsi"),
        "3GPP-IMEISV": plan.digits("imei"),
        "3GPP-GGSN-Address": plan.ipv4("ggsn").also(plan.text("_ggsn")),
        "Acct-Input-Octets": plan.integer("octets_in"),
        "Acct-Output-Octets": plan.integer("octets_out"),
        "3GPP-Selection-Mode": plan.hexadecimal("selection"),
    },
)


TYPES = ("application/vnd.wap.mms-message", "text/html; charset=utf-8", "Application/XHTML+xml", "-", "image/gif", "text/css")
TEXTS = ("Serial 7K2M-01", "hello [brackets] <x>", "id:4097 sub:001 stat:DELIVRD err:000 text:", "NACK/0x0000000b/Invalid", "ACK/", "")


@dataclass(slots=True)
class Making:
    """A seeded source of the words log lines are made of; `second` is the lines' clock."""

    rng: random.Random
    second: float = START

    def when(self, form: str = ISO) -> str:
        self.second += self.rng.expovariate(50)
        return datetime.fromtimestamp(self.second, UTC).strftime(form)

    def number(self) -> str:
        digits = f"1{self.rng.choice('3458')}{self.rng.randrange(10**9):09d}"
        spellings = (f"+86{digits}", f"86{digits}", digits, f"0086{digits}", "10086", "bob@example.com")
        return self.rng.choices(spellings, (60, 20, 10, 4, 3, 3))[0]

    def ip(self) -> str:
        return f"10.36.{self.rng.randrange(4)}.{self.rng.randrange(1, 255)}"

    def agent(self) -> str:
        return self.rng.choice(("Nokia6230/2.0 (05.50)", "MOT-E398/0E.20.59R MIB/2.2.1", "SonyEricssonK700i/R2AE", "", 'x "y" é'))

    def type(self) -> str:
        return self.rng.choice(TYPES)

    def url(self) -> str:
        host = self.rng.choice(("mms.hexi.example", "wap.hexi.example:80", "WAP.xinbao.example:8080", "127.0.0.1:9"))
        return f"http://{host}/{self.rng.choice(('mms/get?id=', 'list?c=3&p=', 'i/'))}{self.rng.randrange(10**6)}"

    def id(self) -> str:
        return f"qf{self.rng.randrange(10**4)}.{self.rng.randrange(10**4)}.x768.{self.rng.randrange(100)}@mms.hexi.example"

    def text(self) -> str:
        return self.rng.choice(TEXTS)


def mbuni(m: Making) -> str:
    event = m.rng.choice(("Received", "Notify", "Notify", "Fetched", "NotifyResp", "Forwarded", "Failed Fetch"))
    if m.rng.random() < 0.001:
        return f"{m.when()} Log begins"
    receivers = ", ".join(m.number() for _ in range(m.rng.choice((1, 1, 1, 1, 1, 3))))
    answer = m.rng.choice(("", "", "Retrieved", "Deferred"))
    return (
        f"{m.when()} {event} MMS [INT:MM1] [ACT:{answer}] [MMSC:] [from:{m.number()}] [to:{receivers}] [msgid:{m.id()}]"
        f" [size={m.rng.choice((-1, m.rng.randrange(10**5)))}] [UA:{m.agent()}] [MMBox:]"
    )


def kannel(m: Making) -> str:
    body, coding = m.text(), m.rng.choice((-1, 0, 0, 1, 2))
    length = len(body)
    if coding > 0:
        body = body.encode().hex().upper()
    header = m.rng.choice(("", "06050423F00000"))
    event = m.rng.choice(("Sent SMS", "Receive DLR", "Receive SMS", "REJECTED Send SMS"))
    meta = m.rng.choice(("?smpp_resp?", "?smpp?dlr_err=%03%00%1B&", ""))
    return (
        f"{m.when()} {event} [SMSC:smpp{m.rng.randrange(3)}] [SVC:mmsc] [ACT:] [BINF:] [FID:{m.rng.randrange(10**6)}] [META:{meta}]"
        f" [from:10657] [to:{m.number()}] [flags:-1:{coding}:-1:-1:{m.rng.choice((1, 2, 31))}] [msg:{length}:{body}]"
        f" [udh:{len(header) // 2}:{header}]"
    )


def custom(m: Making) -> str:
    return (
        f"{m.when()}|{int(m.second)}|{m.rng.choice(('Sent SMS', 'Receive DLR', 'FAILED Send SMS'))}|SMPP1|loop|acme|seed"
        f"|{m.rng.getrandbits(64):x}|{m.rng.randrange(10**6)}||10086|{m.number()}|-1:0:-1:-1:31|{m.rng.randrange(200)}|0||{m.text()}|?smpp??smpp_resp?|Serial|{m.text()}"
    )


def wapbox(m: Making) -> str:
    return (
        f"{m.when()} {m.ip()} {m.number()} {m.rng.choice(('GET', 'POST'))} <{m.url()}> ({m.type()}, charset='utf-8')"
        f" {m.rng.randrange(10**5)} {m.rng.choice((200, 404, 502))} <{m.agent()}> <Kannel/1.4.5>"
    )


def squid_mms(m: Making) -> str:
    agent = m.agent().replace('"', '\\"')
    m.when()
    return (
        f'{m.second:.3f} {m.rng.randrange(10**4):6d} {m.ip()} "{m.number()}" {m.rng.choice(("GET", "POST"))} {m.url()} 200'
        f' {m.rng.randrange(10**5)} {m.rng.randrange(10**4)} "{agent}" "\\"http://127.0.0.1/prof.xml\\"" "{m.type()}" "{m.type()}"'
        " TCP_MISS/HIER_DIRECT/127.0.0.1 -/-"
    )


def squid(m: Making) -> str:
    m.when()
    return (
        f"{m.second:.3f} {m.rng.randrange(10**4):6d} {m.ip()} TCP_MISS/{m.rng.choice((200, 404))} {m.rng.randrange(10**5)}"
        f" {m.rng.choice(('GET', 'POST'))} {m.url()} - HIER_DIRECT/127.0.0.1 {m.type()}"
    )


def combined(m: Making) -> str:
    method = m.rng.choice(("GET", "POST"))
    when = m.when("%d/%b/%Y:%H:%M:%S +0800")
    return f'{m.ip()} - - [{when}] "{method} {m.url()} HTTP/1.1" 200 {m.rng.randrange(10**5)} "-" "{m.agent()}" TCP_MISS:X'


def quoted(m: Making) -> str:
    """As `combined`, from handsets that write no quotes: what a reader of quoted fields can read."""
    agent = m.rng.choice(("Nokia6230/2.0 (05.50)", "MOT-E398/0E.20.59R MIB/2.2.1", "SonyEricssonK700i/R2AE", "-"))
    method = m.rng.choice(("GET", "POST"))
    when = m.when("%d/%b/%Y:%H:%M:%S +0800")
    return f'{m.ip()} - - [{when}] "{method} {m.url()} HTTP/1.1" 200 {m.rng.randrange(10**5)} "-" "{agent}" TCP_MISS:X'


def columns(m: Making) -> str:
    receivers = ",".join(m.number() for _ in range(m.rng.choice((1, 1, 1, 4))))
    subject = m.rng.choice(("", "hello", 'a ""b""', "two\nlines", "back\\\\slash"))
    return (
        f"{m.when('%Y%m%d%H%M%S')}|{m.rng.choice(('MO', 'MT', 'MT', 'HB'))}|{m.id()}|{m.number()}|{receivers}|{m.rng.randrange(10**5)}|-|"
        f'{m.rng.choice(("", "seed-7"))}|"{subject}"|{m.rng.getrandbits(20):x}'
    )


def requests(m: Making) -> str:
    if m.rng.random() < 0.1:
        return f"{m.when()} request failed - {m.rng.choice(('', 'hard '))}denied"
    text = m.rng.choice((m.text(), "two\nlines", "it's 'quoted'", "您的奖励序列号是"))
    return f"{m.when()} request added - sender:loop:{m.number()} {m.ip()} target:{m.number()} request: '{text}'"


def radius(m: Making) -> str:
    kind = m.rng.choice(("Start", "Stop", "Interim-Update"))
    lines = [
        m.when("%a %b %e %H:%M:%S %Y"),
        f"Acct-Status-Type = {kind}",
        f'Acct-Session-Id = "{m.rng.getrandbits(32):08X}"',
        f"Framed-IP-Address = {m.ip()}",
        f'Called-Station-Id = "{m.rng.choice(("cmwap", "CMNET.mnc000.mcc460.gprs"))}"',
        f'Calling-Station-Id = "{m.number()}"',
        "Service-Type = Framed-User",
        f'Event-Timestamp = "{m.when("%b %e %Y %H:%M:%S CST")}"',
        f'3GPP-IMSI = "{m.rng.randrange(10**15):015d}"',
        "3GPP-GGSN-Address = 10.36.255.1",
        f'3GPP-IMEISV = "{m.rng.randrange(10**16):016d}"',
        f"Timestamp = {int(m.second)}",
    ]
    if kind != "Start":
        lines += [f"Acct-Input-Octets = {m.rng.randrange(10**6)}", f"Acct-Output-Octets = {m.rng.randrange(10**6)}"]
    return "\n\t".join(lines) + "\n"


FORMATS: dict[str, tuple[Plan, Callable[[Making], str]]] = {
    "mbuni": (MBUNI, mbuni),
    "kannel": (KANNEL, kannel),
    "kannel-custom": (CUSTOM, custom),
    "wapbox": (WAPBOX, wapbox),
    "squid-mms": (SQUID_MMS, squid_mms),
    "squid": (SQUID, squid),
    "combined": (COMBINED, combined),
    "quoted": (COMBINED, quoted),
    "columns": (COLUMNS, columns),
    "requests": (REQUESTS, requests),
    "radius": (RADIUS, radius),
}


def records(name: str, count: int, seed: int = 1) -> list[bytes]:
    """So many records of a format, each with its line end."""
    making = Making(random.Random(f"{name} {seed}"))
    _, line = FORMATS[name]
    return [line(making).encode() + b"\n" for _ in range(count)]
