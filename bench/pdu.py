"""MMS PDUs: µs a PDU, headers alone and with every part, with python-messaging on the same octets in the same run.

Ours is timed in the build that `fast` chose and, for comparison, in the Python twin. The peer gets an array of them, as it wants.
"""

from __future__ import annotations

import array
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.scan import Report, child
from mmsd.codec import mms, multipart, push, wsp
from mmsd.codec.mms import Text
from mmsd.codec.tables import charsets
from mmsd.codec.tables import mms as t

PICTURE = 97_000
"""Octets: with them the m-retrieve-conf has 100 kB."""


def notification() -> bytes:
    """An M-Notification.ind in its push, as Mbuni writes it."""
    return push.encode_notification(
        transaction=b"mms.hexi.example-qf4972.49.x768.85",
        location=b"http://mms.hexi.example/qf4972.49.x768.85@2/wx27",
        size=138_619,
        sender=b"+8613799884343/TYPE=PLMN",
        subject="清明回家".encode("gb2312"),
        expiry_relative=259_200,
    )[1]


def retrieval() -> bytes:
    """An M-Retrieve.conf of 100 kB: SMIL, a picture, a text."""
    body = multipart.encode(
        [
            multipart.part("application/smil", b"<smil>" + b" " * 400 + b"</smil>", charset=charsets.UTF_8, name="a.smil", cid="smil"),
            multipart.part("image/jpeg", bytes(PICTURE), name="photo.jpg", cid="photo"),
            multipart.part("text/plain", "清明回家".encode() * 200, charset=charsets.UTF_8, name="text.txt", cid="text"),
        ]
    )
    related = wsp.ContentType("application/vnd.wap.multipart.related", (("type", b"application/smil"), ("start", b"<smil>")))
    return mms.encode(
        [
            (t.MESSAGE_TYPE, t.M_RETRIEVE_CONF),
            (t.TRANSACTION_ID, b"mms.hexi.example-qf4972.49"),
            (t.MMS_VERSION, 0x92),
            (t.MESSAGE_ID, b"qf4972.49.x768.85@mms.hexi.example"),
            (t.DATE, 0x6B02CA4B),
            (t.FROM, Text(b"+8613799884343/TYPE=PLMN")),
            (t.TO, Text(b"+8613499124180/TYPE=PLMN")),
            (t.SUBJECT, Text("清明回家".encode(), charsets.UTF_8)),
            (t.MESSAGE_CLASS, t.PERSONAL),
            (t.PRIORITY, 0x81),
            (t.DELIVERY_REPORT, t.NO),
            (t.READ_REPORT, t.NO),
            (t.CONTENT_TYPE, related),
        ],
        body,
    )


def microseconds(run: Callable[[], object]) -> float:
    """CPU time of one call: the best of several rounds of a tenth of a second."""
    calls, spent = 1, 0
    while spent < 20_000_000:
        calls *= 2
        begun = time.process_time_ns()
        for _ in range(calls):
            run()
        spent = time.process_time_ns() - begun
    times = []
    for _ in range(9):
        begun = time.process_time_ns()
        for _ in range(calls):
            run()
        times.append(time.process_time_ns() - begun)
    return min(times) / calls / 1000


def ours() -> dict[str, float]:
    pushed, whole = notification(), retrieval()
    bare = pushed[6:]
    return {
        "m-notification-ind, headers": microseconds(lambda: mms.decode(bare)),
        "m-notification-ind in its push": microseconds(lambda: push.decode_push(pushed)),
        "m-retrieve-conf 100 kB, headers": microseconds(lambda: mms.decode(whole)),
        "m-retrieve-conf 100 kB, all parts": microseconds(lambda: mms.parts(whole, mms.decode(whole))),
    }


def theirs() -> dict[str, float]:
    """python-messaging, where it is installed and reads these octets."""
    from messaging.mms.message import MMSMessage  # type: ignore[import-not-found,import-untyped,unused-ignore]  # no stubs

    def read(octets: bytes) -> Callable[[], Any]:
        return lambda: MMSMessage.from_data(array.array("B", octets))

    bare, whole = notification()[6:], retrieval()
    return {"m-notification-ind, headers": microseconds(read(bare)), "m-retrieve-conf 100 kB, all parts": microseconds(read(whole))}


def main() -> None:
    """`python -m bench.pdu ours|theirs`: µs by name, as JSON."""
    import json

    print(json.dumps({"ours": ours, "theirs": theirs}[sys.argv[1]]()))


def run(lines: int, say: Callable[[str], None]) -> Report:  # `lines` or no lines: as many PDUs as fill the time
    say("kernel")
    fast = child("bench.pdu", "ours")
    say("Python twin")
    slow = child("bench.pdu", "ours", MMSD_PURE="1")
    say("python-messaging")
    notes = ["CPU time of one call, best of nine rounds. Parts are views of the octets read: none is copied; python-messaging copies each."]
    peer: dict[str, float] = {}
    try:
        peer = child("bench.pdu", "theirs")
    except Exception as error:  # noqa: BLE001  # a peer that is not installed, or fails on octets of ours, must not end the bench
        notes.append(f"python-messaging does not run here: {error}")
    rows: list[dict[str, Any]] = [
        {
            "PDU": name,
            "µs": value,
            "µs, Python twin": slow[name],
            "µs, python-messaging": peer.get(name, "–"),
            "÷ python-messaging": peer[name] / value if name in peer else "–",
        }
        for name, value in fast.items()
    ]
    return Report({"MMS PDUs, decoded": rows}, notes)


if __name__ == "__main__":
    main()
