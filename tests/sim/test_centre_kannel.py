"""A live Kannel on loopback binds to the centre: what its sendsms is given arrives octet for octet, and receipts and messages come back."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from mmsd.codec import push
from sim.centre import Centre, Ids, Incoming, Rule
from tests.sim.test_centre import QUICK, SMPP, changed, settled, wall

pytestmark = pytest.mark.debian("kannel")

TEXT = "【提示】您有彩信未接收，请检查手机参数设置。" * 8  # 176 characters: three SMS of UCS-2
CONFIG = """
group = core
admin-port = {admin}
admin-password = loop
admin-interface = 127.0.0.1
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
box-deny-ip = "*.*.*.*"
log-file = "{folder}/bearerbox.log"
log-level = 0
dlr-storage = internal
sms-resend-freq = 1

group = smsc
smsc = smpp
smsc-id = centre
interface-version = 34
host = 127.0.0.1
port = {centre}
transceiver-mode = true
smsc-username = loop
smsc-password = secret
system-type = ""
msg-id-type = 0x01
reconnect-delay = 1

group = smsbox
smsbox-id = box
bearerbox-host = 127.0.0.1
sendsms-port = {send}
sendsms-interface = 127.0.0.1
log-file = "{folder}/smsbox.log"
log-level = 0

group = smsbox-route
smsbox-id = box
smsc-id = centre

group = sendsms-user
username = loop
password = loop
concatenation = true
max-messages = 10
user-allow-ip = 127.0.0.1

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "http://127.0.0.1:{web}/incoming?from=%p&to=%P&coding=%c&text=%b"
"""


@dataclass
class Kannel:
    send_port: int
    web_port: int
    told: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """What it asked of our web server: path, query; octets as Latin-1."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, asked: Mapping[str, str | bytes]) -> None:
        """By its sendsms; octets go as they are."""
        query = urlencode({"username": "loop", "password": "loop", "from": "10657", **asked})
        url = URL(f"http://127.0.0.1:{self.send_port}/cgi-bin/sendsms?{query}", encoded=True)
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            assert (await answer.text()).startswith("0: Accepted")

    def dlr(self, name: str) -> str:
        """A dlr-url."""
        return f"http://127.0.0.1:{self.web_port}/{name}?state=%d&to=%p&id=%F&receipt=%A"

    async def until(self, true: Callable[[], object]) -> None:
        while not true():
            self.changed.clear()
            await self.changed.wait()

    def seen(self, name: str) -> list[dict[str, str]]:
        return [query for path, query in self.told if path == f"/{name}"]


@contextlib.asynccontextmanager
async def process(command: Sequence[str], folder: Path, port: int) -> AsyncIterator[None]:
    """Entered when it listens at the port; left when it has ended, for which it unbinds: the loop must go on meanwhile."""
    with (folder / f"{Path(command[0]).name}.out").open("wb") as out:
        running = await asyncio.create_subprocess_exec(*command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        while True:
            assert running.returncode is None
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                break
            await asyncio.sleep(0.02)
        yield
    finally:
        running.terminate()
        try:
            await asyncio.wait_for(running.wait(), 20)
        except TimeoutError:
            running.kill()
            await running.wait()


@contextlib.asynccontextmanager
async def kannel(centre: Centre, folder: Path, debian: Callable[[str], str], free_port: Callable[[], int]) -> AsyncIterator[Kannel]:
    """Bound to the centre, its smsbox ready."""
    made = Kannel(free_port(), free_port())

    async def note(request: web.Request) -> web.Response:
        made.told.append((request.path, dict(parse_qsl(request.rel_url.raw_query_string, encoding="latin-1"))))
        made.changed.set()
        return web.Response(text="")

    application = web.Application()
    application.router.add_get("/{name}", note)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", made.web_port).start()
    bearerbox = debian("kannel")
    ports = {"admin": free_port(), "box": free_port(), "send": made.send_port, "web": made.web_port}
    config = folder / "kannel.conf"
    config.write_text(CONFIG.format(folder=folder, centre=centre.port, **ports))
    smsbox = str(Path(bearerbox).with_name("smsbox"))
    try:
        async with (
            process([bearerbox, str(config)], folder, ports["box"]),
            process([smsbox, str(config)], folder, made.send_port),
        ):
            await centre.until(lambda: centre.counts["binds"])
            yield made
    finally:
        await runner.cleanup()


def test_kannel_sends_and_is_told(tmp_path, debian, free_port):
    async def scenario() -> None:
        ids = Ids(answer="{:08x}", receipt="{:d}")  # msg-id-type 0x01
        settings = changed(SMPP, receipts=QUICK, ids=ids, handsets=(Rule(receiver="*02", state="UNDELIV", error=27),))
        async with Centre(settings, wall=wall) as centre, kannel(centre, tmp_path, debian, free_port) as gateway:
            # a long Chinese text
            asked = {
                "to": "8613900000001",
                "text": TEXT,
                "coding": "2",
                "charset": "UTF-8",
                "dlr-mask": "31",
                "dlr-url": gateway.dlr("text"),
            }
            await gateway.send(asked)
            await centre.until(lambda: centre.messages)
            (message,) = centre.messages
            assert (message.text, len(message.parts), message.sender) == (TEXT, 3, "10657")
            assert message.data == TEXT.encode("utf-16-be")
            await gateway.until(lambda: {told["state"] for told in gateway.seen("text")} >= {"8", "1"})
            delivered = [told for told in gateway.seen("text") if told["state"] == "1"]
            assert delivered[0]["to"] == "8613900000001"
            assert re.match(rf"id:{delivered[0]['id']} sub:001 dlvrd:001 .* stat:DELIVRD err:000", delivered[0]["receipt"])

            # a WAP push, binary with ports, to a handset that cannot be reached
            udh, data = push.encode_notification(
                transaction=b"T1",
                location=b"http://mmsc.example/T1",
                size=30_000,
                sender=b"+8613900000009",
                expiry_relative=3600,
                push_id=7,
            )
            binary: dict[str, str | bytes] = {
                "to": "8613900000002",
                "text": data,
                "udh": udh,
                "coding": "1",
                "dlr-mask": "3",
                "dlr-url": gateway.dlr("push"),
            }
            await gateway.send(binary)
            await centre.until(lambda: len(centre.messages) == 2)
            assert (centre.messages[1].data, centre.messages[1].ports) == (data, (2948, 9200))
            assert centre.messages[1].parts[0].submit.udh == udh
            await gateway.until(lambda: gateway.seen("push"))
            assert gateway.seen("push")[0]["state"] == "2"
            assert "stat:UNDELIV err:027" in gateway.seen("push")[0]["receipt"]

            # what subscribers send: short, long
            centre.send(Incoming("8613900000001", "1065701", "是"))
            centre.send(Incoming("8613900000001", "1065701", "好的" * 50))
            await gateway.until(lambda: len(gateway.seen("incoming")) == 2)
            texts = {told["text"].encode("latin-1").decode("utf-16-be") for told in gateway.seen("incoming")}
            assert texts == {"是", "好的" * 50}
            assert {told["from"] for told in gateway.seen("incoming")} == {"+8613900000001"}  # type of number 1
            await centre.until(lambda: centre.counts["incomings acknowledged"] == 3)
            assert not [what for what in centre.counts if what.startswith("odd")]

    settled(scenario())
