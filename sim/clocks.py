"""How a node writes the time: its own clock may be ahead of the true one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from mmsd.model import SECOND
from sim.agenda import Agenda


class Clock:
    """The clock of one node. Times given are true (µs UTC); texts are as its log shows them, local, in whole seconds."""

    def __init__(self, zone: ZoneInfo, skew: int = 0) -> None:
        self.skew = skew
        self._zone = zone
        self._texts: dict[int, bytes] = {}

    def stamp(self, at: int) -> bytes:
        """`2026-11-22 17:44:22`: Kannel and Mbuni.

        >>> Clock(ZoneInfo("Asia/Shanghai"), 500_000).stamp(1795340661_600000)
        b'2026-11-22 17:44:22'
        """
        second = (at + self.skew) // SECOND
        text = self._texts.get(second)
        if text is None:
            if len(self._texts) > 1000:
                self._texts.clear()
            text = self._texts[second] = datetime.fromtimestamp(second, self._zone).strftime("%Y-%m-%d %H:%M:%S").encode()
        return text

    def epoch(self, at: int) -> tuple[int, int]:
        """Seconds since 1970 and milliseconds: Squid.

        >>> Clock(ZoneInfo("UTC")).epoch(1_234_567)
        (1, 234)
        """
        second, rest = divmod(at + self.skew, SECOND)
        return second, rest // 1000

    def local(self, at: int) -> datetime:
        return datetime.fromtimestamp((at + self.skew) // SECOND, self._zone)


def banner(clock: Clock, agenda: Agenda, text: bytes) -> Callable[[], bytes]:
    """Renders the line a Kannel or Mbuni node opens or leaves a file with, at the time it is asked."""

    def line() -> bytes:
        return clock.stamp(agenda.now) + text

    return line
