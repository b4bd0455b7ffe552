"""Second opinions on WBXML: libwbxml reads and writes it, Kannel's compilers write it. tshark's is asked for in test_tshark_wbxml.

Known faults of theirs, left out below: libwbxml writes TRETRA for TETRA, and knows no document whose public id is unknown unless it is
told.
"""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from mmsd.codec import provision, tree, wbxml
from mmsd.codec.provision import Indication, Loading
from mmsd.codec.tables import ota, provisioning, si
from mmsd.codec.tree import Attribute, Element
from mmsd.codec.wbxml import Document
from tests.codec.test_wbxml import documents, plain

KANNEL = Path("/usr/lib/kannel/test")
TOLD = {"SI": si.SI, "SL": si.SL, "PROV": provisioning.LANGUAGE, "OTA": ota.LANGUAGE}


def libwbxml(debian, *arguments: str, data: bytes, of: str = "wbxml2xml") -> bytes:
    program = Path(debian("libwbxml2-utils")).with_name(of)
    answer = subprocess.run([program, *arguments, "-o", "-", "-"], input=data, capture_output=True, timeout=20, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def told(document: Document) -> tuple[str, ...]:
    return ("-l", next(name for name, language in TOLD.items() if language is document.language))


def generated(draw: random.Random) -> list[Document]:
    """Documents of every token there is, in any order, with texts of any kind beside them."""
    made = []
    texts = ["", "a", "10.0.0.172", "http://www.example.com/a?b=c&d", "彩信 <&>\"'", "APN1", "x" * 300]
    prov = provisioning.LANGUAGE
    values = [value for page in prov.values.values() for value in page.values() if "TETRA" not in value]
    for name, text in sorted({pair for page in prov.attributes.values() for pair in page.values() if pair[1]}):
        child = Element("parm" if name == "name" else "characteristic", (Attribute(name, (text,)),))
        if name == "name":
            value = draw.choice(values + texts[1:])
            child = Element("parm", (*child.attributes, Attribute("value", (value,))))
        made.append(Document(Element(prov.root, (Attribute("version", (draw.choice(["1.0", "1.1"]),)),), (child,)), prov, public_id=11))
    for action in ("", *si.SI_ACTIONS):
        for href in ("http://a/", "https://www.a.org/x.com/y", "http://www.a.edu/b", "a.net/c", "mailto:a@b"):
            said = Indication(href, draw.choice(texts[1:]), action, "id-1", "1999-06-25T15:23:15Z", "2026-11-22T10:00:00Z")
            made.append(wbxml.decode(provision.encode_indication(said)))
    for action in ("", *si.SL_ACTIONS):
        made.append(wbxml.decode(provision.encode_loading(Loading("https://www.a.com/x.org/y", action))))
    for name, text in sorted({pair for pair in ota.LANGUAGE.attributes[0].values() if pair[1]}):
        inner = Element("PARM", (Attribute(name, (text,)), Attribute("VALUE", (draw.choice(texts[1:]),)))) if name == "NAME" else None
        node = Element("CHARACTERISTIC", () if inner else (Attribute(name, (text,)),), (inner,) if inner else ())
        made.append(Document(Element(ota.LANGUAGE.root, (), (node,)), ota.LANGUAGE, 1, 1))
    return made


@pytest.mark.debian("libwbxml2-utils")
def test_libwbxml_reads_every_vector_as_we_do(debian, shared):
    for path in documents(shared):
        if path.name == "cp-vendorconfig-refused.wbxml":  # ends early: libwbxml refuses it
            continue
        read = wbxml.decode(path.read_bytes())
        theirs = tree.from_xml(libwbxml(debian, *told(read), data=path.read_bytes()))
        assert plain(theirs) == plain(read.root), path


@pytest.mark.debian("libwbxml2-utils")
def test_libwbxml_reads_what_we_write(debian, seed):
    made = generated(random.Random(seed))
    assert len(made) > 180
    for document in draw_some(made, seed):
        theirs = tree.from_xml(libwbxml(debian, *told(document), data=wbxml.encode(document)))
        assert plain(theirs) == plain(document.root), wbxml.encode(document).hex()


def draw_some(made: list[Document], seed: int) -> list[Document]:
    """A process each: some of them, others with another seed."""
    return random.Random(seed).sample(made, 120)


@pytest.mark.debian("libwbxml2-utils")
def test_libwbxml_writes_what_we_write(debian, shared):
    """Without its string table; and with it, its octets are those of the vectors, which we write again."""
    ours = sorted((shared / "samples/kannel/ota").glob("*.xml")) + sorted((shared / "vectors/libwbxml").glob("*/*.xml"))
    assert len(ours) == 37
    for path in ours:
        root = tree.from_xml(path.read_bytes())
        language = next(language for language in wbxml.LANGUAGES if language.root == root.name)
        minor = 3 if language is provisioning.LANGUAGE else 1 if language is ota.LANGUAGE else 2
        written = wbxml.encode(Document(without_empty(root), language, minor, language.public_id))
        assert libwbxml(debian, "-n", "-v", f"1.{minor}", data=path.read_bytes(), of="xml2wbxml") == written, path


def without_empty(node: Element) -> Element:
    """libwbxml writes no string for an empty value."""
    children = tuple(without_empty(child) if isinstance(child, Element) else child for child in node.children)
    return Element(node.name, tuple(Attribute(a.name, a.pieces if a.value else ()) for a in node.attributes), children)


@pytest.mark.debian("kannel-extras")
def test_kannel_writes_what_we_write(shared, tmp_path):
    """Provisioning, OTA settings, bookmarks: by its own test program, on its samples and on ours."""
    paths = [*sorted((shared / "samples/kannel/ota").glob("*.xml")), shared / "vectors/kannel/bookmark.txt", KANNEL / "settings4.txt"]
    for path in paths:
        out = tmp_path / path.name  # test_ota appends
        subprocess.run([KANNEL / "test_ota", "-f", out, path], check=True, capture_output=True, timeout=20)
        root = tree.from_xml(path.read_bytes())
        language = provisioning.LANGUAGE if root.name == provisioning.LANGUAGE.root else ota.LANGUAGE
        minor = 3 if language is provisioning.LANGUAGE else 1
        assert wbxml.encode(Document(root, language, minor, language.public_id)) == out.read_bytes(), path


@pytest.mark.debian("kannel-extras")
@pytest.mark.parametrize(("kind", "language"), [("si", si.SI), ("sl", si.SL)])
def test_kannel_writes_services_as_we_do(tmp_path, kind, language):
    """test_si and test_sl write a dump: what is in it behind its heading, with octets that do not print as \\xNN."""
    out = tmp_path / "out"
    subprocess.run([KANNEL / f"test_{kind}", "-f", out, KANNEL / f"{kind}.txt"], check=True, capture_output=True, timeout=20)
    dumped = out.read_bytes().partition(b"content being\\x0a")[2]
    root = tree.from_xml((KANNEL / f"{kind}.txt").read_bytes())
    written = wbxml.encode(Document(root, language, 2, language.public_id))
    assert "".join(chr(octet) if 0x20 <= octet < 0x7F else f"\\x{octet:02x}" for octet in written).encode() in dumped.replace(
        b"\\\\", b"\\"
    )
