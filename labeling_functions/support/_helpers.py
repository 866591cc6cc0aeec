"""How a message is taken apart: the newest part of it, its sentences, its words, and words one slip away."""

import re
from pathlib import Path

WORDS = Path(__file__).parent / "words"


def read_words(name):
    lines = (WORDS / name).read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip().lower() for line in lines if line.strip() and not line.startswith("#"))


def newest_part(text):
    """Drop quoted lines, unless the message is nothing but a quotation."""
    kept = [line for line in text.splitlines() if not line.lstrip().startswith(">")]
    return "\n".join(kept).strip() or text


def sentences(text):
    return [part for part in re.split(r"(?<=[.!?])\s+|\n+", text) if part.strip()]


def words(text):
    return re.findall(r"[^\W\d_]+(?:[-'][^\W\d_]+)*", text.lower().replace("’", "'"))


def slip_of(word, meant):
    """Say whether a word is another one with a letter dropped, doubled, swapped with its neighbour or mistyped."""
    if word == meant or abs(len(word) - len(meant)) > 1 or word[:1] != meant[:1]:
        return False
    start = next(
        (i for i, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b), min(len(word), len(meant))
    )
    rest, wanted = word[start:], meant[start:]
    if len(rest) < 2 and len(wanted) < 2:
        return False  # another ending of the same word
    swapped = rest[:2] == wanted[:2][::-1] and rest[2:] == wanted[2:]
    return swapped or rest[1:] == wanted[1:] or rest[1:] == wanted or rest == wanted[1:]
