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
from weaklabel.schema import ABSTAIN

Int8 = npt.NDArray[np.int8]
UInt8 = npt.NDArray[np.uint8]

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


class Written(NamedTuple):
    """A column of votes in one of the three ways in which it is written.

    Examples
    --------
    >>> column = written(np.array([-1, -1, -1, -1, 0, 2], np.int8))
    >>> column.way, column.rows, column.votes().tolist()
    ('gaps', 6, [-1, -1, -1, -1, 0, 2])
    """

    way: str
    usual: int
    where: UInt8
    what: Int8
    rows: int

    def votes(self) -> Int8:
        """Return the code of each row."""
        if self.way == "plain":
            return self.where.view(np.int8).copy()
        if self.way == "bits":
            other = np.unpackbits(self.where, count=self.rows).view(np.bool_)
            return np.where(other, self.what[0], np.int8(self.usual)).astype(np.int8)
        return from_gaps(self.where, self.what, self.usual, self.rows)

    def spoken(self) -> tuple[UInt8, Int8]:
        """Return the gaps before the rows whose code is not -1, and these codes: one for all, or one for each.

        Examples
        --------
        >>> [part.tolist() for part in written(np.array([0, 0, -1, 0], np.int8)).spoken()]
        [[0, 0, 1], [0, 0, 0]]
        """
        if self.way == "gaps" and self.usual == ABSTAIN:
            return self.where, self.what
        return gaps(self.votes(), ABSTAIN)

    def head(self, rows: int) -> Written:
        """Return the column of the first rows.

        Examples
        --------
        >>> written(np.array([0, 0, -1, 0], np.int8)).head(3).votes().tolist()
        [0, 0, -1]
        """
        return self if rows >= self.rows else written(self.votes()[:rows])


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


def pack(shard: str, votes: Mapping[str, Int8 | Written], faults: Mapping[str, int]) -> bytes:
    """Return the bytes of a file; the same columns give the same bytes, whatever their order, written already or not.

    Examples
    --------
    >>> file = pack("d1", {"k1": np.array([-1, 0], np.int8)}, {"k1": 3})
    >>> unpack(file, ["k1"])["k1"].votes().tolist(), read_head(file).columns[0].faults
    ([-1, 0], 3)
    """
    columns, parts, rows = [], [], 0
    for key in sorted(votes):
        column = votes[key]
        way, usual, where, what, rows = column if isinstance(column, Written) else written(column)
        columns.append([key, int(faults.get(key, 0)), way, usual, len(where), len(what)])
        parts += [where.tobytes(), what.tobytes()]
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


def unpack(file: bytes, keys: Iterable[str]) -> dict[str, Written]:
    """Return some columns of a whole file, those of the keys that it has; raise a VotesError when it is damaged.

    Examples
    --------
    >>> file = pack("d1", {"k1": np.array([-1, 0], np.int8)}, {})
    >>> unpack(file, ["k1", "k2"])["k1"].votes().tolist()
    [-1, 0]
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
            where = np.frombuffer(file, np.uint8, column.where, start)
            what = np.frombuffer(file, np.int8, column.what, start + column.where)
            found[column.key] = Written(column.way, column.usual, where, what, head.rows)
        start += column.size
    return found


def written(votes: Int8) -> Written:
    """Return a column in the shortest of the three ways.

    Examples
    --------
    >>> written(np.array([-1, 5] * 20, np.int8)).way, written(np.arange(40, dtype=np.int8)).way
    ('bits', 'plain')
    """
    votes = np.ascontiguousarray(votes, np.int8)
    usual, rows = usual_code(votes), len(votes)
    where, what = gaps(votes, usual)
    one = not len(what) or bool((what == what[0]).all())
    what = what[:1] if one else what
    size = len(where) + len(what)
    if one and rows // 8 + 1 < size:
        return Written("bits", usual, np.packbits(votes != usual), what, rows)
    if rows < size:
        return Written("plain", usual, votes.view(np.uint8), what[:0], rows)
    return Written("gaps", usual, where, what, rows)


def _column(key: Any, faults: Any, way: Any, usual: Any, where: Any, what: Any) -> Column:
    if way not in ("gaps", "bits", "plain"):
        raise ValueError(way)
    return Column(str(key), int(faults), str(way), int(usual), int(where), int(what))
