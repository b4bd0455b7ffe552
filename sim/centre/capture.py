"""A conversation as a pcap file: TCP over IPv4, read by Wireshark like one from the wire. Only the TCP headers are made up."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from mmsd.model import SECOND

_RAW_IP: Final = 101  # LINKTYPE_RAW
_LARGEST: Final = 16_384  # octets of a packet's payload
_LOOPBACK: Final = bytes((127, 0, 0, 1))
_CLIENTS: Final = 40_000  # first connection's port


class Capture:
    """A Tap that writes a packet for each piece. Close it, or use it as a context manager."""

    def __init__(self, path: Path, port: int, wall: Callable[[], int]) -> None:
        self._port = port
        self._wall = wall
        self._sent: dict[tuple[int, bool], int] = {}  # octets so far, by connection and whether the centre said them
        self._file = path.open("wb")
        self._file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, _RAW_IP))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def said(self, connection: int, octets: bytes) -> None:
        self._packets(connection, octets, ours=True)

    def heard(self, connection: int, octets: bytes) -> None:
        self._packets(connection, octets, ours=False)

    def close(self) -> None:
        self._file.close()

    def _packets(self, connection: int, octets: bytes, *, ours: bool) -> None:
        for start in range(0, len(octets), _LARGEST):
            self._packet(connection, octets[start : start + _LARGEST], ours=ours)
        self._file.flush()

    def _packet(self, connection: int, octets: bytes, *, ours: bool) -> None:
        client = _CLIENTS + connection
        source, destination = (self._port, client) if ours else (client, self._port)
        sequence = self._sent.get((connection, ours), 0)
        acknowledged = self._sent.get((connection, not ours), 0)
        self._sent[connection, ours] = sequence + len(octets)
        numbers = (1 + sequence & 0xFFFFFFFF, 1 + acknowledged & 0xFFFFFFFF)
        header = struct.pack(">HHIIBBHHH", source, destination, *numbers, 0x50, 0x18, 65535, 0, 0)  # PSH, ACK
        size = 20 + len(header) + len(octets)
        packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size, 0, 0, 64, 6, 0, _LOOPBACK, _LOOPBACK) + header + octets
        now = self._wall()
        self._file.write(struct.pack("<IIII", now // SECOND, now % SECOND, len(packet), len(packet)) + packet)
