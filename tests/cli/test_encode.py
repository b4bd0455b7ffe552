"""`mmsd encode`: what it prints is what a handset can read; what it must not print, it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mmsd.cli import EXIT_CONFIG, main
from mmsd.codec import provision, push, sms
from mmsd.codec.provision import Indication, Loading, Security
from mmsd.codec.push import PushKind

Run = Callable[..., Result]

ACCOUNT = ("--name", "MMS", "--apn", "cmwap", "--mmsc", "http://mmsc.example/", "--proxy", "10.0.0.172")
IMSI = "460001234567890"


@pytest.fixture
def run() -> Run:
    """`run("provisioning", …, stdin="…")`: one `mmsd encode` in this process."""

    def invoke(*arguments: object, stdin: str = "") -> Result:
        return CliRunner().invoke(main, ["encode", *map(str, arguments)], input=stdin)

    return invoke


def pieces(printed: str) -> list[tuple[bytes, bytes]]:
    return [(bytes.fromhex(udh), bytes.fromhex(data)) for udh, data in (line.split() for line in printed.splitlines())]


def joined(printed: str) -> bytes:
    return b"".join(data for _, data in pieces(printed))


def test_settings_from_options(run):
    result = run("provisioning", *ACCOUNT, "--pin", "1234", "--push-id", 9)
    assert (result.exit_code, result.stderr) == (0, "")
    assert all(len(udh) + len(data) <= sms.CAPACITY for udh, data in pieces(result.stdout))
    pushed = provision.read_push(joined(result.stdout))
    assert pushed.push_id == 9
    assert pushed.seal is not None
    assert pushed.seal.security is Security.USERPIN
    assert provision.genuine(pushed.body, pushed.seal, b"1234")
    assert provision.lint(provision.decode(pushed.body)) == ()


def test_the_subscriber_types_the_mac(run):
    result = run("provisioning", *ACCOUNT, "--pin", "-", "--typed", "--json", stdin="31415\n")
    values = json.loads(result.stdout)
    assert (result.exit_code, values["sec"], values["mac"]) == (0, "USERPINMAC", "")
    assert provision.typed_genuine(bytes.fromhex(values["wbxml"]), values["typed_pin"])
    assert values["typed_pin"].startswith("31415")
    assert values["typed_pin"] in result.stderr
    assert bytes.fromhex(values["push"])[2:7] == bytes.fromhex("0403b69183")


@pytest.mark.parametrize(
    ("arguments", "security", "key"),
    [
        (("--imsi", "-"), Security.NETWPIN, provision.imsi_key(IMSI)),
        (("--imsi", "-", "--pin", "77"), Security.USERNETWPIN, provision.imsi_key(IMSI) + b"77"),
    ],
)
def test_the_imsi_from_standard_input(run, arguments, security, key):
    result = run("provisioning", *ACCOUNT, *arguments, "--json", stdin=f"{IMSI}\n")
    values = json.loads(result.stdout)
    assert (result.exit_code, values["sec"], values["findings"]) == (0, security.name, [])
    assert provision.seal(bytes.fromhex(values["wbxml"]), security, key).mac == values["mac"]
    assert bytes.fromhex(values["push"]).endswith(bytes.fromhex(values["wbxml"]))
    assert "".join(piece["data"] for piece in values["sms"]) == values["push"]
    assert IMSI not in result.output


def test_documents_of_kannel_give_its_pieces(run, shared):
    for vector in json.loads((shared / "samples/kannel/ota/vectors.json").read_text()):
        if vector.get("sec") != "USERPIN" or vector["xml"] == "ota-unknownparm.xml":
            continue
        pin = bytes.fromhex(vector["mac_key_hex"]).decode()
        result = run("provisioning", shared / "samples/kannel/ota" / vector["xml"], "--pin", pin)
        assert (result.exit_code, joined(result.stdout).hex()) == (0, vector["wsp_pdu"])


def test_forms(run, tmp_path):
    text = run("provisioning", *ACCOUNT, "--form", "xml").stdout
    octets = run("provisioning", *ACCOUNT, "--form", "wbxml").stdout.strip()
    assert provision.from_xml(text.encode()) == provision.decode(bytes.fromhex(octets))
    (tmp_path / "settings.xml").write_text(text)
    (tmp_path / "settings.wbxml").write_bytes(bytes.fromhex(octets))
    for source, stdin in ((tmp_path / "settings.xml", ""), (tmp_path / "settings.wbxml", ""), (octets, ""), ("-", octets)):
        assert run("provisioning", source, "--form", "wbxml", stdin=stdin).stdout.strip() == octets


def test_an_error_stops_it(run, tmp_path):
    document = tmp_path / "settings.xml"
    document.write_text(run("provisioning", *ACCOUNT, "--form", "xml").stdout.replace('"TO-PROXY" value="PX1"', '"TO-PROXY" value="px1"'))
    result = run("provisioning", document, "--pin", "1234")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "error reference-case at APPLICATION[1]/TO-PROXY, line 30: 'px1' is not 'PX1'; write TO-PROXY as" in result.stderr
    result = run("provisioning", document, "--pin", "1234", "--anyway", "--json")
    assert result.exit_code == 1
    assert [finding["rule"] for finding in json.loads(result.stdout)["findings"]] == ["reference-case"]


def test_a_warning_is_told(run, tmp_path):
    document = tmp_path / "settings.xml"
    document.write_text(run("provisioning", *ACCOUNT, "--form", "xml").stdout.replace('"NAME" value="MMS"/>', '"NAME" value="MMS "/>'))
    result = run("provisioning", document, "--pin", "1234")
    assert result.exit_code == 1
    assert "warning blank at BOOTSTRAP[1]/NAME, line 5" in result.stderr
    assert provision.read_push(joined(result.stdout)).seal is not None


def test_the_catalogue(run, tmp_path):
    catalogue = tmp_path / "signed.toml"
    catalogue.write_text('access_points = ["cmwap"]\nproxies = ["10.0.0.172"]\nmmscs = ["http://mmsc.example/"]\n')
    assert run("provisioning", *ACCOUNT, "--pin", "1", "--catalogue", catalogue).exit_code == 0
    result = run("provisioning", *ACCOUNT, "--page", "http://evil.example/", "--pin", "1", "--catalogue", catalogue)
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        "error unsigned-page at APPLICATION[1]/RESOURCE[1]/URI: home page 'http://evil.example/' is not in the catalogue" in result.stderr
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("proxy = []", "proxy: no such list"),
        ('pages = "http://a/"', "pages: a list"),
        ("pages = [1]", "pages: a list"),
        ("=", "signed.toml: "),
    ],
)
def test_a_broken_catalogue(run, tmp_path, text, message):
    (tmp_path / "signed.toml").write_text(text)
    result = run("provisioning", *ACCOUNT, "--pin", "1", "--catalogue", tmp_path / "signed.toml")
    assert result.exit_code == EXIT_CONFIG
    assert message in result.stderr
    assert run("provisioning", *ACCOUNT, "--pin", "1", "--catalogue", tmp_path / "none.toml").exit_code == EXIT_CONFIG


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (ACCOUNT, "never sent unsealed"),
        (("--name", "MMS"), "--name, --apn and --mmsc"),
        (("05", *ACCOUNT), "either a document, or settings by options"),
        ((*ACCOUNT, "--pin", "abc"), "a PIN has digits"),
        ((*ACCOUNT, "--pin", "1234", "--typed"), "5 to 20 digits"),
        ((*ACCOUNT, "--imsi", IMSI, "--pin", "31415", "--typed"), "--typed goes with --pin alone"),
        ((*ACCOUNT, "--imsi", "46000x"), "an IMSI has"),
        ((*ACCOUNT, "--imsi", "-", "--pin", "-"), "standard input gives one thing"),
        (("030b6a0045",), "cut short"),
        (("030b6a0006",), "no provisioning document"),
    ],
)
def test_refused(run, arguments, message):
    result = run("provisioning", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert "46000x" not in result.stderr


def test_notification(run):
    result = run("push", "notification", "--transaction", "T1", "--location", "http://m/a", "--size", 10240, "--from", "+8613900000001",
                 "--subject", "清明")  # fmt: skip
    ((udh, data),) = pieces(result.stdout)
    seen = push.decode_push(data, udh)
    assert (seen.transaction, seen.location, seen.size, seen.expiry_relative) == (b"T1", b"http://m/a", 10240, 259200)
    assert (seen.sender, seen.title, seen.faults) == (b"+8613900000001/TYPE=PLMN", "清明", ())


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("8613900000001", b"+8613900000001/TYPE=PLMN"),
        ("13900000001", b"13900000001/TYPE=PLMN"),
        ("+16505550100", b"+16505550100/TYPE=PLMN"),
        ("10086", b"10086/TYPE=PLMN"),
        ("008613900000001", b"008613900000001/TYPE=PLMN"),
        ("a@b.example", b"a@b.example"),
    ],
)
def test_who_sends_is_written_as_handsets_know_it(run, given, written):
    """The number that `mmsd send` takes is the number here."""
    result = run("push", "notification", "--transaction", "T1", "--location", "http://m/a", "--size", 10, "--from", given)
    ((udh, data),) = pieces(result.stdout)
    assert push.decode_push(data, udh).sender == written


def test_services(run):
    arguments = ("--href", "http://a/", "--text", "你好", "--action", "signal-high", "--id", "1", "--created", "2026-11-22T10:00:00Z")
    result = run("push", "si", *arguments)
    service = provision.decode_service(provision.read_push(joined(result.stdout)).body)
    assert service == Indication("http://a/", "你好", "signal-high", "1", "2026-11-22T10:00:00Z")
    result = run("push", "sl", "--href", "http://a/", "--action", "cache")
    assert provision.decode_service(provision.read_push(joined(result.stdout)).body) == Loading("http://a/", "cache")
    refused = run("push", "si", "--href", "http://a/", "--created", "now")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_ota_settings_are_kannels(run, shared):
    vector = next(v for v in json.loads((shared / "samples/kannel/ota/vectors.json").read_text()) if v.get("xml") == "ota-nokia.xml")
    result = run("push", "settings", shared / "samples/kannel/ota/ota-nokia.xml", "--reference", 0x22)
    assert [(udh + data).hex() for udh, data in pieces(result.stdout)] == vector["segments"]
    bookmark = run("push", "settings", shared / "vectors/kannel/bookmark.txt")
    assert push.decode_push(joined(bookmark.stdout)).kind == PushKind.SETTINGS
    assert provision.read_push(joined(bookmark.stdout)).media == "application/x-wap-prov.browser-bookmarks"
    assert run("push", "settings", shared / "samples/kannel/ota/ota-min.xml").exit_code == 2


def test_what_is_made_is_decoded(run, tmp_path: Path):
    """`mmsd decode` reads what `mmsd encode` prints."""
    printed = run("push", "sl", "--href", "http://www.xyz.com/a").stdout
    result = CliRunner().invoke(main, ["decode", "push", printed.replace(" ", "").strip(), "--json"])
    assert result.exit_code == 0, result.output


def test_what_is_made_in_pieces_is_decoded(run):
    """Provisioning takes several SMS: the lines as they are printed."""
    printed = run("provisioning", *ACCOUNT, "--pin", "1234").stdout
    assert len(printed.splitlines()) > 1
    result = CliRunner().invoke(main, ["decode", "push", "-", "--json"], input=printed)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["wbxml"]["public_id"]
