"""spaCy rules of some days, and long lists of phrases: one reading of each text for all, beside one for each rule.

Usage: POLARS_MAX_THREADS=1 python experiments/lf_spacy/more.py [runs] [rows]

In one process; ways in turn. The votes of both ways are compared.
"""

import datetime
import random
import statistics
import sys
import time

import polars as pl
from run import corpus, patterns

import weaklabel as wl
from weaklabel.apply.batch import Batch, Faults
from weaklabel.apply.days import DatedLane, Days
from weaklabel.apply.spacy_lane import compile_spacy

SCHEMA = wl.LabelSchema(["no", "yes"])


def main(runs, rows):
    """Measure and print two tables."""
    task = {"texts": "generated", "rows": rows, "kind": "mixed", "count": 20}
    texts = corpus(task)
    start = datetime.date(2025, 1, 1)
    days = [start + datetime.timedelta(i % 600) for i in range(rows)]
    frame = pl.DataFrame({"id": [str(i) for i in range(rows)], "text": texts, "day": days})
    made = [
        wl.spacy_pattern(f"r{i}", own, label="yes", valid_from="2025-06-01")
        for i, own in enumerate(patterns(task, texts))
    ]
    show(f"{len(made)} rules of some days", frame, made, Days("day", start), runs)
    rng = random.Random(3)
    words = sorted({word for text in texts for word in text.lower().split() if word.isalpha()})
    lists = [[f"{rng.choice(words)} {rng.choice(words)}" for _ in range(100)] for _ in range(20)]
    made = [wl.spacy_pattern(f"p{i}", phrases=own, label="yes") for i, own in enumerate(lists)]
    show("20 rules of 100 phrases", frame, made, None, runs)


def show(title, frame, rules, days, runs):
    """Print the medians of all rules together, and of each by itself."""
    together = [compile_spacy(rules, SCHEMA, days=days)]
    alone = [one_of(rule, days) for rule in rules]
    ways = {"all together": together, "each by itself": alone}
    seconds = {name: [] for name in ways}
    votes = {}
    for _ in range(runs):
        for name, lanes in ways.items():
            started = time.perf_counter()
            found = [lane.run(Batch(frame, frame["id"], Faults())) for lane in lanes]
            seconds[name].append(time.perf_counter() - started)
            votes[name] = {id: own for part in found for id, own in part.items()}
    first, second = votes.values()
    equal = all((first[id] == second[id]).all() for id in first)
    print(f"\n{title}, {frame.height:,} texts; votes {'equal' if equal else 'DIFFER'}\n")
    print("| way | microseconds a text |\n|---|---|")
    for name, own in seconds.items():
        print(f"| {name} | {statistics.median(own) / frame.height * 1e6:,.0f} |")


def one_of(rule, days):
    """Return the lane of one rule."""
    lane = compile_spacy([rule], SCHEMA)
    return lane if days is None else DatedLane(rule, lane, days)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:3]]
    main(*given, *(3, 5000)[len(given) :])
