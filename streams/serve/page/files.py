"""The files of the live page, packed once, with what a browser needs to keep them for ever.

All lie under one folder that is called after their contents, `/page/<hash>/...`: what is there never
changes, and modules find each other by relative paths. Only the page itself, which names that folder, is
asked for anew.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cramjam

FOLDER = Path(__file__).with_name("static")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FIRST = "index.html"
HASH_LETTERS = 16
BROTLI_QUALITY = 9

# Nothing from elsewhere, no script or style within the page, and no text that could become HTML.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
FOREVER = "public, max-age=31536000, immutable"
ANEW = "no-cache"  # it may be kept, and is asked for each time


@dataclass(frozen=True, slots=True)
class Packed:
    """A file, as it is and compressed."""

    type: str
    etag: str
    bodies: dict[str, bytes]
    """By encoding: `br`, `gzip`, and `identity`."""

    def best(self, accepted: str) -> tuple[str, bytes]:
        """The shortest that a browser takes, by its Accept-Encoding header."""
        names = {part.partition(";")[0].strip() for part in accepted.lower().split(",") if "q=0" not in part}
        encoding = next((name for name in ("br", "gzip") if name in names), "identity")
        return encoding, self.bodies[encoding]


@dataclass(frozen=True, slots=True)
class Page:
    """All files of the page, by path."""

    hash: str
    files: dict[str, Packed]


@cache
def load() -> Page:
    """Read and pack the files; once in a process."""
    raw = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in sorted(FOLDER.rglob("*.*"))}
    digest = hashlib.sha256()
    for name, body in raw.items():
        digest.update(f"{name}\0{len(body)}\0".encode() + body)
    version = digest.hexdigest()[:HASH_LETTERS]
    raw[FIRST] = _first(raw[FIRST].decode(), version, [name for name in raw if name.endswith(".js")])
    return Page(version, {name: _packed(name, body) for name, body in raw.items()})


def _first(text: str, version: str, scripts: list[str]) -> bytes:
    """The page itself: it names its folder, and asks for all modules at once."""
    modules = (name for name in scripts if name != "theme.js")
    hints = (f'<link rel="modulepreload" href="page/@/{name}">' for name in modules)
    whole = text.replace("<!--modules-->", "\n    ".join(hints))
    return whole.replace("page/@/", f"page/{version}/").encode()


def _packed(name: str, body: bytes) -> Packed:
    bodies = {
        "identity": body,
        "gzip": gzip.compress(body, 9, mtime=0),
        "br": bytes(cramjam.brotli.compress(body, level=BROTLI_QUALITY)),
    }
    etag = f'"{hashlib.sha256(body).hexdigest()[:HASH_LETTERS]}"'
    return Packed(TYPES[Path(name).suffix], etag, bodies)
