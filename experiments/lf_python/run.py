"""Votes per second of plain Python rules: Snorkel's PandasLFApplier, the row form, the vectorised form, two workers.

Usage: python experiments/lf_python/run.py [runs]

Prints the tables of README.md. The sides take turns within each run; ratios are taken run by run. Votes of all sides are
compared, and the command fails where one differs. With WEAKLABEL_DATA set the texts are those of agnews.
"""

import os

ONE = dict.fromkeys(
    ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
os.environ.update(ONE)

import functools  # noqa: E402
import re  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import rules  # noqa: E402

import weaklabel as wl  # noqa: E402
from weaklabel import engines  # noqa: E402

TEXTS, SNORKEL_ROWS, WORKED_ROWS, SHARD_ROWS = 24_000, 5_000, 1_200_000, 50_000


def main(runs):
    """Measure everything and print the tables."""
    print(f"{machine()}; load {os.getloadavg()[0]:.1f} at the start; medians of {runs} runs\n")
    texts = read_texts()
    frame = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts})
    wrong = one_core(frame, runs) + two_workers(frame, runs)
    print(f"\nLoad at the end: {os.getloadavg()[0]:.1f}.")
    sys.exit(wrong > 0)


def machine():
    """Describe the processor and Python."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.exists() else ["?"]
    return f"{names[0]}, {os.cpu_count()} cores; Python {sys.version.split()[0]}"


def read_texts():
    """Return agnews where it is, else texts drawn from 20,000 words by Zipf's law, with the rules' words among them."""
    if os.environ.get("WEAKLABEL_DATA"):
        path = Path(os.environ["WEAKLABEL_DATA"]) / "matrices/agnews.parquet"
        found = pl.read_parquet(path, columns=["text"]).get_column("text").to_list()
        print(f"{len(found):,} texts of agnews, {len(rules.functions())} rules")
        return found
    rng = np.random.default_rng(0)
    own = [word for _, word in rules.WORDS.values()] + [w for _, words in rules.LISTS.values() for w in words]
    words = np.array([f"w{i:x}" for i in range(20_000)], dtype=object)
    words[rng.choice(np.arange(100, 2_000), len(own), replace=False)] = own
    share = 1 / np.arange(1, len(words) + 1)
    drawn = rng.choice(words, (TEXTS, 38), p=share / share.sum())
    print(f"{TEXTS:,} generated texts, {len(rules.functions())} rules")
    return [" ".join(row) for row in drawn]


def timed(function):
    """Return a function's answer and its seconds."""
    start = time.perf_counter()
    answer = function()
    return answer, time.perf_counter() - start


# ---- one core ----


def one_core(frame, runs):
    """Time Snorkel and both forms, and return how many sides voted otherwise."""
    appliers = {form: wl.LFApplier(rules.registry(form)) for form in ("row", "frame")}
    some = frame.head(SNORKEL_ROWS)
    snorkel, pandas = snorkel_applier(), some.to_pandas()
    rates = {"PandasLFApplier": [], "row form": [], "vectorised form": []}
    wrong = 0
    cells = len(rules.functions()) * frame.height
    for _ in range(runs):
        theirs, seconds = timed(lambda: snorkel.apply(pandas, progress_bar=False))
        rates["PandasLFApplier"].append(cells * len(pandas) / frame.height / seconds)
        by_row, seconds = timed(lambda: appliers["row"].apply(frame).to_numpy())
        rates["row form"].append(cells / seconds)
        by_frame, seconds = timed(lambda: appliers["frame"].apply(frame).to_numpy())
        rates["vectorised form"].append(cells / seconds)
        wrong += not np.array_equal(theirs, by_row[: len(pandas)])
        wrong += not np.array_equal(by_row, by_frame)
    print("\n| side, one core | votes/s | times PandasLFApplier |\n|---|---|---|")
    for side, own in rates.items():
        times = statistics.median(a / b for a, b in zip(own, rates["PandasLFApplier"], strict=True))
        print(f"| {side} | {statistics.median(own):,.0f} | {times:.1f} |")
    print(f"\nVotes that differ: {wrong} comparisons of {2 * runs}.")
    return wrong


def snorkel_applier():
    """Return Snorkel's applier with the row forms."""
    from snorkel.labeling import LabelingFunction, PandasLFApplier

    def made(name, label, function):
        code = rules.SCHEMA.code(label)
        return LabelingFunction(name, lambda row: code if function(row) else -1)

    return PandasLFApplier([made(name, label, by_row) for name, label, by_row, _ in rules.functions()])


# ---- workers ----


def make_voter(path, folder):
    """Load the rules and return the function that votes on one shard: what every worker does once."""
    corpus, applier = wl.Corpus.open(path), wl.LFApplier(rules.registry("row"))

    def vote(item):
        number, shard = item
        applier.apply(corpus.read(shard), id="id").write(Path(folder) / f"part-{number:05}.parquet")
        return time.time()

    return vote


def two_workers(frame, runs):
    """Time the row form over many shards by one and by two workers, and return how many voted otherwise."""
    times = -(-WORKED_ROWS // frame.height)
    texts = pl.concat([frame["text"]] * times).head(WORKED_ROWS)
    rows, seconds, votes = {}, {1: [], 2: []}, {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.parquet"
        ids = pl.Series("id", range(len(texts)), dtype=pl.Int64).cast(pl.String)
        pl.DataFrame([ids, texts]).write_parquet(path, row_group_size=SHARD_ROWS)
        shards = list(enumerate(wl.Corpus.open(path).shards()))
        for run in range(runs):
            for workers in (1, 2):
                parts = Path(folder) / f"votes-{run}-{workers}"
                parts.mkdir()
                make = functools.partial(make_voter, path, parts)
                engine = engines.create("local", workers=workers)
                done, own = timed(lambda engine=engine, make=make: list(engine.map(make, shards)))
                seconds[workers].append(own)
                ends = sorted(end for _, end in done)
                rows.setdefault(workers, []).append((len(ends) - workers) / (ends[-1] - ends[workers - 1]))
                votes[workers] = wl.LabelMatrix.scan(parts).to_numpy()
    wrong = int(not np.array_equal(votes[1], votes[2]))
    print(f"\n{len(texts):,} rows in {len(shards)} shards, the row form; two workers are spawned processes\n")
    print("| workers | seconds, all in all | times one worker | times one worker once both are at work |")
    print("|---|---|---|---|")
    for workers in (1, 2):
        whole = statistics.median(a / b for a, b in zip(seconds[1], seconds[workers], strict=True))
        once = statistics.median(b / a for a, b in zip(rows[1], rows[workers], strict=True))
        print(f"| {workers} | {statistics.median(seconds[workers]):.1f} | {whole:.2f} | {once:.2f} |")
    print(f"\nVotes {'differ' if wrong else 'are equal'}.")
    return wrong


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
