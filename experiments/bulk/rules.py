"""Keyword, phrase and regex rules that vote on 2 to 5 % of the texts each, and project folders that hold them.

The first 20 rules are the first of the 100, and those the first of the 1,000.
"""

import os
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from texts import BALANCE, CLASSES, TOPIC, Language

import weaklabel as wl

SAMPLE = 20_000
LEAST, MOST = 0.02, 0.05
KINDS = ("keywords", "regex", "phrases", "keywords", "regex")
COUNTS = (20, 100, 1000)
CONFIG = """defaults:
  - base
  - task: bulk100
  - label_model: default
  - engine: local
  - tracking: none
  - _self_
"""
TASK = """name: {name}
rules: labeling_functions/{name}
corpus:
  path: texts
  id: id
  text: text
"""


class Pool:
    """Topic words of each class by the share of texts that hold them, and in which texts of a sample they are."""

    def __init__(self, language, sample):
        words = sample.select(
            row=pl.int_range(pl.len(), dtype=pl.Int32),
            word=pl.col("text").str.to_lowercase().str.extract_all(r"\b[a-z]+\b"),
        ).explode("word").unique()  # fmt: skip
        rows = dict(words.group_by("word").agg("row").iter_rows())
        self.n, self.language = sample.height, language
        self.place = {word: i for i, word in enumerate(language.words)}
        self.rows = {word: np.array(r) for word, r in rows.items()}
        self.of_class = []
        for k in range(len(CLASSES)):
            own = [language.words[i] for i in range(*TOPIC) if i % len(CLASSES) == k]
            self.of_class.append(sorted((w for w in own if w in rows), key=self.rate, reverse=True))

    def rate(self, word):
        """Return the share of texts that hold a word."""
        return len(self.rows[word]) / self.n

    def draw(self, rng, k, target, size):
        """Return about `size` words of class k of which one stands in a share `target` of the texts."""
        own = self.of_class[k]
        rates = np.array([self.rate(word) for word in own])
        near = int(np.searchsorted(-rates, -1.05 * target / size))
        low = max(0, near - 3 * size)
        chosen, seen = [], np.zeros(self.n, bool)
        for i in rng.permutation(np.arange(low, min(low + 6 * size, len(own)))):
            chosen.append(own[i])
            seen[self.rows[own[i]]] = True
            if seen.mean() >= target:
                break
        return sorted(chosen)

    def partner(self, word):
        """Return the word that follows a word half of the times."""
        return self.language.words[self.language.partner[self.place[word]]]


def make_rules(n, language):
    """Return n rules as a rule pack says them, in a fixed order: the first ones don't depend on n."""
    rng = np.random.default_rng(7)
    sample = language.rows(0, SAMPLE)
    pool, made = Pool(language, sample), []
    kept = []
    while len(kept) < max(COUNTS):
        made = [candidate(rng, pool, len(kept) + i) for i in range(100)]
        schema = wl.LabelSchema(list(CLASSES))
        registry = wl.LFRegistry([as_rule(one) for one in made], schema=schema)
        votes = wl.LFApplier(registry).apply(sample, id="id").to_numpy()
        rates = (votes >= 0).mean(axis=0)
        for one, rate in zip(made, rates, strict=True):
            if LEAST <= rate <= MOST:
                kept.append(one | {"name": f"rule_{len(kept):04}"})
    return kept[:n]


def candidate(rng, pool, number):
    """Return one rule that votes on 2 to 5 % of the texts, if all goes well."""
    k = int(rng.choice(len(CLASSES), p=np.array(BALANCE) ** 0.5 / np.sum(np.array(BALANCE) ** 0.5)))
    kind, target = KINDS[number % len(KINDS)], rng.uniform(1.1 * LEAST, 0.92 * MOST)
    said = {"name": f"try_{number:05}_{rng.integers(1 << 40):x}", "label": CLASSES[k]}
    if kind == "regex":
        return said | {"kind": "regex", "case": "ignore", "pattern": shaped(rng, pool, k, target)}
    size = int(rng.integers(4, 21))
    if kind == "keywords":
        return said | {"kind": "keywords", "terms": pool.draw(rng, k, target, size)}
    words = pool.draw(rng, k, 1.9 * target, size)
    return said | {"kind": "keywords", "terms": [f"{word} {pool.partner(word)}" for word in words]}


def shaped(rng, pool, k, target):
    """Return a regex of one of four shapes."""
    shape = int(rng.integers(4))
    if shape == 0:
        return rf"\b(?:{'|'.join(pool.draw(rng, k, target, 2))})(?:s|ed)?\b"
    if shape == 1:
        return rf"\b(?:{'|'.join(pool.draw(rng, k, 1.1 * target, 3))})\W+(?:\w+\W+){{0,2}}?\w{{3}}"
    if shape == 2:
        return rf"(?:^|[\s(])({'|'.join(pool.draw(rng, k, 1.1 * target, 4))})[^\w]*(?: |$)"
    first, last = (sorted(rng.choice(pool.of_class[k][:12], 4, replace=False)) for _ in range(2))
    return rf"\b(?:{'|'.join(first)})\b.{{0,40}}\b(?:{'|'.join(last)})\b"


def as_rule(said):
    """Return a rule from what a pack says of it."""
    if said["kind"] == "regex":
        return wl.regex(said["name"], said["pattern"], label=said["label"], case="ignore")
    return wl.keywords(said["name"], said["terms"], label=said["label"])


def write_project(folder, rules, texts):
    """Write a project with a task for each number of rules, over the given Parquet files; files are linked, not copied."""
    folder.mkdir(parents=True)
    put(folder / "conf" / "config.yaml", CONFIG)
    for n in COUNTS:
        name = f"bulk{n}"
        put(folder / "conf" / "task" / f"{name}.yaml", TASK.format(name=name))
        home = folder / "labeling_functions" / name
        labels = [{"name": label, "description": f"Texts on {label}."} for label in CLASSES]
        put(home / "schema.yaml", yaml.safe_dump({"name": name, "version": "1", "labels": labels}))
        put(home / "rules.yaml", yaml.safe_dump({"rules": rules[:n]}, width=200, sort_keys=False))
    (folder / "texts").mkdir()
    for path in texts:
        os.link(path, folder / "texts" / path.name)
    return folder


def change_rule(project, task, number):
    """Take the last term of a keyword rule away."""
    path = project / "labeling_functions" / task / "rules.yaml"
    rules = yaml.safe_load(path.read_text())["rules"]
    chosen = [one for one in rules if len(one.get("terms", ())) > 3][number]
    del chosen["terms"][-1]
    put(path, yaml.safe_dump({"rules": rules}, width=200, sort_keys=False))
    return chosen["name"]


def put(path, text):
    """Write a text, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def kept_rules(folder):
    """Return the 1,000 rules, made once and kept in a folder."""
    path = Path(folder) / "rules.yaml"
    if not path.exists():
        put(path, yaml.safe_dump(make_rules(max(COUNTS), Language()), width=200, sort_keys=False))
    return yaml.safe_load(path.read_text())
