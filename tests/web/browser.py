"""A headless Chromium, driven over its DevTools socket: no driver, no library, a profile of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage", "--mute-audio",
    "--force-prefers-reduced-motion", "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip

_LATENCY = 150  # milliseconds before any answer: a test that does not wait for what it looks at fails always, not on some days


class Page:
    """One tab. `complaints` gathers what the console and the security policy objected to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.complaints: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        async for message in self._socket:
            answer = json.loads(message.data)
            self._note(answer)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
        raise AssertionError("the browser went away")

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Log.entryAdded":
            self.complaints.append(message["params"]["entry"]["text"])
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(message["params"]["exceptionDetails"]))

    async def value(self, expression: str) -> Any:
        result = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait, in the loaded page, for a JavaScript condition; survives a navigation. The test's time limit ends a wait in vain."""
        holds = f"document.readyState === 'complete' && ({condition})"  # throws where an element is not there yet
        look = f"const look = () => {{ try {{ if ({holds}) return go(true); }} catch {{}} setTimeout(look, 50); }}; look();"
        while True:
            with contextlib.suppress(AssertionError):  # the page under it was left
                if await self.value(f"new Promise(go => {{ {look} }})"):
                    return

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)

    async def sign_in(self, base: str, secret: str, language: str = "en") -> None:
        """Through the door, with a token; then the first page stands there."""
        await self.open(f"{base}/login?lang={language}")
        await self.until("document.getElementById('secret')")
        await self.value(f"document.getElementById('secret').value = '{secret}'; document.querySelector('#door button').click()")
        await self.until("location.pathname === '/'")

    async def press(self, place: str, words: str) -> None:
        """The button of a place (a selector) that says so."""
        await self.value(f"[...document.querySelectorAll('{place} button')].find((each) => each.textContent === '{words}').click()")

    async def resize(self, width: int, height: int) -> None:
        await self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    async def fits(self, *widths: int) -> None:
        """At each width nothing stands out to the right, once what scripts draw is drawn anew. A wait in vain ends as `until` does."""
        for width in widths:
            await self.resize(width, 800)
            await self.until(f"document.documentElement.scrollWidth <= {width}")

    async def picture(self, path: Path, *, dark: bool = False) -> None:
        """The whole page as PNG: for the eyes of whoever changes it."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=features)
        # Two frames: the layout of the new size has been drawn.
        await self.value("new Promise(go => requestAnimationFrame(() => requestAnimationFrame(() => go(true))))")
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))


def shown(name: str) -> str:
    """JavaScript: the text of an element, by id, visible or not."""
    return f"document.getElementById('{name}').textContent"


def body(name: str) -> str:
    """JavaScript: the visible text of an element, by id, a line each."""
    return f"document.getElementById('{name}').innerText"


@contextlib.asynccontextmanager
async def browser(chromium: str) -> AsyncIterator[Page]:
    """A browser with one empty tab; gone, with its profile, at the end. `chromium`: path of the program."""
    with tempfile.TemporaryDirectory(prefix="mmsd-browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            chromium, *_FLAGS, f"--user-data-dir={profile}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stderr is not None
            async for line in process.stderr:
                if b"DevTools listening on ws://" in line:
                    port = int(line.split(b"ws://")[1].split(b"/")[0].rpartition(b":")[2])
                    break
            else:
                raise AssertionError("chromium did not start")
            drain = asyncio.create_task(_drain(process.stderr))
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    tab = next(target for target in await answer.json() if target["type"] == "page")
                async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    for domain in ("Page", "Log", "Runtime", "Network"):
                        await page.call(f"{domain}.enable")
                    await page.call(
                        "Network.emulateNetworkConditions",
                        offline=False, latency=_LATENCY, downloadThroughput=-1, uploadThroughput=-1,
                    )  # fmt: skip
                    yield page
        finally:
            process.kill()
            await process.wait()
        await drain


async def _drain(pipe: asyncio.StreamReader) -> None:
    while await pipe.read(65536):
        pass
