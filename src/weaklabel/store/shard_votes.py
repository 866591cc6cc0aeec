"""What the first pass over a shard leaves for the second: its ids, and its rows as distinct rows of votes."""

from __future__ import annotations

import contextlib
import io
import json
import mmap
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.errors import OutputError
from weaklabel.label_matrix import VotePatterns

_MAGIC = b"weaklabel shard votes 1\n"  # 24 bytes, so that what follows is aligned
_ALIGN = 8


@dataclass(frozen=True, eq=False)
class ShardVotes:
    """A shard's rows: ids, votes, and the level up to which each row is in a sample.

    Parameters
    ----------
    ids
        (n,) String; empty where they were not read.
    patterns
        Its distinct rows of votes, with `inverse`.
    levels
        (n,) int8: a sample of level L holds the rows whose level is L or more, a share 2**-L of them.
    notes
        Plain data kept with it.

    Examples
    --------
    >>> import tempfile
    >>> from weaklabel.label_matrix.patterns import dense_patterns
    >>> votes = dense_patterns([[0, -1], [1, 0], [0, -1]], ("a", "b"))
    >>> one = ShardVotes(pl.Series("id", ["x", "y", "z"]), votes, np.array([0, 2, 1], np.int8), {"rows": 3})
    >>> again = read_shard_votes(one.write(Path(tempfile.mkdtemp()) / "part-00000.votes"))
    >>> again.ids.to_list(), again.patterns.inverse.tolist() == votes.inverse.tolist(), again.notes
    (['x', 'y', 'z'], True, {'rows': 3})
    """

    ids: pl.Series
    patterns: VotePatterns
    levels: npt.NDArray[np.int8]
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """About the size of its file."""
        p = self.patterns
        rows = 0 if p.inverse is None else 4 * len(p.inverse)
        arrays = (p.indptr, p.labeler_index, p.codes, p.counts, p.keys, self.levels)
        return rows + sum(array.nbytes for array in arrays) + int(self.ids.estimated_size())

    def sample(self, level: int) -> VotePatterns:
        """Return the patterns of the rows of a sample, without `inverse`; level 0 is all rows.

        Examples
        --------
        >>> from weaklabel.label_matrix.patterns import dense_patterns
        >>> votes = dense_patterns([[0, -1], [1, 0], [0, -1]], ("a", "b"))
        >>> one = ShardVotes(pl.Series("id", ["x", "y", "z"]), votes, np.array([0, 2, 1], np.int8))
        >>> one.sample(1).counts.tolist(), one.sample(2).counts.tolist()
        ([1, 1], [1])
        """
        if level <= 0:
            return self.patterns.without_rows()
        assert self.patterns.inverse is not None
        inside = self.patterns.inverse[self.levels >= level]
        return kept(self.patterns, np.bincount(inside, minlength=len(self.patterns)).astype(np.int64))

    def write(self, path: Path) -> Path:
        """Write one file, renamed into place when it is on the disk; the same content gives the same bytes.

        Raises
        ------
        OutputError
            It can't be written; then nothing is left of it.
        """
        p = self.patterns
        assert p.inverse is not None
        arrays: dict[str, npt.NDArray[Any]] = {
            "silence": p.silence,
            "indptr": p.indptr,
            "labeler_index": p.labeler_index,
            "codes": p.codes,
            "counts": p.counts,
            "keys": p.keys,
            "inverse": p.inverse.astype(np.int32),
            "levels": self.levels,
        }
        buffer = io.BytesIO()
        pl.DataFrame({"id": self.ids}).write_ipc(buffer, compression="uncompressed")
        head = {
            "labelers": p.labelers,
            "arrays": {name: [array.dtype.str, len(array)] for name, array in arrays.items()},
            "ids": buffer.getbuffer().nbytes,
            "notes": dict(self.notes),
        }
        text = json.dumps(head).encode()
        text += b" " * (-len(text) % _ALIGN)
        parts: list[Any] = [_MAGIC, len(text).to_bytes(_ALIGN, "little"), text]
        for array in arrays.values():
            parts += [np.ascontiguousarray(array).view(np.uint8).data, b"\0" * (-array.nbytes % _ALIGN)]
        return write_whole(path, [*parts, buffer.getbuffer()])


def read_shard_votes(path: Path, *, ids: bool = True) -> ShardVotes | None:
    """Read what `ShardVotes.write` wrote; None: there is nothing, or nothing of this form.

    Parameters
    ----------
    path
        The file. Its arrays are mapped into memory, not read.
    ids
        False: the answer has no ids.

    Examples
    --------
    >>> read_shard_votes(Path("nowhere/part-00000.votes")) is None
    True
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
    view = memoryview(mapped)
    start = len(_MAGIC) + _ALIGN
    size = int.from_bytes(view[len(_MAGIC) : start], "little")
    if bytes(view[: len(_MAGIC)]) != _MAGIC or start + size > len(view):
        return None
    head = json.loads(bytes(view[start : start + size]))
    at = start + size
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, (kind, length) in head["arrays"].items():
        arrays[name] = np.frombuffer(view, np.dtype(kind), length, at)
        at += arrays[name].nbytes + -arrays[name].nbytes % _ALIGN
    if at + head["ids"] != len(view):
        return None
    names = pl.read_ipc(io.BytesIO(view[at:]))["id"] if ids else pl.Series("id", [], dtype=pl.String)
    levels = arrays.pop("levels")
    return ShardVotes(names, VotePatterns(tuple(head["labelers"]), **arrays), levels, head["notes"])


def kept(patterns: VotePatterns, counts: npt.NDArray[np.int64]) -> VotePatterns:
    """Return the patterns that stand for any row when they stand for `counts` rows each; without `inverse`.

    Examples
    --------
    >>> from weaklabel.label_matrix.patterns import dense_patterns
    >>> votes = dense_patterns([[0, -1], [1, 0], [0, -1]], ("a", "b"))
    >>> len(kept(votes, np.array([0, 5]))), kept(votes, np.array([0, 5])).n_rows
    (1, 5)
    """
    from weaklabel.kernels.patterns import take_events

    rows = np.flatnonzero(counts)
    indptr, who, codes = take_events(patterns.indptr, patterns.labeler_index, patterns.codes, rows)
    return VotePatterns(
        patterns.labelers, patterns.silence, indptr, who, codes, counts[rows], patterns.keys[rows]
    )


def write_whole(path: Path, parts: list[Any]) -> Path:
    """Write parts of bytes as one file, put on the disk and then renamed into place.

    Raises
    ------
    OutputError
        It can't be written; then nothing is left of it.

    Examples
    --------
    >>> import tempfile
    >>> write_whole(Path(tempfile.mkdtemp()) / "note", [b"a", b"b"]).read_bytes()
    b'ab'
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"can't write: {error.strerror or error}",
            where=str(path),
            hint="check free space and permissions; nothing half-written was left",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path
