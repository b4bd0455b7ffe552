"""Messages to a centre, twice: through one session, and through a link.

*Sessions*: both ends in one process, the centre answering in groups. The octets go from end to end in the chunks that a socket would give;
nothing is written to disk, so this is the cost of the protocol alone. *link*: all of it, over loopback sockets (`bench.linked`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench import linked
from bench.scan import Report
from mmsd.codec import cmpp, smpp
from mmsd.codec.session import Answered, Asked, Cmpp, Dialect, Role, Session, Settings, Smpp
from mmsd.codec.tables import cmpp as cmpp_table
from mmsd.codec.tables import smpp as smpp_table

GROUP = 50  # requests committed together
CHUNK = 4096
TARGET = 2_000


def bound(
    dialect: Callable[[], Dialect], bind: smpp.Bind | cmpp.Connect, accept: smpp.BindAnswer | cmpp.ConnectAnswer
) -> tuple[Session, Session]:
    """A client and a centre that have met."""
    settings = Settings(window=2 * GROUP)
    client, centre = Session(dialect(), Role.CLIENT, settings, now=0), Session(dialect(), Role.CENTRE, settings, now=0)
    client.bind(bind, now=0)
    centre.feed(client.take(), now=0)
    centre.accept(accept, now=0)
    client.feed(centre.take(), now=0)
    return client, centre


def through(
    client: Session,
    centre: Session,
    command: int,
    body: smpp.Message | cmpp.Submit,
    answer: smpp.MessageAnswer | cmpp.SubmitAnswer,
    count: int,
) -> float:
    """CPU seconds for `count` messages, each answered."""
    asked = answered = now = 0
    begun = time.process_time()
    while answered < count:
        now += 1
        for _ in range(min(client.room(now), count - asked)):
            client.ask(command, body, now=now)
            asked += 1
        owed = []
        octets = client.take()
        for at in range(0, len(octets), CHUNK):
            owed += [event.pdu.sequence for event in centre.feed(octets[at : at + CHUNK], now=now) if isinstance(event, Asked)]
        for at in range(0, len(owed), GROUP):  # one commit
            for sequence in owed[at : at + GROUP]:
                centre.settle(sequence, now=now, body=answer)
        answered += sum(isinstance(event, Answered) for event in client.feed(centre.take(), now=now))
    return time.process_time() - begun


def run(lines: int, say: Callable[[str], None]) -> Report:
    count = min(lines, 20_000)
    text = "端午安康，一路平安".encode("utf-16-be")
    rows: list[dict[str, Any]] = []
    for name, ends, command, body, answer in (
        (
            "SMPP submit_sm",
            bound(Smpp, smpp.Bind(b"mmsd", b"secret"), smpp.BindAnswer(b"smsc")),
            smpp_table.SUBMIT_SM,
            smpp.Message(b"", smpp.Address(0, 1, b"10086"), smpp.Address(1, 1, b"8613900000001"), data_coding=8, short_message=text),
            smpp.MessageAnswer(b"00010101"),
        ),
        (
            "CMPP 3.0 SUBMIT",
            bound(lambda: Cmpp(0x30), cmpp.Connect(b"900001", version=0x30), cmpp.ConnectAnswer(version=0x30)),
            cmpp_table.SUBMIT,
            cmpp.Submit(msg_fmt=8, msg_src=b"900001", destinations=(b"13900000001",), content=text),
            cmpp.SubmitAnswer(4711),
        ),
    ):
        say(f"{name}: {count:,} messages")
        seconds = min(through(*ends, command, body, answer, count) for _ in range(3))
        rows.append(
            {"message": name, "a second": int(count / seconds), "µs each": seconds / count * 1e6, "÷ target": count / seconds / TARGET}
        )
    return Report(
        {
            f"links: one session, both ends in one process, answered in groups of {GROUP}": rows,
            "link: over loopback sockets to a centre in a process of its own; answers and receipts committed": over_sockets(lines, say),
        },
        [
            f"Target: {TARGET:,} a second. Sessions: processor seconds, best of three.",
            "link: the run of three with the least processor time. `a second` is by the wall clock, the centre on the same machine;",
            "`a second of a core` is what our own processor time alone would let through. Each message is a submit, its answer, a receipt",
            "and its acknowledgement; answers and receipts are committed with synchronous=FULL, all that came during the last commit.",
        ],
    )


def over_sockets(lines: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    count = min(lines, 5_000)
    rows = []
    protocols: tuple[tuple[str, linked.Protocol], ...] = (("SMPP submit_sm", "smpp"), ("CMPP 3.0 SUBMIT", "cmpp"))
    for name, protocol in protocols:
        say(f"link, {name}: {count:,} messages")
        best = min((linked.measure(protocol, count) for _ in range(3)), key=lambda run: run["ours"])
        rows.append(
            {
                "link": name,
                "a second": int(count / best["wall"]),
                "our µs each": best["ours"] / count * 1e6,
                "a second of a core": int(count / best["ours"]),
                "÷ target": count / best["wall"] / TARGET,
                "rows a commit": 2 * count / best["commits"],
                "centre's µs each": best["theirs"] / count * 1e6,
            }
        )
    return rows
