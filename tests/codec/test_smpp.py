"""SMPP PDUs: Kannel's, cloudhopper's and our own, both ways; what real centres leave out; receipts; smpp34 as another witness."""

from __future__ import annotations

import random
from pathlib import Path

import hypothesis
import hypothesis.strategies as st
import pytest
import smpp34

from mmsd.codec import gsm7, push, smpp, sms
from mmsd.codec.shown import Shown
from mmsd.codec.smpp import Address, Message, Pdu
from mmsd.codec.sms import Concat
from mmsd.codec.tables import smpp as t
from mmsd.errors import DecodeError, EncodeError

SHE = Address(1, 1, b"8613900000001")
WE = Address(0, 1, b"10086")
R = t.RESPONSE

OURS: list[Pdu] = [
    Pdu(t.BIND_TRANSMITTER, 0, 1, smpp.Bind(b"mmsd", b"secret", b"VMA", 0x34, Address(1, 1, b"^1008"))),
    Pdu(t.BIND_RECEIVER, 0, 2, smpp.Bind(b"mmsd", b"secret")),
    Pdu(t.BIND_TRANSCEIVER, 0, 3, smpp.Bind(b"mmsd", b"secret")),
    Pdu(R | t.BIND_TRANSMITTER, 0, 1, smpp.BindAnswer(b"smsc"), ((t.SC_INTERFACE_VERSION, b"\x34"),)),
    Pdu(R | t.BIND_RECEIVER, 0, 2, smpp.BindAnswer(b"smsc")),
    Pdu(R | t.BIND_TRANSCEIVER, 0, 3, smpp.BindAnswer(b"smsc")),
    Pdu(R | t.BIND_TRANSCEIVER, t.INVALID_PASSWORD, 3),
    Pdu(t.OUTBIND, 0, 1, smpp.Outbind(b"smsc", b"secret")),
    Pdu(
        t.SUBMIT_SM,
        0,
        4,
        Message(b"CMT", WE, SHE, 0x40, 0, 1, b"", b"000001000000000R", 1, 0, 4, 0, bytes.fromhex("050003070201") + b"hello"),
    ),
    Pdu(t.SUBMIT_SM, 0, 5, Message(b"", WE, SHE, data_coding=8), ((t.MESSAGE_PAYLOAD, "端午安康".encode("utf-16-be") * 100),)),
    Pdu(
        t.SUBMIT_SM,
        0,
        6,
        Message(b"", WE, SHE, short_message=b"hello"),
        ((t.SAR_REFERENCE, b"\x01\x02"), (t.SAR_TOTAL, b"\2"), (t.SAR_SEQUENCE, b"\1"), (t.USER_MESSAGE_REFERENCE, b"\0\7")),
    ),
    Pdu(R | t.SUBMIT_SM, 0, 4, smpp.MessageAnswer(b"00010101")),
    Pdu(R | t.SUBMIT_SM, t.THROTTLED, 5),
    Pdu(t.DELIVER_SM, 0, 7, Message(b"", SHE, WE, short_message=b"yes")),
    Pdu(
        t.DELIVER_SM,
        0,
        8,
        Message(
            b"", SHE, WE, 4, short_message=b"id:1 sub:001 dlvrd:000 submit date:2611221744 done date:2611221744 stat:UNDELIV err:011 text:"
        ),
        ((t.RECEIPTED_MESSAGE_ID, b"00010103\0"), (t.MESSAGE_STATE, b"\5"), (t.NETWORK_ERROR_CODE, b"\3\0\x0b")),
    ),
    Pdu(R | t.DELIVER_SM, 0, 7, smpp.MessageAnswer()),
    Pdu(t.DATA_SM, 0, 9, smpp.DataMessage(b"", WE, SHE, 0, 1, 8), ((t.MESSAGE_PAYLOAD, b"\x7a\xef"),)),
    Pdu(R | t.DATA_SM, 0, 9, smpp.MessageAnswer(b"1")),
    Pdu(t.SUBMIT_MULTI, 0, 10, smpp.MultiMessage(b"", WE, (SHE, b"winners"), short_message=b"hello")),
    Pdu(R | t.SUBMIT_MULTI, 0, 10, smpp.MultiAnswer(b"1", ((SHE, 0x0B),))),
    Pdu(t.QUERY_SM, 0, 11, smpp.Query(b"1", WE)),
    Pdu(R | t.QUERY_SM, 0, 11, smpp.QueryAnswer(b"1", b"261122174400032+", 2, 0)),
    Pdu(t.CANCEL_SM, 0, 12, smpp.Cancel(b"", b"1", WE, SHE)),
    Pdu(R | t.CANCEL_SM, 0, 12),
    Pdu(t.REPLACE_SM, 0, 13, smpp.Replace(b"1", WE, b"", b"", 1, 0, b"hello")),
    Pdu(R | t.REPLACE_SM, 0, 13),
    Pdu(t.ALERT_NOTIFICATION, 0, 14, smpp.Alert(SHE, WE), ((0x0422, b"\0"),)),
    Pdu(t.ENQUIRE_LINK, 0, 15),
    Pdu(R | t.ENQUIRE_LINK, 0, 15),
    Pdu(t.UNBIND, 0, 16),
    Pdu(R | t.UNBIND, 0, 16),
    Pdu(t.GENERIC_NACK, t.INVALID_COMMAND, 17),
]

