"""One file of the vote store: the columns of one shard that were computed on one occasion.

First a line that names the form, then a line with the digest of all that follows, then the length of the head and
the head as JSON, then the columns' bytes. A column is written in the shortest of three ways: `gaps` (rows with
another code than the usual one, and their codes), `bits` (two codes only) or `plain` (a byte a row).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from weaklabel.errors import VotesError
from weaklabel.fingerprint import fingerprint
from weaklabel.kernels.sparse import from_gaps, gaps, usual_code

Int8 = npt.NDArray[np.int8]

_FORM = b"weaklabel votes 1\n"
_DIGITS = 32
_LENGTH = 10
START = len(_FORM) + _DIGITS + 1 + _LENGTH + 1
"""Bytes before the head."""


class Column(NamedTuple):
    """How a column is written, and how many bytes that takes.

    Examples
    --------
    >>> Column("k1", faults=0, way="gaps", usual=-1, where=40, what=1).size
    41
    """

    key: str
    faults: int
    way: str
    usual: int
    where: int
    what: int

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return self.where + self.what


@dataclass(frozen=True)
class Head:
    """What a file says of itself.

    Examples
    --------
    >>> file = pack("d1", {"k1": np.array([-1, 0], np.int8)}, {})
    >>> head = read_head(file)
    >>> head.shard, head.rows, head.columns[0].key
    ('d1', 2, 'k1')
    """

    shard: str
    rows: int
    columns: tuple[Column, ...]
    start: int

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of its columns, in order."""
        return tuple(column.key for column in self.columns)


def pack(shard: str, votes: Mapping[str, Int8], faults: Mapping[str, int]) -> bytes:
    """Return the bytes of a file; the same columns give the same bytes, whatever their order.

    Examples
    --------
    >>> file = pack("d1", {"k1": np.array([-1, 0], np.int8)}, {"k1": 3})
    >>> unpack(file, ["k1"])["k1"].tolist(), read_head(file).columns[0].faults
    ([-1, 0], 3)
    """
    columns, parts, rows = [], [], 0
    for key in sorted(votes):
        own = np.ascontiguousarray(votes[key], np.int8)
        rows = len(own)
        way, usual, where, what = _written(own)
        columns.append([key, int(faults.get(key, 0)), way, usual, len(where), len(what)])
        parts += [where, what]
    told = {"shard": shard, "rows": rows, "columns": columns}
    head = json.dumps(told, separators=(",", ":")).encode()
    content = b"".join([b"%0*d\n" % (_LENGTH, len(head)), head, *parts])
    return b"".join([_FORM, fingerprint(content).encode(), b"\n", content])


def read_head(file: bytes) -> Head:
    """Return the head of a file from its first bytes; raise a VotesError when there is none to be read.

    Examples
    --------
    >>> read_head(b"something else")
    Traceback (most recent call last):
    ...
    weaklabel.errors.VotesError: it is no file of this store
    """
    if not file.startswith(_FORM):
        known = file.startswith(_FORM.split(b" 1")[0])
        raise VotesError("another version wrote it" if known else "it is no file of this store")
    try:
        stop = head_end(file)
        told = json.loads(file[START:stop])
        columns = tuple(_column(*entry) for entry in told["columns"])
        return Head(str(told["shard"]), int(told["rows"]), columns, stop)
    except (ValueError, KeyError, TypeError) as error:
        raise VotesError("its head is damaged") from error


def head_end(file: bytes) -> int:
    """Return where the head of a file ends; ValueError where its first bytes don't say it.

    Examples
    --------
    >>> file = pack("d1", {}, {})
    >>> file[START : head_end(file)]
    b'{"shard":"d1","rows":0,"columns":[]}'
    """
    return START + int(file[START - _LENGTH - 1 : START - 1])


def unpack(file: bytes, keys: Iterable[str]) -> dict[str, Int8]:
    """Return some columns of a whole file, those of the keys that it has; raise a VotesError when it is damaged.

    Examples
    --------
    >>> file = pack("d1", {"k1": np.array([-1, 0], np.int8)}, {})
    >>> unpack(file[:-1], ["k1"])
    Traceback (most recent call last):
    ...
    weaklabel.errors.VotesError: its content does not match its digest
    """
    head = read_head(file)
    at = len(_FORM)
    if fingerprint(file[at + _DIGITS + 1 :]).encode() != file[at : at + _DIGITS]:
        raise VotesError("its content does not match its digest")
    wanted, found, start = frozenset(keys), {}, head.start
    for column in head.columns:
        if column.key in wanted:
            found[column.key] = _read(file, start, column, head.rows)
        start += column.size
    return found


def _column(key: Any, faults: Any, way: Any, usual: Any, where: Any, what: Any) -> Column:
    if way not in ("gaps", "bits", "plain"):
        raise ValueError(way)
    return Column(str(key), int(faults), str(way), int(usual), int(where), int(what))


def _written(votes: Int8) -> tuple[str, int, bytes, bytes]:
    usual = usual_code(votes)
    where, what = gaps(votes, usual)
    one = not len(what) or bool((what == what[0]).all())
    what = what[:1] if one else what
    size = len(where) + len(what)
    if one and len(votes) // 8 + 1 < size:
        return "bits", usual, np.packbits(votes != usual).tobytes(), what.tobytes()
    if len(votes) < size:
        return "plain", usual, votes.tobytes(), b""
    return "gaps", usual, where.tobytes(), what.tobytes()


def _read(file: bytes, start: int, column: Column, rows: int) -> Int8:
    where = np.frombuffer(file, np.uint8, column.where, start)
    what = np.frombuffer(file, np.int8, column.what, start + column.where)
    if column.way == "plain":
        return where.view(np.int8).copy()
    if column.way == "bits":
        other = np.unpackbits(where, count=rows).view(np.bool_)
        return np.where(other, what[0], np.int8(column.usual)).astype(np.int8)
    return from_gaps(where, what, column.usual, rows)
