"""A real Chromium for tests and benchmarks, the one that is installed; nothing is downloaded.

with Chromium() as browser, browser.tab("http://127.0.0.1:8000/") as tab:
    tab.get_by_role("link", name="Alerts").click()
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from playwright.sync_api import Browser, Dialog, Page, sync_playwright

DESK = (1440, 900)
PHONE = (390, 844)
PATIENCE_MS = 60_000  # of what is waited for; only a failure takes so long


def missing() -> str | None:
    """What has to be installed before one can be started."""
    return None if shutil.which("chromium") else "no chromium here: apt-get install chromium"


class Chromium:
    """A browser without a window."""

    def __init__(self) -> None:
        self.playwright = sync_playwright()
        self.browser: Browser | None = None

    def __enter__(self) -> Self:
        path = shutil.which("chromium")
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to be root in one
        self.browser = self.playwright.start().chromium.launch(executable_path=path, args=arguments)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.browser is not None
        self.browser.close()
        self.playwright.__exit__(kind, error, trace)

    @contextmanager
    def tab(
        self, url: str, size: tuple[int, int] = DESK, dark: bool = False, still: bool = False
    ) -> Iterator[Page]:
        """A page in a browser of its own, which knows nothing of the others; what it complains of, raises."""
        assert self.browser is not None
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if still else "no-preference",
            has_touch=size == PHONE,
        )
        context.set_default_timeout(PATIENCE_MS)
        page, complaints = context.new_page(), list[str]()
        page.on("pageerror", lambda error: complaints.append(str(error)))

        def refuse(dialog: Dialog) -> None:
            complaints.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", refuse)
        try:
            page.goto(url)
            yield page
            assert complaints == []
        finally:
            context.close()
