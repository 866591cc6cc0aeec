"""Texts of about 200 characters whose words follow Zipf's law, in four classes; row i is the same whatever is made with it.

A text's class pulls topic words towards its own: of four neighbouring words of the vocabulary (one for each class)
a text mostly shows that of its class, more so for some words than for others. Half of the times a topic word is
followed by its partner, so that there are phrases. Ids, texts and classes depend on the seed and the row's number alone.
"""

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from experiments.lf_throughput.run import VOCABULARY, vocabulary

from weaklabel.kernels.jit import njit

CLASSES = ("arts", "food", "money", "sports")
BALANCE = (0.4, 0.3, 0.2, 0.1)
TOPIC = (60, 40_060)
"""Places in the vocabulary, from the commonest word on, of words that belong to a class."""
GROUP, FILE = 100_000, 1_000_000
"""Rows of a Parquet row group, which is a shard, and of a file."""
PIECE = 100_000
MOST_BYTES = 3_000
ENDS = {".": 0.4, "!": 0.2, "?": 0.2, " 10%": 0.1, " 👍": 0.04, " É.": 0.03, " naïve…": 0.03}
"""What texts end in, and how often."""


class Language:
    """The vocabulary as the kernel takes it: bytes of all words, partners, pulls, and Walker's tables for drawing one."""

    def __init__(self, seed=11):
        rng = np.random.default_rng(seed)
        self.words = vocabulary(rng)
        self.data, self.ends = joined(self.words)
        self.tails, self.tail_ends = joined(ENDS)
        self.pull = rng.uniform(0.3, 0.95, VOCABULARY // len(CLASSES) + 1)
        self.partner = rng.integers(0, TOPIC[0], VOCABULARY)
        weights = 1 / np.arange(1, VOCABULARY + 1)
        self.share, self.other = walker(weights / weights.sum())
        self.balance, self.chances = np.cumsum(BALANCE), np.cumsum(list(ENDS.values()))
        self.chances[-1] = self.balance[-1] = 1.0
        self.seed = seed

    def rows(self, start, stop):
        """Return rows start to stop: id, text, and the class that a text is of."""
        n = stop - start
        out, ends = np.empty(n * 400 + MOST_BYTES, np.uint8), np.zeros(n + 1, np.int64)
        truth = np.empty(n, np.int8)
        size = write_texts(
            start, n, self.seed, self.data, self.ends, self.tails, self.tail_ends, self.pull, self.partner,
            self.share, self.other, self.balance, self.chances, TOPIC[0], TOPIC[1], out, ends, truth,
        )  # fmt: skip
        names = pl.Series(CLASSES).gather(pl.Series(truth.astype(np.int64)))
        ids = pl.select(
            pl.format("post-{}", pl.int_range(start, stop).cast(pl.String).str.zfill(11))
        ).to_series()
        return pl.DataFrame({"id": ids, "text": strings(out[:size], ends), "truth": names})


def joined(words):
    """Return the bytes of all words and where each ends; the first end is 0."""
    coded = [word.encode() for word in words]
    return np.frombuffer(b"".join(coded), np.uint8), np.cumsum([0, *map(len, coded)])


def walker(weights):
    """Return Walker's tables: a place drawn evenly stays with probability `share`, else it becomes `other`."""
    n = len(weights)
    share, other = weights * n, np.arange(n)
    small, large = [i for i in range(n) if share[i] < 1], [i for i in range(n) if share[i] >= 1]
    while small and large:
        low, high = small.pop(), large[-1]
        other[low] = high
        share[high] -= 1 - share[low]
        if share[high] < 1:
            small.append(large.pop())
    return share, other


def strings(data, ends):
    """Return texts from their bytes and ends."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
    return pl.from_arrow(pa.LargeStringArray.from_buffers(len(ends) - 1, buffers[1], buffers[2]))


@njit
def mixed(state):
    """Return 64 well mixed bits (splitmix64)."""
    x = np.uint64(state)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit
def even(state):
    """Return a number between 0 and 1."""
    return np.float64(mixed(state) >> np.uint64(11)) / 9007199254740992.0


@njit
def put(data, ends, which, out, at, capital):
    """Copy one word; return where it ends."""
    start = at
    for i in range(ends[which], ends[which + 1]):
        out[at] = data[i]
        at += 1
    if capital:
        out[start] -= 32
    return at


@njit
def write_texts(
    first, n, seed, data, ends, tails, tail_ends, pull, partner, share, other, balance, chances, low, high, out, stops, truth
):  # fmt: skip
    """Write n texts into `out` and where each stops into `stops`; return the bytes written."""
    step = np.uint64(0x9E3779B97F4A7C15)
    at = 0
    for row in range(n):
        state = mixed(np.uint64(seed) * np.uint64(1_000_003) + np.uint64(first + row))
        state += step
        truth[row] = np.searchsorted(balance, even(state))
        state += step
        long = even(state) + 1e-9
        state += step
        words = 6 + min(int(-13.8 * np.log(long * (even(state) + 1e-9))), 300)
        follow, capital = -1, True
        for place in range(words):
            if place:
                state += step
                chance = even(state)
                if chance < 0.04:
                    out[at] = 44
                    at += 1
                elif chance < 0.1:
                    out[at] = 46
                    at += 1
                    capital = True
                out[at] = 32
                at += 1
            if follow >= 0:
                at = put(data, ends, follow, out, at, capital)
                follow, capital = -1, False
                continue
            state += step
            drawn = even(state) * len(share)
            word = int(drawn)
            if drawn - word >= share[word]:
                word = other[word]
            if low <= word < high:
                state += step
                block = word // len(balance)
                chance = even(state)
                if chance < pull[block]:
                    word = block * len(balance) + truth[row]
                state += step
                if even(state) < 0.5:
                    follow = partner[word]
            at = put(data, ends, word, out, at, capital)
            capital = False
        state += step
        at = put(tails, tail_ends, np.searchsorted(chances, even(state)), out, at, False)
        stops[row + 1] = at
    return at


def write_corpus(folder, rows):
    """Write Parquet files of a million rows, a piece at a time; those that are there already stay."""
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    language, paths, begun = Language(), [], time.perf_counter()
    for number, start in enumerate(range(0, rows, FILE)):
        stop = min(start + FILE, rows)
        path = folder / f"posts-{number:03}-{stop - start}.parquet"
        paths.append(path)
        if path.exists():
            continue
        building = path.with_suffix(".building")
        with pq.ParquetWriter(building, pq_schema(), compression="zstd", compression_level=3) as writer:
            for some in range(start, stop, PIECE):
                piece = language.rows(some, min(some + PIECE, stop)).to_arrow(
                    compat_level=pl.CompatLevel.oldest()
                )
                writer.write_table(piece.cast(pq_schema()), row_group_size=GROUP)
        building.rename(path)
        print(
            f"  {stop:,} rows are written, {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True
        )
    return paths


def pq_schema():
    """Return the columns as they are written."""
    import pyarrow as pa

    return pa.schema([("id", pa.string()), ("text", pa.string()), ("truth", pa.string())])