VECTORS: list[tuple[str, str, Pdu]] = [
    (
        "Kannel binds",
        "0000001f0000000900000000000000016c6f6f70006c6f6f70000034000000",
        Pdu(t.BIND_TRANSCEIVER, 0, 1, smpp.Bind(b"loop", b"loop")),
    ),
    (
        "and is bound",
        "0000001e8000000900000000000000016c6f6f70736d7363000210000134",
        Pdu(R | t.BIND_TRANSCEIVER, 0, 1, smpp.BindAnswer(b"loopsmsc"), ((t.SC_INTERFACE_VERSION, b"\x34"),)),
    ),
    (
        "Kannel submits",
        "0000004500000004000000000000000473656564000101313030383600010138363133393030303030303031000300000000110000000e53657269616c20374b324d2d3031",
        Pdu(
            t.SUBMIT_SM,
            0,
            4,
            Message(b"seed", Address(1, 1, b"10086"), SHE, 3, registered_delivery=0x11, short_message=b"Serial 7K2M-01"),
        ),
    ),
    ("and is answered", "00000019800000040000000000000004303030313031303100", Pdu(R | t.SUBMIT_SM, 0, 4, smpp.MessageAnswer(b"00010101"))),
]


@pytest.mark.parametrize(("octets", "value"), [row[1:] for row in VECTORS], ids=[row[0] for row in VECTORS])
def test_vector_both_ways(octets, value):
    data = bytes.fromhex(octets)
    assert smpp.decode(data) == value
    assert smpp.encode(value) == data


@pytest.mark.parametrize("pdu", OURS, ids=lambda pdu: f"{pdu.name}-{pdu.sequence}")
def test_every_pdu_both_ways(pdu):
    data = smpp.encode(pdu)
    seen = smpp.decode(data)
    assert (seen, seen.faults) == (pdu, ())
    assert smpp.show(data).warnings == ()
    assert smpp.show(data + data).values["pdus"][1]["command"] == pdu.name


@pytest.mark.parametrize("pdu", OURS, ids=lambda pdu: f"{pdu.name}-{pdu.sequence}")
def test_shown_where_it_stands(pdu):
    """The fields follow each other without a gap, from the header to the end."""
    data = smpp.encode(pdu)
    places = sorted({(line.offset, line.length) for line in smpp.show(data).lines if line.depth})
    at = t.HEADER
    for start, size in places:
        assert start == at
        at += size
    assert at == len(data)


def test_every_command_is_among_ours():
    assert {pdu.command for pdu in OURS} == set(t.NAMES)


