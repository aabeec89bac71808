"""The live page in a real Chromium: what people see of a pipeline, and what they can do."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from connectors import open_log
from connectors.log import Rows
from engine.alerts.record import Alert, fingerprint, iso
from engine.spec import Spec
from streams.serve.page.files import load
from tests.conftest import need
from tests.faults.harness import COMMAND, make_topics
from tests.integration.town import EVENTS, HOSTILE, Town, town
from tests.parts import chromium
from tests.parts.chromium import PHONE, Chromium
from tests.parts.processes import answers
from tests.parts.serving import Serving

pytestmark = pytest.mark.integration
VIEWS = ("stream", "quality", "drift", "alerts", "letters", "models", "audit")
expect.set_options(timeout=chromium.PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    need(chromium.missing())
    with Chromium() as running:
        yield running


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, browser: Chromium) -> Iterator[tuple[Town, Serving]]:
    """Payments, before they change, and a few records that somebody means ill with."""
    with town(tmp_path_factory.mktemp("town")) as (here, serving):
        here.feed(EVENTS // 2)
        payment = {"payment_id": HOSTILE, "card_id": HOSTILE, "paid_at": "2026-01-28T09:00:00Z", "amount": 3}
        rest = {"hour": 9, "distance_km": 1, "past_hour": 0, "country": "DE", "channel": HOSTILE}
        here.send(json.dumps(payment | rest).encode(), b"{" + HOSTILE.encode())
        here.wait_for("predictions", EVENTS // 2 - 100)
        yield here, serving


def url(serving: Serving, view: str = "") -> str:
    return f"http://127.0.0.1:{serving.port}/{f'#/{view}' if view else ''}"


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation")).to_be_visible()


def shot(page: Page, folder: Path, name: str) -> None:
    page.screenshot(path=folder / f"{name}.png")


def test_a_wrong_token_is_refused(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """And says so; nothing of the pipeline is shown."""
    with browser.tab(url(place[1])) as page:
        page.get_by_label("Token").fill("dl_wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("not known here")
        expect(page.locator("body")).not_to_contain_text("payments-demo")


@pytest.mark.timeout(180)
def test_a_drift_appears_and_its_alert_is_acknowledged(
    browser: Chromium, place: tuple[Town, Serving], tmp_path: Path
) -> None:
    """Payments change, the alert comes up by itself with its evidence, and the topic shows who took it."""
    here, serving = place
    with browser.tab(url(serving)) as page:
        sign_in(page, here.tokens["order"])
        expect(page.get_by_text("None is firing.")).to_be_visible()
        here.feed(EVENTS // 2)
        alert = page.locator("a.urgent-line", has_text="Drift").filter(has_text="amount").first
        expect(alert).to_be_visible()
        shot(page, tmp_path, "stream")
        alert.click()
        beside = page.get_by_role("complementary", name="Alert")
        expect(beside.get_by_role("img", name=re.compile("reference beside current"))).to_be_visible()
        expect(beside).to_contain_text("carried by")
        shot(page, tmp_path, "alert")
        page.keyboard.press("a")
        page.get_by_role("dialog").get_by_label("Note").fill("looking into it")
        page.keyboard.press("Enter")
        expect(beside.locator(".tag-acknowledged")).to_be_visible()
        shot(page, tmp_path, "acknowledged")
        fingerprint = page.url.rpartition("/")[2]
    told = [json.loads(each.value or b"{}") for each in here.records("alerts")]
    mine = [each for each in told if each.get("fingerprint") == fingerprint]
    assert (mine[-1]["status"], mine[-1]["by"], mine[-1]["why"]) == (
        "acknowledged",
        "order",
        "looking into it",
    )
    assert {path.name for path in tmp_path.glob("*.png")} == {"stream.png", "alert.png", "acknowledged.png"}


@pytest.mark.timeout(180)
def test_an_alert_is_silenced_and_the_audit_tells(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """With a reason, without which nothing is sent; the silence is ended again, and all of it can be read."""
    here, serving = place
    with browser.tab(url(serving, "alerts")) as page:
        sign_in(page, here.tokens["order"])
        page.get_by_role("button", name=re.compile("^all")).click()
        page.get_by_role("row").filter(has_text="amount").first.click()
        page.get_by_role("button", name="Silence …", exact=True).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Silence").click()
        expect(dialog).to_be_visible()
        dialog.get_by_label("Why").fill("a known price change")
        dialog.get_by_role("button", name="Silence").click()
        expect(page.get_by_role("complementary", name="Alert").locator(".tag-silenced")).to_be_visible()
        page.get_by_role("button", name="Silences …").click()
        dialog.get_by_role("button", name="End it").click()
        expect(dialog).to_contain_text("Ordered to end")
        dialog.get_by_role("button", name="Close").click()
        expect(page.get_by_role("complementary", name="Alert").locator(".tag-silenced")).to_have_count(0)
        page.keyboard.press("7")
        for what in ("silence", "alert silenced", "unsilence"):
            line = page.get_by_role("row").filter(has=page.get_by_text(what, exact=True)).first
            expect(line).to_contain_text("order")
    orders = [json.loads(each.value or b"{}") for each in here.records("control")]
    silence = next(each for each in orders if each["do"] == "silence")
    assert (silence["by"], silence["why"]) == ("order", "a known price change")


def test_the_drift_board_shows_what_was_and_what_is(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """By keyboard alone: to the board, to a signal by search, into it and out again."""
    here, serving = place
    with browser.tab(url(serving)) as page:
        sign_in(page, here.tokens["look"])
        page.keyboard.press("3")
        expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("^amount value")).first).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("country")
        expect(page.get_by_role("row", name=re.compile("^amount"))).to_have_count(0)
        page.get_by_role("row", name=re.compile("^country")).first.focus()
        page.keyboard.press("Enter")
        beside = page.get_by_role("complementary", name="Signal")
        expect(beside.get_by_role("heading", name=re.compile("^country"))).to_be_focused()
        expect(beside.locator(".category-bar").first).to_be_visible()
        page.keyboard.press("Escape")
        expect(beside).to_be_hidden()


def test_the_present_is_taken_as_normal(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """Once a reason is given, an order for this signal goes to the stream."""
    here, serving = place
    with browser.tab(url(serving, "drift/hour")) as page:
        sign_in(page, here.tokens["order"])
        page.get_by_role("button", name="Take as new normal …").click()
        page.get_by_role("dialog").get_by_label("Why").fill("summer time")
        page.keyboard.press("Enter")
        expect(page.locator("#toasts")).to_contain_text("hour gets a new reference")
    orders = [json.loads(each.value or b"{}") for each in here.records("control")]
    assert {"do": "rebaseline", "signals": ["hour"], "by": "order", "why": "summer time"} in orders


def test_who_may_only_look_is_told_so(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """Actions stay within reach of the keyboard, do nothing, and say why."""
    here, serving = place
    with browser.tab(url(serving, "letters")) as page:
        sign_in(page, here.tokens["look"])
        button = page.get_by_role("button", name="Replay all …")
        expect(button).to_have_attribute("aria-disabled", "true")
        button.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#toasts")).to_contain_text("needs one with the scope “admin”")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_records_are_text(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """What a record calls itself is shown as it is, and runs nothing."""
    here, serving = place
    with browser.tab(url(serving, "letters")) as page:
        sign_in(page, here.tokens["order"])
        row = page.get_by_role("row").filter(has_text="unknown category").filter(has_text="<img").first
        row.click()
        beside = page.get_by_role("complementary", name="Dead letter")
        expect(beside.locator("pre")).to_contain_text("<img src=x onerror=")
        assert page.locator("main img").count() == 0
        assert "owned" not in page.title()


def test_a_dead_letter_is_sent_again(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """Once: it comes back, since nothing was mended, and the old one is marked."""
    here, serving = place
    before = len(here.records("dead_letters"))
    with browser.tab(url(serving, "letters")) as page:
        sign_in(page, here.tokens["order"])
        page.get_by_role("row").filter(has_text="malformed").first.click()
        page.get_by_role("button", name="Replay …", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Replay").click()
        expect(page.locator("#toasts")).to_contain_text("1 sent again")
        here.wait_for("dead_letters", before + 1)


@pytest.mark.parametrize(("look", "size", "dark"), [("phone", PHONE, False), ("dark", chromium.DESK, True)])
def test_every_view_fits(
    browser: Chromium,
    place: tuple[Town, Serving],
    tmp_path: Path,
    look: str,
    size: tuple[int, int],
    dark: bool,
) -> None:
    """Nothing is wider than a phone; in the dark the ground is dark; each view has its content."""
    here, serving = place
    with browser.tab(url(serving), size, dark, still=True) as page:
        sign_in(page, here.tokens["order"])
        assert page.locator("html").get_attribute("data-theme") == ("dark" if dark else "light")
        for view in VIEWS:
            page.goto(url(serving, view))
            expect(page.locator(f'nav a[href="#/{view}"]')).to_have_attribute("aria-current", "page")
            expect(page.locator("main .card").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
            shot(page, tmp_path, f"{look}-{view}")
        red = int(re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[0])
        assert (red < 64) == dark


@pytest.mark.timeout(180)
def test_the_demo_is_watched_from_its_first_line(browser: Chromium, tmp_path: Path) -> None:
    """It says where its page is; there the planted drift comes up, and who has no token gives a name."""
    with running_demo(tmp_path) as address, browser.tab(address) as page:
        page.locator("a.urgent-line", has_text="signal amount").first.click()
        beside = page.get_by_role("complementary", name="Alert")
        expect(beside).to_contain_text("amount is not what it was")
        beside.get_by_role("button", name="Acknowledge …").click()
        page.get_by_label("Who you are").fill("ada")
        page.keyboard.press("Enter")
        expect(beside.locator(".tag-acknowledged")).to_be_visible()
        expect(beside.locator(".events")).to_contain_text("ada")
        shot(page, tmp_path, "demo")


@contextmanager
def running_demo(folder: Path) -> Iterator[str]:
    """The demo, by the address of its page, until it was seen; what it leaves lies in the folder."""
    command = [str(COMMAND), "demo", "--keep", "--events", "8000"]
    lines, at = folder / "demo.log", {**os.environ, "TMPDIR": str(folder)}
    with (
        lines.open("w") as told,
        subprocess.Popen(command, env=at, stdout=told, stderr=told, start_new_session=True) as demo,
    ):
        try:
            yield address_of(lines, demo)
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait()


def address_of(lines: Path, demo: subprocess.Popen[bytes]) -> str:
    """Where its page is, once it answers there."""
    while demo.poll() is None:
        found = re.search(r"page: (http://[\w.]+:(\d+)/)", lines.read_text())
        if found and answers(int(found[2]), b"GET /healthz HTTP/1.0\r\n\r\n"):
            return found[1]
        time.sleep(0.2)
    raise RuntimeError(lines.read_text())


def test_the_theme_is_kept(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """Who turned the light off finds it so."""
    with browser.tab(url(place[1])) as page:
        page.get_by_role("button", name="Light or dark").click()
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_ten_thousand_rows_are_as_quick_as_ten(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """Only those in sight are drawn, also at the end of the list."""
    script = """async (path) => {
        const { list } = await import(path);
        const columns = [{ name: "n", cell: (item) => String(item) }];
        const board = list({ label: "many", columns, id: (item) => item, open: () => {} });
        board.node.style.height = "500px";
        document.body.replaceChildren(board.node);
        board.update(Array.from({ length: 10000 }, (_, i) => i));
        const drawn = () => board.node.querySelectorAll(".rows .row").length;
        const first = drawn();
        board.focus();
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
        return [first, drawn(), document.activeElement.textContent];
    }"""
    with browser.tab(url(place[1])) as page:
        first, at_end, focused = page.evaluate(script, f"/page/{load().hash}/list.js")
        assert 10 <= first < 60
        assert at_end < 60
        assert focused == "9999"


def test_what_is_told_of_a_drift(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """The board tells when the last one was found, not since when it is so; what has no figures, none."""
    script = """async (folder) => {
        const { COLUMNS } = await import(`${folder}/views/drift.js`);
        const { evidence } = await import(`${folder}/views/signal.js`);
        const last = COLUMNS.find((each) => each.name === "Last drift");
        const row = { since: { time: 0 }, last: { time: 20.5 * 86400000 } };
        return [last.cell(row).textContent, evidence({ changes: [{ kind: "categories" }] }).textContent];
    }"""
    with browser.tab(url(place[1])) as page:
        found, told = page.evaluate(script, f"/page/{load().hash}")
    assert found.startswith("21 Jan")
    assert "categories" in told
    assert "→" not in told


def test_a_storm_of_alerts_stays_a_list(browser: Chromium) -> None:
    """Of a thousand and one the worst is on top, a few are drawn, and what they call themselves is text."""
    spec = Spec.model_validate(
        {"pipeline": "p", "transport": "memory://storm", "events": {"fields": {"x": {"type": "number"}}}}
    )
    make_topics(spec)
    alerts = [stormy(n, "critical" if n == 700 else "warning") for n in range(1001)]
    log = open_log(spec.transport)
    log.append(spec.topic("alerts"), 0, Rows([each.key for each in alerts], [each.json() for each in alerts]))
    with Serving(spec) as serving, browser.tab(url(serving, "alerts")) as page:
        expect(page.locator(".rows .row").first).to_contain_text("feature f0700")
        assert page.locator(".rows .row").count() < 60
        expect(page.get_by_text("the 1,000 worst of 1,001")).to_be_visible()
        page.get_by_role("searchbox").fill("f0007")
        page.locator(".rows .row").first.click()
        beside = page.get_by_role("complementary", name="Alert")
        expect(beside).to_contain_text(HOSTILE)
        expect(beside).to_contain_text("javascript:document.title=1")
        assert beside.locator("a, img").count() == 0
    log.close()


def stormy(n: int, severity: str) -> Alert:
    """One of many alerts, whose texts somebody chose who means ill."""
    labels = {"alertname": "Missing", "severity": severity, "feature": f"f{n:04d}"}
    notes = {"summary": HOSTILE, "runbook_url": "javascript:document.title=1"}
    return Alert(
        status="firing",
        labels=labels,
        annotations=notes,
        starts_at=iso(n),
        time=n,
        fingerprint=fingerprint(labels),
    )


def test_a_lost_connection_is_shown_and_found_again(browser: Chromium, place: tuple[Town, Serving]) -> None:
    """The server goes, the page says so and keeps what it knew; it comes back, and the page goes on."""
    here, serving = place
    with browser.tab(url(serving)) as page:
        with Serving(here.spec) as first:
            page.goto(url(first))
            sign_in(page, here.tokens["look"])
            expect(page.locator(".pill")).to_contain_text(re.compile("Quiet|Keeping up"))
        expect(page.locator(".pill")).to_contain_text("No connection")
        with Serving(here.spec, first.port):
            expect(page.locator(".pill")).not_to_contain_text("No connection")
            expect(page.locator("#toasts")).to_contain_text("Connected again")
