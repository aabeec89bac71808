"""Files of events or labels, row by row: CSV, JSON lines, both also gzipped, or standard input.

No row is left out. What is no JSON, or has more cells than there are columns, goes on as it is, so that
it is seen as a dead letter.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from engine.errors import DriftlineError
from streams.cells import Column, loose, nested

LINE_BYTES_MAX = 16 << 20
TABLES, LINES = (".csv", ".tsv"), (".jsonl", ".ndjson", ".json")
STDIN = "-"


class InputError(DriftlineError):
    """A file that can't be read on; its text says where."""


class Row(NamedTuple):
    value: bytes
    data: Any
    """What `value` says, or None where it says nothing: it is no JSON."""


def read(name: str, columns: Mapping[str, Column]) -> Iterator[Row]:
    """The rows of a file, whose name tells what it is.

    Parameters
    ----------
    name
        A path that ends in .csv, .tsv, .jsonl, .ndjson or .json, or in one of these and .gz;
        or `-` for JSON lines on standard input.
    columns
        What the columns of a table mean. A column that is not named keeps its name.
    """
    kind = check(name)
    with _explained(name), _opened(name) as file:
        yield from _table(name, file, columns) if kind in TABLES else _lines(name, file)


def check(name: str) -> str:
    """What kind of file this is; raise InputError when it can't be read at all."""
    if name == STDIN:
        return LINES[0]
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    kind = (suffixes[:-1] if suffixes[-1:] == [".gz"] else suffixes)[-1:]
    if not kind or kind[0] not in (*TABLES, *LINES):
        raise InputError(f"{name}: name it {', '.join((*TABLES, *LINES))}, one of these with .gz, or -")
    if not Path(name).is_file():
        raise InputError(f"{name}: no such file")
    return kind[0]


def _opened(name: str) -> AbstractContextManager[Any]:
    if name == STDIN:
        return nullcontext(sys.stdin.buffer)
    if name.lower().endswith(".gz"):
        return gzip.open(name)
    return Path(name).open("rb")


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{name} is a damaged gzip file: {error}") from None
    except OSError as error:
        raise InputError(f"{name} can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text ({error.reason}); convert it first") from None


def _lines(name: str, file: BinaryIO) -> Iterator[Row]:
    decode = msgspec.json.Decoder().decode
    number = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        number += 1
        if len(line) > LINE_BYTES_MAX:
            raise InputError(f"{name}:{number}: a line longer than {LINE_BYTES_MAX:,} bytes")
        value = line.strip()
        if value:
            try:
                yield Row(value, decode(value))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                yield Row(value, None)


def _table(name: str, file: BinaryIO, known: Mapping[str, Column]) -> Iterator[Row]:
    previous = csv.field_size_limit(LINE_BYTES_MAX)
    try:
        with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as lines:
            header = lines.readline(LINE_BYTES_MAX)
            comma = max(",;\t", key=header.count)
            names = [each.strip() for each in next(csv.reader([header], delimiter=comma), [])]
            columns = _columns(name, names, known)
            for cells in _parsed(name, csv.reader(lines, delimiter=comma)):
                yield _row(columns, cells, comma)
    finally:
        csv.field_size_limit(previous)


def _row(columns: Sequence[Column], cells: Sequence[str], comma: str) -> Row:
    if len(cells) > len(columns):  # nobody can tell which cell is which
        return Row(comma.join(cells).encode(), None)
    data = nested(columns, cells)
    return Row(msgspec.json.encode(data), data)


def _parsed(name: str, cells: Any) -> Iterator[list[str]]:
    """The rows that are not empty."""
    try:
        yield from filter(None, cells)
    except csv.Error as error:
        raise InputError(f"{name}:{cells.line_num + 1}: {error}") from None


def _columns(name: str, names: Sequence[str], known: Mapping[str, Column]) -> list[Column]:
    """What each column of this file means. One that the spec does not name keeps its name."""
    if not names:
        raise InputError(f"{name} is empty; its first line names the columns")
    inner = {
        names[:length] for names in (each.path for each in known.values()) for length in range(len(names))
    }
    found: dict[tuple[str, ...], str] = {}
    columns = []
    for each in names:
        if not each:
            raise InputError(f"{name}:1: a column has no name")
        # What others are nested in has no room for a value, but for an entry without a name.
        path = (each, "") if (each,) in inner else (each,)
        column = known.get(each, Column(path, loose))
        if column.path in found:
            raise InputError(
                f"{name}:1: the columns {found[column.path]!r} and {each!r} are one and the same"
            )
        found[column.path] = each
        columns.append(column)
    return columns