@pytest.mark.parametrize("pdu", OURS, ids=lambda pdu: f"{pdu.name}-{pdu.sequence}")
def test_cut_anywhere(pdu):
    """A request gives what could be read or is refused; an answer's status and sequence are always had."""
    data = smpp.encode(pdu)
    for stop in range(t.HEADER, len(data)):
        octets = stop.to_bytes(4, "big") + data[4:stop]
        seen = None
        try:
            seen = smpp.decode(octets)
        except DecodeError:
            assert not pdu.command & R
        if seen is not None:
            assert (seen.command, seen.status, seen.sequence) == (pdu.command, pdu.status, pdu.sequence)


def test_cloudhoppers_pdus(shared):
    """All but three, which are no whole header, come out as they went in."""
    refused, odd = set(), set()
    paths = sorted((shared / "vectors/cloudhopper-smpp").glob("*/*.bin"))
    assert len(paths) == 49
    for path in paths:
        data = path.read_bytes()
        try:
            pdu = smpp.decode(data)
        except DecodeError:
            refused.add(path.stem)
            continue
        assert smpp.encode(pdu) == data, path
        if pdu.faults:
            odd.add(path.stem)
    assert refused == {"decodeLessThan16Bytes", "decodeLessThan4Bytes", "decodeOnly4Bytes"}
    assert odd == {"decodeTooBigSequenceNumber", "decodeZeroSequenceNumber"}


def sample_pdus(shared: Path) -> list[tuple[str, bytes]]:
    """(name in the log, octets) of Kannel's and Mbuni's talk with an SMSC."""
    lines = [line.split() for path in sorted((shared / "samples").glob("*/*/smpp-pdus.txt")) for line in path.read_text().splitlines()]
    return [(line[2], bytes.fromhex(line[-1])) for line in lines]


def test_kannels_pdus(shared):
    seen = sample_pdus(shared)
    assert len(seen) == 362
    for name, data in seen:
        pdu = smpp.decode(data)
        assert (pdu.name, pdu.faults, smpp.encode(pdu)) == (name, (), data)


def test_kannels_receipts_name_its_messages(shared):
    """Every receipt of the samples: its text and its optional parameters say the same, of an id that an answer gave."""
    receipts, given = [], set()
    for name, data in sample_pdus(shared):
        pdu = smpp.decode(data)
        if name == "submit_sm_resp" and isinstance(pdu.body, smpp.MessageAnswer):
            given.add(pdu.body.message_id)
        told = smpp.receipt(pdu)
        if told is not None:
            receipts.append(told)
            assert told.message_id in given
            assert told.state == smpp.state(told.stat)
            assert told.final is (told.state != "ACCEPTD")
    assert {told.state for told in receipts} >= {"DELIVRD", "EXPIRED", "UNDELIV"}
    assert len(receipts) > 20


def test_mbunis_pushes_ride_in_kannels_submits(shared):
    kinds = set()
    for name, data in sample_pdus(shared):
        if name == "submit_sm":
            seen = smpp.content(smpp.decode(data))
            if seen.header.destination == sms.PUSH_PORT and seen.header.concat is None:
                pushed = push.decode_push(seen.data, seen.udh)
                assert pushed.faults == ()
                kinds.add(pushed.pdu_type)
    assert {0x82, 0x86} <= kinds  # notifications, delivery reports


# ------------------------------------------------------------------------------------------------------ as real centres do it


