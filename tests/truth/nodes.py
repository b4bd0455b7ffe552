"""Log lines as the nodes write them, one function a line: Mbuni, a vendor's MMSC, Kannel, Squid, FreeRADIUS, an SGSN's events.

A `Day` collects them, each with its moment in seconds from `NOON`, and writes each node's file in order of time. Numbers are eleven
digits; what the formats look like is in docs/dialects.md and, of the real nodes, in tests/data/logs.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

NOON: Final = 1_795_320_000
"""2026-11-22 12:00:00 in Shanghai, where the nodes stand, as seconds since 1970."""
SENDER: Final = "13900000021"
HOST: Final = "mmsc.example"

FILES: Final = {
    "mmsc1": "mmsc-access.log", "mmsc2": "vendor.log", "sms1": "bearerbox.log", "proxy1": "squid.log", "aaa1": "detail-mms",
    "aaa2": "detail-others", "sgsn1": "events.csv",
}  # fmt: skip


class Day:
    """What the nodes wrote."""

    def __init__(self) -> None:
        self._lines: dict[str, list[tuple[float, str]]] = defaultdict(list)
        self._pushes = 4096
        self._sessions = 0x61C00000

    def write(self, folder: Path) -> None:
        """Each node's file in order of time; a node that wrote nothing has an empty one."""
        for node, name in FILES.items():
            ordered = sorted(self._lines[node], key=lambda line: line[0])
            (folder / name).write_text("".join(f"{text}\n" for _, text in ordered))

    def _say(self, node: str, at: float, text: str) -> None:
        self._lines[node].append((at, text))

    # ------------------------------------------------------------------------------------------------------------- MMSC 1: Mbuni

    def mbuni(self, at: float, event: str, number: str, message: str, act: str = "", size: int = -1) -> None:
        """A line of its access log; an answer (NotifyResp) names who answered and the notification's transaction."""
        ends = f"[from:+86{number}] [to:]" if event == "NotifyResp" else f"[from:+86{SENDER}] [to:+86{number}]"
        ends = f"[from:system] [to:+86{number}]" if event == "Notify" else ends
        text = f"{_clock(at)} {event} MMS [INT:MM1] [ACT:{act}] [MMSC:] {ends} [msgid:{message}] [size={size}] [UA:Nokia6230] [MMBox:]"
        self._say("mmsc1", at, text)

    # ----------------------------------------------------------------------------------------------------------- MMSC 2: a vendor's

    def vendor(self, at: float, event: str, number: str, message: str, result: object = "") -> None:
        """date|event|from|to|id|result|, the layout of docs/dialects.md."""
        moment = datetime.fromtimestamp(NOON + at, UTC) + timedelta(hours=8)
        self._say("mmsc2", at, f"{moment:%Y%m%d%H%M%S}|{event}|{SENDER}|{number}|{message}|{result}|")

    # ------------------------------------------------------------------------------------------------------------ the SMS gateway

    def push(self, at: float, number: str, name: str, *, expires: int = 3600, refused: bool = False) -> int:
        """A notification (WAP push in hex) with transaction and location `name`; the id by which reports name it."""
        self._pushes += 1
        sender = f"+86{SENDER}/TYPE=PLMN".encode()
        pdu = b"\x8c\x82\x98" + name.encode() + b"\0\x8d\x90\x89" + bytes([len(sender) + 2]) + b"\x80" + sender + b"\0\x8a\x80"
        pdu += b"\x8e\x02\x0b\xb8\x88" + bytes([len(_long(expires)) + 2, 0x81, len(_long(expires))]) + _long(expires)
        pdu += b"\x83http://" + HOST.encode() + b"/" + name.encode() + b"\0"
        hexed = (b"\x01\x06\x03\xbe\xaf\x84" + pdu).hex().upper()
        event, fid = ("REJECTED Send", "") if refused else ("Sent", self._pushes)
        self._bearerbox(at, f"{event} SMS", number, str(fid), -1, f"{len(hexed) // 2}:{hexed}", "7:0605040B8423F0", mask=31)
        return self._pushes

    def receipt(self, at: float, number: str, push: int, state: str = "DELIVRD", error: int = 0) -> None:
        """The SMSC's last word on a push."""
        mask = {"DELIVRD": 1, "EXPIRED": 34, "UNDELIV": 2, "REJECTD": 2}[state]
        done = "submit date:2611221200 done date:2611221200"
        text = f"id:{push:08d} sub:001 dlvrd:{int(mask == 1):03d} {done} stat:{state} err:{error:03d} text:"
        meta = f"?orig_msg?dlr_mask=31&?smpp?dlr_err=%03%00%{error:02X}&"
        self._bearerbox(at, "Receive DLR", number, str(push), mask, f"{len(text)}:{text}", "0:", meta=meta)

    def _bearerbox(
        self, at: float, event: str, number: str, fid: str, flag: int, body: str, udh: str, *, mask: int = 0, meta: str = "?smpp_resp?"
    ) -> None:
        flags = f"-1:1:-1:-1:{mask}" if mask else f"-1:-1:-1:-1:{flag}"
        head = f"{_clock(at)} {event} [SMSC:smpp1] [SVC:mms] [ACT:] [BINF:] [FID:{fid}] [META:{meta}]"
        self._say("sms1", at, f"{head} [from:10086] [to:+86{number}] [flags:{flags}] [msg:{body}] [udh:{udh}]")

    # ------------------------------------------------------------------------------------------------------------------ the gateway

    def get(self, at: float, number: str, name: str, status: int = 200, octets: int = 3300, host: str = HOST) -> None:
        self._squid(at, number, "GET", f"http://{host}/{name}", status, 300, octets, "-", "application/vnd.wap.mms-message")

    def post(
        self, at: float, number: str, url: str = f"http://{HOST}/", status: int = 200, octets: int = 250, *, sends: bool = False
    ) -> None:
        """An MMS PDU from the handset, by its request type. `sends`: a message, answered by M-Send.conf; others get no PDU."""
        kind = "application/vnd.wap.mms-message"
        self._squid(at, number, "POST", url, status, 400, octets, kind, kind if sends else "text/plain")

    def browse(self, at: float, number: str) -> None:
        self._squid(at, number, "GET", "http://wap.portal.example/news", 200, 300, 9000, "-", "text/vnd.wap.wml")

    def _squid(self, at: float, number: str, method: str, url: str, status: int, sent: int, octets: int, asked: str, got: str) -> None:
        text = f'{NOON + at:.3f} 40 10.9.8.7 "86{number}" {method} {url} {status} {octets} {sent} "Nokia6230" "-" "{asked}" "{got}"'
        self._say("proxy1", at, f"{text} TCP_MISS/HIER_DIRECT/10.0.0.9 -/-")

    # ------------------------------------------------------------------------------------------------------------------- sessions

    def session(self, at: float, number: str, apn: str, seconds: int = 120, octets: int = 20_000) -> None:
        """Start and Stop of a packet session, as FreeRADIUS writes them: those of the MMS access point to one file, others to another."""
        self._sessions += 1
        for moment, kind in ((at, "Start"), (at + seconds, "Stop")):
            told = f"\tAcct-Session-Time = {seconds}\n\tAcct-Input-Octets = {octets}\n\tAcct-Output-Octets = 0\n" if kind == "Stop" else ""
            self._say(
                "aaa1" if apn == "cmwap" else "aaa2",
                moment,
                f"""\
{_asctime(moment)}
\tAcct-Status-Type = {kind}
\tAcct-Session-Id = "{self._sessions:08X}"
\tNAS-IP-Address = 10.36.255.1
\tFramed-IP-Address = 10.36.{self._sessions >> 8 & 255}.{self._sessions & 255}
\tCalled-Station-Id = "{apn}"
\tCalling-Station-Id = "86{number}"
\tEvent-Timestamp = "{_asctime(moment)[4:10]} {_asctime(moment)[-4:]} {_asctime(moment)[11:19]} CST"
{told}\t3GPP-IMSI = "46000{number[1:]}"
\t3GPP-Selection-Mode = "1"
\tTimestamp = {NOON + int(moment)}
""",
            )

    def refused(self, at: float, number: str, apn: str, cause: int) -> None:
        """An activation that the network refused, as the SGSN told."""
        moment = datetime.fromtimestamp(NOON + at, UTC) + timedelta(hours=8)
        text = f'{moment:%d.%m.%Y;%H:%M:%S};ACTIVATE_REJECT;46000{number[1:]};86{number};"";{apn};{cause};46000-1-2;10.0.0.9'
        self._say("sgsn1", at, text)


def _long(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8)


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(NOON + at, UTC) + timedelta(hours=8):%Y-%m-%d %H:%M:%S}"


def _asctime(at: float) -> str:
    return f"{datetime.fromtimestamp(NOON + at, UTC) + timedelta(hours=8):%a %b %d %H:%M:%S %Y}"
