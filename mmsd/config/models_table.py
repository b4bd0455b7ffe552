"""Tables of models as operators export them: by type allocation code (GSMA's columns and others), by what handsets say of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import msgspec

from mmsd.config.faults import Fault, Faulty, Report
from mmsd.config.locate import KeyPath
from mmsd.config.reader import Faulted, Reader, parse
from mmsd.config.sheet import Sheet
from mmsd.rules.models import CAPABILITIES, Model, Rule

_SAID: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("1", "y", "yes", "true", "是", "支持"), True),
    **dict.fromkeys(("0", "n", "no", "false", "否", "不支持"), False),
}
_UNSAID: Final = frozenset(("", "-", "?", "unknown", "not known", "n/a", "未知"))

_MODEL_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "maker": frozenset(("manufacturer", "brand", "brand_name", "vendor", "厂商", "品牌")),
    "name": frozenset(("model", "model_name", "marketing_name", "device_model", "型号", "机型")),
    "kind": frozenset(("device_type", "type", "equipment_type", "终端类型")),
    "mms": frozenset(("mms_capable", "彩信", "支持彩信")),
    "oma_cp": frozenset(("omacp", "oma_client_provisioning", "cp")),
    "legacy_ota": frozenset(("ota", "nokia_ota", "nokia_ericsson_ota")),
    "trackable": frozenset(("tracked", "可跟踪")),
}
TAC_COLUMNS: Final[Mapping[str, frozenset[str]]] = {"tac": frozenset(("type_allocation_code", "tac_code")), **_MODEL_COLUMNS}
AGENT_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "agent": frozenset(("user_agent", "user-agent", "ua", "profile", "x-wap-profile", "x_wap_profile", "uaprof")), **_MODEL_COLUMNS,
}  # fmt: skip


class ModelsFile(msgspec.Struct, frozen=True):
    """A file of rules for models."""

    models: tuple[Rule, ...] = ()


def shipped_rules() -> tuple[Rule, ...]:
    """What mmsd itself knows."""
    found: list[Rule] = []
    for entry in sorted((files("mmsd.config") / "models").iterdir(), key=lambda entry: entry.name):
        with as_file(entry) as path:
            found += load_rules(path)
    return tuple(found)


def load_rules(path: Path) -> tuple[Rule, ...]:
    """All rules of a TOML file, in its order. Raises Faulty."""
    rules, faults = read_rules(path)
    if faults:
        raise Faulty(faults)
    return rules


def read_rules(path: Path) -> tuple[tuple[Rule, ...], list[Fault]]:
    """All rules of a TOML file and every fault in it."""
    raw, report = parse(path)
    if report.faults:
        return (), report.faults
    made = Reader(report, {Rule: _check_rule}).read(ModelsFile, raw, ())
    whole: ModelsFile = made.instead if isinstance(made, Faulted) else made
    return whole.models, sorted(report.faults, key=lambda fault: fault.line)


def _check_rule(rule: Rule, key: KeyPath, report: Report) -> None:
    if all(getattr(rule, name) is None for name in CAPABILITIES):
        report.add((*key, "mms"), "is not said, and nothing else is of these models", f"set one of {', '.join(CAPABILITIES)}")


def read_tacs(sheet: Sheet) -> Iterator[tuple[str, Model]]:
    """(eight digits, model) of each row; seven digits are eight whose zero a spreadsheet took."""
    for row in sheet.rows():
        code = row.get("tac", "")
        if not (code.isascii() and code.isdecimal() and len(code) in (7, 8)):
            sheet.pass_over("TAC without its eight digits")
            continue
        model = _model(row, sheet)
        if model is not None:
            yield code.zfill(8), model


def read_agents(sheet: Sheet) -> Iterator[tuple[str, Model]]:
    """(beginning of a User-Agent, or address of a profile; model) of each row."""
    for row in sheet.rows():
        agent = row.get("agent", "").strip('"<>')
        if len(agent) < 3:
            sheet.pass_over("no User-Agent and no profile")
            continue
        model = _model(row, sheet)
        if model is not None:
            yield agent, model


def _model(row: Mapping[str, str], sheet: Sheet) -> Model | None:
    flags: dict[str, bool | None] = {}
    for name in CAPABILITIES:
        word = row.get(name, "").casefold()
        if word not in _SAID and word not in _UNSAID:
            sheet.pass_over(f"{name} is neither yes nor no")
            return None
        flags[name] = _SAID.get(word)
    if not row.get("maker") and not row.get("name"):
        sheet.pass_over("neither maker nor model")
        return None
    return Model(row.get("maker", ""), row.get("name", ""), row.get("kind", ""), **flags)