@pytest.mark.parametrize(
    ("octets", "value", "faults"),
    [
        ("80000004000000580000000500", Pdu(R | t.SUBMIT_SM, t.THROTTLED, 5, smpp.MessageAnswer()), 0),
        ("800000040000000000000005", Pdu(R | t.SUBMIT_SM, 0, 5), 0),  # no body at all
        ("800000040000000000000005" + b"ab12".hex(), Pdu(R | t.SUBMIT_SM, 0, 5, smpp.MessageAnswer(b"ab12")), 1),  # no NUL
        ("800000040000000000000005" + b"x".hex() * 80 + "00", Pdu(R | t.SUBMIT_SM, 0, 5, smpp.MessageAnswer(b"x" * 80)), 1),  # too long
        ("80000004000000000000000561000424", Pdu(R | t.SUBMIT_SM, 0, 5, smpp.MessageAnswer(b"a")), 1),  # half a TLV
        (
            "8000000900000000000000056d000210000134",
            Pdu(R | t.BIND_TRANSCEIVER, 0, 5, smpp.BindAnswer(b"m"), ((t.SC_INTERFACE_VERSION, b"4"),)),
            0,
        ),
        ("800000030000000000000005310000", Pdu(R | t.QUERY_SM, 0, 5), 1),  # cut short: its status counts
        ("000000150000000000000000", Pdu(t.ENQUIRE_LINK), 1),  # sequence 0
        ("00000015000000000000000104240001ff", Pdu(t.ENQUIRE_LINK, 0, 1, None, ((t.MESSAGE_PAYLOAD, b"\xff"),)), 0),
        ("800000000000000300000000", Pdu(t.GENERIC_NACK, 3, 0), 0),
        ("0001020000000000000000017665", Pdu(0x10200, 0, 1, smpp.Raw(b"ve")), 0),
    ],
)
def test_what_is_forgiven(octets, value, faults):
    data = (len(octets) // 2 + 4).to_bytes(4, "big") + bytes.fromhex(octets)
    seen = smpp.decode(data)
    assert (seen, len(seen.faults)) == (value, faults)
    assert all(fault.clause for fault in seen.faults)
    assert seen.name


def test_a_short_message_that_is_shorter_than_it_says():
    data = bytearray(smpp.encode(Pdu(t.DELIVER_SM, 0, 1, Message(short_message=b"hello"))))
    data[-6] = 200
    seen = smpp.decode(bytes(data))
    assert (seen.body.short_message, seen.faults[0].clause) == (b"hello", "SMPP 3.4 5.2.21")  # type: ignore[union-attr]  # a Message


@pytest.mark.parametrize(
    "pdu",
    [
        Pdu(t.SUBMIT_SM, 0, 1, Message(short_message=bytes(255))),
        Pdu(t.SUBMIT_SM, 0, 1, Message(destination=Address(1, 1, b"8" * 21))),
        Pdu(t.SUBMIT_SM, 0, 1, Message(destination=Address(256, 1, b"8"))),
        Pdu(t.SUBMIT_SM, 0, 1, Message(service_type=b"a\0b")),
        Pdu(t.SUBMIT_SM, 0, 1, Message(esm_class=-1)),
        Pdu(t.SUBMIT_SM, 0, 1, smpp.Bind()),
        Pdu(t.SUBMIT_SM, 0, 1),
        Pdu(t.ENQUIRE_LINK, 0, 1, Message()),
        Pdu(t.ENQUIRE_LINK, 0, 1 << 32),
        Pdu(t.ENQUIRE_LINK, 0, 1, None, ((t.MESSAGE_PAYLOAD, bytes(65536)),)),
    ],
)
def test_what_does_not_fit_is_not_written(pdu):
    with pytest.raises(EncodeError):
        smpp.encode(pdu)


def test_a_password_is_not_shown():
    assert "secret" not in repr(OURS[0]) + str(smpp.show(smpp.encode(OURS[0])))


def test_errors_tell_no_number():
    with pytest.raises(EncodeError) as caught:
        smpp.encode(Pdu(t.SUBMIT_SM, 0, 1, Message(destination=Address(1, 1, b"8613900000001" * 2))))
    assert "8613900000001" not in str(caught.value)


# ----------------------------------------------------------------------------------------------------------------- content

SAR = ((t.SAR_REFERENCE, b"\1\2"), (t.SAR_TOTAL, b"\3"), (t.SAR_SEQUENCE, b"\2"))
UDH = bytes.fromhex("050003070201")


@pytest.mark.parametrize(
    ("body", "tlvs", "concat", "data", "faults"),
    [
        (Message(short_message=b"hello"), (), None, b"hello", 0),
        (Message(esm_class=0x40, short_message=UDH + b"hello"), (), Concat(7, 2, 1), b"hello", 0),
        (Message(short_message=b"hello"), SAR, Concat(0x102, 3, 2, wide=True), b"hello", 0),
        (Message(esm_class=0x40, short_message=UDH + b"hello"), SAR, Concat(7, 2, 1), b"hello", 1),  # both: the header counts
        (Message(), ((t.MESSAGE_PAYLOAD, b"payload"),), None, b"payload", 0),
        (Message(esm_class=0x40), ((t.MESSAGE_PAYLOAD, UDH + b"payload"),), Concat(7, 2, 1), b"payload", 0),
        (Message(short_message=b"hello"), ((t.MESSAGE_PAYLOAD, b"payload"),), None, b"hello", 1),
        (Message(esm_class=0x40, short_message=b"\x30hello"), (), None, b"\x30hello", 1),  # announced, not there
        (Message(esm_class=0x40), (), None, b"", 1),
        (Message(short_message=b"a"), ((t.SAR_REFERENCE, b""), (t.SAR_TOTAL, b"\1"), (t.SAR_SEQUENCE, b"\2")), None, b"a", 0),
        (smpp.DataMessage(), ((t.MESSAGE_PAYLOAD, b"payload"), *SAR), Concat(0x102, 3, 2, wide=True), b"payload", 0),
    ],
)
def test_content_wherever_it_stands(body, tlvs, concat, data, faults):
    seen = smpp.content(Pdu(t.DATA_SM if isinstance(body, smpp.DataMessage) else t.SUBMIT_SM, 0, 1, body, tlvs))
    assert (seen.header.concat, seen.data, len(seen.faults)) == (concat, data, faults)


def test_ports_of_optional_parameters():
    ports = ((t.DESTINATION_PORT, b"\x0b\x84"), (t.SOURCE_PORT, b"\x23\xf0"))
    seen = smpp.content(Pdu(t.SUBMIT_SM, 0, 1, Message(esm_class=0x40, short_message=UDH), ports))
    assert (seen.header.destination, seen.header.source, seen.header.concat) == (2948, 9200, Concat(7, 2, 1))
    with pytest.raises(DecodeError):
        smpp.content(Pdu(t.ENQUIRE_LINK))


@pytest.mark.parametrize(
    ("octets", "coding", "text"),
    [
        ("1b65", 0, "€"),
        ("48fc", 3, "Hü"),
        ("7aef53", 8, "端"),
        ("d83d", 8, "\ufffd"),
        ("ff00", 4, "ÿ\0"),
        ("00", 0xF1, "@"),
        ("7aef", 0xE8, "端"),
        ("61ff", 1, "a\ufffd"),
    ],
)
def test_text_by_its_coding(octets, coding, text):
    assert smpp.text(bytes.fromhex(octets), coding) == text


# --------------------------------------------------------------------------------------------------------------- receipts


def test_cloudhoppers_receipt_texts(shared):
    """Misspelt fields are lost; all others are read."""
    lines = (shared / "vectors/cloudhopper-smpp/delivery-receipt-texts.txt").read_bytes().splitlines()
    assert len(lines) == 13
    whole = {"message_id", "submitted", "done", "stat", "err", "text"}
    seen = [smpp.fields(line) for line in lines]
    lost = [whole - set(fields) for fields in seen]
    assert lost[:8] == [{"message_id"}, set(), set(), {"submitted"}, {"done"}, {"stat"}, {"err"}, {"text"}]
    assert lost[8:] == [set(), set(), set(), {"text"}, whole - {"submitted"}]
    assert all(fields.get("stat") in {None, b"DELIVRD", b"ENROUTE"} for fields in seen)
    assert seen[9]["message_id"] == b"74e02ee1-4e2f-4a6e-a78b-4b247d756a22"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"id:1 stat:DELIVRD", ("1", "DELIVRD", "")),
        (b"ID:a1 Submit Date:1 Done_Date:2 STATUS:Undeliverable ERROR:0x12 TEXT:", ("a1", "UNDELIV", "0x12")),
        (b"stat:REJECTED\r\nid: 77\0", ("77", "REJECTD", "")),
        (b"id:9 stat:MK:0012 err:MK:0012", ("9", "MK:0012", "MK:0012")),
        (b"hello", ("", "", "")),
        (b"", ("", "", "")),
        (b"id:1 stat:EXPIRED text:id:2 stat:DELIVRD", ("1", "EXPIRED", "")),  # what we had sent counts for nothing
    ],
)
def test_receipts_of_any_form(text, told):
    seen = smpp.receipt(Pdu(t.DELIVER_SM, 0, 1, Message(esm_class=4, short_message=text)))
    assert seen is not None
    assert (seen.message_id.decode(), seen.state, seen.err.decode()) == told


