"""The SMS gateway's log: Kannel's bearerbox in its default format, with pushes, receipts, refusals and the house's own SMS."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mmsd.codec.push import encode_delivery_report, encode_notification
from mmsd.model import SECOND
from sim.agenda import Agenda, Streams
from sim.clocks import Clock, banner
from sim.files import LogFile, Rotate
from sim.people import Subscriber

RECEIPTS: Final = {  # stat → dlr flag, delivered, network error (type 3)
    "DELIVRD": (1, 1, 0),
    "EXPIRED": (34, 0, 27),
    "UNDELIV": (2, 0, 1),
    "REJECTD": (2, 0, 8),
    "FULL": (2, 0, 22),  # UNDELIV, by its network error
}
RETRIEVED, EXPIRED, REJECTED, DEFERRED = 0x81, 0x80, 0x82, 0x83
"""X-Mms-Status of an M-Delivery.ind."""

_TEXTS: Final = (
    "【提示】您有彩信未接收，请检查手机参数设置",
    "您本月已转发彩信3条，感谢参与",
    "尊敬的客户，您的手机参数已下发，请保存",
)
_OTA: Final = bytes.fromhex(
    "8D062F1F2DB69181924546373936383132393533434531384530323441363636384534344333303644453146384133463600030B6A00C54503312E310001"
    "C655018711060357310001871006AB0187070603574150000187080603636D776170000187090689010101"
)
"""A provisioning push as Kannel's sendota logs it: its own, to be left out of every count."""


class Bearerbox:
    """Writes a push, its acknowledgement by the SMSC and its receipt; numbers of one link, counted up."""

    def __init__(self, out: Path, clock: Clock, agenda: Agenda, streams: Streams, rotation: Rotate) -> None:
        opening, closing = banner(clock, agenda, b" Log begins\n"), banner(clock, agenda, b" Log ends\n")
        self.file = LogFile(out / "kannel" / "bearerbox-access.log", rotation, opening, closing)
        self.pushes = 0
        self._clock = clock
        self._agenda = agenda
        self._random = streams("smsc")
        self._next = 8192
        self._push_id = 0

    def notify(
        self, to: Subscriber, transaction: bytes, location: bytes, size: int, sender: bytes, subject: bytes, expiry: int, *, refused: bool
    ) -> int:
        """An M-Notification.ind to the SMSC: its number there (FID), or 0 where the SMSC refuses. `expiry` is in seconds from now."""
        udh, data = encode_notification(
            transaction=transaction,
            location=location,
            size=size,
            sender=sender,
            subject=subject,
            expiry_relative=expiry,
            push_id=self._push_number(),
        )
        self.pushes += 1
        return self._submit(to, b"mmsc", b"", b"10657", 1, data, udh, refused=refused)

    def report(self, to: Subscriber, message: bytes, recipient: bytes, status: int) -> int:
        """An M-Delivery.ind to the sender or forwarder of a message: FID."""
        udh, data = encode_delivery_report(
            message_id=message,
            to=to.plus + b"/TYPE=PLMN",
            sender=recipient + b"/TYPE=PLMN",
            date=self._agenda.now // SECOND,
            status=status,
            push_id=self._push_number(),
        )
        return self._submit(to, b"mmsc", b"", b"10657", 1, data, udh)

    def text(self, to: Subscriber) -> tuple[int, bytes]:
        """One of the house's own SMS: its FID and the service it is logged under. One in eight is a provisioning push."""
        if self._random.random() < 0.125:
            return self._submit(to, b"ota", b"ota", b"106587999", 1, _OTA, bytes.fromhex("0605040b840b84")), b"ota"
        body = self._random.choice(_TEXTS).encode("utf-16-be")
        return self._submit(to, b"info", b"tracker", b"106587999", 2, body, b""), b"info"

    def receipt(self, to: Subscriber, fid: int, stat: str, submitted: int, service: bytes = b"mmsc") -> None:
        """The SMSC's last word on an SMS. EXPIRED has flag 34, or 2 from an SMSC that sends no message state."""
        flag, delivered, error = RECEIPTS[stat]
        if stat == "EXPIRED" and fid % 2:
            flag = 2
        body = b"id:%08x sub:001 dlvrd:%03d submit date:%s done date:%s stat:%s err:%03d text:" % (
            fid,
            delivered,
            self._minute(submitted),
            self._minute(self._agenda.now),
            b"UNDELIV" if stat == "FULL" else stat.encode(),
            error,
        )
        meta = b"?orig_msg?dlr_mask=31&?smpp?dlr_err=%%03%%00%%%02X&" % error
        self._dlr(to, service, b"loop", b"%d" % fid, meta, flag, body)

    def _submit(
        self, to: Subscriber, service: bytes, account: bytes, sender: bytes, coding: int, data: bytes, udh: bytes, *, refused: bool = False
    ) -> int:
        stamp = self._clock.stamp(self._agenda.now)
        if refused:
            event, fid = b"REJECTED Send", b""
        else:
            self._next += 1
            event, fid = b"Sent", b"%d" % self._next
        self.file.write(
            b"%s %s SMS [SMSC:smpp1] [SVC:%s] [ACT:%s] [BINF:] [FID:%s] [META:%s] [from:%s] [to:%s] [flags:-1:%d:-1:-1:31]"
            b" [msg:%d:%s] [udh:%d:%s]\n"
            % (
                stamp,
                event,
                service,
                account,
                fid,
                b"?smpp_resp?" if self._next % 3 == 0 else b"",
                sender,
                self._address(to),
                coding,
                len(data),
                data.hex().upper().encode(),
                len(udh),
                udh.hex().upper().encode(),
            )
        )
        if refused:
            body = b"NACK/0x0000000b/Invalid Destination Address" if self._push_id % 2 else b"NACK/"
            self._dlr(to, service, b"", b"", b"?orig_msg?dlr_mask=31&", 16, body)
            return 0
        self._dlr(to, service, b"", fid, b"?orig_msg?dlr_mask=31&", 8, b"ACK/")
        return self._next

    def _dlr(self, to: Subscriber, service: bytes, account: bytes, fid: bytes, meta: bytes, flag: int, body: bytes) -> None:
        self.file.write(
            b"%s Receive DLR [SMSC:smpp1] [SVC:%s] [ACT:%s] [BINF:] [FID:%s] [META:%s] [from:%s] [to:%s] [flags:-1:-1:-1:-1:%d]"
            b" [msg:%d:%s] [udh:0:]\n"
            % (
                self._clock.stamp(self._agenda.now),
                service,
                account,
                fid,
                meta,
                b"10657" if service == b"mmsc" else b"106587999",
                self._address(to),
                flag,
                len(body),
                body,
            )
        )

    def _address(self, to: Subscriber) -> bytes:
        """With or without the sign, as whoever submitted wrote it."""
        return to.digits if to.variant < 0.2 else to.plus

    def _push_number(self) -> int:
        self._push_id = self._push_id % 255 + 1
        return self._push_id

    def _minute(self, at: int) -> bytes:
        text = self._clock.stamp(at)  # 2026-11-22 17:44:24 → 2611221744
        return text[2:4] + text[5:7] + text[8:10] + text[11:13] + text[14:16]
