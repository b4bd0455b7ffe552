"""The guard in front of every address, the open addresses, and the server itself."""

import asyncio
import inspect
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import msgspec
import pytest
from yarl import URL

from mmsd.errors import ConfigError
from mmsd.web.access import digest
from mmsd.web.pages import BEHIND
from mmsd.web.site import HEADERS, LEFT, Settings
from tests.web.house import RECEIVER, House

CAMPAIGNS = [
    ("GET", "/api/v1/campaigns"),
    ("GET", "/api/v1/campaigns/relay"),
    ("POST", "/api/v1/campaigns/relay/forwards/export"),
    *(
        ("GET", f"/api/v1/campaigns/relay/{what}")
        for what in (
            "figures", "figures.csv", "figures.xlsx", "closes", "closes.csv", "late", "trees", "forwards.csv",
        )
    ),
]  # fmt: skip

GUARDED = [
    ("GET", "/api/v1/health"),
    ("GET", "/api/v1/audits"),
    ("GET", "/api/v1/totals"),
    ("GET", "/api/v1/kpi"),
    ("GET", "/api/v1/kpi/figures"),
    ("GET", "/api/v1/kpi/figures.csv"),
    ("GET", "/api/v1/codes"),
    ("GET", "/api/v1/feeds"),
    ("GET", "/api/v1/findings"),
    ("GET", "/api/v1/findings.csv"),
    ("GET", "/api/v1/notifications"),
    ("GET", "/api/v1/notifications.csv"),
    ("GET", "/api/v1/places"),
    ("GET", "/api/v1/copies"),
    ("GET", "/api/v1/deliveries"),
    ("POST", "/api/v1/deliveries/search"),
    ("POST", "/api/v1/story"),
    ("GET", "/api/v1/campaigns/relay/counts"),
    *((method, "/api/v1/campaigns/relay/life") for method in ("GET", "POST")),
    ("GET", "/api/v1/lives"),
    *((method, "/api/v1/seeds") for method in ("GET", "POST")),
    ("POST", "/api/v1/seeds/retire"),
    *(("GET", f"/api/v1/seeds/relay/leg-1{what}") for what in ("", "/message", "/0")),
    ("POST", "/api/v1/drafts"),
    *(("GET", f"/api/v1/drafts/0123{what}") for what in ("", "/0")),
    ("POST", "/api/v1/drafts/0123/register"),
    *((method, "/api/v1/campaigns/relay/lists/spring") for method in ("GET", "POST")),
    ("GET", "/api/v1/campaigns/relay/lists"),
    ("POST", "/api/v1/campaigns/relay/lists/spring/check"),
    ("POST", "/api/v1/campaigns/relay/mailings"),
    ("GET", "/api/v1/campaigns/relay/effect"),
    ("GET", "/api/v1/mailings"),
    ("GET", "/api/v1/mailings/7"),
    ("POST", "/api/v1/mailings/7/run"),
    ("GET", "/api/v1/forwards"),
    ("GET", "/api/v1/forwards/reviews"),
    ("GET", "/api/v1/forwards/relay"),
    ("POST", "/api/v1/forwards/relay/reveal"),
    ("POST", "/api/v1/forwards/relay/release"),
    ("POST", "/api/v1/forwards/relay/stop"),
    *CAMPAIGNS,
    ("GET", "/api/v1/outbox"),
    ("GET", "/api/v1/sending"),
    ("GET", "/api/v1/deeds"),
    ("POST", "/api/v1/stop"),
    ("GET", "/api/v1/draws"),
    ("GET", "/api/v1/draws/relay/grand"),
    ("GET", "/api/v1/draws/relay/grand/paper"),
    ("POST", "/api/v1/draws/step"),
    ("POST", "/api/v1/draws/promote"),
    ("POST", "/api/v1/serials/look"),
    ("POST", "/api/v1/serials/redeem"),
    ("POST", "/api/v1/serials/qr"),
    ("POST", "/api/v1/resume"),
    ("POST", "/api/v1/approve"),
    ("POST", "/api/v1/outbox/relay/release"),
    ("POST", "/api/v1/outbox/relay/discard"),
    *(("POST", f"/api/v1/desk{act}") for act in ("", "/consent", "/ask", "/revoke", "/hand_over", "/erase")),
    *(("GET", f"/api/v1/care/{what}") for what in ("cases", "handover", "handover.csv", "funnel", "funnel.csv", "effect")),
    ("POST", "/api/v1/care/handover/export"),
    ("POST", "/api/v1/care/handover/relay/done"),
    ("GET", "/events"),
    ("GET", "/metrics"),
]


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_life_and_readiness_are_open_and_say_no_names(house):
    async def story(client):
        answer = await client.get("/livez")
        assert (answer.status, await answer.json()) == (200, {"status": "alive"})
        answer = await client.get("/readyz")
        assert (answer.status, await answer.json()) == (200, {"status": "ready", "reasons": [], "degraded": 1})

    house.visit(story, token="")


