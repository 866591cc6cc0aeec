"""Time and peak memory of labeling agnews: `weaklabel run` against Snorkel's applier and label model, same rules.

Usage: python experiments/agnews_cost/run.py [runs]

Each side runs in a process of its own, in turn. Both read the Parquet file, vote with the rules of
labeling_functions/agnews, fit, and write labels to Parquet. Snorkel's rules are the same rules as plain Python
functions of a pandas row: each calls one precompiled pattern or expression of its own.
"""

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def main(runs):
    """Measure both sides in turn and print the table."""
    if not os.environ.get("WEAKLABEL_DATA"):
        sys.exit(
            "WEAKLABEL_DATA is not set: it names the folder with the public data sets; see experiments/README.md"
        )
    measured = {"weaklabel": [], "snorkel": []}
    measure("weaklabel")  # a first run compiles and caches
    for _ in range(runs):
        for side, found in measured.items():
            found.append(measure(side))
    print(
        "| | whole process, s | rules vote, s | label model fits and predicts, s | peak memory, MB | labels |"
    )
    print("|---|---|---|---|---|---|")
    for side, found in measured.items():
        cells = [middle(found, key) for key in ("seconds", "vote", "model")]
        print(f"| {side} | " + " | ".join(f"{c:.2f}" for c in cells), end=" | ")
        print(f"{middle(found, 'peak'):.0f} | {found[0]['labels']} |")
    ratio = [
        s["seconds"] / w["seconds"] for s, w in zip(measured["snorkel"], measured["weaklabel"], strict=True)
    ]
    print(
        f"\nmedian of {runs} runs; Snorkel takes {statistics.median(ratio):.1f} times as long (pair by pair)"
    )


def middle(found, key):
    """Return the median of one figure."""
    return statistics.median(one[key] for one in found)


def measure(side):
    """Run one side in a fresh process and return what it reports, with its whole time and peak memory."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, f"--{side}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1]) | {"seconds": time.perf_counter() - started}


def report(**found):
    """Print what this process measured, as JSON, on its last line."""
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


def weaklabel_side():
    """Label agnews with the pipeline, without plots and MLflow."""
    from weaklabel import config, pipeline

    clock = Clock()
    words = ["experiment=agnews", "tracking=none", "plots=false", "evaluation.classifier=false"]
    result = pipeline.run(config.load(PROJECT, words), project=PROJECT, observer=clock)
    report(vote=clock.spent("rules vote"), model=clock.spent("model fits"), labels=result.statuses["labeled"])


class Clock:
    """Notes when each step of a run is told of first and last."""

    def __init__(self):
        self.times = {}
        self.last = time.perf_counter()

    def __call__(self, step, done, total):
        now = time.perf_counter()
        self.times[step] = self.times.get(step, 0.0) + now - self.last
        self.last = now

    def spent(self, step):
        """Seconds until the step was done, since the step before it."""
        return self.times[step]


def snorkel_side():
    """Label agnews as Snorkel's users do: PandasLFApplier, LabelModel, to_parquet."""
    import pandas as pd
    from snorkel.labeling import PandasLFApplier
    from snorkel.labeling.model import LabelModel

    frame = pd.read_parquet(Path(os.environ["WEAKLABEL_DATA"]) / "matrices/agnews.parquet", columns=["text"])
    rules, n_classes = snorkel_rules()
    started = time.perf_counter()
    votes = PandasLFApplier(rules).apply(frame, progress_bar=False)
    voted = time.perf_counter()
    model = LabelModel(cardinality=n_classes, verbose=False)
    model.fit(votes, n_epochs=500, seed=0, progress_bar=False)
    labels, probabilities = model.predict(votes, return_probs=True, tie_break_policy="abstain")
    fitted = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        table = pd.DataFrame({"label": labels, "probabilities": list(probabilities)})
        table.to_parquet(Path(folder) / "labels.parquet")
    report(vote=voted - started, model=fitted - voted, labels=int((votes >= 0).any(axis=1).sum()))


def snorkel_rules():
    """Return the task's rules as Snorkel labeling functions, and the number of classes."""
    from snorkel.labeling import LabelingFunction

    import weaklabel as wl

    registry = wl.LFRegistry.from_folder(PROJECT / "labeling_functions" / "agnews")
    made = [LabelingFunction(rule.id, as_function(rule, registry.schema)) for rule in registry.rules]
    return made, len(registry.schema)


def as_function(rule, schema):
    """Return a rule as a function of a pandas row that gives a code, as a Snorkel user would write it."""
    if rule.kind == "lookup" and rule.label is None:
        codes = {label: schema.code(label) for _, label in rule.entries} | {None: -1}
        return lambda x: codes[rule.vote(x.text)]
    code = schema.code(rule.label) if rule.label else None
    if rule.kind == "python":
        decide = rule.function
        if code is None:
            codes = {name: schema.code(name) for name in schema.names} | {None: -1}
            return lambda x: codes[decide(x)]
        return lambda x: code if decide(x) else -1
    search = searcher(rule)
    return lambda x: code if search(x.text) else -1


def searcher(rule):
    """Return the one precompiled search of a keyword, word list, regex or substring rule."""
    if rule.kind == "regex":
        lower = rule.case == "lower"
        return (lambda text: rule.compiled.search(text.lower())) if lower else rule.compiled.search
    if rule.kind == "where":
        parts = [re.escape(p) for p in re.findall(r"LIKE '%(.*?)%'", rule.sql)]
        parts += [r"\A" + re.escape(p) for p in re.findall(r"starts_with\(text, '(.*?)'\)", rule.sql)]
        return re.compile("|".join(parts)).search
    terms = rule.terms if rule.kind == "keywords" else [term for term, _ in rule.entries]
    words = "|".join(r"\s+".join(map(re.escape, unicodedata.normalize("NFC", t).split())) for t in terms)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE if rule.case == "ignore" else 0).search


def check():
    """Compare the votes of both sides on every row; say how many differ."""
    import pandas as pd
    import polars as pl
    from snorkel.labeling import PandasLFApplier

    import weaklabel as wl

    path = Path(os.environ["WEAKLABEL_DATA"]) / "matrices/agnews.parquet"
    theirs = PandasLFApplier(snorkel_rules()[0]).apply(
        pd.read_parquet(path, columns=["text"]), progress_bar=False
    )
    registry = wl.LFRegistry.from_folder(PROJECT / "labeling_functions" / "agnews")
    frame = pl.read_parquet(path, columns=["text"]).with_row_index("id").cast({"id": pl.String})
    ours = wl.LFApplier(registry).apply(frame, id="id").to_numpy()
    print(f"{int((ours != theirs).sum())} of {ours.size} votes differ")


if __name__ == "__main__":
    sides = {"--weaklabel": weaklabel_side, "--snorkel": snorkel_side, "--check": check}
    if len(sys.argv) > 1 and sys.argv[1] in sides:
        sides[sys.argv[1]]()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
