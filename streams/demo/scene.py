"""Where a demo takes place: what its parts, and whoever watches it, have to know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from streams.demo.payments import Plan

SPEC = Path(__file__).with_name("payments.yaml")
SPEC_NAME = "driftline.yaml"


@dataclass(frozen=True, slots=True)
class Scene:
    """One demo.

    Parameters
    ----------
    plan
        What is sent.
    folder
        Where the spec, the log and the processes' log files lie.
    port
        Where the worker answers.
    keep
        Whether it goes on until Ctrl-C, and the folder stays.
    page_port
        Where the page is; None without one.
    """

    plan: Plan
    folder: Path
    port: int
    keep: bool = False
    pipeline: str = "payments-demo"
    page_port: int | None = None

    @property
    def spec(self) -> Path:
        return self.folder / SPEC_NAME

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def page(self) -> str | None:
        """The page's address."""
        return None if self.page_port is None else f"http://127.0.0.1:{self.page_port}/"

    def hints(self) -> list[str]:
        """What to do while it goes on."""
        page = [] if self.page is None else [f"The live page: {self.page}"]
        if not self.keep:
            return page
        return [
            *page,
            f"Ctrl-C ends it. Metrics: {self.url('/metrics')}",
            f"Watch a topic: cd {self.folder} && driftline tail predictions -f",
        ]
