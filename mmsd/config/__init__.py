"""TOML → one frozen tree of settings; every fault is found at once and says file and line, the key's path, what was meant, what to do.

`check(path)` lists the faults, `load(path)` returns `Settings` or raises `Faulty` (a `ConfigError`) with all of them;
`load_campaigns(folder)` and `load_cities(path)` do the same for what lies beside the configuration. Each room defines its own part of
the tree; this module gathers them, knows nothing of their meaning beyond their types and the few checks at the end, and reads no
environment. A path in a file is relative to that file's folder. Secrets are given by file name. Keys nobody knows are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from mmsd.config.causes import load_causes, shipped
from mmsd.config.checks import (
    check_campaign,
    check_caps,
    check_care,
    check_causes,
    check_codes,
    check_draw,
    check_endpoint,
    check_evidence,
    check_feed,
    check_governor,
    check_handover,
    check_link,
    check_operator,
    check_renotify,
    check_request,
    check_seed,
    check_sending,
    check_together,
    check_web,
)
from mmsd.config.codebook import load_codes
from mmsd.config.expected import read_profiles
from mmsd.config.faults import Fault, Faulty, Report
from mmsd.config.locate import KeyPath
from mmsd.config.models_table import read_rules
from mmsd.config.reader import Check, Faulted, Reader, fields, parse, read, zone_named
from mmsd.config.settings import (
    ROLES,
    Campaigns,
    Cities,
    Covers,
    Feed,
    ReferenceFiles,
    Role,
    Sample,
    Settings,
    State,
    Zone,
    role,
    scopes,
    shows_part,
)
from mmsd.link import cmpp, endpoint, kannel, mm7, registry, renotify, smpp, webhook
from mmsd.rules.settings import (
    CampaignSettings,
    CareSettings,
    ClassSettings,
    Codes,
    DrawSettings,
    GovernorSettings,
    Operator,
    RequestSettings,
    SeedSettings,
    SendingSettings,
)
from mmsd.rules.table import Causes
from mmsd.web import site

__all__ = [
    "ROLES", "Covers", "Fault", "Faulty", "Feed", "Role", "Sample", "Settings", "State", "Zone", "check", "fields", "load",
    "load_campaigns", "load_causes", "load_cities", "load_codes", "load_links", "role", "scopes", "shows_part",
]  # fmt: skip


_NO_FOLDER: Final = "make it, or take the setting out"
_LINK_CHECKS: Final[dict[type, Check]] = {
    smpp.Settings: check_link,
    cmpp.Settings: check_link,
    kannel.Settings: check_link,
    mm7.Settings: check_link,
    renotify.Settings: check_renotify,
    endpoint.Settings: check_endpoint,
    webhook.Settings: check_handover,
}


class _Links(msgspec.Struct, frozen=True):
    """What `load_links` reads of a file."""

    links: dict[str, registry.Settings] = {}


def check(path: Path) -> list[Fault]:
    """Every fault of a configuration and of the campaigns and cities it names, in the order of their lines."""
    return _read(path)[1]


def load(path: Path) -> Settings:
    """The settings in a file. Raises Faulty with every fault there is."""
    settings, faults = _read(path)
    if faults or settings is None:
        raise Faulty(faults)
    return settings


def load_links(path: Path) -> Mapping[str, registry.Settings]:
    """The `[links]` of a file alone, whatever else it says: to try an account before there is a feed. Raises Faulty."""
    raw, report = parse(path)
    if not report.faults:
        found: _Links = Reader(report, _LINK_CHECKS).read(_Links, {name: table for name, table in raw.items() if name == "links"}, ())
        if not report.faults:
            return found.links
    raise Faulty(sorted(report.faults, key=lambda fault: fault.line))


def load_campaigns(directory: Path) -> tuple[CampaignSettings, ...]:
    """All campaigns, `*.toml` in a folder, by file name. Raises Faulty."""
    campaigns, faults = _read_campaigns(directory)
    if faults:
        raise Faulty(faults)
    return campaigns


def load_cities(path: Path) -> dict[str, str]:
    """Prefixes of numbers (with country code) to the city they belong to. Raises Faulty."""
    cities, faults = _read_cities(path)
    if faults:
        raise Faulty(faults)
    return cities


def _read(path: Path) -> tuple[Settings | None, list[Fault]]:
    raw, report = parse(path)
    if report.faults:
        return None, report.faults
    top = raw.get("zone")
    zone = zone_named(top.get("name") if isinstance(top, dict) else None) or Zone().name  # feeds are checked even where this is at fault
    beside: list[Fault] = []

    def check_campaigns(campaigns: Campaigns, key: KeyPath, report: Report) -> None:
        if campaigns.directory is None:
            return
        if campaigns.directory.is_dir():
            beside.extend(_read_campaigns(campaigns.directory)[1])
        else:
            report.add((*key, "directory"), f"no such folder: {campaigns.directory}", _NO_FOLDER)

    def check_cities(cities: Cities, key: KeyPath, report: Report) -> None:
        if cities.file is None:
            return
        fault = read(cities.file)[1]
        if fault is None:
            beside.extend(_read_cities(cities.file)[1])
        else:
            report.add((*key, "file"), f"{cities.file}: {fault.what}", fault.remedy)

    def check_reference(files: ReferenceFiles, key: KeyPath, report: Report) -> None:
        for name, paths, read_file in (("operators", files.operators, read_profiles), ("models", files.models, read_rules)):
            for index, named in enumerate(paths):
                fault = read(named)[1]
                if fault is None:
                    beside.extend(read_file(named)[1])
                else:
                    report.add((*key, name, index), f"{named}: {fault.what}", fault.remedy)

    checks: dict[type, Check] = {
        Feed: partial(check_feed, zone),
        Operator: check_operator,
        Codes: partial(check_codes, load_codes()),
        Causes: partial(check_causes, shipped()),
        GovernorSettings: check_governor,
        CareSettings: check_care,
        ClassSettings: check_caps,
        site.Settings: check_web,
        **_LINK_CHECKS,
        Campaigns: check_campaigns,
        Cities: check_cities,
        ReferenceFiles: check_reference,
    }
    settings = Reader(report, checks).read(Settings, raw, ())
    whole = settings.instead if isinstance(settings, Faulted) else settings
    aside = report.beside()
    check_together(whole, aside)
    report.take(aside)
    faults = sorted(report.faults, key=lambda fault: fault.line) + beside
    return (None if faults else whole), faults


def _read_campaigns(directory: Path) -> tuple[tuple[CampaignSettings, ...], list[Fault]]:
    if not directory.is_dir():
        return (), [Fault(str(directory), 0, "campaigns.directory", "no such folder", _NO_FOLDER)]
    campaigns: dict[str, CampaignSettings] = {}
    known: list[tuple[CampaignSettings, Report]] = []
    reports: list[Report] = []
    for path in sorted(directory.glob("*.toml")):
        raw, report = parse(path)
        reports.append(report)
        if report.faults:
            continue
        checks: dict[type, Check] = {
            CampaignSettings: check_campaign, SeedSettings: check_seed, SendingSettings: check_sending, RequestSettings: check_request,
            DrawSettings: check_draw,
        }  # fmt: skip
        campaign = Reader(report, checks).read(CampaignSettings, raw, ())
        campaign = campaign.instead if isinstance(campaign, Faulted) else campaign
        named = ("id",) not in report.doubtful
        if named and campaigns.setdefault(campaign.id, campaign) is not campaign:
            report.add(("id",), f"another file has the campaign {campaign.id!r} too", "give each campaign an id of its own")
        else:
            known.append((campaign, report))
    check_evidence(known)
    faults = [fault for report in reports for fault in sorted(report.faults, key=lambda fault: fault.line)]
    return tuple(campaigns.values()), faults


def _read_cities(path: Path) -> tuple[dict[str, str], list[Fault]]:
    cities: dict[str, str] = {}
    faults = []
    text, fault = read(path, "cities.file")
    if fault is not None:
        return {}, [fault]
    for number, line in enumerate(text.splitlines(), 1):
        prefix, comma, city = (part.strip() for part in line.partition(","))
        if not line.strip() or line.startswith("#") or (number, prefix, city) == (1, "prefix", "city"):
            continue
        if not comma or not city or re.fullmatch(r"[1-9][0-9]{0,14}", prefix) is None:
            faults.append(Fault(str(path), number, "", f"{line!r} is no prefix with a city", "write 8613812,Nanjing"))
        elif cities.setdefault(prefix, city) != city:
            faults.append(Fault(str(path), number, "", f"prefix {prefix} has the city {cities[prefix]!r} too", "keep one of them"))
    return cities, faults