def test_optional_parameters_count_more_than_the_text():
    seen = smpp.receipt(OURS[14])
    assert seen is not None
    assert (seen.message_id, seen.state, seen.network, seen.done, seen.final) == (b"00010103", "UNDELIV", (3, 11), b"2611221744", True)
    bare = smpp.receipt(Pdu(t.DATA_SM, 0, 1, smpp.DataMessage(esm_class=4), ((t.RECEIPTED_MESSAGE_ID, b"7"), (t.MESSAGE_STATE, b"\2"))))
    assert bare is not None
    assert (bare.message_id, bare.state) == (b"7", "DELIVRD")


def test_what_only_looks_like_a_receipt():
    """A subscriber's text is none, unless the SMSC is known to mark none."""
    pdu = Pdu(t.DELIVER_SM, 0, 1, Message(short_message=b"id:1 sub:001 stat:DELIVRD err:000"))
    assert smpp.receipt(pdu) is None
    trusted = smpp.receipt(pdu, trusting=True)
    assert trusted is not None
    assert trusted.state == "DELIVRD"
    assert smpp.receipt(Pdu(t.DELIVER_SM, 0, 1, Message(short_message=b"yes")), trusting=True) is None
    assert smpp.receipt(Pdu(t.ENQUIRE_LINK)) is None
    marked = smpp.receipt(Pdu(t.DELIVER_SM, 0, 1, Message(), ((t.RECEIPTED_MESSAGE_ID, b"1\0"),)))
    assert marked is not None
    assert not marked.final


