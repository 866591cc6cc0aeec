"""Rows per second of keyword and regex rules on one core, beside three other ways to vote them.

Usage: python experiments/lf_throughput/run.py [runs]

Prints the tables of README.md. The sides take turns within each run, so that a busy machine slows all of them; ratios
are taken run by run. PandasLFApplier takes minutes at 1,000 rules and is measured once, in the first run. Votes of all
sides are compared. With WEAKLABEL_DATA set, agnews is measured too.
"""

import os

ONE = dict.fromkeys(
    ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
os.environ.update(ONE)

import json  # noqa: E402
import re  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402

import weaklabel as wl  # noqa: E402
from weaklabel.kernels.jit import njit  # noqa: E402

RULES = (20, 100, 1000)
TEXTS, WORDS_PER_TEXT, VOCABULARY, COMMON = 100_000, 34, 50_000, 1000
SNORKEL_ROWS, SLOW_POLARS_ROWS = 5_000, 20_000
ONCE = ("snorkel",)
CODES = {"keywords": 0, "regex": 1}
SCHEMA = wl.LabelSchema(["a", "b"])


def main(runs):
    """Measure everything and print the tables."""
    load = f"load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    print(f"{machine()}; {load}; medians of {runs} runs, PandasLFApplier once\n")
    corpora = {"generated": generated_texts()}
    if os.environ.get("WEAKLABEL_DATA"):
        path = Path(os.environ["WEAKLABEL_DATA"]) / "matrices/agnews.parquet"
        corpora["agnews"] = pl.read_parquet(path, columns=["text"]).get_column("text").to_list()
    wrong = 0
    for name, texts in corpora.items():
        wrong += compare(name, texts, runs)
    files(corpora["generated"], runs)
    if hasattr(os, "getloadavg"):
        print(f"Load at the end: {os.getloadavg()[0]:.1f}.")
    sys.exit(wrong > 0)


def machine():
    """Describe the processor and Python."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", info.read_text()) if info.exists() else ["?"]
    return f"{names[0]}, {os.cpu_count()} cores, one used; Python {sys.version.split()[0]}"


# ---- texts and rules ----


def generated_texts():
    """Return texts of about 200 characters, of words whose frequencies follow Zipf's law."""
    rng = np.random.default_rng(11)
    words = vocabulary(rng)
    weights = 1 / np.arange(1, VOCABULARY + 1)
    drawn = rng.choice(VOCABULARY, (TEXTS, WORDS_PER_TEXT), p=weights / weights.sum())
    ends = rng.choice(
        [".", "!", "?", " 10%", " 👍", " É.", " naïve…"], TEXTS, p=[0.4, 0.2, 0.2, 0.1, 0.04, 0.03, 0.03]
    )
    return [" ".join(words[i] for i in row).capitalize() + end for row, end in zip(drawn, ends, strict=True)]  # fmt: skip


def vocabulary(rng):
    """Return words that no other word equals, short ones first, as the common ones are in natural texts."""
    syllables = np.array([c + v for c in "bcdfghklmnprstvw" for v in "aeiou"])
    words = {}
    while len(words) < VOCABULARY:
        size = 1 + rng.binomial(4, 0.2 + 0.4 * len(words) / VOCABULARY)
        words.setdefault("".join(rng.choice(syllables, size)) + rng.choice(["", "s", "n", "r"]))
    return list(words)


class Words:
    """The words of some texts, by the share of texts that hold them."""

    def __init__(self, texts):
        counts = {}
        for text in texts:
            for word in set(re.findall(r"\b[a-z]+\b", text.lower())):
                counts[word] = counts.get(word, 0) + 1
        order = sorted(counts, key=lambda w: (-counts[w], w))
        self.words = np.array(order)
        self.rates = np.array([counts[w] for w in order]) / len(texts)
        self.common = set(order[:COMMON])

    def draw(self, rng, rate):
        """Return a word that stands in about that share of the texts."""
        place = np.searchsorted(-self.rates, -rate * rng.uniform(0.8, 1.25))
        near = rng.integers(max(0, place - 2), place + 3)
        return str(self.words[min(near, len(self.words) - 1)])


def make_rules(n, texts):
    """Return (kind, pattern as Python's `re` takes it, rule): half keyword lists, half regexes that ignore case."""
    rng = np.random.default_rng(n)
    words, pool = Words(texts), short_patterns(texts[:5000])
    made, literals = [], []
    for i in range(n):
        rate = 10 ** rng.uniform(-3, -1)
        if i % 2 == 0:
            own = terms(rng, words, rate)
            pattern = rf"(?<!\w)(?:{'|'.join(map(re.escape, own))})(?!\w)"
            made.append(("keywords", pattern, wl.keywords(f"f{i}", own, label="a")))
        elif i % 20 == 1:
            own, pattern = [], min(pool, key=lambda p: abs(np.log(pool[p] / rate) + rng.normal(0, 0.1)))
            made.append(("regex", pattern, wl.regex(f"f{i}", pattern, label="b", case="ignore")))
        else:
            own, pattern = shaped(rng, words, rate)
            made.append(("regex", pattern, wl.regex(f"f{i}", pattern, label="b", case="ignore")))
        literals += own
    return made, sum(word in words.common for word in literals) / len(literals)


def terms(rng, words, rate):
    """Return 4 to 20 words of which one stands in about `rate` of the texts, some of them common ones."""
    size = int(rng.integers(4, 21))
    least = float(words.rates[COMMON])
    common = min(size, int(rate / least / 1.3))
    own = [words.draw(rng, max(rate / common, 1.25 * least)) for _ in range(common)]
    rare = rate / 3 if common else rate
    return own + [words.draw(rng, rare / (size - common)) for _ in range(size - common)]


def shaped(rng, words, rate):
    """Return the words of a regex and the regex, which fires on about `rate` of the texts."""
    shape = int(rng.integers(4))
    each = np.sqrt(2 * rate) if shape == 3 else rate / 2
    a, b = words.draw(rng, each), words.draw(rng, each)
    pattern = (
        rf"\b({a}|{b})(s|ed)?\b",
        rf"\b(?:{a}|{b})\W+(\w+\W+){{0,3}}?\w{{2}}",
        rf"(?:^|\W)({a}|{b})[^\w]*( |$)",
        rf"\b{a}\b.*\b{b}\b",
    )[shape]
    return [a, b], pattern


def short_patterns(texts):
    """Return regexes without a literal of three characters, by the share of texts in which they are found."""
    rng = np.random.default_rng(5)
    sets = ["".join(sorted(rng.choice(list("abcdefghiklmnoprstuvw"), 2, replace=False))) for _ in range(40)]
    made = [
        shape.format(*rng.choice(sets, 2))
        for shape in (r"\b[{0}][{1}]\w?\b", r"[{0}][{1}][!?]", r"\b[{0}]\w{{2}}[{1}]\b", r"\b[{0}]\w\W+[{1}]\w\b", r"[{0}]{{2}}[^{1}]\b")
        for _ in range(60)
    ]  # fmt: skip
    rates = {p: sum(bool(re.search(p, t, re.I)) for t in texts) / len(texts) for p in made}
    return {p: rate for p, rate in rates.items() if 0.001 <= rate <= 0.1}


# ---- the sides ----


def compare(name, texts, runs):
    """Measure the four sides at every number of rules; return how many votes differ."""
    frame = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts})
    mean = frame.get_column("text").str.len_chars().mean()
    print(f"### {name}: {len(texts):,} texts of {mean:.0f} characters\n")
    print("| rules | PandasLFApplier | Polars | bare scan | weaklabel | times PandasLFApplier | times Polars | of the bare scan | compile, s | from disk, s | firing rate | common literals |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    wrong, seconds = 0, []
    for n in RULES:
        made, common = make_rules(n, texts)
        cold, warm, apply = compiled(made, frame)
        sides = {
            "snorkel": snorkel_side(made, texts),
            "polars": polars_side(made, frame.head(len(texts) if n <= 100 else SLOW_POLARS_ROWS)),
            "bare": bare_side(made, frame),
            "ours": (lambda a=apply: a(frame), len(texts)),
        }
        speeds, votes = measure(sides, runs)
        ours = votes["ours"].to_numpy()
        wrong += sum(int((ours[: len(v)] != v).sum()) for v in (votes["snorkel"], votes["polars"]))
        seconds.append(len(texts) / statistics.median(speeds["ours"]))
        cells = [f"{statistics.median(speeds[side]):,.0f}" for side in sides]
        cells += [f"{ratio(speeds, side):.{d}f}" for side, d in (("snorkel", 0), ("polars", 1), ("bare", 2))]
        cells += [f"{cold:.1f}", f"{warm:.2f}", f"{100 * (ours >= 0).mean():.2f} %", f"{100 * common:.0f} %"]
        print(f"| {n:,} | {' | '.join(cells)} |", flush=True)
    print(
        f"\nFrom 100 to 1,000 rules the time grows {seconds[-1] / seconds[-2]:.1f} times; {wrong} votes differ.\n"
    )
    return wrong


def ratio(speeds, side):
    """Return the median over the runs of our speed over another's; what was measured once counts for all runs."""
    others = speeds[side] * len(speeds["ours"]) if side in ONCE else speeds[side]
    return statistics.median(a / b for a, b in zip(speeds["ours"], others, strict=True))


def measure(sides, runs):
    """Run the sides in turn; return rows per second of each in every run, and what each gave."""
    speeds, given = {side: [] for side in sides}, {}
    for run in range(runs):
        for side, (call, rows) in sides.items():
            if run and side in ONCE:
                continue
            started = time.perf_counter()
            given[side] = call()
            speeds[side].append(rows / (time.perf_counter() - started))
    return speeds, given


def compiled(made, frame):
    """Return the seconds to the first votes, compiling and from the cache, and the function that votes."""
    registry = wl.LFRegistry([rule for _, _, rule in made], schema=SCHEMA)
    head = frame.head(10)
    wl.LFApplier(wl.LFRegistry([made[0][2]], schema=SCHEMA)).apply(head, id="id")  # loads the kernels
    with tempfile.TemporaryDirectory() as cache:
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            applier = wl.LFApplier(registry, cache=cache)
            applier.apply(head, id="id")
            seconds.append(time.perf_counter() - started)
    return *seconds, lambda some: applier.apply(some, id="id")


def snorkel_side(made, texts):
    """Snorkel's applier with one precompiled search a rule."""
    import pandas as pd
    from snorkel.labeling import LabelingFunction, PandasLFApplier

    def vote(kind, pattern):
        search, code = re.compile(pattern, re.IGNORECASE).search, CODES[kind]
        return lambda x: code if search(x.text) else -1

    applier = PandasLFApplier([LabelingFunction(rule.id, vote(kind, p)) for kind, p, rule in made])
    frame = pd.DataFrame({"text": texts[:SNORKEL_ROWS]})
    return lambda: applier.apply(frame, progress_bar=False), len(frame)


def polars_side(made, frame):
    """One Polars expression a rule; its regex has no look-around, and needs none for terms of plain letters."""
    columns = []
    for kind, pattern, rule in made:
        plain = "(?i)" + pattern.replace(r"(?<!\w)", r"\b").replace(r"(?!\w)", r"\b")
        found = pl.when(pl.col("text").str.contains(plain)).then(CODES[kind]).otherwise(-1)
        columns.append(found.cast(pl.Int8).alias(rule.id))
    return lambda: frame.select(columns).to_numpy(), frame.height


@njit
def bare(data, classes, moves):
    """Read bytes through an automaton and count the ends of literals."""
    state, found = np.int64(0), 0
    for byte in data:
        move = np.int64(moves[state + classes[byte]])
        state = move >> 1
        found += move & 1
    return found


def bare_side(made, frame):
    """Read through the automaton of the rules, and nothing else: no votes."""
    from weaklabel.apply.scan import compile_scan

    scan, _ = compile_scan([rule for _, _, rule in made], SCHEMA)
    data = np.frombuffer("".join(frame.get_column("text")).encode(), np.uint8)
    bare(data[:10], scan.compiled.automaton.classes, scan.compiled.automaton.moves)
    return lambda: bare(data, scan.compiled.automaton.classes, scan.compiled.automaton.moves), frame.height


# ---- from file to file ----


def files(texts, runs):
    """Measure Parquet in, votes out at 100 rules, in processes of their own, on the corpus once and ten times."""
    print("### Parquet (zstd) in, votes out, 100 rules\n")
    print("| rows | rows per second | times PandasLFApplier | peak memory, MB |\n|---|---|---|---|")
    made, _ = make_rules(100, texts)
    snorkel = snorkel_side(made, texts)
    listed = [(kind, rule.id, rule.terms if kind == "keywords" else rule.pattern) for kind, _, rule in made]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.json").write_text(json.dumps(listed))
        for times in (1, 10):
            path = Path(folder) / f"texts{times}.parquet"
            rows = len(texts) * times
            ids = [str(i) for i in range(rows)]
            pl.DataFrame({"id": ids, "text": texts * times}).write_parquet(path, compression="zstd", row_group_size=50_000)  # fmt: skip
            speeds, given = measure({"snorkel": snorkel, "ours": (lambda p=path: one_process(p), rows)}, runs)
            speeds["ours"] = [rows / s for s in given["ours"]["all"]]
            print(
                f"| {rows:,} | {statistics.median(speeds['ours']):,.0f} | {ratio(speeds, 'snorkel'):.0f} | {given['ours']['peak']:.0f} |",
                flush=True,
            )


SEEN = {}


def one_process(path):
    """Vote a file in a fresh process; return the seconds that voting took in every such process, and its peak memory."""
    command = [sys.executable, __file__, "--file", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found = json.loads(done.stdout)
    SEEN.setdefault(path, []).append(found["seconds"])
    return {"all": SEEN[path], "peak": found["peak"]}


def vote_file(path):
    """Vote a Parquet file shard by shard, and write the votes beside it."""
    corpus = wl.Corpus.open(path)
    listed = json.loads((Path(path).parent / "rules.json").read_text())
    rules = [
        wl.keywords(name, what, label="a")
        if kind == "keywords"
        else wl.regex(name, what, label="b", case="ignore")
        for kind, name, what in listed
    ]
    applier = wl.LFApplier(wl.LFRegistry(rules, schema=SCHEMA))
    applier.apply(pl.DataFrame({"id": ["a"], "text": ["a"]}), id="id")
    with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
        started = time.perf_counter()
        for number, shard in enumerate(corpus.shards()):
            applier.apply(corpus.read(shard), id="id").write(Path(folder) / f"part-{number:05}.parquet")
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak}))


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--file":
        vote_file(sys.argv[2])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
