"""Who may come in: bearer tokens with scopes, of which only hashes are kept, in a file of JSON.

A token is 32 random bytes, so a plain SHA-256 is as good as any slower hash: there is nothing to guess.
The file is read again when it has changed. One that can't be read lets nobody in who was not in before;
one that is gone lets nobody in.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path
from typing import Literal

import msgspec

from engine.errors import SpecError

Scope = Literal["read", "label", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "label", "admin")
PREFIX = "dl_"
NAME_MAX = 100
TOKENS_MAX = 1_000


class Token(msgspec.Struct, frozen=True):
    """One who may come in."""

    name: str
    scopes: tuple[Scope, ...]
    hash: str
    made_ms: int
    requests_per_minute: int | None = None
    """Instead of the spec's."""


class TokenFile(msgspec.Struct):
    tokens: list[Token]


ANYBODY = Token("", SCOPES, "", 0)
"""Who comes where no tokens are asked for."""

_decode = msgspec.json.Decoder(TokenFile).decode


def hashed(token: str) -> str:
    """What is kept of a token.

    >>> hashed("dl_secret")[:20]
    'sha256:3911b63e23bce'
    """
    return f"sha256:{hashlib.sha256(token.encode(errors='surrogateescape')).hexdigest()}"


def read(path: Path) -> list[Token]:
    """The tokens in a file; SpecError says why it can't be read."""
    try:
        return _decode(path.read_bytes()).tokens
    except FileNotFoundError:
        advice = f"driftline tokens add NAME --scope read --file {path}"
        raise SpecError(f"serve.tokens: there is no file {path}; make one with: {advice}") from None
    except OSError as error:
        raise SpecError(f"serve.tokens: {path} can't be read: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SpecError(f"serve.tokens: {path} is no file of tokens: {error}") from None


def write(path: Path, tokens: list[Token]) -> None:
    """Put tokens in the place of what the file held, at once, for the owner's eyes only."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(TokenFile(tokens))) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def made(name: str, scopes: tuple[Scope, ...], per_minute: int | None = None) -> tuple[str, Token]:
    """A new token: what its owner keeps, and what is kept of it."""
    secret = PREFIX + secrets.token_urlsafe(32)
    return secret, Token(name, scopes, hashed(secret), int(time.time() * 1000), per_minute)


class Doorkeeper:
    """Knows who may come in.

    Parameters
    ----------
    path
        The file of tokens; None lets everybody in.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.tokens: list[Token] = []
        self.stamp: tuple[int, int, int] | None = None
        self.wrong: str | None = None
        self.looked = 0.0
        if path is not None:
            self.stamp, self.tokens = _stamp(path), read(path)

    def who(self, given: str | None) -> Token | None:
        """Whose token this is; None if it is nobody's."""
        if self.path is None:
            return ANYBODY
        self._look()
        if given is None:
            return None
        digest, found = hashed(given), None
        for token in self.tokens:  # all of them, so that the time taken tells nothing
            if hmac.compare_digest(token.hash.encode(), digest.encode()):
                found = token
        return found

    def _look(self) -> None:
        """Read the file again if it is another one; at most once a second."""
        now = time.monotonic()
        if self.path is None or now - self.looked < 1.0:
            return
        self.looked = now
        stamp = _stamp(self.path)
        if stamp == self.stamp:
            return
        self.stamp = stamp
        try:
            self.tokens, self.wrong = read(self.path), None
        except SpecError as error:
            self.wrong = str(error)
            if stamp is None:
                self.tokens = []


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
