"""Doubled ids of a corpus of any size: sorted hashes of ids in files, merged a range of hashes at a time."""

from __future__ import annotations

import contextlib
import io
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from weaklabel.corpus.ids import doubled_error, empty_id_error
from weaklabel.errors import CorpusError, OutputError
from weaklabel.kernels.texts import hash_texts, leading_zeros

Int8 = npt.NDArray[np.int8]
UInt64 = npt.NDArray[np.uint64]

MEMORY = 256 << 20
"""Bytes that a merge may take."""

_MOST_SUSPECTS = 100_000
_BYTES = 8
"""Of a hash in a file."""
_BYTES_A_HASH = 32
"""Taken for a hash while ranges are merged."""
_ID_SEED = 0
_LEVEL_SEED = 0x5DEECE66D


def hash_ids(ids: pl.Series) -> UInt64:
    """Return 64 bits for each id: ours, and so the same on every machine and in every release.

    Examples
    --------
    >>> hash_ids(pl.Series(["a", "bc"])).tolist()
    [77558296623905149, 11757338057405077161]
    """
    return _hash(ids, _ID_SEED)


def sample_levels(ids: pl.Series) -> Int8:
    """Return a level for each id: the rows of level L and more are a sample of 2**-L of all rows.

    The level is the number of zeros that a hash of the id begins with, another hash than that of `hash_ids`. So the sample
    depends on neither order nor shards, and each is a part of the next larger one.

    Examples
    --------
    >>> levels = sample_levels(pl.Series([f"doc-{i}" for i in range(1000)]))
    >>> [int((levels >= level).sum()) for level in range(4)]
    [1000, 505, 262, 126]
    """
    return leading_zeros(_hash(ids, _LEVEL_SEED))