@pytest.mark.parametrize(("esm", "state", "final"), [(4, 2, True), (4, 1, False), (4, 6, False), (0x20, 2, False), (4, 99, False)])
def test_what_is_final(esm, state, final):
    seen = smpp.receipt(Pdu(t.DELIVER_SM, 0, 1, Message(esm_class=esm), ((t.MESSAGE_STATE, bytes((state,))),)))
    assert seen is not None
    assert seen.final is final


@pytest.mark.parametrize(
    ("answered", "told"),
    [(b"f3a0", b"62368"), (b"62368", b"F3A0"), (b"0000f3a0", b"0000062368"), (b"12", b"12"), (b"0", b"00"), (b"A-1", b"a-1")],
)
def test_an_id_is_known_in_either_spelling(answered, told):
    assert smpp.canonical(answered) in smpp.spellings(told)


@hypothesis.given(st.integers(0, 2**63 - 1))
def test_every_number_is_known_in_either_spelling(number):
    decimal, hexadecimal = b"%d" % number, b"%08X" % number
    assert smpp.canonical(hexadecimal) in smpp.spellings(decimal)
    assert smpp.canonical(decimal) in smpp.spellings(hexadecimal)


# --------------------------------------------------------------------------------------------------------- another witness


def generated(draw: random.Random) -> list[Pdu]:
    pdus: list[Pdu] = []
    for number in range(1, 200):
        who = Address(draw.randrange(3), 1, b"86139%08d" % draw.randrange(10**8))
        short = draw.choice([b"hello", gsm7.encode("[€] Ω"), bytes(draw.randrange(1, 140)), b"x" * 160])
        tlvs: list[tuple[int, bytes]] = []
        if draw.random() < 0.5:
            tlvs += [(t.USER_MESSAGE_REFERENCE, draw.randbytes(2)), *SAR]
        if draw.random() < 0.3:
            tlvs.append((t.RECEIPTED_MESSAGE_ID, b"%08x\0" % draw.getrandbits(32)))
        body = Message(b"", WE, who, 0, 0, draw.randrange(4), b"", b"", draw.randrange(2), 0, draw.choice([0, 3, 4]), 0, short)
        pdus.append(Pdu(draw.choice([t.SUBMIT_SM, t.DELIVER_SM]), 0, number, body, tuple(tlvs)))
        pdus.append(Pdu(R | t.SUBMIT_SM, draw.choice([0, 0x58, 0x0B]), number, smpp.MessageAnswer(b"%d" % number)))
    return pdus


