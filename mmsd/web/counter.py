"""The counter of a campaign that says `public = true`: a page, JSON and a badge that anybody may see and put on a page of his own.

It shows sums and nothing else. However often it is asked, the store is read once in `keep` seconds and campaign; in between, and while the
store cannot answer, everybody is given what was read last, with an ETag and for how long it may be kept.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.sax.saxutils import escape

from aiohttp import web
from aiohttp.hdrs import CACHE_CONTROL, ETAG, IF_NONE_MATCH

from mmsd.errors import StoreError
from mmsd.rules.settings import CampaignSettings
from mmsd.store import Store
from mmsd.web import campaign as counting
from mmsd.web.answers import Ask, Problem, Route, encoded, iso, known_only
from mmsd.web.campaigns import no_campaign
from mmsd.web.pages import Pages

ANYWHERE: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_HEIGHT: Final = 20
_WIDE, _NARROW, _AROUND = 12, 7, 10  # pixels of a Chinese character, of another one, beside a text


@dataclass(slots=True)
class _Kept:
    """What was read last, and until when it is good. One reads, the others wait."""

    told: dict[str, Any] | None = None
    until: float = 0.0
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Counter:
    """The handlers. `keep` seconds."""

    def __init__(
        self, store: Store, ask: Ask, pages: Pages, *, monotonic: Callable[[], float], campaigns: Mapping[str, CampaignSettings],
        keep: float,
    ) -> None:  # fmt: skip
        self._store = store
        self._ask = ask
        self._pages = pages
        self._monotonic = monotonic
        self._campaigns = {name: campaign for name, campaign in campaigns.items() if campaign.public}
        self._keep = keep
        self._kept = {name: _Kept() for name in self._campaigns}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/counter/{id}.json", self.figures, ""),
            Route("GET", "/counter/{id}.svg", self.badge, ""),
            Route("GET", "/counter/{id}", self.page, ""),
        ]

    async def figures(self, request: web.Request) -> web.Response:
        known_only(request)
        return self._answer(request, encoded(await self._told(request)), "application/json", ANYWHERE)

    async def badge(self, request: web.Request) -> web.Response:
        known_only(request)
        told = await self._told(request)
        return self._answer(request, badge(told["name"], f"{told['forwards']:,}").encode(), "image/svg+xml", ANYWHERE)

    async def page(self, request: web.Request) -> web.Response:
        language = self._pages.language(known_only(request, "lang"), request)
        told = await self._told(request)
        page = self._pages.page("counter.html", language, told=told, keep=max(round(self._keep), 1))
        assert isinstance(page.body, bytes)
        return self._answer(request, page.body, "text/html", {"Content-Language": language, "Vary": "Accept-Language"})

    def _answer(self, request: web.Request, body: bytes, kind: str, more: Mapping[str, str]) -> web.Response:
        tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        headers = {ETAG: tag, CACHE_CONTROL: f"public, max-age={max(round(self._keep), 1)}", **more}
        if tag in request.headers.get(IF_NONE_MATCH, ""):
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)

    async def _told(self, request: web.Request) -> dict[str, Any]:
        """Problem 404 for one that is not public, as for one that is not there."""
        name = request.match_info["id"]
        kept = self._kept.get(name)
        if kept is None:
            raise no_campaign(name)
        async with kept.reading:
            if kept.told is None or self._monotonic() >= kept.until:
                try:
                    kept.told = await self._ask(lambda: told(self._store, self._campaigns[name]))
                except (Problem, StoreError):
                    if kept.told is None:
                        raise
                kept.until = self._monotonic() + self._keep
        return kept.told


def told(store: Store, campaign: CampaignSettings) -> dict[str, Any]:
    """What the world is told of a campaign: sums."""
    found = counting.summary(campaign.id, campaign, store.campaign_totals().get(campaign.id, counting.NOBODY))
    cities = [{"city": row["city"], "forwards": row["forwards"]} for row in counting.rows(store, campaign.id, "city") if row["forwards"]]
    return {
        **{name: found[name] for name in ("campaign", "name", "starts", "ends", "target", "forwards", "participants", "mean")},
        "cities": cities, "read_to": iso(store.horizon()),
    }  # fmt: skip


def badge(label: str, value: str) -> str:
    """Both beside each other as SVG.

    >>> badge("<Torch>", "2,161,344")[:63]
    '<svg xmlns="http://www.w3.org/2000/svg" width="132" height="20"'
    """
    left, right = _width(label), _width(value)
    name = escape(f"{label}: {value}")
    texts = "".join(
        f'<text x="{place}" y="14" text-anchor="middle">{escape(text)}</text>'
        for place, text in ((left / 2, label), (left + right / 2, value))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{_HEIGHT}" role="img">'
        f'<title>{name}</title><rect width="{left}" height="{_HEIGHT}" fill="#4a5560"/>'
        f'<rect x="{left}" width="{right}" height="{_HEIGHT}" fill="#1f5f8b"/>'
        f'<g fill="#fff" font-family="Verdana,Noto Sans CJK SC,Microsoft YaHei,sans-serif" font-size="11">{texts}</g></svg>'
    )


def _width(text: str) -> int:
    return _AROUND + sum(_WIDE if ord(letter) >= 0x2E80 else _NARROW for letter in text)