def write_hashes(path: str | Path, ids: pl.Series) -> None:
    """Write the sorted hashes of the ids of one shard; the file is there whole or not at all.

    Parameters
    ----------
    path
        Where: a file of NumPy's own form, 8 bytes a row.
    ids
        Ids, text, none null.

    Raises
    ------
    OutputError
        The file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "ids.npy"
    >>> write_hashes(path, pl.Series(["a", "b"]))
    >>> np.load(path).dtype, len(np.load(path))
    (dtype('uint64'), 2)
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            held = io.BytesIO()  # np.save itself does not say that a disk is full
            np.save(held, np.sort(hash_ids(ids)), allow_pickle=False)
            file.write(held.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        hint = "check free space and permissions; nothing half-written was left"
        raise OutputError(f"can't write: {error.strerror or error}", where=str(path), hint=hint) from error


def doubled(paths: Sequence[str | Path], *, memory: int = MEMORY) -> UInt64:
    """Return the hashes that stand more than once in files of sorted hashes, ascending.

    Hashes are merged a range at a time; of a file only the part that lies in the range is read.

    Parameters
    ----------
    paths
        What `write_hashes` wrote, one file for each shard.
    memory
        About the most bytes to take.

    Examples
    --------
    >>> import tempfile
    >>> paths = [Path(tempfile.mkdtemp()) / "ids.npy" for _ in range(2)]
    >>> write_hashes(paths[0], pl.Series(["a", "b"]))
    >>> write_hashes(paths[1], pl.Series(["c", "a"]))
    >>> doubled(paths).tolist() == hash_ids(pl.Series(["a"])).tolist()
    True
    """
    total = sum(len(_open(path)) for path in paths)
    ranges = max(1, -(-total * _BYTES_A_HASH // max(memory, _BYTES_A_HASH)))
    edges = [(2**64 * i // ranges) for i in range(1, ranges)]
    cuts = np.array([_cuts(path, np.array(edges, np.uint64)) for path in paths]).reshape(-1, ranges + 1)
    found = [_doubled_in(paths, cuts[:, i], cuts[:, i + 1], cuts[:, -1]) for i in range(ranges)]
    return np.concatenate(found)


def check_doubled(
    paths: Sequence[str | Path],
    read: Callable[[int], pl.Series],
    locate: Callable[[int, int], str],
    *,
    column: str,
    memory: int = MEMORY,
) -> None:
    """Raise when an id stands twice in a corpus.

    Equal hashes are a suspicion: then the ids of the shards that hold them are read, and equal ids are a doubled id.

    Parameters
    ----------
    paths
        What `write_hashes` wrote, one file for each shard, in the order of the shards.
    read
        Gives the ids of a shard by its number.
    locate
        Says where a row stands: (number of the shard, row within it).
    column
        Name of the id column, for the message.
    memory
        About the most bytes to take.

    Raises
    ------
    CorpusError
        With the first such ids and where they stand.

    Examples
    --------
    >>> import tempfile
    >>> folder, shards = Path(tempfile.mkdtemp()), [pl.Series(["a", "b"]), pl.Series(["c", "a"])]
    >>> paths = [folder / f"{i}.npy" for i in range(2)]
    >>> for path, ids in zip(paths, shards):
    ...     write_hashes(path, ids)
    >>> check_doubled(paths, lambda i: shards[i], lambda i, row: f"{i}.csv:{row + 2}", column="key")
    Traceback (most recent call last):
    ...
    weaklabel.errors.CorpusError: 1 doubled id in column 'key': 'a' (0.csv:2, 1.csv:3)
      hint: every row needs an id of its own; choose another column with id=, or drop the doubled rows
    """
    suspects = doubled(paths, memory=memory)
    if not len(suspects):
        return
    more = len(suspects) > _MOST_SUSPECTS
    suspects = suspects[:_MOST_SUSPECTS]
    blocks = [_suspicious(i, path, read, suspects) for i, path in enumerate(paths)]
    rows = pl.concat([block for block in blocks if block is not None])
    error = doubled_error(rows, locate, column=column, more=more)
    if error is not None:
        raise error


def check_filled(ids: pl.Series, locate: Callable[[int], str], *, column: str) -> None:
    """Raise when an id of a shard is null or empty.

    Parameters
    ----------
    ids
        The shard's ids.
    locate
        Says where a row of the shard stands.
    column
        Name of the id column, for the message.

    Raises
    ------
    CorpusError
        With the place of the first such row.

    Examples
    --------
    >>> check_filled(pl.Series(["a", ""]), lambda row: f"mail.csv:{row + 2}", column="key")
    Traceback (most recent call last):
    ...
    weaklabel.errors.CorpusError: a row without an id: column 'key' is empty
      where: mail.csv:3
      hint: choose another column with id=
    """
    error = empty_id_error(ids, locate, column=column)
    if error is not None:
        raise error


def _hash(ids: pl.Series, seed: int) -> UInt64:
    if ids.null_count():
        raise CorpusError(f"{ids.null_count()} rows have no id")
    array = ids.cast(pl.String).to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets if offsets is not None and offsets.size else bytes(8), np.int64)
    raw = np.frombuffer(data if data is not None and data.size else b"\0", np.uint8)
    return hash_texts(ends[array.offset : array.offset + len(array) + 1], raw, seed)


def _open(path: str | Path) -> UInt64:
    """Return the hashes of a file, not read yet."""
    try:
        found: UInt64 = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CorpusError(f"can't read the hashes of a shard's ids: {error}", where=str(path)) from error
    return found


def _cuts(path: str | Path, edges: UInt64) -> npt.NDArray[np.int64]:
    """Return where each range of hashes begins in a file, and where the last one ends."""
    hashes = _open(path)
    return np.concatenate([[0], np.searchsorted(hashes, edges), [len(hashes)]]).astype(np.int64)


def _doubled_in(paths: Sequence[str | Path], starts: Any, stops: Any, sizes: Any) -> UInt64:
    """Return the doubled hashes of a range, which lies between two places of each file."""
    every = [
        _part(path, int(start), int(stop), int(size))
        for path, start, stop, size in zip(paths, starts, stops, sizes, strict=True)
        if stop > start
    ]
    if not every:
        return np.empty(0, np.uint64)
    merged = np.concatenate(every)
    merged.sort()
    return np.unique(merged[1:][merged[1:] == merged[:-1]])


def _part(path: str | Path, start: int, stop: int, size: int) -> UInt64:
    """Read some hashes of a file, which ends with all of them."""
    with Path(path).open("rb") as file:
        file.seek((start - size) * _BYTES, os.SEEK_END)
        return np.fromfile(file, np.uint64, stop - start)


def _suspicious(
    number: int, path: str | Path, read: Callable[[int], pl.Series], suspects: UInt64
) -> pl.DataFrame | None:
    """Return the rows of a shard whose ids have a suspicious hash; the ids are read only where there are such."""
    if not _among(np.asarray(_open(path)), suspects).any():
        return None
    ids = read(number)
    rows = pl.DataFrame({"id": ids}).with_row_index("row").with_columns(block=pl.lit(number))
    return rows.filter(pl.Series(_among(hash_ids(ids), suspects)))


def _among(hashes: UInt64, suspects: UInt64) -> npt.NDArray[np.bool_]:
    at = np.searchsorted(suspects, hashes)
    found: npt.NDArray[np.bool_] = suspects[np.minimum(at, len(suspects) - 1)] == hashes
    return found
