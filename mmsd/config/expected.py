"""Files of expected settings by operator: TOML, ours and an operator's own; `apn_xml` reads the public lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import msgspec

from mmsd.config.faults import Fault, Faulty, Report
from mmsd.config.locate import KeyPath
from mmsd.config.reader import Faulted, Reader, parse
from mmsd.rules.operators import Access, Profile, authority_of, plmn

_AUTHORITY: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_APN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class OperatorsFile(msgspec.Struct, frozen=True):
    """A file of expected settings."""

    operators: tuple[Profile, ...] = ()


def shipped_profiles() -> tuple[Profile, ...]:
    """What mmsd itself knows: China's operators."""
    found: list[Profile] = []
    for entry in sorted((files("mmsd.config") / "operators").iterdir(), key=lambda entry: entry.name):
        with as_file(entry) as path:
            found += load_profiles(path)
    return tuple(found)


def load_profiles(path: Path) -> tuple[Profile, ...]:
    """All operators of a TOML file, in its order. Raises Faulty with every fault there is."""
    profiles, faults = read_profiles(path)
    if faults:
        raise Faulty(faults)
    return profiles


def read_profiles(path: Path) -> tuple[tuple[Profile, ...], list[Fault]]:
    """All operators of a TOML file and every fault in it."""
    raw, report = parse(path)
    if report.faults:
        return (), report.faults
    made = Reader(report, {Profile: check_profile}).read(OperatorsFile, raw, ())
    whole: OperatorsFile = made.instead if isinstance(made, Faulted) else made
    _check_owners(whole.operators, report)
    named = tuple(msgspec.structs.replace(profile, source=path.name) for profile in whole.operators)
    return named, sorted(report.faults, key=lambda fault: fault.line)


def check_profile(profile: Profile, key: KeyPath, report: Report) -> None:
    for index, text in enumerate(profile.plmns):
        try:
            plmn(text)
        except ValueError as error:
            report.add((*key, "plmns", index), str(error), "write the MCC, a hyphen and the MNC with all of its digits")
    if not profile.plmns:
        report.add((*key, "plmns"), "is empty", 'say whose settings these are: plmns = ["460-00"]')
    for name in ("internet_apns", "apn_aliases"):
        for index, apn in enumerate(getattr(profile, name)):
            _check_apn(apn, (*key, name, index), report)
    for index, access in enumerate(profile.mms):
        here = (*key, "mms", index)
        _check_apn(access.apn, (*here, "apn"), report)
        if access.mmsc and (re.match(r"https?://", access.mmsc) is None or _AUTHORITY.fullmatch(authority_of(access.mmsc)) is None):
            report.add((*here, "mmsc"), f"{access.mmsc!r} is no URL of an MMSC", "write http://host[:port][/path]")
        if access.proxy:
            _check_authority(access.proxy, (*here, "proxy"), report)
        _check_signature(access, here, report)
    if profile.wap1_proxy:
        _check_authority(profile.wap1_proxy, (*key, "wap1_proxy"), report)
    for index, name in enumerate(profile.authorities):
        _check_authority(name, (*key, "authorities", index), report)
    for index, login in enumerate(profile.logins):
        if "/" not in login:
            report.add((*key, "logins", index), f"{login!r} is no user with a password", "write user/password")


def _check_signature(access: Access, key: KeyPath, report: Report) -> None:
    if bool(access.signed_by) != bool(access.signed_on):
        missing = "signed_on" if access.signed_by else "signed_by"
        report.add((*key, missing), "is missing", "a sign-off has a name and a day; take both out to have none")
    elif access.signed_on:
        try:
            date.fromisoformat(access.signed_on)
        except ValueError:
            report.add((*key, "signed_on"), f"{access.signed_on!r} is no day", "write 2026-11-22")
        if not access.complete:
            report.add((*key, "signed_by"), "signs settings that are not whole", "a handset needs apn and mmsc at least")


def _check_apn(apn: str, key: KeyPath, report: Report) -> None:
    if _APN.fullmatch(apn) is None:
        report.add(key, f"{apn!r} is no APN", "write its name alone, without blanks")


def _check_authority(text: str, key: KeyPath, report: Report) -> None:
    if _AUTHORITY.fullmatch(text) is None:
        report.add(key, f"{text!r} is no host[:port]", "leave out http:// and the path")


def _check_owners(profiles: Sequence[Profile], report: Report) -> None:
    owners: dict[str, str] = {}
    for place, profile in enumerate(profiles):
        for index, text in enumerate(profile.plmns):
            if owners.setdefault(text, profile.name) != profile.name:
                what = f"{text} is {owners[text]!r} above"
                report.add(("operators", place, "plmns", index), what, "an MCC-MNC has one entry in a file")


def profiles_as_toml(profiles: Sequence[Profile]) -> str:
    """A file of expected settings, as `load_profiles` reads it: what `mmsd settings show` prints, to begin an own file with."""
    lines: list[str] = []
    for profile in profiles:
        lines += ["", "[[operators]]"]
        lines += _pairs(msgspec.structs.replace(profile, source=""))
        for access in profile.mms:
            lines += ["", "[[operators.mms]]", *_pairs(access)]
    return "\n".join(lines[1:]) + "\n"


def _pairs(struct: msgspec.Struct) -> list[str]:
    """Settings of a struct that are not its defaults, but for tables."""
    lines = []
    for field in msgspec.structs.fields(type(struct)):
        value = getattr(struct, field.name)
        if field.name == "mms" or (not field.required and value == field.default):
            continue
        lines.append(f"{field.name} = {msgspec.json.encode(value).decode()}")
    return lines
