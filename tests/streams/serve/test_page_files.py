"""The live page's files: what a browser gets, and what is not in them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import cramjam
import pytest

from engine.spec import Spec
from streams.serve.page.files import FOLDER, load
from tests.parts.serving import Serving

SPEC = {"pipeline": "p", "transport": "memory://page", "events": {"fields": {"x": {"type": "number"}}}}
PARSED = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc")
OUTSIDE = re.compile(r"https?://(?!www\.w3\.org/2000/svg)[\w.]")
IMPORTED = re.compile(r'^import .*?from "(.+?)";', re.MULTILINE)


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with Serving(Spec.model_validate(SPEC)) as serving:
        yield serving


def test_a_part_is_kept_for_ever_and_the_page_is_asked_for_anew(server: Serving) -> None:
    """Only the page itself names the folder, which is called after what it holds."""
    first = server.get("/")
    assert first.headers["cache-control"] == "no-cache"
    [path, *_] = re.findall(r'src="(page/\w+/main\.js)"', first.body.decode())
    assert "immutable" in server.get(f"/{path}").headers["cache-control"]
    other = server.get("/page/0123456789abcdef/main.js")
    assert (other.status, other.headers["cache-control"]) == (200, "no-store")


def test_what_a_browser_has_is_not_sent_again(server: Serving) -> None:
    """It asks by the tag, whatever the encoding."""
    tag = server.get("/", Accept_Encoding="br").headers["etag"]
    again = server.get("/", Accept_Encoding="br", If_None_Match=tag)
    assert (again.status, again.body) == (304, b"")
    assert server.get("/", If_None_Match=tag).status == 200


def test_parts_come_packed(server: Serving) -> None:
    """By Brotli, by gzip, or as they are."""
    path = f"/page/{load().hash}/main.js"
    plain = (FOLDER / "main.js").read_bytes()
    packed = server.get(path, Accept_Encoding="gzip, deflate, br")
    assert packed.headers["content-encoding"] == "br"
    assert bytes(cramjam.brotli.decompress(packed.body)) == plain
    assert gzip.decompress(server.get(path, Accept_Encoding="gzip").body) == plain
    assert server.get(path, Accept_Encoding="gzip;q=0").body == plain


def test_a_browser_is_told_to_run_nothing_else(server: Serving) -> None:
    """No script or style within the page, none from elsewhere, no text that becomes HTML."""
    policy = server.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy


@pytest.mark.parametrize("path", ["/page/x/none.js", "/page/x/../files.py", "/page/x/index.html", "/page/x/"])
def test_there_is_nothing_else_to_fetch(server: Serving, path: str) -> None:
    """Only files of the page, by their very names."""
    assert server.get(path).status == 404


@pytest.mark.parametrize("name", sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.*")))
def test_no_file_parses_text_or_reaches_out(name: str) -> None:
    """Records are text for ever, and everything that is needed is here."""
    text = (FOLDER / name).read_text()
    assert PARSED.findall(text) == []
    assert OUTSIDE.findall(text) == []
    assert " style=" not in text
    assert [to for to in IMPORTED.findall(text) if not (FOLDER / name).parent.joinpath(to).is_file()] == []
    assert len(text.splitlines()) <= 300


def test_all_of_it_is_small() -> None:
    """What a browser loads for the first view."""
    assert sum(len(packed.bodies["br"]) for packed in load().files.values()) < 60_000
