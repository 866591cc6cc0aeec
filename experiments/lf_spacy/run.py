"""spaCy rules: weaklabel beside Snorkel's nlp_labeling_function over a memoised SpacyPreprocessor, same patterns.

Usage: python experiments/lf_spacy/run.py [runs] [rows]

Each measurement runs in a process of its own, on one core, in turn. What is timed is the rules over the texts: pipelines
are loaded and Matchers built before. The votes of all sides are compared.
"""

import hashlib
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

SIDES = ("snorkel", "plain", "weaklabel")
WAYS = {
    "snorkel cold": "Snorkel, memo empty",
    "snorkel warm": "Snorkel, memo filled in the same process",
    "plain cold": "`nlp.pipe` and one Matcher of all rules",
    "weaklabel cold": "weaklabel, no cache folder",
    "weaklabel writing": "weaklabel, filling the cache",
    "weaklabel cached": "weaklabel, cached documents, a new applier",
}
ONE_CORE = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def main(runs, rows):
    """Measure all sides in turn and print the table."""
    sets = ["generated"] + (["agnews"] if os.environ.get("WEAKLABEL_DATA") else [])
    for texts in sets:
        for kind, count in (("words", 20), ("mixed", 20), ("mixed", 100)):
            task = {"texts": texts, "rows": rows, "kind": kind, "count": count}
            found = [{k: v for side in SIDES for k, v in measure(side, task).items()} for _ in range(runs)]
            show(task, found)


def show(task, found):
    """Print one table: medians, and ratios pair by pair."""
    votes = {one[key] for one in found for key in one if key.endswith("votes")}
    print(f"\n{task['texts']}, {task['rows']:,} texts, {task['count']} rules ({task['kind']})")
    print(
        f"votes {'equal' if len(votes) == 1 else 'DIFFER'}; a rule fires on {found[0]['rate']:.2%} of the texts,"
    )
    print(f"{found[0]['covered']:.0%} of the texts have a vote\n")
    print("| way | microseconds a text | times Snorkel, memo empty | times Snorkel, memo filled |")
    print("|---|---|---|---|")
    for key, name in WAYS.items():
        own = statistics.median(one[key] for one in found) / task["rows"] * 1e6
        ratios = [
            statistics.median(one[f"snorkel {memo}"] / one[key] for one in found) for memo in ("cold", "warm")
        ]
        print(f"| {name} | {own:,.0f} | {ratios[0]:.1f} | {ratios[1]:.1f} |")
    sys.stdout.flush()


