"""One MMSC node's access log, as Mbuni writes it, and the ids it gives out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmsd.model import SECOND
from sim.agenda import Agenda, Streams
from sim.clocks import Clock, banner
from sim.files import LogFile, Rotate

_LETTERS = "0123456789acdefgjlmnoqrstuvxz"


class Node:
    """A node has a message-id space of its own: now and then it gives out an id that another node gave out too."""

    def __init__(self, number: int, out: Path, host: str, clock: Clock, agenda: Agenda, streams: Streams, rotation: Rotate) -> None:
        self.number = number
        self.name = f"mmsc{number + 1}"
        self.file = self._log(out / self.name, clock, agenda, rotation)
        self.host = host.encode()
        self.down = False  # the load balancer answers for it: 503
        self.last_id = b""
        self._clock = clock
        self._agenda = agenda
        self._random = streams(self.name)
        self._queued = 0

    def _log(self, folder: Path, clock: Clock, agenda: Agenda, rotation: Rotate) -> LogFile:
        opening, closing = banner(clock, agenda, b" Log begins\n"), banner(clock, agenda, b" Log ends\n")
        return LogFile(folder / "mmsc-access.log", rotation, opening, closing)

    def queue(self) -> bytes:
        """The name of a queue file: unique over the nodes, for its process number is."""
        self._queued += 1
        random_ = self._random
        prefix = random_.choice(("", "", f"{random_.choice(_LETTERS)}-", f"{random_.choice(_LETTERS)}-{random_.choice(_LETTERS)}2-"))
        second = self._agenda.now // SECOND % 10_000
        return f"{prefix}qf{second}.{self._queued}.x{608 + self.number}.{random_.randrange(1, 100)}".encode()

    def message_id(self) -> bytes:
        self.last_id = b"%s@%s" % (self.queue(), self.host)
        return self.last_id

    def received(self, sender: bytes, receivers: Sequence[bytes], message: bytes, size: int, agent: bytes) -> None:
        self._write(b"Received", sender=sender, to=receivers, message=message, size=size, agent=agent)

    def received_vasp(self, vasp: str, sender: bytes, receivers: Sequence[bytes], message: bytes) -> None:
        """A submit by MM7: its size is not logged."""
        self._write(
            b"Received",
            interface=b"MM7",
            account=vasp.encode(),
            sender=sender,
            to=receivers,
            message=message,
            size=-1,
            agent=b"campaign-sp/2.0",
        )

    def notified(self, receiver: bytes, message: bytes) -> None:
        """A push handed to the SMS gateway: notification or report alike."""
        self._write(b"Notify", sender=b"system", to=(receiver,), message=message, size=-1)

    def fetched(self, sender: bytes, receiver: bytes, message: bytes, size: int, agent: bytes) -> None:
        self._write(b"Fetched", sender=sender, to=(receiver,), message=message, size=size, agent=agent)

    def fetch_failed(self, receiver: bytes, agent: bytes) -> None:
        self._write(b"Failed Fetch", to=(receiver,), size=0, agent=agent)

    def answered(self, receiver: bytes, status: bytes, transaction: bytes, size: int, agent: bytes) -> None:
        """NotifyResp or Acknowledge: the id is the notification's transaction id."""
        self._write(b"NotifyResp", account=status, sender=receiver, message=transaction, size=size, agent=agent)

    def forwarded(self, sender: bytes, receivers: Sequence[bytes], message: bytes, agent: bytes) -> None:
        """M-Forward.req: its own id never comes back, its size is noise."""
        size = 1_100_000_000 + self._random.randrange(1_000_000) if self._random.random() < 0.5 else 16
        self._write(b"Forwarded", sender=sender, to=receivers, message=message, size=size, agent=agent)

    def read_report(self, reader: bytes, agent: bytes) -> None:
        self._write(b"ReadReport", sender=reader, size=62, agent=agent)

    def _write(
        self,
        event: bytes,
        *,
        size: int,
        interface: bytes = b"MM1",
        account: bytes = b"",
        sender: bytes = b"",
        to: Sequence[bytes] = (),
        message: bytes = b"",
        agent: bytes = b"",
    ) -> None:
        self.file.write(
            b"%s %s MMS [INT:%s] [ACT:%s] [MMSC:] [from:%s] [to:%s] [msgid:%s] [size=%d] [UA:%s] [MMBox:]\n"
            % (self._clock.stamp(self._agenda.now), event, interface, account, sender, b", ".join(to), message, size, agent)
        )
