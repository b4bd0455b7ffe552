"""What is there is documented, and what is documented is there: settings, causes, topics, commands, links. Endpoints and metrics are
held by tests/web/, tables by tests/store/."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo

import msgspec
import pytest

from mmsd import config
from mmsd.cli.causes import markdown_of, markdown_of_signs
from mmsd.config import Feed, Settings
from mmsd.link import mqtt, webhook
from mmsd.logs import DIALECTS
from mmsd.rules.causes import CAUSES, RULES
from mmsd.rules.governor import CLASSES
from mmsd.rules.settings import CampaignSettings, Codes, SeedSettings
from mmsd.rules.table import Causes

# ---------------------------------------------------------------------------------------------------------------------- settings


def structs(kind: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], type]]:
    """Every struct of the tree with its path; NAME stands for a table's own names, [] for an element."""
    if get_origin(kind) is dict:
        yield from structs(get_args(kind)[1], (*path, "NAME"))
    elif get_origin(kind) is tuple:
        yield from structs(get_args(kind)[0], (*path, "[]"))
    elif isinstance(kind, UnionType) and len(kinds := [one for one in get_args(kind) if one is not NoneType]) > 1:
        yield from ((path, base) for base in dict.fromkeys(one.__base__ for one in kinds) if base is not msgspec.Struct)
        for one in kinds:
            yield from structs(one, (*path, one.__struct_config__.tag))
    elif isinstance(kind, UnionType):
        yield from structs(get_args(kind)[0], path)
    elif isinstance(kind, type) and hasattr(kind, "__match_args__"):
        yield path, kind
        for name, entry in config.fields(kind).items():
            yield from structs(entry.kind, (*path, name))


TREE = [(path, kind) for path, kind in structs(Settings, ()) if path] + [
    (("campaign", *path), kind) for path, kind in structs(CampaignSettings, ())
]
HEADINGS: dict[tuple[str, ...], str] = {
    ("feeds", "NAME"): "## [feeds.NAME]",
    ("feeds", "NAME", "covers"): "### covers",
    ("feeds", "NAME", "samples", "[]"): "### samples",
    ("codes", "NAME"): "## [codes.NAME]",
    ("causes", "rows", "NAME"): "### [causes.rows.ROW]",
    ("causes", "rows", "NAME", "variants", "NAME"): "### [causes.rows.ROW.variants.NAME]",
    ("links", "NAME", "smpp"): '### kind = "smpp"',
    ("links", "NAME", "cmpp"): '### kind = "cmpp"',
    ("links", "NAME", "kannel"): '### kind = "kannel"',
    ("links", "NAME", "kannel", "endpoint"): "### endpoint",
    ("links", "NAME", "mm7"): '### kind = "mm7"',
    ("links", "NAME", "mm7", "endpoint"): "### endpoint",
    ("links", "NAME", "renotify"): '### kind = "renotify"',
    ("care", "words"): "### [care.words]",
    **{("governor", name): "### [governor.CLASS]" for name in CLASSES},
    ("campaign",): "## Campaign files",
    ("campaign", "seeds", "[]"): "### [[seeds]]",
    ("campaign", "sending"): "### [sending]",
    ("campaign", "request"): "### [request]",
    ("campaign", "draws", "[]"): "### [[draws]]",
    ("campaign", "draws", "[]", "prizes", "[]"): "### draws.prizes",
}


def default(kind: type, name: str) -> object:
    """The default of a field as the documentation writes it; None for one that has none."""
    if not issubclass(kind, msgspec.Struct):
        return getattr(kind(), name)
    (field,) = (field for field in msgspec.structs.fields(kind) if field.name == name)
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def shown(value: object) -> str:
    if value is msgspec.NODEFAULT:
        return "–"
    if value is None:
        return "unset"
    if isinstance(value, ZoneInfo | Path):
        return f"`{value}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        return f"`[{', '.join(shown(entry).strip('`') for entry in value)}]`"
    if isinstance(value, dict) or hasattr(type(value), "__match_args__"):
        return "`{}`"
    return f"`{value}`"


@pytest.fixture(scope="module")
def tables(root: Path) -> dict[str, dict[str, str]]:
    """docs/settings.md: heading → setting → default."""
    found: dict[str, dict[str, str]] = {}
    heading = ""
    for line in (root / "docs/settings.md").read_text().splitlines():
        if line.startswith("#"):
            heading = line
        elif row := re.match(r"\| `(\w+)` \| (.*?) \| .+ \|$", line):
            found.setdefault(heading, {})[row[1]] = row[2]
    return found


def own_settings(kind: type) -> set[str]:
    """Those that stand in its own table: what links have in common stands in one for all, unless a kind has its own default."""
    own = set(config.fields(kind))
    for _, other in TREE:
        if other is not kind and issubclass(kind, other):
            own -= {name for name in config.fields(other) if default(other, name) == default(kind, name)}
        elif other is not kind and issubclass(other, kind):
            own = {name for name in own if default(other, name) == default(kind, name)}
    return own


