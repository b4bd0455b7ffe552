"""Templates, texts and files: complete in both languages, escaped, nothing from outside."""

import re
from html.parser import HTMLParser
from importlib import resources

import pytest

from mmsd.model import Kind
from mmsd.rules.causes import CAUSES, RULES
from mmsd.rules.findings import FINDINGS
from mmsd.web.pages import LANGUAGES, PLACES, preferred, texts
from tests.web.house import House

FILES = resources.files("mmsd.web")


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_both_languages_have_the_same_keys_and_holes():
    english, chinese = texts("en"), texts("zh")
    assert list(english) == list(chinese)
    for key, text in english.items():
        assert text.strip()
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", chinese[key])), key


def test_every_cause_of_a_failure_has_words():
    never_failed = {"", "OK", "OK_UNCONFIRMED", "DELAYED"}
    for cause in set(CAUSES) - never_failed:
        assert f"cause.{cause}" in texts("en")


def test_every_row_line_and_remedy_has_words():
    words = texts("en")
    said = {section: {key.partition(".")[2] for key in words if key.startswith(f"{section}.")} for section in ("row", "advice", "line")}
    assert said["row"] == set(RULES[1:]) | {"UNPROVED"}
    assert said["advice"] == (set(CAUSES) | set(FINDINGS)) - {""}
    assert said["line"] == {kind.name for kind in Kind if kind} | {"CHANGE"}


COMPOSED = (
    "state", "events", "cause", "row", "advice", "line", "verdict", "desk", "casestate", "caseevent", "casereason", "channel", "sending",
    "brake", "outclass", "switch", "linkstate", "care", "campaigns", "seeds", "life", "step", "seedstate", "draws", "drawstate",
    "drawstep", "drawout", "review", "mailings", "method", "nodefault", "field",
)  # fmt: skip


def test_every_text_is_used_and_every_used_text_exists():
    sources = [
        file.read_text(encoding="utf-8")
        for folder in ("templates", "static")
        for file in FILES.joinpath(folder).iterdir()
        if file.name.endswith((".html", ".js")) and file.name != "uplot.js"
    ]
    used = set(re.findall(r"""["'`]([a-z]+\.[a-z_]+)["'`]""", "".join(sources))) | set(PLACES.values())
    used -= {file.name for file in FILES.joinpath("templates").iterdir()}
    # Looked up by a name that comes with the data: state.live, events.finding, cause.NO_PUSH.
    composed = {key for key in texts("en") if key.partition(".")[0] in COMPOSED}
    assert used - composed == set(texts("en")) - composed


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-GB", "en"), ("fr,de", "en"), ("en;q=0.2,zh;q=0.3", "zh"), ("zh;q=x", "en")],
)
def test_the_browser_says_which_language(accepted, language):
    assert preferred(accepted) == language


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", [*PLACES, "/login"])
def test_pages_speak_the_language_asked_for(house, path, language):
    async def story(client):
        for answer in (
            await client.get(f"{path}?lang={language}"),
            await client.get(path, headers={"Accept-Language": language}),
        ):
            html = await answer.text()
            assert f'<html lang="{language}">' in html
            assert answer.headers["Content-Language"] == language
            assert texts(language)[{**PLACES, "/login": "login.title"}[path]] in html

    house.visit(story)


def test_an_unknown_language_is_refused(house):
    async def story(client):
        assert (await client.get("/?lang=fr")).status == 400
        assert (await client.post("/login", data={"secret": "x", "lang": "fr"})).status == 400
        assert (await client.post("/login", data={"lang": "en"}, allow_redirects=False)).status == 401

    house.visit(story)


class Outline(HTMLParser):
    """What a page loads, runs and labels."""

    def __init__(self):
        super().__init__()
        self.addresses, self.handlers, self.inline, self.ids, self.fors, self.levels = [], [], [], [], [], []
        self._script = False

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.addresses += [values[name] for name in ("src", "href", "action") if name in values]
        self.handlers += [name for name in values if name.startswith("on") or name == "style"]
        self.ids += [values["id"]] if "id" in values else []
        self.fors += [values[name] for name in ("for", "aria-labelledby", "aria-describedby") if name in values]
        self.levels += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self._script = tag in ("script", "style") and "src" not in values

    def handle_data(self, data):
        if self._script:
            self.inline.append(data)

    def handle_endtag(self, tag):
        self._script = False


@pytest.mark.parametrize("path", [*PLACES, "/login"])
def test_a_page_loads_only_ours_runs_nothing_inline_and_is_labelled(house, path):
    async def story(client):
        page = Outline()
        page.feed(await (await client.get(path)).text())
        assert not page.handlers
        assert not page.inline
        assert all(address.startswith(("/", "?lang=")) and not address.startswith("//") for address in page.addresses)
        for address in page.addresses:
            if address.startswith("/static/"):
                assert (await client.get(address)).status == 200
        assert len(page.ids) == len(set(page.ids))
        assert set(page.fors) <= set(page.ids)
        assert page.levels[0] == 1
        assert page.levels.count(1) == 1

    house.visit(story)


SCRIPTS = [file.name for file in FILES.joinpath("static").iterdir() if file.name.endswith(".js") and file.name != "uplot.js"]
"""Ours; one each of the page it is named after."""


def test_the_script_finds_every_element_it_fills():
    script = FILES.joinpath("static", "live.js").read_text(encoding="utf-8")
    template = "".join(FILES.joinpath("templates", name).read_text(encoding="utf-8") for name in ("live.html", "head.html"))
    there = set(re.findall(r'id="(\w+)"', template)) | set(re.findall(r'tile\("(\w+)"', template))
    assert set(re.findall(r'byId\("(\w+)"\)', script)) <= there
    assert set(re.findall(r'\btile\("(\w+)"', script)) == set(re.findall(r'tile\("(\w+)"', template))


def test_the_script_never_writes_markup():
    for name in SCRIPTS:
        script = FILES.joinpath("static", name).read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script)


def test_files_are_served_by_name_only(house):
    async def story(client):
        for name in (*SCRIPTS, "page.css", "mark.svg", "uplot.js", "uplot.css", "uplot.LICENSE"):
            answer = await client.get(f"/static/{name}")
            assert answer.status == 200
            tag = answer.headers["ETag"]
            again = await client.get(f"/static/{name}", headers={"If-None-Match": tag})
            assert (again.status, await again.read()) == (304, b"")
        for name in ("..%2Fsite.py", "%2Fetc%2Fpasswd", "nothing.js", ""):
            assert (await client.get(f"/static/{name}")).status == 404

    house.visit(story, token="")


def test_what_is_vendored_brings_its_licence():
    assert "Permission is hereby granted" in FILES.joinpath("static", "uplot.LICENSE").read_text(encoding="utf-8")