def test_not_ready_is_503_with_the_reason(house):
    house.health = msgspec.structs.replace(house.health, ready=False, reasons=("the disk is full",))

    async def story(client):
        answer = await client.get("/readyz")
        assert (answer.status, (await answer.json())["reasons"]) == (503, ["the disk is full"])
        assert (await client.get("/livez")).status == 200

    house.visit(story, token="")


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_without_a_good_token_nothing_is_said(house, method, path, token):
    async def story(client):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await client.request(method, path, headers=headers)
        body = await answer.json()
        assert (answer.status, body["error"], answer.headers["WWW-Authenticate"]) == (401, "no_token", "Bearer")
        assert set(body) == {"error", "detail", "remedy"}

    house.visit(story, token="")


def test_every_address_but_the_listed_ones_is_guarded(house):
    opened = {route.path for route in house.site.routes if not route.scope}
    counter = {"/counter/{id}", "/counter/{id}.json", "/counter/{id}.svg"}
    assert opened == {"/livez", "/readyz", "/login", "/logout", "/static/{name}", *counter}
    guarded = [route for route in house.site.routes if route.scope and route.path not in BEHIND]

    def tried(route, method: str, path: str) -> bool:
        return route.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path), path) is not None

    assert [route.path for route in guarded if not any(tried(route, *each) for each in GUARDED)] == []
    assert [each for each in GUARDED if not any(tried(route, *each) for route in guarded)] == []


def test_a_scope_is_needed_by_name(house):
    house.grant(f"metrics {digest('scraper')}")
    house.grant(f"read {digest('reader')}")

    async def story(client):
        for token, path, status in (
            ("scraper", "/metrics", 200), ("scraper", "/api/v1/kpi", 403), ("reader", "/api/v1/kpi", 200), ("reader", "/metrics", 403),
        ):  # fmt: skip
            answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
            assert answer.status == status
            if status == 403:
                assert repr("metrics" if token == "reader" else "read") in (await answer.json())["detail"]

    house.visit(story, token="")


def test_metrics_may_be_opened(tmp_path):
    house = House(tmp_path, settings=Settings(open_metrics=True))

    async def story(client):
        answer = await client.get("/metrics")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'mmsd_build_info{twin="python",version="0.1.0"} 1.0' in await answer.text()

    house.visit(story, token="")


def test_metrics_count_requests_by_pattern_never_by_path(house):
    async def story(client):
        await client.get(f"/api/v1/campaigns/{RECEIVER}/counts")
        await client.get(f"/{RECEIVER}")
        await client.request("PROPFIND", "/livez")
        text = await (await client.get("/metrics")).text()
        assert 'mmsd_http_requests_total{method="GET",route="/api/v1/campaigns/{id}/counts",status="404"} 1.0' in text
        assert 'mmsd_http_requests_total{method="GET",route="none",status="404"} 1.0' in text
        assert 'mmsd_http_requests_total{method="other",route="none",status="405"} 1.0' in text
        assert RECEIVER not in text

    house.visit(story)


def test_unknown_and_repeated_parameters_are_refused_by_name(house):
    async def story(client):
        for path, named in (
            ("/livez?x=1", "x"), ("/api/v1/kpi?hour=3", "hour"), ("/api/v1/deliveries?limit=1&limit=2", "limit"), ("/login?next=/", "next"),
            ("/events?after=1", "after"), ("/metrics?name=x", "name"), ("/static/page.css?v=1", "v"), ("/?number=1", "number"),
        ):  # fmt: skip
            answer = await client.get(path)
            assert answer.status == 400
            assert f"'{named}'" in (await answer.json())["detail"]

    house.visit(story)


@pytest.mark.parametrize(
    "path",
    [f"/api/v1/deliveries?{RECEIVER}=1", f"/api/v1/deliveries?limit={RECEIVER}", f"/api/v1/deliveries/{RECEIVER}",
     f"/api/v1/kpi?from={RECEIVER}", f"/?lang={RECEIVER}", f"/static/{RECEIVER}"],
)  # fmt: skip
def test_a_number_in_an_address_is_neither_answered_nor_logged(house, path, caplog):
    caplog.set_level("DEBUG")

    async def story(client):
        answer = await client.get(path)
        assert answer.status in (400, 404)
        assert RECEIVER not in await answer.text()

    house.visit(story)
    assert RECEIVER not in caplog.text
    assert "http GET" in caplog.text