def test_smpp34_reads_and_writes_the_same(seed):
    """Another implementation's submit_sm and deliver_sm, octet for octet."""
    for pdu in generated(random.Random(seed)):
        body = pdu.body
        if not isinstance(body, Message):
            continue
        kind = smpp34.SubmitSm if pdu.command == t.SUBMIT_SM else smpp34.DeliverSm
        theirs = kind(
            body.source.number.decode(),
            body.destination.number.decode(),
            body.short_message,
            source_addr_ton=body.source.ton,
            source_addr_npi=body.source.npi,
            dest_addr_ton=body.destination.ton,
            dest_addr_npi=body.destination.npi,
            priority_flag=body.priority_flag,
            registered_delivery=body.registered_delivery,
            data_coding=body.data_coding,
            tlvs=[smpp34.Tlv(tag, value) for tag, value in pdu.tlvs],
            sequence_number=pdu.sequence,
        )
        assert theirs.encode() == smpp.encode(pdu)
        assert smpp.decode(theirs.encode()) == pdu


# -------------------------------------------------------------------------------------------------------------- any octets


@hypothesis.given(st.binary(max_size=200), st.sampled_from([*t.NAMES, 0x999]))
def test_any_octets(data, command):
    whole = (len(data) + 16).to_bytes(4, "big") + command.to_bytes(4, "big") + bytes(7) + b"\1" + data
    for octets in (data, whole):
        refusal = pdu = None
        try:
            pdu = smpp.decode(octets)
        except DecodeError as caught:
            refusal = caught
        faults = pdu.faults if pdu is not None else (refusal,)
        assert all(fault is not None and fault.clause and 0 <= fault.offset <= len(octets) for fault in faults)
        if pdu is not None:
            smpp.receipt(pdu, trusting=True)
            smpp.show(octets)


