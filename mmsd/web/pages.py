"""The live page and the way in: HTML from templates with everything escaped, in English and Chinese, nothing from outside.

A page holds no numbers of its own: its script (static/live.js) fills it from `/events`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Final

import jinja2
from aiohttp import web
from aiohttp.hdrs import ACCEPT_LANGUAGE, ETAG, IF_NONE_MATCH

from mmsd.web.access import Limiter, Sessions, caller_of
from mmsd.web.answers import Handler, Problem, Route, known_only
from mmsd.web.findings import CAUSES

LANGUAGES: Final = {"en": "English", "zh": "中文"}
PLACES: Final = {
    "/": "page.title",
    "/figures": "kpi.title",
    "/findings": "findings.title",
    "/story": "story.title",
    "/desk": "desk.title",
    "/care": "care.title",
    "/campaigns": "campaigns.title",
    "/seeds": "seeds.title",
    "/mailings": "mailings.title",
    "/review": "review.title",
    "/draws": "draws.title",
    "/sending": "brake.title",
}
"""The pages behind the door, as every page's head names them: address → key of the title."""
ONE_CAMPAIGN: Final = "/campaigns/{id}"
BEHIND: Final = frozenset({*PLACES, ONE_CAMPAIGN})
"""Addresses that send a browser without a session to the door."""

_TEMPLATES: Final = {
    "/": "live.html", "/figures": "figures.html", "/findings": "findings.html", "/story": "story.html", "/desk": "desk.html",
    "/care": "care.html", "/campaigns": "campaigns.html", "/mailings": "mailings.html",
    "/seeds": "seeds.html", "/review": "review.html", "/draws": "draws.html", "/sending": "sending.html",
}  # fmt: skip
_TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".LICENSE": "text/plain"}


def texts(language: str) -> dict[str, str]:
    """Every text of the pages in one language: key → text. Keys are dotted paths of locale/<language>.toml."""
    file = resources.files("mmsd.web").joinpath("locale", f"{language}.toml")
    sections = tomllib.loads(file.read_text(encoding="utf-8"))
    return {f"{section}.{key}": text for section, entries in sections.items() for key, text in entries.items()}


def preferred(accepted: str) -> str:
    """The language of ours that an Accept-Language header likes best; English when it names none.

    >>> preferred("fr, zh-CN;q=0.8, en;q=0.5"), preferred("")
    ('zh', 'en')
    """
    best, liking = "en", 0.0
    for item in accepted[:200].split(","):
        name, _, quality = item.strip().partition(";q=")
        language = name.partition("-")[0].lower()
        try:
            wish = float(quality) if quality else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and wish > liking:
            best, liking = language, wish
    return best


class Static:
    """Our few files, read once and served from memory: there is no path to climb out of."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[bytes, str, str]] = {}
        for file in resources.files("mmsd.web").joinpath("static").iterdir():
            kind = _TYPES.get(file.name[file.name.rfind(".") :])
            if kind is not None:
                body = file.read_bytes()
                self._files[file.name] = body, kind, f'"{hashlib.sha256(body).hexdigest()[:20]}"'

    async def serve(self, request: web.Request) -> web.Response:
        known_only(request)
        found = self._files.get(request.match_info["name"])
        if found is None:
            raise Problem(404, "no_such_file", "there is no such file", "Files of the page stand under /static/.")
        body, kind, tag = found
        headers = {ETAG: tag, "Cache-Control": "no-cache"}
        if request.headers.get(IF_NONE_MATCH) == tag:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)


class Pages:
    """The pages, the door and their files. `tries` limits guesses at the door more tightly than other requests."""

    def __init__(self, sessions: Sessions, tries: Limiter, *, version: str, secure: bool) -> None:
        self._sessions = sessions
        self._tries = tries
        self._version = version
        self._secure = secure
        self._static = Static()
        self._texts = {language: texts(language) for language in LANGUAGES}
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("mmsd.web"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    def routes(self) -> list[Route]:
        return [
            *(Route("GET", address, self._handler(address), "read") for address in PLACES),
            Route("GET", ONE_CAMPAIGN, self.campaign, "read"),
            Route("GET", "/login", self.login, ""),
            Route("POST", "/login", self.enter, ""),
            Route("POST", "/logout", self.leave, ""),
            Route("GET", "/static/{name}", self._static.serve, ""),
        ]

    def _handler(self, address: str) -> Handler:
        async def page(request: web.Request) -> web.Response:
            return self.page(_TEMPLATES[address], self.language(known_only(request, "lang"), request), here=address)

        return page

    async def campaign(self, request: web.Request) -> web.Response:
        """One campaign; its script is told by the API when there is none of that name."""
        language = self.language(known_only(request, "lang"), request)
        return self.page("campaign.html", language, here="/campaigns", campaign=request.match_info["id"])

    async def login(self, request: web.Request) -> web.Response:
        return self.page("login.html", self.language(known_only(request, "lang"), request), wrong=False)

    async def enter(self, request: web.Request) -> web.Response:
        """A token or one-time code for a session cookie. 303 to the page, or the form again with 401."""
        known_only(request)
        wait = self._tries.take(caller_of(None, request.remote))
        if wait:
            raise Problem(429, "too_many_tries", "too many sign-ins from this address", "Wait.", {"Retry-After": str(int(wait) + 1)})
        form = await request.post()
        secret, language = form.get("secret", ""), form.get("lang", "en")
        if not isinstance(secret, str) or not isinstance(language, str) or language not in LANGUAGES:
            raise Problem(400, "bad_body", "the form has no `secret`, or an unknown `lang`", "Sign in on /login.")
        cookie = self._sessions.open(secret.strip())
        if cookie is None:
            return self.page("login.html", language, status=401, wrong=True)
        answer = web.Response(status=303, headers={"Location": f"/?lang={language}"})
        answer.set_cookie(cookie_name(request), cookie, httponly=True, samesite="Strict", secure=self._secure, path="/")
        return answer

    async def leave(self, request: web.Request) -> web.Response:
        known_only(request)
        self._sessions.close(request.cookies.get(cookie_name(request), ""))
        answer = web.Response(status=303, headers={"Location": "/login"})
        answer.del_cookie(cookie_name(request), path="/")
        return answer

    def page(self, template: str, language: str, *, status: int = 200, **values: object) -> web.Response:
        """A template in one language, with `values` beside its words."""
        words: Mapping[str, str] = self._texts[language]
        html = self._templates.get_template(template).render(
            t=words, texts=words, language=language, languages=LANGUAGES, version=self._version, pages=PLACES, causes=CAUSES, **values
        )
        headers = {"Content-Language": language, "Vary": "Accept-Language"}
        return web.Response(text=html, status=status, content_type="text/html", headers=headers)

    @staticmethod
    def language(query: Mapping[str, str], request: web.Request) -> str:
        """`lang` of a query, else the browser's wish. Problem 400 for one that is not ours."""
        language = query.get("lang", "")
        if language and language not in LANGUAGES:
            raise Problem(400, "bad_parameter", "lang is not a language of these pages", f"Known: {', '.join(LANGUAGES)}.")
        return language or preferred(request.headers.get(ACCEPT_LANGUAGE, ""))


def cookie_name(request: web.Request) -> str:
    """Cookies of one host are shared by all its ports: two daemons on one machine must not sign each other out."""
    socket = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return f"mmsd_session_{socket[1]}" if isinstance(socket, tuple) else "mmsd_session"