def test_what_is_not_there_is_json_too(house):
    async def story(client):
        for method, path, status, error in (("GET", "/nothing", 404, "no_such_address"), ("DELETE", "/api/v1/kpi", 405, "wrong_method")):
            answer = await client.request(method, path)
            assert (answer.status, (await answer.json())["error"]) == (status, error)
        assert answer.headers["Allow"] == "GET,HEAD"

    house.visit(story)


def test_every_answer_is_hardened(house):
    async def story(client):
        for path in ("/livez", "/login", "/nothing", "/api/v1/kpi", "/static/page.css", "/"):
            answer = await client.get(path)
            for name, value in HEADERS.items():
                assert answer.headers[name] == value
            assert answer.headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")

    house.visit(story)
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_no_get_changes_anything(house):
    """Every handler of a GET answers twice alike, and the token file and sessions stay as they were."""

    async def story(client):
        before = house.token_file.read_bytes()
        for route in house.site.routes:
            if route.method == "GET" and route.path != "/events":
                path = route.path.replace("{id}", "relay").replace("{name}", "page.css")
                bodies = [(await (await client.get(path)).read()) for _ in range(2)]
                assert bodies[0] == bodies[1] or path == "/metrics"
        assert house.token_file.read_bytes() == before
        assert not (await client.get("/login")).cookies

    house.visit(story)