@pytest.mark.parametrize(("path", "kind"), TREE, ids=lambda value: ".".join(value) if isinstance(value, tuple) else "")
def test_every_setting_is_documented_with_its_default(tables: dict[str, dict[str, str]], path: tuple[str, ...], kind: type):
    heading = HEADINGS.get(path, f"## [{'.'.join(path)}]")
    assert tables[heading] == {name: shown(default(kind, name)) for name in own_settings(kind)}


def test_nothing_else_is_documented_as_a_setting(tables: dict[str, dict[str, str]]):
    assert {HEADINGS.get(path, f"## [{'.'.join(path)}]") for path, _ in TREE} == set(tables)


def uncommented(text: str) -> str:
    """The file with every setting in force: `#name = …` is a setting, `# text` a remark."""
    return re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)


def test_the_configuration_file_shows_every_setting_with_its_default(root: Path, tmp_path: Path):
    text = (root / "config/mmsd.toml").read_text()
    path = tmp_path / "mmsd.toml"
    path.write_text(uncommented(text))
    for secret in re.findall(r'^#\w+_file = "(.+?)"', text, re.MULTILINE):
        (tmp_path / secret).touch(0o600)
    settings = config.load(path)
    copies = msgspec.structs.replace(settings.copies, folders={}, mirror=None)
    bare = msgspec.structs.replace(settings, feeds={}, codes={}, mqtt=None, handover=None, links={}, copies=copies)
    assert bare == Settings(feeds={})
    assert settings.copies.mirror == type(settings.copies.mirror)()  # type: ignore[misc]  # it is there
    assert settings.mqtt == mqtt.Settings(host="broker.example.net", node="nanjing1")
    assert settings.handover is not None
    assert settings.handover == webhook.Settings(url="https://crm.example.net/mmsd", secret_file=settings.handover.secret_file)
    raw = tomllib.loads(uncommented(text))
    assert {type(link) for link in settings.links.values()} == {
        kind for path, kind in TREE if path[:2] == ("links", "NAME") and len(path) == 3
    }
    for name, link in settings.links.items():
        required = {field.name: getattr(link, field.name) for field in msgspec.structs.fields(link) if field.required}
        ours = getattr(link, "endpoint", None)
        if ours is not None:
            assert ours == type(ours)(secret_file=ours.secret_file)
            assert set(raw["links"][name]["endpoint"]) == set(config.fields(type(ours)))
            link = msgspec.structs.replace(link, endpoint=None)
        assert link == type(link)(**required)
        assert set(raw["links"][name]) == {"kind", *config.fields(type(link))}
    for (section, *_), kind in ((path, kind) for path, kind in TREE if len(path) == 1 and path != ("campaign",)):
        for name in config.fields(kind):
            assert name in raw[section] or f"\n# {name} = " in text, f"[{section}] {name} is not shown"
    for name in config.fields(Feed):
        assert re.search(rf"^#? ?(\[\[feeds\.\w+\.)?{name}\b", text, re.MULTILINE) or f".{name}]]" in text, (
            f"[feeds.NAME] {name} is not shown"
        )
    (examples,) = re.findall(r"^\[causes\]\n((?:# .+\n)+)", text, re.MULTILINE)
    changes = msgspec.convert(tomllib.loads(re.sub(r"^# ", "", examples, flags=re.MULTILINE)), Causes)
    assert config.load_causes(changes).rows["U6"].cause == "NO_RETRIEVE"
    for name, value in raw["codes"]["smsc"].items():
        assert tuple(value) == default(Codes, name)
    config.load(root / "config/mmsd.toml")


def test_the_campaign_file_shows_every_setting_with_its_default(root: Path, tmp_path: Path):
    text = (root / "config/campaigns/demo.toml").read_text()
    (tmp_path / "demo.toml").write_text(uncommented(text))
    (full,) = config.load_campaigns(tmp_path)
    (plain,) = config.load_campaigns(root / "config/campaigns")
    assert full == plain
    raw = tomllib.loads(uncommented(text))
    assert set(raw) == set(config.fields(CampaignSettings))
    assert set().union(*raw["seeds"]) == set(config.fields(SeedSettings))


def test_every_configuration_we_ship_is_sound(root: Path, tmp_path: Path):
    shutil.copytree(root / "config", tmp_path / "config")
    (tmp_path / "config/cities.csv").write_text("prefix,city\n")  # the simulator's …
    (password := tmp_path / "config/centre.password").touch(0o600)  # … and that of its SMS centre
    password.write_text("secret")
    files = sorted(path for path in (tmp_path / "config").glob("*.toml") if path.name != "causes.toml")  # the table, no configuration
    assert [str(fault) for path in files for fault in config.check(path)] == []
    assert [path.name for path in files] == ["demo.toml", "mmsd.toml"]


