"""Time and memory of the default label model beside Snorkel's LabelModel (500 epochs), on one core.

Usage: python experiments/label_model_speed/run.py [runs] [beside] [first] [large] [grows]

Prints the tables of README.md, or those that are named. Times are processor seconds, so that a busy machine moves them less; medians over the
runs, which take turns with each other. Snorkel's model is fitted once per size, at its full 500 epochs. Each peak of
memory is that of a process of its own.
"""

import os

ONE = (
    "POLARS_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)
os.environ.update(dict.fromkeys(ONE, "1"))

import platform  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from dataclasses import replace  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402

from weaklabel.label_matrix import VotePatterns, as_patterns  # noqa: E402
from weaklabel.label_model import create  # noqa: E402

EPOCHS = 500
BESIDE = ((1_000_000, 100, 2), (100_000, 50, 20), (100_000, 50, 2))
MANY, SHARDS = (10_000_000, 10), 10
DECADES = {
    "rows (20 rules, 2 classes)": [(n, 20, 2) for n in (3_000, 30_000, 300_000, 3_000_000)],
    "rules (50,000 rows, 2 classes)": [(50_000, m, 2) for m in (10, 32, 100, 320, 1000)],
    "classes (100,000 rows, 20 rules)": [(100_000, 20, k) for k in (2, 5, 12, 30, 75)],
}


def main(runs, named):
    """Measure everything, or what is named, and print the tables."""
    print(f"{machine()}; load {os.getloadavg()[0]:.1f} at the start; medians of {runs} runs, Snorkel once\n")
    votes, _ = generated(50_000, 30, 2)
    create("default", n_classes=2).fit(votes).predict_proba(votes)  # compiled kernels are there
    for part in (beside, first, large, grows):
        if not named or part.__name__ in named:
            part(runs)
    print(f"Load at the end: {os.getloadavg()[0]:.1f}.")


def generated(n, m, k, coverage=0.1, seed=0):
    """Return votes of rules that are right on 55 to 90 of 100 rows, whatever else is true, and the true classes."""
    rng = np.random.default_rng(seed)
    truth, right = rng.integers(0, k, n, dtype=np.int8), rng.uniform(0.55, 0.9, m)
    votes = np.full((n, m), -1, np.int8)
    for start in range(0, n, 1_000_000):
        some = truth[start : start + 1_000_000]
        for j in range(m):
            fires = np.flatnonzero(rng.random(len(some), dtype=np.float32) < coverage)
            wrong = rng.random(len(fires), dtype=np.float32) >= right[j]
            said = (some[fires] + wrong * rng.integers(1, k, len(fires))) % k
            votes[start + fires, j] = said
    return votes, truth


def timed(work, *arguments, **options):
    """Return processor seconds."""
    start = time.process_time()
    work(*arguments, **options)
    return time.process_time() - start


def beside(runs):
    """Fit and predict beside Snorkel's model."""
    print("| rows x rules, classes | | ours, s | Snorkel, s | times | accuracy | Snorkel's |")
    print("|---|---|---|---|---|---|---|")
    for n, m, k in BESIDE:
        votes, truth = generated(n, m, k)
        model, theirs = create("default", n_classes=k), snorkel(k)
        model.fit(votes).predict_proba(votes)
        fits, answers = [], []
        for _ in range(runs):
            fits.append(timed(model.fit, votes))
            answers.append(timed(model.predict_proba, votes))
        wide = votes.astype(int)
        fit = timed(theirs.fit, wide, n_epochs=EPOCHS, seed=1, progress_bar=False)
        answer = timed(theirs.predict_proba, wide)
        own = (model.predict_proba(votes).argmax(1) == truth).mean()
        other = (theirs.predict_proba(wide).argmax(1) == truth).mean()
        for what, mine, its, tail in (
            ("fit", fits, fit, f"{own:.4f} | {other:.4f}"),
            ("predict_proba", answers, answer, "|"),
        ):
            middle = statistics.median(mine)
            print(
                f"| {n:,} x {m}, {k} | {what} | {middle:.3f} | {its:.1f} | {its / middle:.0f} | {tail} |",
                flush=True,
            )
    print()


def snorkel(k):
    """Return Snorkel's label model on one thread."""
    import torch
    from snorkel.labeling.model import LabelModel

    torch.set_num_threads(1)
    return LabelModel(cardinality=k, verbose=False)


FIRST = """
import time, numpy as np
import weaklabel.label_model, numba, polars, scipy.linalg, numba.np.arraymath
from weaklabel.label_model import create
rng = np.random.default_rng(0)
votes = np.where(rng.random((60_000, 30)) < 0.3, rng.integers(0, 2, (60_000, 30)), -1).astype(np.int8)
def both():
    start = time.process_time()
    create("default", n_classes=2).fit(votes).predict_proba(votes)
    return time.process_time() - start
one = both()
print(one, both())
"""

PEAK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from run import create, generated, np
n, m, k = map(int, sys.argv[2:5])
votes, _ = generated(n, m, k)
model = create("default", n_classes=k).fit(votes[:50_000])
with open("/proc/self/clear_refs", "w") as reset:
    reset.write("5")
held = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
getattr(model, sys.argv[5])(votes)
peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1]
print((int(peak) * 1024 - held) / votes.nbytes, int(peak) * 1024 - held)
"""


def run(code, *arguments):
    """Run a program and return the numbers it prints."""
    here = str(Path(__file__).resolve().parent)
    done = subprocess.run(
        [sys.executable, "-c", code, here, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return [float(number) for number in done.stdout.split()]


def first(runs):
    """First use in a fresh process, and peaks of memory."""
    times = [run(FIRST) for _ in range(runs)]
    cold, warm = (statistics.median(each) for each in zip(*times, strict=True))
    print(
        f"First fit and predict in a fresh process: {cold:.2f} s beyond imports, {warm:.2f} s the second time.\n"
    )
    print("| rows x rules, classes | | peak beyond the votes, MB | times the votes |")
    print("|---|---|---|---|")
    for n, m, k in (BESIDE[0], BESIDE[1], (*MANY, 2)):
        for verb in ("fit", "predict_proba"):
            share, peak = run(PEAK, n, m, k, verb)
            print(f"| {n:,} x {m}, {k} | {verb} | {peak / 1e6:.0f} | {share:.1f} |", flush=True)
    print()


def large(runs):
    """Ten million rows, and a hundred million as counts of patterns."""
    n, m = MANY
    votes, _ = generated(n, m, 2)
    model = create("default", n_classes=2)
    seconds = statistics.median(timed(model.fit, votes) for _ in range(runs))
    heard = int((votes >= 0).sum())
    print("| | seconds | |")
    print("|---|---|---|")
    print(
        f"| fit, {n:,} x {m} | {seconds:.2f} | {1e9 * seconds / (n * m):.1f} ns a row and rule, {heard:,} votes |"
    )
    each = as_patterns(votes).without_rows()
    merged = VotePatterns.merge([each] * SHARDS)
    seconds = statistics.median(timed(model.fit, merged) for _ in range(runs))
    print(f"| fit, {merged.n_rows:,} x {m}, counted | {seconds:.3f} | {len(merged):,} patterns |", flush=True)
    whole = model.fit(votes).predict_proba(each)
    same = (model.fit(replace(each)).predict_proba(each) == whole).all()
    print(f"\nFitted from counts and from rows: the same bits: {same}.\n")


def grows(runs):
    """How time grows."""
    for what, sizes in DECADES.items():
        print(f"| {what} | votes | fit, s | ns a vote | ns a vote and class | predict_proba, s |")
        print("|---|---|---|---|---|---|")
        for n, m, k in sizes:
            votes, _ = generated(n, m, k)
            model = create("default", n_classes=k).fit(votes)
            fit = statistics.median(timed(model.fit, votes) for _ in range(runs))
            answer = statistics.median(timed(model.predict_proba, votes) for _ in range(runs))
            heard = int((votes >= 0).sum())
            print(
                f"| {n:,} x {m}, {k} | {heard:,} | {fit:.3f} | {1e9 * fit / heard:.0f} | {1e9 * fit / heard / k:.0f} | "
                f"{answer:.3f} |",
                flush=True,
            )
        print()


def machine():
    """Describe the processor and Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor()
    return f"{name}, one core, Python {platform.python_version()}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, sys.argv[2:])
