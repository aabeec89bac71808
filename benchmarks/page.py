"""How soon the live page shows something, and what it is sent while nothing happens.

    python -m benchmarks.page [--json] [--seconds 60] [--runs 5]

A worker has scored the demo's payments, and is idle. `first_view_ms_cold` is the time from asking for the
page to its figures and its curves being there, in a browser that knows nothing of it; `first_view_ms_warm`
the same where its files are kept. `idle_bytes_per_minute` counts all bytes that the network brought, headers
too, while the page lies open on a view: it is that of the view that asks for most.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.integration.town import town
from tests.parts.chromium import DESK, Chromium
from tests.parts.serving import Serving

EVENTS = 8_000
IDLE_VIEWS = ("stream", "drift", "alerts")
THERE = """() => document.querySelector(".view-stream .totals dd") !== null
    && document.querySelector(".view-stream path.line") !== null"""


def first_view(context: BrowserContext, address: str) -> tuple[float, int]:
    """Milliseconds until a new tab shows the stream, and the bytes that it took."""
    page = context.new_page()
    counted = Counted(page)
    page.goto(address, wait_until="commit")
    page.wait_for_function(THERE, polling="raf")
    passed: float = page.evaluate("performance.now()")
    page.close()
    return passed, counted.bytes


class Counted:
    """The bytes that the network brings to a page, of answers that go on, too."""

    def __init__(self, page: Page) -> None:
        self.by: dict[str, int] = {}  # request
        session = page.context.new_cdp_session(page)
        session.on("Network.dataReceived", self._part)
        session.on("Network.loadingFinished", self._whole)
        session.send("Network.enable")

    @property
    def bytes(self) -> int:
        return sum(self.by.values())

    def _part(self, told: dict[str, Any]) -> None:
        name = told["requestId"]
        self.by[name] = self.by.get(name, 0) + (told["encodedDataLength"] or told["dataLength"])

    def _whole(self, told: dict[str, Any]) -> None:
        self.by[told["requestId"]] = int(told["encodedDataLength"])


def idle(context: BrowserContext, address: str, view: str, seconds: float) -> float:
    """Bytes a minute, once the view is there."""
    page = context.new_page()
    page.goto(f"{address}#/{view}")
    page.wait_for_selector("main .card")
    page.wait_for_timeout(3_000)
    counted = Counted(page)
    page.wait_for_timeout(seconds * 1000)
    page.close()
    return counted.bytes * 60 / seconds


def measure(browser: Chromium, serving: Serving, token: str, runs: int, seconds: float) -> dict[str, Any]:
    address, cold, warm, sizes = f"http://127.0.0.1:{serving.port}/", [], [], []
    kept = signed_in(browser, token)
    first_view(kept, address)
    for _ in range(runs):
        fresh = signed_in(browser, token)
        passed, size = first_view(fresh, address)
        fresh.close()
        cold.append(passed)
        sizes.append(size)
        warm.append(first_view(kept, address)[0])
    quiet = {view: round(idle(kept, address, view, seconds)) for view in IDLE_VIEWS}
    return {
        "first_view_ms_cold": round(statistics.median(cold)),
        "first_view_ms_cold_max": round(max(cold)),
        "first_view_ms_warm": round(statistics.median(warm)),
        "first_view_bytes_cold": max(sizes),
        "idle_bytes_per_minute": max(quiet.values()),
        "idle_bytes_per_minute_by_view": quiet,
    }


def signed_in(browser: Chromium, token: str) -> BrowserContext:
    """A browser that knows nothing but a token."""
    assert browser.browser is not None
    context = browser.browser.new_context(viewport={"width": DESK[0], "height": DESK[1]})
    context.add_init_script(f"sessionStorage.setItem('driftline.token', {json.dumps(token)})")
    return context


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="driftline-") as folder,
        town(Path(folder), EVENTS // 2) as (here, serving),
        Chromium() as browser,
    ):
        here.feed(EVENTS)
        here.wait_for("predictions", EVENTS - EVENTS // 100)
        found = measure(browser, serving, here.tokens["order"], chosen.runs, chosen.seconds)
    if chosen.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