def test_every_setting_does_something(root: Path):
    """A setting is read somewhere beside the place that defines it: nothing may be set without effect."""
    code = "".join(
        path.read_text()
        for path in (root / "mmsd").rglob("*.py")
        if path != root / "mmsd/rules/settings.py" and "config" not in path.relative_to(root).parts
    )
    beside = {"covers", "all", "apns", "line", "expect"}  # read by mmsd.config itself
    idle = [
        (*path, name) for path, kind in TREE for name in config.fields(kind) if name not in beside and not re.search(rf"\.{name}\b", code)
    ]
    assert idle == []


def test_every_dialect_is_documented_and_has_a_role(root: Path):
    text = (root / "docs/settings.md").read_text()
    assert [name for name in DIALECTS if f"`{name}`" not in text] == []
    assert set(DIALECTS) - set(config.ROLES) == {"columns"}


# ------------------------------------------------------------------------------------------------------------------------- links


def test_every_link_leads_somewhere(root: Path):
    broken = []
    for page in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(root)}: {target}")
    assert broken == []


def test_every_decision_is_listed(root: Path):
    pages = sorted(path.name for path in (root / "docs/adr").glob("0*.md"))
    assert re.findall(r"\]\((0[^)]+)\)", (root / "docs/adr/README.md").read_text()) == pages
    for name in pages:
        text = (root / "docs/adr" / name).read_text()
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Why", "What", "What it costs"], name


def test_the_readmes_examples_say_what_is_so(root: Path):
    failed, tried = doctest.testfile(str(root / "README.md"), module_relative=False)
    assert failed == 0
    assert tried == 4


def test_every_format_is_described_where_the_readme_says(root: Path):
    """Each codec of a format is named by a page of docs/wire/."""
    pages = "".join(page.read_text() for page in sorted((root / "docs/wire").glob("*.md")))
    formats = {"cdr", "cmpp", "mm7", "mms", "provision", "push", "smpp", "sms", "wbxml"}
    assert {name for name in formats if not re.search(rf"mmsd[./]codec[./]{name}\b", pages)} == set()
    assert "](docs/wire/)" in (root / "README.md").read_text()


def test_the_readme_names_what_each_verb_needs(root: Path):
    makefile = (root / "Makefile").read_text()
    verbs = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
    for page in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]:
        used = set(re.findall(r"(?:`|    )make ([a-z]+)", page.read_text()))
        assert used <= verbs, f"{page.relative_to(root)}: no such verb {used - verbs}"


# -------------------------------------------------------------------------------------------------- causes, topics, commands


def test_every_cause_and_row_is_documented(root: Path):
    text = (root / "docs/causes.md").read_text()
    assert [cause for cause in CAUSES if cause and not re.search(rf"\b{cause}\b", text)] == []
    assert [row for row in RULES[1:] if not re.search(rf"\b{row}\b", text)] == []


def test_the_tables_of_causes_are_those_that_are_loaded(root: Path):
    table = config.load_causes()
    written = re.findall(r"^\| (?:[BDROTNUZ]\d+) \|.*$", (root / "docs/causes.md").read_text(), re.MULTILINE)
    assert written == list(markdown_of({**table.rows, **table.attempts}))[2:]
    assert "\n".join(markdown_of_signs()) in (root / "docs/causes.md").read_text()


def test_every_event_topic_is_documented_and_every_documented_one_is_there(root: Path):
    told = set()
    for path in [*(root / "mmsd/flow").glob("*.py"), *(root / "mmsd/rules").glob("*.py")]:
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Event":
                topic = call.args[1]
                assert isinstance(topic, ast.Constant), f"{path}:{call.lineno}: a topic is a word, not worked out"
                told.add(topic.value)
    assert told == set(re.findall(r"^### `(\w+)`$", (root / "docs/events.md").read_text(), re.MULTILINE))


def test_every_command_is_explained(root: Path):
    cli = importlib.import_module("mmsd.cli")
    text = "".join(page.read_text() for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))])
    assert len(cli.main.commands) >= 5
    assert [name for name in cli.main.commands if f"mmsd {name}" not in text] == []
    assert [name for name, command in cli.main.commands.items() if not command.help] == []


def test_every_promise_names_tests_that_exist(root: Path):
    """docs/guarantee.md: each point rests on tests, by their names or how these begin."""
    promised = (root / "docs/guarantee.md").read_text().partition("## What is not promised")[0]
    links = re.findall(r"\[`(test_\w+)`\]\(\.\./(\S+?)\)", promised)
    assert len(links) > 20
    missing = [
        f"{path}: {name}" for name, path in links if not re.search(rf"^(async )?def {name}", (root / path).read_text(), re.MULTILINE)
    ]
    assert missing == []
    points = re.split(r"^- |\n\n", promised.partition("## Whatever the link")[2], flags=re.MULTILINE)
    bare = [point for point in points if point.startswith(("**", "SMPP", "CMPP", "Kannel", "Not", "Long")) and "](../tests/" not in point]
    assert bare == []
