"""A second opinion on the centre's conversations: tshark dissects what `--capture` writes and finds nothing malformed.

Of CMPP it knows 3.0 alone; a PDU whose length is cut by the border of two segments it does not find, so none is sent octet by octet.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mmsd.codec import cmpp, push, session, smpp, sms
from mmsd.codec.tables import cmpp as cmpp_table
from mmsd.codec.tables import smpp as smpp_table
from sim.centre import Centre, Fault, Incoming, Rule
from sim.centre.capture import Capture
from tests.sim.centre_client import Client, bound, client
from tests.sim.test_centre import CMPP, HANDSET, SMPP, asked, both, changed, settled, to, wall

pytestmark = pytest.mark.debian("tshark")

PORT = {"smpp": 2775, "cmpp": 7890}
RULES = (Rule(receiver="*02", state="UNDELIV", error=27), Rule(receiver="*04", status=11), Rule(text="TD?", reply="TD", reply_after=0.0))


class Witness(Capture):
    """Also keeps the octets, by connection and direction."""

    def __init__(self, path: Path, port: int) -> None:
        super().__init__(path, port, wall)
        self.streams: dict[tuple[int, bool], bytearray] = {}

    def said(self, connection: int, octets: bytes) -> None:
        super().said(connection, octets)
        self.streams.setdefault((connection, True), bytearray()).extend(octets)

    def heard(self, connection: int, octets: bytes) -> None:
        super().heard(connection, octets)
        self.streams.setdefault((connection, False), bytearray()).extend(octets)

    def commands(self) -> Counter[int]:
        """Of every PDU, by length and command alone."""
        found: Counter[int] = Counter()
        for stream in self.streams.values():
            at = 0
            while at < len(stream):
                found[int.from_bytes(stream[at + 4 : at + 8], "big")] += 1
                at += int.from_bytes(stream[at : at + 4], "big")
        return found


async def converse(protocol: str, centre: Centre, peer: Client) -> None:
    """Everything the two have to say to each other."""
    for number in (HANDSET, "8613900000002", "8613900000004"):
        await peer.submit(asked(protocol, number=number))
    await peer.submit(asked(protocol, text=b"TD?"))
    for piece in sms.compose("端午安康" * 30, 7):
        octets = piece.user_data.udh + piece.user_data.data
        if protocol == "smpp":
            long: session.Body = smpp.Message(destination=to(), esm_class=0x40, data_coding=8, registered_delivery=1, short_message=octets)
        else:
            long = cmpp.Submit(destinations=(HANDSET.encode(),), tp_udhi=1, msg_fmt=8, registered_delivery=1, content=octets)
        await peer.submit(long)
    centre.send(Incoming(HANDSET, "1065701", "好" * 100))
    _, wsp = push.encode_notification(transaction=b"T1", location=b"http://mmsc.example/T1", size=30_000, expiry_relative=3600)
    centre.send(Incoming(HANDSET, "1065701", data=wsp, header=sms.Udh(2948, 9200)))
    if protocol == "smpp":
        for form in ("sar", "payload"):
            centre.send(Incoming(HANDSET, "1065701", "好" * 100, long=form))
        identity = centre.taken[0].identity.encode()
        await peer.submit(smpp.Query(identity), (), smpp_table.QUERY_SM)
        await peer.submit(smpp.Cancel(message_id=identity), (), smpp_table.CANCEL_SM)
        await peer.submit(smpp.MultiMessage(destinations=(to(), to("8613900000003")), short_message=b"x"), (), smpp_table.SUBMIT_MULTI)
    else:
        await peer.submit(cmpp.Cancel(centre.taken[0].number), (), cmpp_table.CANCEL)
    for fault in (Fault.TWICE, Fault.RECEIPT_BACKWARDS, Fault.COALESCED, Fault.THROTTLED):
        centre.order(fault)
        await peer.submit(asked(protocol))
    await centre.until(lambda: centre.counts["receipts sent"] == centre.counts["receipts acknowledged"] >= 8)
    await centre.until(lambda: centre.counts["incomings sent"] == centre.counts["incomings acknowledged"])
    centre.hang_up("unbind")
    await peer.until(lambda: peer.lost)


def dissected(tshark: str, capture: Path, protocol: str) -> tuple[Counter[int], list[str]]:
    """The commands tshark saw, and what it had to complain of."""
    name = {"smpp": "smpp.command_id", "cmpp": "cmpp.Command_Id"}[protocol]
    command = [tshark, "-n", "-r", str(capture), "-d", f"tcp.port=={PORT[protocol]},{protocol}", "-T", "json"]
    command += ["-e", name, "-e", "_ws.malformed", "-e", "_ws.expert.message"]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=60, env={"LC_ALL": "C.UTF-8", "HOME": str(capture.parent)})
    rows = [packet["_source"].get("layers", {}) for packet in json.loads(answer.stdout)]
    commands = Counter(int(value, 0) for row in rows for value in row.get(name, []))
    return commands, [str(row) for row in rows if row.keys() - {name}]


@both
def test_tshark_dissects_the_conversation(protocol, tmp_path, debian: Callable[[str], str]):
    async def scenario() -> None:
        with Witness(tmp_path / "c.pcap", PORT[protocol]) as witness:
            settings = changed(SMPP if protocol == "smpp" else CMPP, handsets=RULES)
            async with Centre(settings, wall=wall, tap=witness) as centre:
                async with client(protocol, centre.port) as stranger:
                    await stranger.bind("loop", "wrong")
                async with bound(protocol, centre.port) as peer:
                    await converse(protocol, centre, peer)
        commands, complaints = await asyncio.to_thread(dissected, debian("tshark"), tmp_path / "c.pcap", protocol)
        assert commands == witness.commands()
        assert not complaints

    settled(scenario())
