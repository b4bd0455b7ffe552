"""The HTTP site as a whole: settings, the guard in front of every address, and the server.

Every request passes: host → rate limit → token or session → scope → time limit → handler. An address without a stated scope does not exist.
Listens on loopback; anything wider needs TLS. Nothing here asks `flow` for anything: what changes state is a row somebody else acts on.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from ipaddress import ip_address
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web

from mmsd.errors import ConfigError, StoreError
from mmsd.rules.settings import CampaignSettings
from mmsd.store import Store
from mmsd.telemetry import CONTENT_TYPE, Telemetry
from mmsd.web.access import Grant, Limiter, Random, Sessions, Tokens, caller_of
from mmsd.web.answers import Handler, Problem, Route, known_only, reply
from mmsd.web.api import Api
from mmsd.web.campaigns import CampaignsApi
from mmsd.web.care import CareApi
from mmsd.web.copies import CopiesApi
from mmsd.web.counter import Counter
from mmsd.web.desk import Desk, DeskApi
from mmsd.web.draws import DrawsApi
from mmsd.web.feeds import FeedsApi
from mmsd.web.figures import FiguresApi, Terms
from mmsd.web.findings import FindingsApi
from mmsd.web.forwards import ForwardsApi, Reviewing
from mmsd.web.lists import ListsApi
from mmsd.web.mailings import Mailings, MailingsApi
from mmsd.web.outbox import Outbox, OutboxApi
from mmsd.web.pages import BEHIND, Pages, cookie_name
from mmsd.web.seeds import Seeds, SeedsApi
from mmsd.web.serials import SerialsApi, Tries
from mmsd.web.sheets import STREAMED
from mmsd.web.source import FeedHealth, Health, Living
from mmsd.web.stream import Stream

__all__ = ["FeedHealth", "Health", "Living", "Settings", "Site"]

_T = TypeVar("_T")
_log: Final = logging.getLogger(__name__)
LEFT: Final = 499
"""How a request is counted whose caller left before he was answered."""
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Server": "mmsd",
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[web]`. Durations are seconds."""

    host: str = "127.0.0.1"  # anything but loopback needs `certificate` and `key`
    port: int = 8080  # 0: any free one
    ports: int = 1  # how many ports to try from `port` on, when it is taken
    token_file: str = "tokens"  # noqa: S105 - a file name; relative to the state directory
    public_url: str = ""  # how browsers reach us through a proxy: "https://mmsd.example.net"
    certificate: str = ""  # PEM file
    key: str = ""  # PEM file
    open_metrics: bool = False  # /metrics without a token
    region: str = "CN"  # how national numbers in a search are read, ISO 3166
    rate: float = 20.0  # requests a second and caller, in the long run
    burst: float = 60.0  # at once
    login_rate: float = 0.2  # sign-ins a second and address
    login_burst: float = 5.0
    redeem_rate: float = 5.0  # serials tried a second, by one caller …
    redeem_burst: float = 20.0
    redeem_all_rate: float = 50.0  # … and by all together
    redeem_all_burst: float = 200.0
    open_redeem: bool = False  # who shows a serial redeems it, without a token
    request_seconds: float = 10.0  # to send a request's body and to be answered
    read_seconds: float = 5.0  # for the store to answer
    idle_seconds: float = 30.0  # an idle connection is closed
    body_octets: int = 16384
    session_seconds: float = 12 * 3600.0
    live_pages: int = 64
    counter_seconds: float = 5.0  # a campaign's public counter is read this often at most

    def __post_init__(self) -> None:
        if bool(self.certificate) != bool(self.key):
            raise ConfigError("web.certificate: certificate and key come together; set both or neither")
        if not _is_loopback(self.host) and not self.certificate:
            raise ConfigError(f"web.host: {self.host} is not loopback; set web.certificate and web.key, or put a TLS proxy before us")
        url = urlsplit(self.public_url)
        if self.public_url and (url.scheme not in ("http", "https") or not url.hostname or url.path not in ("", "/")):
            raise ConfigError("web.public_url: expected scheme and host, such as https://mmsd.example.net")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Site:
    """All of it, wired. `application` for tests, `serve` for the daemon."""

    def __init__(
        self,
        reader: Living,
        health: Callable[[], Health],
        tokens: Tokens,
        telemetry: Telemetry,
        settings: Settings,
        *,
        wall: Callable[[], int],
        monotonic: Callable[[], float],
        random: Random,
        executor: Executor,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        campaigns: Sequence[CampaignSettings] = (),
        terms: Terms = Terms(),  # noqa: B008 a tuple, never changed
        outbox: Outbox | None = None,
        desk: Desk | None = None,
        reviewing: Reviewing | None = None,
        mailings: Mailings | None = None,
        seeds: Seeds | None = None,
    ) -> None:
        """`health` must not block. `wall` gives µs UTC, `monotonic` seconds. The executor runs blocking reads; the caller shuts it down.

        Without `outbox`, `desk`, `reviewing`, `mailings` and `seeds` nothing of them is shown and no order is taken.
        """
        self._health = health
        self._tokens = tokens
        self._telemetry = telemetry
        self._settings = settings
        self._wall = wall
        self._monotonic = monotonic
        self._sleep = sleep
        self._executor = executor
        self.sessions = Sessions(tokens, random, monotonic, settings.session_seconds)
        self._callers = Limiter(settings.rate, settings.burst, monotonic)
        tries = Limiter(settings.login_rate, settings.login_burst, monotonic)
        serials = Tries(
            Limiter(settings.redeem_rate, settings.redeem_burst, monotonic),
            Limiter(settings.redeem_all_rate, settings.redeem_all_burst, monotonic),
        )
        public = urlsplit(settings.public_url)
        known = {campaign.id: campaign for campaign in campaigns}
        pages = Pages(self.sessions, tries, version=health().version, secure=bool(settings.certificate) or public.scheme == "https")
        self._hosts = {*_LOOPBACK_NAMES, *([public.hostname] if public.hostname else [])}
        self._any_host = not _is_loopback(settings.host)
        self.stream = Stream(
            reader,
            self._ask,
            health,
            telemetry,
            wall=wall,
            monotonic=monotonic,
            allowed=lambda request: self._granted(request) is not None,
            most_clients=settings.live_pages,
        )
        self.routes: list[Route] = [
            Route("GET", "/livez", self._livez, ""),
            Route("GET", "/readyz", self._readyz, ""),
            Route("GET", "/metrics", self._metrics, "" if settings.open_metrics else "metrics"),
            *Api(reader, self._ask, health, wall=wall, campaigns=known, region=settings.region, rows=terms.rows).routes(),
            *CopiesApi(reader, self._ask, health, wall=wall).routes(),
            *FeedsApi(health, wall=wall).routes(),
            *FiguresApi(reader, self._ask, health, wall=wall, terms=terms).routes(),
            *FindingsApi(reader, self._ask, health, wall=wall, zone=terms.zone).routes(),
            *(OutboxApi(outbox, self._ask, wall=wall).routes() if outbox is not None else ()),
            *(ForwardsApi(reviewing, self._ask, self._granted, wall=wall).routes() if reviewing is not None else ()),
            *(self._mailings(mailings) if mailings is not None else ()),
            *(SeedsApi(seeds, self._ask, self._granted, wall=wall).routes() if seeds is not None else ()),
            *(DeskApi(desk, self._ask, self._granted, wall=wall, region=settings.region, rows=terms.rows).routes() if desk else ()),
            *(SerialsApi(desk.store, self._ask, self._granted, serials, wall=wall, public=settings.open_redeem).routes() if desk else ()),
            *(DrawsApi(desk.store, self._ask, self._granted, desk.draws, wall=wall, random=random).routes() if desk else ()),
            *(CareApi(desk.store, self._ask, self._granted, wall=wall, rows=terms.rows).routes() if desk else ()),
            *self.stream.routes(),
            *(CampaignsApi(desk.store, self._ask, wall=wall, campaigns=known).routes() if desk else ()),
            *(self._counter(desk.store, pages, known).routes() if desk else ()),
            *pages.routes(),
        ]
        self._scopes = {(route.method, route.path): route.scope for route in self.routes}

    def _mailings(self, given: Mailings) -> list[Route]:
        wall, region = self._wall, self._settings.region
        lists = ListsApi(given.store, given.campaigns, self._ask, self._granted, wall=wall, region=region)
        return [*lists.routes(), *MailingsApi(given, self._ask, wall=wall).routes()]

    def _counter(self, store: Store, pages: Pages, campaigns: Mapping[str, CampaignSettings]) -> Counter:
        keep = self._settings.counter_seconds
        return Counter(store, self._ask, pages, monotonic=self._monotonic, campaigns=campaigns, keep=keep)

    def application(self) -> web.Application:
        application = web.Application(middlewares=[self._account, self._guard], client_max_size=self._settings.body_octets)
        for route in self.routes:
            application.router.add_route(route.method, route.path, route.handler)
            if route.method == "GET":
                application.router.add_route("HEAD", route.path, route.handler)
        application.on_response_prepare.append(_harden)
        return application

    def login_link(self, base: str) -> str:
        """An address that signs one browser in, once. The code stands in the fragment, which no server, log or referrer sees."""
        return f"{base.rstrip('/')}/login#{self.sessions.invite()}"

    async def serve(self, ready: Callable[[str], None]) -> None:
        """Listen, call `ready` with the base URL, serve until cancelled. ConfigError when no port is free or the certificate is no good."""
        context = self._tls()
        wire = logging.getLogger(f"{__name__}.wire")
        wire.addFilter(_without_bytes)
        runner = web.AppRunner(
            self.application(),
            access_log=None,
            logger=wire,
            handle_signals=False,
            keepalive_timeout=self._settings.idle_seconds,
            shutdown_timeout=2.0,
        )
        await runner.setup()
        try:
            port = await self._listen(runner, context)
            host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
            ready(f"{'https' if context else 'http'}://{host}:{port}")
            await self.stream.run(self._sleep)
        finally:
            await runner.cleanup()

    def _tls(self) -> ssl.SSLContext | None:
        if not self._settings.certificate:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self._settings.certificate, self._settings.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"web.certificate: cannot be used: {error}") from error
        return context

    async def _listen(self, runner: web.AppRunner, context: ssl.SSLContext | None) -> int:
        first = self._settings.port
        for port in range(first, first + self._settings.ports):
            try:
                await web.TCPSite(runner, self._settings.host, port, ssl_context=context).start()
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise ConfigError(f"web.host: cannot listen on {self._settings.host}: {error.strerror}") from error
                continue
            return int(runner.addresses[0][1])
        last = first + self._settings.ports - 1
        tried = f"port {first} is" if last == first else f"ports {first} to {last} are"
        raise ConfigError(f"web.port: {tried} taken or not ours to use; set another")

    # ---------------------------------------------------------------------------------------------------------- the guard

    @web.middleware
    async def _account(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Outermost: whatever happens becomes an answer, a count and a log line that name the pattern, never the path."""
        began = self._monotonic()
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        try:
            answer = await handler(request)
        except Problem as problem:
            answer = problem.response()
        except web.HTTPException as error:
            answer = _translated(error)
        except StoreError as error:
            _log.warning("http %s %s: %s", request.method, route, type(error).__name__)
            answer = _store_away().response()
        except ConnectionError:  # the caller left: no fault, and nobody reads the answer
            answer = web.Response(status=LEFT)
        except Exception:  # noqa: BLE001 - a loop's edge: one request fails, the site goes on
            _log.exception("http %s %s failed", request.method, route)
            answer = Problem(500, "internal", "this is a fault of mmsd's", "Its log has the traceback; please report it.").response()
        seconds = self._monotonic() - began
        method = request.method if request.method in hdrs.METH_ALL else "other"
        self._telemetry.answered(route, method, answer.status, seconds if isinstance(answer, web.Response) else None)
        _log.debug("http %s %s %d %.1f ms", request.method, route, answer.status, seconds * 1e3)
        return answer

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._check_host(request)
        grant, by_cookie = self._grant(request)
        wait = self._callers.take(caller_of(grant, request.remote))
        if wait:
            raise Problem(
                429, "too_many_requests", f"more than {self._settings.rate:g} requests a second", "Wait as Retry-After says.",
                {"Retry-After": str(int(wait) + 1)},
            )  # fmt: skip
        if request.match_info.http_exception is not None:  # no such address, or not this method: say so without a token
            return await handler(request)
        path = request.match_info.route.resource.canonical if request.match_info.route.resource is not None else ""
        scope = self._scopes["GET" if request.method == "HEAD" else request.method, path]
        if scope and grant is None:
            if path in BEHIND:
                return web.Response(status=303, headers={"Location": "/login"})
            raise Problem(
                401, "no_token", "this address needs a valid token", "Send `Authorization: Bearer TOKEN`, or sign in on /login.",
                {"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        if scope and grant is not None and scope not in grant.scopes:
            raise Problem(403, "wrong_scope", f"the token lacks the scope {scope!r}", "Ask for a token with that scope.")
        if request.method == "POST" and (by_cookie or not scope):
            _check_origin(request)
        if path == "/events" or path in STREAMED:
            return await handler(request)
        try:
            async with asyncio.timeout(self._settings.request_seconds):
                return await handler(request)
        except TimeoutError:
            if not request.content.at_eof():
                raise Problem(408, "slow_body", "the body did not arrive in time", "Send it faster.", {"Connection": "close"}) from None
            raise _store_away() from None

    def _check_host(self, request: web.Request) -> None:
        # A foreign name that resolves to loopback (DNS rebinding) must not reach us through somebody's browser.
        name = urlsplit(f"//{request.host}").hostname or ""
        if not self._any_host and name not in self._hosts:
            raise Problem(421, "wrong_host", "this server does not answer to that name", "Use 127.0.0.1, or set web.public_url.")

    def _grant(self, request: web.Request) -> tuple[Grant | None, bool]:
        """(grant or None, whether it came by cookie). A presented token that is no good is not made up for by a cookie."""
        header = request.headers.get(hdrs.AUTHORIZATION)
        if header is not None:
            kind, _, secret = header.partition(" ")
            return (self._tokens.check(secret.strip()) if kind.lower() == "bearer" else None), False
        cookie = request.cookies.get(cookie_name(request))
        return (self.sessions.find(cookie) if cookie else None), True

    def _granted(self, request: web.Request) -> Grant | None:
        return self._grant(request)[0]

    async def _ask(self, read: Callable[[], _T]) -> _T:
        """Run a blocking read on the executor. Problem 503 when it fails or takes too long."""
        try:
            async with asyncio.timeout(self._settings.read_seconds):
                return await asyncio.get_running_loop().run_in_executor(self._executor, read)
        except TimeoutError:
            raise _store_away() from None

    # ------------------------------------------------------------------------------------------------------- own addresses

    async def _livez(self, request: web.Request) -> web.Response:
        known_only(request)
        return reply({"status": "alive"})

    async def _readyz(self, request: web.Request) -> web.Response:
        known_only(request)
        health = self._health()
        degraded = sum(feed.state != "ok" for feed in health.feeds)
        body = {"status": "ready" if health.ready else "not ready", "reasons": health.reasons, "degraded": degraded}
        return reply(body, status=200 if health.ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        known_only(request)
        return web.Response(body=self._telemetry.exposition(), headers={"Content-Type": CONTENT_TYPE})


def _store_away() -> Problem:
    return Problem(503, "store_away", "the store does not answer just now", "Try again soon; /readyz says why.", {"Retry-After": "5"})


_HTTP_ERRORS: Final = {
    404: ("no_such_address", "there is nothing at this address", "docs/http.md lists the addresses."),
    405: ("wrong_method", "this address does not take that method", "docs/http.md says which it takes."),
    413: ("body_too_long", "the body is longer than allowed", "Send less; web.body_octets is the limit."),
}


def _translated(error: web.HTTPException) -> web.Response:
    """aiohttp's own refusals in our words: theirs may repeat the address."""
    name, detail, remedy = _HTTP_ERRORS.get(error.status, ("bad_request", "the request is not understood", "See docs/http.md."))
    headers = {"Allow": error.headers[hdrs.ALLOW]} if hdrs.ALLOW in error.headers else None
    return Problem(error.status, name, detail, remedy, headers).response()


def _without_bytes(record: logging.LogRecord) -> bool:
    """aiohttp's tracebacks of bytes that are no HTTP quote them: keep the fact, drop the quotation."""
    if record.exc_info:
        kind = record.exc_info[0]
        record.msg, record.args = f"{record.getMessage()}: {kind.__name__ if kind else 'error'}", ()
        record.exc_info = record.exc_text = None
    return True


def _check_origin(request: web.Request) -> None:
    """A form posted by another site is refused: SameSite keeps the cookie away, this keeps the request away too."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get(hdrs.ORIGIN)
    foreign = site not in ("same-origin", "none") if site is not None else origin is not None and urlsplit(origin).netloc != request.host
    if foreign:
        raise Problem(403, "foreign_origin", "this request comes from another site", "Use the pages of this site, or a token.")


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    shared = response.headers.get("Cross-Origin-Resource-Policy", HEADERS["Cross-Origin-Resource-Policy"])  # a badge is made to be
    response.headers.update(HEADERS)
    response.headers["Cross-Origin-Resource-Policy"] = shared
    response.headers.setdefault("Cache-Control", "no-store")
