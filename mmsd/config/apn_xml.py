"""The two public lists of operators' settings: mobile-broadband-provider-info and Android's apns-conf, by their root element.

Neither needs a DTD: a document that declares an entity is refused, the name of an external DTD is passed over and never fetched, and
depth and size are bounded. What cannot be used is counted by reason, never fatal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

from mmsd.config.faults import Fault, Faulty
from mmsd.rules.operators import Access, Profile, combined, plmn

MOST_OCTETS: Final = 32 << 20
MOST_ELEMENTS: Final = 1_000_000
_DEEPEST: Final = 16
_LONGEST: Final = 4096  # of one text


@dataclass(slots=True)
class ApnList:
    """What a list held. Each MCC-MNC stands in one profile only."""

    form: str  # provider-info or android
    profiles: list[Profile] = field(default_factory=list)
    apns: int = 0
    complete: int = 0  # APNs with an MMSC and a proxy
    passed: Counter[str] = field(default_factory=Counter)  # reason → APNs or codes that say nothing for us


class _Refused(Exception):
    """The document is not one of ours, or does what neither list needs."""


def read_apns(data: bytes, name: str) -> ApnList:
    """Either list. Raises Faulty with file and line when it is no such document, breaks XML, declares entities or passes a bound."""
    if len(data) > MOST_OCTETS:
        raise Faulty([Fault(name, 0, "", f"{len(data):,} octets", f"a list has {MOST_OCTETS:,} at most")])
    parser = expat.ParserCreate()
    reader = _Document()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _doctype
    parser.EntityDeclHandler = _entity
    parser.buffer_text = True
    try:
        parser.Parse(data, True)  # noqa: FBT003 its one argument has no name
    except expat.ExpatError as error:
        raise Faulty(
            [Fault(name, error.lineno, "", f"not XML: {expat.errors.messages[error.code]}", "take the list as it was published")]
        ) from None
    except (LookupError, ValueError) as error:  # an encoding that nobody knows, or that expat cannot read
        raise Faulty([Fault(name, 1, "", f"not XML: {error}", "take the list as it was published")]) from None
    except _Refused as refusal:
        raise Faulty([Fault(name, parser.CurrentLineNumber, "", str(refusal), "take the list as it was published")]) from None
    reader.found.profiles = combined(reader.profiles)
    return reader.found


def _doctype(name: str, system: str | None, public: str | None, has_internal_subset: int) -> None:
    if has_internal_subset:
        raise _Refused("declares a DTD of its own")


def _entity(*_: Any) -> None:
    raise _Refused("declares an entity")


class _Document:
    """Walks a document and keeps what stands in it of operators."""

    def __init__(self) -> None:
        self.found = ApnList("")
        self.profiles: list[Profile] = []
        self._path: list[str] = []
        self._text = ""
        self._elements = 0
        self._provider: _Provider | None = None
        self._android: dict[str, _Provider] = {}  # by MCC-MNC

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS or len(self._path) >= _DEEPEST:
            raise _Refused("is too large or too deep")
        if not self._path:
            self.found.form = {"serviceproviders": "provider-info", "apns": "android"}.get(tag, "")
            if not self.found.form:
                raise _Refused(f"<{tag}> is neither <serviceproviders> nor <apns>")
        self._path.append(tag)
        self._text = ""
        if self.found.form == "android":
            if tag == "apn":
                self._android_apn(attributes)
        elif tag == "provider":
            self._provider = _Provider(primary=attributes.get("primary") == "true")
        elif self._provider is not None and "gsm" in self._path:
            self._provider.start(tag, attributes)

    def text(self, data: str) -> None:
        if len(self._text) < _LONGEST:
            self._text += data

    def end(self, tag: str) -> None:
        self._path.pop()
        provider = self._provider
        if provider is not None:
            if tag == "name" and self._path[-1] == "provider":
                provider.name = provider.name or self._text.strip()
            elif tag == "provider":
                self._keep(provider)
                self._provider = None
            elif tag == "apn":
                self.found.apns += 1
                self._take(provider, provider.entry, provider.usage)
            elif self._path[-1] == "apn":
                provider.entry[tag] = self._text.strip()
        elif not self._path:
            for found in self._android.values():
                self._keep(found)
        self._text = ""

    def _keep(self, provider: _Provider) -> None:
        names = []
        for code in provider.codes:
            try:
                names.append(plmn(code))
            except ValueError:
                self.found.passed["no MCC-MNC"] += 1
        if not names:
            self.found.passed["provider without MCC-MNC"] += 1
            return
        if not provider.mms:
            self.found.passed["provider without an MMSC"] += 1
            return
        made = Profile(provider.name, tuple(dict.fromkeys(names)), tuple(provider.mms), tuple(dict.fromkeys(provider.internet)))
        if provider.primary:  # the network's own settings come before those of the MVNOs on it
            self.profiles.insert(0, made)
        else:
            self.profiles.append(made)

    def _take(self, provider: _Provider, entry: Mapping[str, str], usage: str) -> None:
        apn, mmsc, proxy = entry.get("apn", ""), entry.get("mmsc", ""), entry.get("mmsproxy", "")
        if mmsc and proxy:
            self.found.complete += 1
        if not apn:
            self.found.passed["APN without a name"] += 1
        elif mmsc:
            url = mmsc if "://" in mmsc else f"http://{mmsc}"
            provider.mms.append(Access(apn, url, proxy, entry.get("username", ""), entry.get("password", "")))
        elif "internet" in usage or not usage:
            provider.internet.append(apn)
        elif "mms" in usage:
            self.found.passed["MMS without an MMSC"] += 1
        else:
            self.found.passed["neither MMS nor internet"] += 1

    def _android_apn(self, attributes: Mapping[str, str]) -> None:
        """One `<apn>`: type is a list of uses, none or `*` for all; mmsc, mmsproxy, mmsport; mvno_type and mvno_match_data for MVNOs."""
        self.found.apns += 1
        code = f"{attributes.get('mcc', '')}-{attributes.get('mnc', '')}"
        if attributes.get("mvno_type"):
            self.found.passed["MVNO: an IMSI's first digits do not tell it"] += 1
            return
        if attributes.get("carrier_enabled") == "false":
            self.found.passed["switched off"] += 1
            return
        provider = self._android.setdefault(code, _Provider(attributes.get("carrier", ""), codes=[code]))
        port = attributes.get("mmsport", "")
        proxy = attributes.get("mmsproxy", "")
        kinds = attributes.get("type", "*").replace(" ", "").split(",")
        usage = " ".join(word for word, names in (("mms", ("mms", "*")), ("internet", ("default", "*", ""))) if set(names) & set(kinds))
        entry = {
            "apn": attributes.get("apn", ""), "username": attributes.get("user", ""), "password": attributes.get("password", ""),
            "mmsc": attributes.get("mmsc", "") if "mms" in usage else "", "mmsproxy": f"{proxy}:{port}" if proxy and port else proxy,
        }  # fmt: skip
        self._take(provider, entry, usage or "other")


@dataclass(slots=True)
class _Provider:
    """One `<provider>` while it is read."""

    name: str = ""
    primary: bool = False
    codes: list[str] = field(default_factory=list)
    mms: list[Access] = field(default_factory=list)
    internet: list[str] = field(default_factory=list)
    entry: dict[str, str] = field(default_factory=dict)  # the `<apn>` that is being read
    usage: str = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "network-id":
            self.codes.append(f"{attributes.get('mcc', '')}-{attributes.get('mnc', '')}")
        elif tag == "apn":
            self.entry, self.usage = {"apn": attributes.get("value", "").strip()}, ""
        elif tag == "usage":
            self.usage = attributes.get("type", "")