def test_too_many_requests_are_told_when_to_come_back(tmp_path):
    house = House(tmp_path, settings=Settings(rate=0.5, burst=3.0))

    async def story(client):
        statuses = [(await client.get("/livez")).status for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        answer = await client.get("/livez")
        assert (answer.headers["Retry-After"], (await answer.json())["error"]) == ("3", "too_many_requests")
        # A good token is another caller than its address.
        assert (await client.get("/livez", headers={"Authorization": f"Bearer {house.token}"})).status == 200
        house.uptime += 2.0
        assert (await client.get("/livez")).status == 200

    house.visit(story, token="")


def test_a_long_body_is_refused(house):
    async def story(client):
        answer = await client.post("/api/v1/deliveries/search", json={"number": "1" * 20000})
        assert (answer.status, (await answer.json())["error"]) == (413, "body_too_long")

        # Refused when the limit is passed, not when 100 MiB have come.
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(
            b"POST /api/v1/deliveries/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 104857600\r\n"
            + f"Authorization: Bearer {house.token}\r\n\r\n".encode()
            + b" " * 20000
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
        writer.close()
        await writer.wait_closed()

    house.visit(story)


def test_a_slow_body_is_given_up(tmp_path):
    house = House(tmp_path, settings=Settings(request_seconds=0.05))

    async def story(client):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(
            b"POST /api/v1/deliveries/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"
            + f"Authorization: Bearer {house.token}\r\n\r\n{{".encode()
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()
        await writer.wait_closed()

    house.visit(story)


def test_headers_that_never_end_are_given_up(tmp_path):
    house = House(tmp_path, settings=Settings(port=0, idle_seconds=0.05))

    async def story(base):
        for sent in (b"", b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "):
            reader, writer = await asyncio.open_connection("127.0.0.1", URL(base).port)
            writer.write(sent)
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

    served(house, story)


def test_a_slow_store_is_given_up(tmp_path):
    with ThreadPoolExecutor(1) as threads:
        house = House(tmp_path, settings=Settings(read_seconds=0.05), executor=threads)

        async def story(client):
            held = asyncio.Event()
            loop = asyncio.get_running_loop()
            house.shelf.before = lambda: asyncio.run_coroutine_threadsafe(held.wait(), loop).result()
            answer = await client.get("/api/v1/totals")
            assert (answer.status, (await answer.json())["error"]) == (503, "store_away")
            held.set()

        house.visit(story)


def test_a_fault_of_ours_shows_no_traceback(house, caplog):
    house.shelf.failure = RuntimeError(f"secret of {RECEIVER}")

    async def story(client):
        answer = await client.get("/api/v1/kpi")
        assert answer.status == 500
        assert "secret" not in await answer.text()

    house.visit(story)
    assert "http GET /api/v1/kpi failed" in caplog.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""])
def test_a_foreign_name_is_not_answered(house, host):
    async def story(client):
        answer = await client.get("/livez", headers={"Host": host})
        assert answer.status in (400, 421)

    house.visit(story)


def test_the_public_name_is_answered_and_its_cookies_are_secure(tmp_path):
    house = House(tmp_path, settings=Settings(public_url="https://mmsd.example.net"))

    async def story(client):
        assert (await client.get("/livez", headers={"Host": "mmsd.example.net"})).status == 200
        answer = await client.post("/login", data={"secret": house.token}, allow_redirects=False)
        assert "; Secure" in answer.headers["Set-Cookie"]

    house.visit(story, token="")


# --------------------------------------------------------------------------------------------------------------- signing in


def sign_in(client, secret, **headers):
    return client.post("/login", data={"secret": secret, "lang": "zh"}, headers=headers, allow_redirects=False)


def test_a_token_opens_a_session_whose_cookie_scripts_cannot_see(house):
    async def story(client):
        answer = await client.get("/", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, "/login")
        answer = await sign_in(client, house.token)
        assert (answer.status, answer.headers["Location"]) == (303, "/?lang=zh")
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(f"mmsd_session_{client.port}=")
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert house.token not in cookie
        assert (await client.get("/")).status == 200
        assert (await client.get("/api/v1/kpi")).status == 200
        assert (await client.get("/metrics")).status == 200  # what the token may, its session may

        answer = await client.post("/logout", allow_redirects=False)
        assert answer.status == 303
        assert (await client.get("/api/v1/kpi")).status == 401

    house.visit(story, token="")


def test_a_link_works_once_and_may_only_read(house):
    async def story(client):
        link = URL(house.site.login_link("http://127.0.0.1:8080"))
        assert link.path == "/login"
        assert not link.query
        assert len(link.fragment) >= 43
        assert (await sign_in(client, link.fragment)).status == 303
        assert (await client.get("/api/v1/kpi")).status == 200
        assert (await client.get("/metrics")).status == 403
        assert (await sign_in(client, link.fragment)).status == 401

    house.visit(story, token="")


def test_a_stolen_cookie_dies_with_its_token(house):
    async def story(client):
        await sign_in(client, house.token)
        house.token_file.write_text("")
        assert (await client.get("/api/v1/kpi")).status == 401

    house.visit(story, token="")


def test_a_wrong_token_shows_the_form_again(house):
    async def story(client):
        answer = await sign_in(client, "guess")
        assert answer.status == 401
        assert 'role="alert"' in await answer.text()
        assert not answer.cookies

    house.visit(story, token="")


def test_guessing_is_slowed_down(house):
    async def story(client):
        assert [(await sign_in(client, "guess")).status for _ in range(6)] == [401] * 5 + [429]
        answer = await sign_in(client, house.token)
        assert (answer.status, answer.headers["Retry-After"]) == (429, "6")
        house.uptime += 5.0
        assert (await sign_in(client, house.token)).status == 303

    house.visit(story, token="")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
)
def test_other_sites_cannot_post_for_anybody(house, headers):
    async def story(client):
        answer = await sign_in(client, house.token, **headers)
        assert (answer.status, (await answer.json())["error"]) == (403, "foreign_origin")
        assert (await sign_in(client, house.token, Origin=f"http://127.0.0.1:{client.port}")).status == 303
        for path in ("/logout", "/api/v1/deliveries/search"):
            assert (await client.post(path, json={"number": RECEIVER}, headers=headers)).status == 403
        assert (await client.get("/api/v1/kpi")).status == 200

    house.visit(story, token="")


# -------------------------------------------------------------------------------------------------------------- the server


def served(house, story):
    """Run `story(base URL)` against `Site.serve`, then cancel it as the daemon would."""

    async def run():
        up = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(house.site.serve(up.set_result))
            await asyncio.wait([up, task], return_when=asyncio.FIRST_COMPLETED)
            if up.done():
                await story(up.result())
            task.cancel()

    asyncio.run(run())


def test_the_next_free_port_is_taken(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        house = House(tmp_path, settings=Settings(port=taken, ports=20))

        async def story(base):
            assert taken < URL(base).port < taken + 20
            async with aiohttp.ClientSession() as session, session.get(f"{base}/livez") as answer:
                assert answer.status == 200

        served(house, story)


def test_a_taken_port_is_said(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        house = House(tmp_path, settings=Settings(port=holder.getsockname()[1]))
        with pytest.raises(ConfigError, match=r"web\.port: port \d+ is taken"):
            asyncio.run(house.site.serve(lambda base: None))


def test_stopping_ends_open_streams(tmp_path):
    house = House(tmp_path, settings=Settings(port=0))

    async def run():
        up = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(house.site.serve(up.set_result))
        headers = {"Authorization": f"Bearer {house.token}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{await up}/events") as answer:
            assert await answer.content.readline() == b"retry: 2000\n"
            task.cancel()
            await asyncio.wait([task])
            await answer.content.read()  # comes to its end
            assert task.cancelled()

    asyncio.run(run())


def test_bytes_that_are_no_http_reach_no_log(tmp_path, caplog):
    house = House(tmp_path, settings=Settings(port=0))
    caplog.set_level("DEBUG")

    async def story(base):
        for garbage in (f"GET /{RECEIVER}\x01 HTTP/1.1\r\n\r\n", f"BREW /{RECEIVER} HTTP/1.1\r\n\r\n", f"{RECEIVER}\x1b[2J\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", URL(base).port)
            writer.write(garbage.encode())
            assert (await reader.readline()).endswith(b" 400 Bad Request\r\n")
            writer.close()
            await writer.wait_closed()

    served(house, story)
    assert RECEIVER not in caplog.text
    assert "Error handling request" in caplog.text


def test_listening_widely_needs_tls():
    with pytest.raises(ConfigError, match=r"web\.host: 0\.0\.0\.0 is not loopback"):
        Settings(host="0.0.0.0")
    with pytest.raises(ConfigError, match=r"web\.certificate: .* come together"):
        Settings(certificate="x.pem")
    with pytest.raises(ConfigError, match=r"web\.public_url"):
        Settings(public_url="mmsd.example.net")
    Settings(host="::1")
    Settings(host="0.0.0.0", certificate="x.pem", key="x.key")


def test_a_bad_certificate_is_a_fault_of_the_configuration(tmp_path):
    house = House(tmp_path, settings=Settings(port=0, certificate=str(tmp_path / "no.pem"), key=str(tmp_path / "no.key")))
    with pytest.raises(ConfigError, match=r"web\.certificate: cannot be used"):
        asyncio.run(house.site.serve(lambda base: None))


def test_tls_is_served(tmp_path):
    certificate, key = self_signed(tmp_path)
    house = House(tmp_path, settings=Settings(port=0, certificate=str(certificate), key=str(key)))
    trust = ssl.create_default_context(cafile=str(certificate))

    async def story(base):
        assert base.startswith("https://127.0.0.1:")
        async with aiohttp.ClientSession() as session, session.get(f"{base}/livez", ssl=trust) as answer:
            assert answer.status == 200

    served(house, story)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, private = folder / "site.pem", folder / "site.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return pem, private


# ---------------------------------------------------------------------------------------------------------- documentation

HTTP_MD = Path(__file__).resolve().parents[2] / "docs" / "http.md"


def test_every_address_and_parameter_is_documented(house):
    text = HTTP_MD.read_text(encoding="utf-8")
    headings = set(re.findall(r"^### `([A-Z]+ \S+)`$", text, re.M))
    assert headings == {f"{route.method} {route.path}" for route in house.site.routes}
    for route in house.site.routes:
        taken = re.search(r"known_only\(request((?:, \"\w+\")*)\)", inspect.getsource(route.handler))
        section = text.partition(f"### `{route.method} {route.path}`\n")[2].partition("\n### ")[0]
        for name in re.findall(r"\w+", taken[1]) if taken else []:
            assert f"`{name}`" in section, f"{route.path} takes {name}"


def test_every_setting_error_and_metric_is_documented(house):
    text = HTTP_MD.read_text(encoding="utf-8")
    for name in Settings.__struct_fields__:
        assert f"`{name}`" in text
    sources = "".join(file.read_text(encoding="utf-8") for file in (HTTP_MD.parents[1] / "mmsd" / "web").glob("*.py"))
    for name in set(re.findall(r"Problem\(\s*\d+, \"(\w+)\"", sources)) | set(re.findall(r"\d+: \(\"(\w+)\"", sources)):
        assert f"`{name}`" in text, name
    for metric in house.telemetry.registry.collect():
        assert f"`{metric.name}" in text, metric.name


def test_a_caller_who_left_is_no_fault(house, caplog):
    house.shelf.failure = ConnectionResetError("Cannot write to closing transport")

    async def story(client):
        assert (await client.get("/api/v1/audits")).status == LEFT

    house.visit(story)
    assert "failed" not in caplog.text
