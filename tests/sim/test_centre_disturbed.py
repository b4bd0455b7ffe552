"""The centre's faults as they are on the wire, and the plan that draws them."""

from __future__ import annotations

import contextlib
import datetime
import re
import ssl
from collections import Counter
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mmsd.codec import cmpp, session, smpp
from mmsd.errors import ConfigError
from mmsd.link import smpp as link
from mmsd.link.carry import Accepted, Message, Text
from sim.centre import FAULTS, Centre, Fault, Incoming, Occasion, ledger, receipts, settings
from sim.centre import control as controls
from sim.centre.faults import Faults, Order
from sim.centre.settings import Drawn
from tests.link.hearing import private
from tests.sim.centre_client import Client, bound, client
from tests.sim.test_centre import CMPP, HANDSET, PLAIN, SMPP, asked, both, changed, settled, wall

ANY = 0.0


def test_every_fault_is_told_of(root):
    assert set(FAULTS) == set(Fault)
    assert {about.row for about in FAULTS.values()} == {f"P0{row}" for row in range(1, 8)}
    documented = (root / "docs/simulator.md").read_text()
    for fault, about in FAULTS.items():
        assert f"| {about.row} | `{fault}` | {about.what} |" in documented


def test_every_setting_and_request_is_told_of(root):
    documented = (root / "docs/simulator.md").read_text().partition("## The SMS centre")[2]
    told = set(re.findall(r"`([a-z_]+)`", documented))
    sections = (settings.Settings, settings.Account, settings.Ids, settings.Receipts, settings.Rule, settings.Drawn)
    asked = {name for section in sections for name in section.__struct_fields__} - {"accounts", "ids", "receipts", "handsets", "faults"}
    assert asked <= told
    assert set(receipts.FORMS) <= set(re.findall(r"`\"?([a-z ]+)\"?`", documented))
    assert set(ledger.Line.__struct_fields__) - {"parts"} <= told
    for resource in controls.Control(Centre(SMPP, wall=wall)).application().router.resources():
        for route in resource:
            assert route.method == "HEAD" or f"`{route.method} {resource.canonical}" in documented


# ------------------------------------------------------------------------------------------------------------ orders and plan


def test_orders_are_for_an_occasion_a_receiver_a_number_of_times_and_a_while():
    faults = Faults()
    faults.order(Order(Fault.SILENT, times=2, receiver="*02"))
    faults.order(Order(Fault.THROTTLED, times=0, until=60.0))
    drawn = [
        faults.draw(Occasion.SUBMIT, receiver, now=now) for receiver, now in (("1", 0), ("02", 1), ("02", 2), ("02", 59.9), ("02", 60))
    ]
    assert [order and order.fault.value for order in drawn] == ["throttled", "silent", "silent", "throttled", None]
    assert faults.draw(Occasion.RECEIPT, "02", now=1) is None
    assert not faults.orders


def test_a_plan_repeats_itself_with_its_seed(seed):
    def drawn(number: int) -> list[str]:
        faults = Faults({"silent": 0.1, "reset": 0.1, "receipt-twice": 0.5}, number)
        orders = [faults.draw(Occasion.SUBMIT, HANDSET, now=ANY) for _ in range(1000)]
        return [order.fault.value if order else "" for order in orders]

    assert drawn(seed) == drawn(seed) != drawn(seed + 1)
    counted = Counter(drawn(seed))
    assert set(counted) == {"", "silent", "reset"}
    assert all(40 <= counted[name] <= 180 for name in ("silent", "reset"))


@both
def test_the_plan_of_the_settings_is_carried_out(protocol):
    async def scenario() -> None:
        plan = changed(PLAIN[protocol], faults=Drawn(rates={"refused": 1.0}))
        async with Centre(plan, wall=wall) as centre, bound(protocol, centre.port) as peer:
            assert (await peer.submit(asked(protocol))).status
            assert not centre.taken

    settled(scenario())


def test_cmpp_spells_no_ids():
    async def scenario() -> None:
        async with Centre(CMPP, wall=wall) as centre:
            with pytest.raises(ConfigError, match="numbers"):
                centre.order(Fault.RECEIPT_BASE)

    settled(scenario())


# ---------------------------------------------------------------------------------------------------------------- on the wire


async def was_reset(peer: Client) -> None:
    assert await peer.until(lambda: peer.lost) == "ConnectionResetError"


@both
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.LOST, Fault.AFTER_REBIND])
def test_a_reset_is_a_reset(protocol, fault, tmp_path):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall, ledger=tmp_path / "ledger") as centre, bound(protocol, centre.port) as peer:
            centre.order(fault)
            peer.ask(asked(protocol))
            await was_reset(peer)
            assert len((tmp_path / "ledger").read_text().splitlines()) == (fault is not Fault.LOST)

    settled(scenario())


@both
def test_a_centre_that_is_down(protocol):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre:
            centre.order(Fault.AWAY, times=2)
            for _ in range(2):
                async with client(protocol, centre.port) as peer:
                    await was_reset(peer)
            async with bound(protocol, centre.port):
                assert len(centre.binds) == 1

    settled(scenario())


@both
def test_an_octet_a_segment(protocol):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre, bound(protocol, centre.port) as peer:
            centre.order(Fault.DRIP)
            before = len(peer.chunks)
            await peer.submit(asked(protocol))
            await centre.until(lambda: centre.counts["receipts acknowledged"])
            assert {len(chunk) for chunk in peer.chunks[before:]} == {1}

    settled(scenario())


