"""Twenty plain rules about news, each as a function of a row and as a function of a frame; the votes are the same."""

import re

import polars as pl

import weaklabel as wl

SCHEMA = wl.LabelSchema(["world", "sports", "business", "science"])

WORDS = {
    "stocks": ("business", "stock"),
    "shares": ("business", "shares"),
    "profit": ("business", "profit"),
    "oil": ("business", "oil price"),
    "company": ("business", "company"),
    "game": ("sports", "game"),
    "coach": ("sports", "coach"),
    "season": ("sports", "season"),
    "olympic": ("sports", "olympic"),
    "software": ("science", "software"),
    "internet": ("science", "internet"),
    "space": ("science", "space"),
    "minister": ("world", "minister"),
    "troops": ("world", "troops"),
}
LISTS = {
    "leagues": ("sports", ("league", "cup", "playoff", "inning", "touchdown")),
    "makers": ("science", ("microsoft", "google", "apple", "intel", "nasa")),
    "places": ("world", ("iraq", "gaza", "baghdad", "kabul", "darfur")),
}
PATTERNS = {
    "money": ("business", r"\$\d+(\.\d+)? (million|billion)"),
    "score": ("sports", r"\b\d{1,3}-\d{1,3}\b"),
}
MOST_WORDS = 60


def says(word):
    """Return the row form and the frame form of "the word stands in the text"."""
    return (
        lambda row: word in row["text"].lower(),
        lambda frame: frame["text"].str.to_lowercase().str.contains(word, literal=True),
    )


def says_any(words):
    """Return the row form and the frame form of "one of the words stands in the text"."""

    def by_row(row):
        text = row["text"].lower()
        return any(word in text for word in words)

    return by_row, lambda frame: frame["text"].str.to_lowercase().str.contains_any(list(words))


def matches(pattern):
    """Return the row form and the frame form of "the pattern is found in the text"."""
    compiled = re.compile(pattern)
    return lambda row: compiled.search(row["text"]), lambda frame: frame["text"].str.contains(pattern)


def long_row(row):
    """Say whether a text has many words."""
    return len(row["text"].split(" ")) > MOST_WORDS


def long_frame(frame):
    """Say which texts have many words."""
    return frame.select(pl.col("text").str.count_matches(" ", literal=True) + 1 > MOST_WORDS).to_series()


def functions():
    """Return (name, label, row form, frame form) of every rule."""
    made = [(name, label, *says(word)) for name, (label, word) in WORDS.items()]
    made += [(name, label, *says_any(words)) for name, (label, words) in LISTS.items()]
    made += [(name, label, *matches(pattern)) for name, (label, pattern) in PATTERNS.items()]
    return [*made, ("long", "world", long_row, long_frame)]


def registry(form):
    """Return the rules in one form: "row" or "frame"."""
    at, options = {"row": (2, {}), "frame": (3, {"vectorized": True})}[form]
    rules = [
        wl.labeling_function(made[at], name=made[0], label=made[1], fields=["text"], **options)
        for made in functions()
    ]
    return wl.LFRegistry(rules, schema=SCHEMA)