def measure(side, task):
    """Run one side in a fresh process and return what it reports."""
    done = subprocess.run(
        [sys.executable, __file__, "--side", side, json.dumps(task)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **ONE_CORE},
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def corpus(task):
    """Return the texts: news, or Zipf words from 50,000 in sentences of about 200 characters."""
    if task["texts"] == "agnews":
        import polars as pl

        frame = pl.read_parquet(Path(os.environ["WEAKLABEL_DATA"]) / "matrices" / "agnews.parquet")
        return frame["text"].head(task["rows"]).to_list()
    rng = random.Random(1)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = set()
    while len(words) < 50_000:
        words.add("".join(rng.choices(letters, range(26, 0, -1), k=rng.randint(2, 10))))
    words = sorted(words)
    rng.shuffle(words)
    weights = [1 / (i + 1) for i in range(len(words))]
    return [text_of(rng, rng.choices(words, weights, k=rng.randint(20, 45))) for _ in range(task["rows"])]


def text_of(rng, words):
    """Return words as sentences with numbers and signs among them."""
    out = []
    for i, word in enumerate(words):
        word = word.capitalize() if i == 0 or rng.random() < 0.1 else word
        word = str(rng.randint(1, 2000)) if rng.random() < 0.03 else word
        out.append(word + rng.choices(["", ",", ".", "!", "'s"], [85, 6, 6, 1, 2])[0])
    return " ".join(out)


def patterns(task, texts):
    """Return the rules' patterns: words that stand in 0.1 to 10 % of the texts, log-uniformly, alone or in patterns."""
    rng = random.Random(2)
    counts = Counter(word for text in texts for word in set(re.findall(r"[a-z]{2,}", text.lower())))
    ranked = [(count / len(texts), word) for word, count in counts.items()]

    def word():
        rate = math.exp(rng.uniform(math.log(0.001), math.log(0.1)))
        return min(ranked, key=lambda one: (abs(one[0] - rate), one[1]))[1]

    shapes = {
        "word": lambda: [[{"LOWER": word()}]],
        "list": lambda: [[{"LOWER": {"IN": [word() for _ in range(5)]}}]],
        "phrase": lambda: [[{"LOWER": word()}, {"IS_ALPHA": True}]],
        "near": lambda: [[{"LOWER": word()}, {"IS_ALPHA": True, "OP": "*"}, {"LOWER": word()}]],
        "number": lambda: [[{"LIKE_NUM": True}, {"LOWER": {"IN": [word() for _ in range(5)]}}]],
        "regex": lambda: [[{"LOWER": {"REGEX": f"^{word()[:4]}"}}, {"IS_PUNCT": True}]],
        "shape": lambda: [[{"SHAPE": "dddd"}, {"IS_PUNCT": True, "OP": "?"}, {"IS_TITLE": True}]],
    }
    names = ["word", "list", "phrase", "near"] + ["number", "regex", "shape"] * (task["kind"] == "mixed")
    return [shapes[names[i % len(names)]]() for i in range(task["count"])]


def snorkel_side(texts, every):
    """Vote as Snorkel's users do: one Matcher per rule over the memoised document."""
    import pandas as pd
    import spacy
    from snorkel.labeling import PandasLFApplier
    from snorkel.labeling.lf.nlp import NLPLabelingFunction, nlp_labeling_function
    from spacy.matcher import Matcher

    with tempfile.TemporaryDirectory() as folder:
        spacy.blank("en").to_disk(folder)

        def rule(number, own):
            @nlp_labeling_function(name=f"r{number}", language=folder)
            def votes(x):
                return 1 if matcher(x.doc) else -1

            matcher = Matcher(NLPLabelingFunction._nlp_config.nlp._nlp.vocab)
            matcher.add("rule", own)
            return votes

        applier = PandasLFApplier([rule(i, own) for i, own in enumerate(every)])
        frame = pd.DataFrame({"text": texts})
        cold, votes = timed(lambda: applier.apply(frame, progress_bar=False))
        warm, again = timed(lambda: applier.apply(frame, progress_bar=False))
    found = votes == 1
    report({"cold": cold, "warm": warm, "votes": digest(found), "warm votes": digest(again == 1)}, "snorkel")


def plain_side(texts, every):
    """Vote with nlp.pipe and one Matcher of all rules."""
    import numpy as np
    import spacy
    from spacy.matcher import Matcher

    nlp = spacy.blank("en")
    matcher = Matcher(nlp.vocab)
    for i, own in enumerate(every):
        matcher.add(str(i), own)

    def vote():
        votes = np.zeros((len(texts), len(every)), bool)
        for row, doc in enumerate(nlp.pipe(texts)):
            for key in {match[0] for match in matcher(doc)}:
                votes[row, int(nlp.vocab.strings[key])] = True
        return votes

    cold, votes = timed(vote)
    report(
        {"cold": cold, "votes": digest(votes)}, "plain", rate=votes.mean(), covered=votes.any(axis=1).mean()
    )


def weaklabel_side(texts, every):
    """Vote with LFApplier: without a cache folder, with a new one, and with a full one."""
    import polars as pl

    import weaklabel as wl

    schema = wl.LabelSchema(["no", "yes"])
    rules = [wl.spacy_pattern(f"r{i}", own, label="yes") for i, own in enumerate(every)]
    frame = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts})
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for way, cache in (("cold", None), ("writing", folder), ("cached", folder)):
            applier = wl.LFApplier(wl.LFRegistry(rules, schema=schema), cache=cache)
            applier.apply(frame.head(0))  # loads the pipeline
            found[way], votes = timed(lambda applier=applier: applier.apply(frame))
            found[f"{way} votes"] = digest(votes.to_numpy() == 1)
    report(found, "weaklabel")


def timed(work):
    """Return the seconds that some work takes, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def digest(votes):
    """Return what stands for votes."""
    import numpy as np

    return hashlib.sha256(np.packbits(votes).tobytes()).hexdigest()


def report(found, side, **more):
    """Print what a side measured, as JSON, on its last line."""
    print(json.dumps({f"{side} {key}": value for key, value in found.items()} | more))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        task = json.loads(sys.argv[3])
        texts = corpus(task)
        {"snorkel": snorkel_side, "plain": plain_side, "weaklabel": weaklabel_side}[sys.argv[2]](
            texts, patterns(task, texts)
        )
    else:
        words = [int(word) for word in sys.argv[1:3]]
        main(*words, *(3, 5000)[len(words) :])