@both
def test_all_in_one_segment(protocol):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre, bound(protocol, centre.port) as peer:
            centre.order(Fault.COALESCED, delay=0.2)
            before = len(peer.chunks)
            for _ in range(3):
                peer.ask(asked(protocol))
            centre.send(Incoming(HANDSET, "10657", "yes"))
            await peer.event(session.Asked, 4)
            assert len(peer.chunks) == before + 1

    settled(scenario())


@both
@pytest.mark.parametrize(
    ("fault", "length"), [(Fault.LENGTH_0, {"smpp": 0, "cmpp": 0}), (Fault.LENGTH_15, {"smpp": 15, "cmpp": 11}), (Fault.LENGTH_MAX, None)]
)
def test_lengths_that_no_pdu_has(protocol, fault, length):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre, bound(protocol, centre.port) as peer:
            before = len(peer.chunks)
            centre.order(fault)
            await peer.event(session.Closed)
            octets = b"".join(peer.chunks[before:])
            assert int.from_bytes(octets[:4], "big") == (length[protocol] if length else 0xFFFFFFFF)
            assert len(octets) == peer.dialect.header - (fault is Fault.LENGTH_15)

    settled(scenario())


@both
def test_a_deaf_centre_says_nothing_more(protocol):
    """What it owes goes to another session."""

    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre, bound(protocol, centre.port) as deaf:
            deaf.settles = lambda asked: None
            centre.send(Incoming(HANDSET, "10657", "yes"))
            await deaf.event(session.Asked)
            centre.order(Fault.DEAF)
            deaf.write(bytes.fromhex("00000010000000150000000000000009"))
            async with bound(protocol, centre.port) as other:
                await other.event(session.Asked)
                await centre.until(lambda: centre.counts["incomings acknowledged"] == 1)
            assert not deaf.lost
            assert len(deaf.of(session.Asked)) == 1

    settled(scenario())


@both
def test_wrapped_sequence_numbers(protocol):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre:
            centre.order(Fault.WRAP)
            async with bound(protocol, centre.port) as peer:
                for _ in range(5):
                    centre.send(Incoming(HANDSET, "10657", "yes"))
                await peer.event(session.Asked, 5)
                last = peer.dialect.last_sequence
                assert [event.pdu.sequence for event in peer.of(session.Asked)] == [last - 2, last - 1, last, 1, 2]

    settled(scenario())


@both
def test_a_bind_that_is_never_answered(protocol):
    async def scenario() -> None:
        async with Centre(PLAIN[protocol], wall=wall) as centre:
            centre.order(Fault.BIND_SILENT)
            centre.order(Fault.BIND_REFUSED, status=4)
            async with client(protocol, centre.port) as peer:
                peer.session.bind(_bind(protocol), now=0)
                peer.flush()
                await centre.until(lambda: centre.binds)
            async with client(protocol, centre.port) as peer:
                assert (await peer.bind("loop", "secret")).status == 4
            assert [bind.status for bind in centre.binds] == [None, 4]
            assert not peer.of(session.Bound)

    settled(scenario())


def _bind(protocol: str) -> session.Body:
    return smpp.Bind(b"loop", b"secret") if protocol == "smpp" else cmpp.Connect(b"loop", cmpp.authenticator(b"loop", b"secret", 0), 0x30)


def test_a_client_that_reads_nothing_is_not_written_to():
    """Its receipts wait at the centre, not in the socket's buffer."""

    async def scenario() -> None:
        plan = changed(SMPP, down_window=10_000)
        async with Centre(plan, wall=wall) as centre, bound("smpp", centre.port) as peer:
            peer.read_on(yes=False)
            for _ in range(1_000):
                centre.send(Incoming(HANDSET, "10657", "so that buffers fill " * 1_000, long="payload"))
            assert centre.customers["loop"].waiting
            peer.read_on(yes=True)
            await centre.until(lambda: centre.counts["incomings acknowledged"] == 1_000)

    settled(scenario())


def test_a_centre_ends_though_a_client_reads_nothing():
    async def scenario() -> None:
        async with contextlib.AsyncExitStack() as later:
            async with Centre(changed(SMPP, down_window=10_000), wall=wall) as centre:
                peer = await later.enter_async_context(bound("smpp", centre.port))
                peer.read_on(yes=False)
                for _ in range(1_000):
                    centre.send(Incoming(HANDSET, "10657", "so that buffers fill " * 1_000, long="payload"))
            peer.read_on(yes=True)
            await was_reset(peer)

    settled(scenario())


# ----------------------------------------------------------------------------------------------------------------------- TLS


def _certificate(folder: Path) -> tuple[Path, Path]:
    """One of its own for 127.0.0.1: certificate, key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "centre.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("centre.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return certificate, secret


def test_the_centre_speaks_tls(tmp_path):
    async def scenario() -> None:
        certificate, key = _certificate(tmp_path)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        async with Centre(SMPP, wall=wall, tls=context) as centre:
            asked = link.Settings(
                host="127.0.0.1",
                port=centre.port,
                system_id="loop",
                password_file=private(tmp_path / "password", "secret"),
                tls=True,
                tls_name="centre.example",
                ca_file=str(certificate),
            )
            async with link.link(asked, random=lambda: 0.0, wall=wall) as ours:
                await centre.until(lambda: centre.counts["binds"])
                while ours.health.state != "up":
                    await anext(ours.events())
                assert isinstance(await ours.send(Message("one", HANDSET, Text("端午"))), Accepted)
        assert [part.submit.text for part in centre.taken] == ["端午"]

    settled(scenario())
