"""Tables of models and of prefixes as operators export them."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import pytest

from mmsd.config.faults import Faulty
from mmsd.config.models_table import AGENT_COLUMNS, TAC_COLUMNS, load_rules, read_agents, read_rules, read_tacs, shipped_rules
from mmsd.config.phone_list import installed, read_phone
from mmsd.config.sheet import Sheet
from mmsd.errors import ConfigError
from mmsd.logs.subscribers import NAMES
from mmsd.rules.cities import Cities, compact
from mmsd.rules.models import CAPABILITIES, Model, judged


def sheet(tmp_path: Path, text: str | bytes, kind: str = "tac", encoding: str = "utf-8") -> Sheet:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    columns = TAC_COLUMNS if kind == "tac" else AGENT_COLUMNS
    return Sheet(path, columns, (kind,) if kind == "tac" else ("agent",), encoding)


def test_gsmas_columns_and_the_operators_own(tmp_path: Path):
    text = (
        "TAC|Manufacturer|Bands|Brand Name|Model Name|Device Type|MMS|OMA CP|Legacy OTA|Trackable\n"
        "35123456|ZTE Corporation|GSM 900|ZTE|R750|Feature phone|Y|1|no|\n"
        "1234567|Apple Inc|GSM|Apple|iPhone 3G|Smartphone|yes|||unknown\n"
    )
    assert list(read_tacs(sheet(tmp_path, text))) == [
        ("35123456", Model("ZTE Corporation", "R750", "Feature phone", mms=True, oma_cp=True, legacy_ota=False)),
        ("01234567", Model("Apple Inc", "iPhone 3G", "Smartphone", mms=True)),
    ]


def test_chinese_headers_in_their_encoding_and_packed(tmp_path: Path):
    text = "tac,厂商,型号,支持彩信\n35123456,中兴,R750,是\n35123457,诺基亚,1100,否\n".encode("gb18030")
    for data in (text, gzip.compress(text)):
        assert [(key, model.maker, model.mms) for key, model in read_tacs(sheet(tmp_path, data, encoding="gb18030"))] == [
            ("35123456", "中兴", True), ("35123457", "诺基亚", False),
        ]  # fmt: skip
    with pytest.raises(ConfigError, match="--encoding gb18030"):
        list(read_tacs(sheet(tmp_path, text)))


def test_bad_rows_are_counted_and_placed(tmp_path: Path):
    text = 'tac,maker,name,mms\n35123456,ZTE,"R\n750",1\n\n123,ZTE,R750,1\n35123457,ZTE,R750,perhaps\n35123458,,,1\n35123459,ZTE\n'
    table = sheet(tmp_path, text)
    assert [key for key, _ in read_tacs(table)] == ["35123456", "35123459"]
    assert table.rows_read == 5
    assert dict(table.bad) == {"TAC without its eight digits": 1, "mms is neither yes nor no": 1, "neither maker nor model": 1}
    assert [line for line, _ in table.samples] == [5, 6, 7]


def test_agents(tmp_path: Path):
    text = "User-Agent;brand;model;mms\nNokia6120c;Nokia;6120 classic;1\n<http://nds.nokia.com/6120.xml>;Nokia;6120 classic;1\nx;y;z;1\n"
    table = sheet(tmp_path, text, "agents")
    assert [key for key, _ in read_agents(table)] == ["Nokia6120c", "http://nds.nokia.com/6120.xml"]
    assert table.bad["no User-Agent and no profile"] == 1


@pytest.mark.parametrize("text", ["", "maker,name\nx,y\n", "\n"])
def test_a_table_without_its_key_is_refused(tmp_path: Path, text: str):
    with pytest.raises(ConfigError, match="names no column tac"):
        list(read_tacs(sheet(tmp_path, text)))


def test_what_cannot_be_read_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        list(Sheet(tmp_path / "gone.csv", TAC_COLUMNS, ("tac",)).rows())
    with pytest.raises(ConfigError, match="cannot be read"):
        list(read_tacs(sheet(tmp_path, gzip.compress(b"tac,maker\n35123456,x\n" * 100)[:-9])))
    with pytest.raises(ConfigError, match="cannot be read"):
        list(read_tacs(sheet(tmp_path, "tac,maker\n35123456," + "x" * 70_000 + "\n")))


def test_rules_for_models(tmp_path: Path):
    path = tmp_path / "models.toml"
    path.write_text('[[models]]\nmaker = "nokia*"\nname = "3310"\nmms = false\n')
    (rule,) = load_rules(path)
    assert rule.fits(Model("Nokia", "3310"))
    assert not rule.fits(Model("Nokia", "3310 (2017)"))
    path.write_text('[[models]]\nmaker = "x"\n[[models]]\nmms = "no"\nmodel = "x"\n')
    assert [(fault.line, fault.key) for fault in read_rules(path)[1]] == [
        (1, "models[0].mms"),
        (4, "models[1].mms"),
        (5, "models[1].model"),
    ]
    with pytest.raises(Faulty):
        load_rules(path)


def test_what_we_ship_accuses_no_phone():
    rules = shipped_rules()
    assert judged(Model("Huawei", "E220", "Modem"), rules).mms is False
    assert judged(Model("Apple Inc", "iPhone 5", "Smartphone"), rules).oma_cp is False
    for kind in ("Smartphone", "Feature phone", "Mobile Phone/Feature phone", "Tablet", "Handheld", ""):
        assert judged(Model("Nokia", "6120c", kind), rules).mms is None


def test_every_name_of_a_column_is_documented(root: Path):
    """docs/imports.md: `column`, also called, what; for lists of subscribers and for models."""
    text = (root / "docs/imports.md").read_text()
    documented = {}
    for section in text.split("\n## ")[1:]:
        rows = re.findall(r"^\| `(\w+)` \|\s*(.*?)\s*\| ", section, re.MULTILINE)
        documented[section.splitlines()[0]] = {column: set(filter(None, names.split(", "))) for column, names in rows}
    assert documented["Subscribers and their handsets"] == {column: names - {column} for column, names in NAMES.items()}
    assert documented["Models"] == {**TAC_COLUMNS, **AGENT_COLUMNS} | {"agent": documented["Models"]["agent"]}
    assert documented["Models"]["agent"] <= AGENT_COLUMNS["agent"]
    for name, meaning in CAPABILITIES.items():
        assert re.search(rf"^\| `{name}` \| .* \| {re.escape(meaning)} \|$", text, re.MULTILINE)


# ------------------------------------------------------------------------------------------------------------------ prefixes


def phone_data(entries: dict[int, str]) -> bytes:
    """As the package's README describes it."""
    texts, index = b"", b""
    for prefix, text in entries.items():
        index += struct.pack("<iiB", prefix, 8 + len(texts), 1)
        texts += text.encode() + b"\0"
    return struct.pack("<4si", b"2312", 8 + len(texts)) + texts + index


def test_the_packages_format():
    data = phone_data({1381234: "江苏|南京|210000|025", 1381235: "上海||200000|021"})
    assert list(read_phone(data)) == [("861381234", "南京"), ("861381235", "上海")]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"2312", struct.pack("<4si", b"2312", 5), struct.pack("<4si", b"2312", 999), phone_data({1381234: "a|b"})[:-1],
        phone_data({1381234: "a"}), phone_data({13: "a|b|c|d"}), struct.pack("<4si", b"2312", 8) + struct.pack("<iiB", 1381234, 3, 1),
    ],
)  # fmt: skip
def test_what_is_not_the_packages_data_is_refused(data: bytes):
    with pytest.raises(ConfigError, match=r"phone\.dat"):
        list(read_phone(data))


def test_the_package_itself():
    path, _ = installed()
    prefixes = list(read_phone(path.read_bytes()))
    assert len(prefixes) > 400_000
    fewer = compact(prefixes)
    assert len(fewer) < 0.6 * len(prefixes)
    cities = Cities({}, fewer)
    for prefix, city in prefixes[::997]:
        assert cities.of(int(f"{prefix}1234")) == city


def test_without_the_package_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install 'mmsd"):
        installed()