@hypothesis.given(st.sampled_from(OURS), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_octets_changed(pdu, changes):
    """Read or refused; what is read can be written and says the same."""
    data = bytearray(smpp.encode(pdu))
    for place, octet in changes:
        data[4 + place % (len(data) - 4)] = octet
    try:
        seen = smpp.decode(bytes(data))
        again = smpp.encode(seen)
    except (DecodeError, EncodeError):
        return
    assert smpp.decode(again) == seen


@pytest.mark.parametrize("filler", [b"\0", b"\0\0\0\0", b"id:stat:", b"\xff"])
def test_a_large_pdu_costs_little(filler):
    body = (filler * 70_000)[:65_000]
    for command in (t.SUBMIT_SM, t.DELIVER_SM, t.SUBMIT_MULTI, R | t.SUBMIT_MULTI, t.ENQUIRE_LINK):
        data = (len(body) + 16).to_bytes(4, "big") + command.to_bytes(4, "big") + bytes(7) + b"\1" + body
        try:
            smpp.receipt(smpp.decode(data), trusting=True)
        except DecodeError as refusal:
            assert refusal.clause  # noqa: PT017  # either way is right; that it ends is what counts
    assert len(smpp.fields(body)) <= 6


# ------------------------------------------------------------------------------------------------------------------- shown


def shown(message: Message, *tlvs: tuple[int, bytes], command: int = t.DELIVER_SM) -> Shown:
    return smpp.show(smpp.encode(Pdu(command, 0, 7, message, tlvs)))


@pytest.mark.parametrize(
    ("message", "wrong", "at"),
    [
        (Message(esm_class=0x40, data_coding=8, short_message=bytes.fromhex("090003017aef")), "header length and octets disagree", 33),
        (Message(data_coding=8, short_message=b"\x7a\xef\x53"), "UCS-2 of an odd number of octets: the last is no text", 35),
        (Message(esm_class=4, short_message=b"stat:DELIVRD"), "a receipt that does not say of which message", 33),
        (Message(esm_class=4, short_message=b"id:77"), "a receipt that says no state", 33),
    ],
)
def test_what_is_wrong_inside_is_told(message, wrong, at):
    """`mmsd decode` ends with 1: the PDU is whole, what it carries is not."""
    (warned,) = shown(message).warnings
    assert (warned.text, warned.offset) == (wrong, at)
    assert warned.clause


def test_faults_of_a_payload_are_placed_in_it():
    pdu = Pdu(t.DELIVER_SM, 0, 7, Message(data_coding=8), ((t.MESSAGE_PAYLOAD, b"\x7a\xef\x53"),))
    (fault,) = smpp.content(pdu).faults
    assert smpp.encode(pdu)[fault.offset :] == b"\x53"


def test_numbers_have_their_words():
    message = Message(
        source=Address(1, 1, b"8613900000001"), esm_class=0x43, registered_delivery=0x11, data_coding=8,
        short_message=bytes.fromhex("0B0003AA02010504 0B8423F0".replace(" ", "")) + bytes.fromhex("4E2D"),
    )  # fmt: skip
    seen = shown(message, command=t.SUBMIT_SM)
    said = {line.name: line.text for line in seen.lines}
    assert said["source"] == "8613900000001 (1/1): international, E.164"
    assert said["esm_class"] == "67: store and forward, user data header"
    assert said["registered_delivery"] == "17: receipt wanted, intermediate notification wanted"
    assert said["data_coding"] == "8: UCS-2"
    assert said["header"] == "destination_port 2948, source_port 9200, concatenation 1 of 2, reference 170"
    (values,) = seen.values["pdus"]
    assert (values["esm_class"], values["words"]["esm_class"]) == (67, "store and forward, user data header")
    assert values["header"] == {
        "destination_port": 2948,
        "source_port": 9200,
        "concatenation": {"reference": 170, "total": 2, "sequence": 1},
    }
    assert (values["short_message"][-4:], values["text"]) == ("4e2d", "中")  # not "N-", which these octets are in ASCII
    assert seen.warnings == ()


def test_optional_parameters_twice():
    receipt = Message(esm_class=4, short_message=b"")
    seen = shown(receipt, (t.RECEIPTED_MESSAGE_ID, b"a\0"), (t.MESSAGE_STATE, b"\2"), (t.RECEIPTED_MESSAGE_ID, b"b\0"))
    (values,) = seen.values["pdus"]
    assert (values["receipted_message_id"], values["words"]["message_state"]) == (["a", "b"], "DELIVRD")
    assert [(line.text, line.length) for line in seen.lines if line.name == "receipted_message_id"] == [("a", 6), ("b", 6)]
    assert [(warned.text, warned.offset) for warned in seen.warnings] == [("receipted_message_id 2 times: the first counts", 44)]
    assert values["receipt"]["message_id"] == "a"


@pytest.mark.parametrize("pdu", OURS, ids=lambda pdu: f"{pdu.name}-{pdu.sequence}")
def test_cut_short_is_shown_as_far_as_it_goes(pdu):
    """The last of several, at every octet: no field says what it does not say whole, but for the message itself."""
    data = smpp.encode(pdu)
    whole = {line.name: line for line in smpp.show(data).lines}
    for stop in range(t.HEADER, len(data)):
        if pdu.command not in t.NAMES:
            with pytest.raises(DecodeError):
                smpp.show(data[:stop])
            continue
        seen = smpp.show(data + data[:stop])
        assert [row["command"] for row in seen.values["pdus"]] == [pdu.name] * 2
        assert seen.warnings[-1].text == f"the PDU is cut short: {stop} of {len(data)} octets"
        for line in smpp.show(data[:stop]).lines[1:]:
            assert line.offset + line.length <= stop
            if line.offset + line.length < stop and line.name != "receipt":  # drawn from all of it
                assert line == whole[line.name]


def test_nothing_is_made_of_markup():
    with pytest.raises(DecodeError):
        smpp.show(b"<html><body>404</body></html>")
