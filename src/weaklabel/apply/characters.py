"""What the scan must know of each character: its class, and the forms of rule for which it is no plain byte."""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from typing import NamedTuple

import numpy as np

from weaklabel.kernels import tables as kernel

REGEX = 4
FORMS = {
    ("ignore", "keep"): 8,
    ("sensitive", "keep"): 16,
    ("ignore", "ignore"): 32,
    ("sensitive", "ignore"): 64,
}
"""Bit of each form in which keyword rules compare."""
TANGLED = 128
"""Bit of the characters that are hard for the usual form, and of which not just another one is made for it."""
_LAST_CASED = 0x20000
_LATE_IDEOGRAPHS, _TAGS = range(0x2F800, 0x2FA20), range(0xE0000, 0xE0200)


class Known(NamedTuple):
    """What `characters` and `folds` return."""

    marks: np.ndarray
    folds: np.ndarray


@functools.cache
def known() -> Known:
    """Return both tables."""
    return Known(characters(), folds())


@functools.cache
def characters() -> np.ndarray:
    """Return one byte per code point: its class in the lowest two bits, then a bit for each form it is hard for.

    A character beyond ASCII is hard for regexes if ignoring case, or `str.lower`, may bring it to ASCII or to another
    class. It is hard for a form of keyword if making a text `comparable` may change it or its neighbours. A text
    without hard characters can be read byte by byte: only ASCII case stands between it and its comparable form.
    """
    points = np.arange(128, sys.maxunicode + 1, dtype="<u4")
    every = points[(points < 0xD800) | (points >= 0xE000)].tobytes().decode("utf-32-le")
    table = np.full(sys.maxunicode + 1, 3, np.uint8)
    for value, pattern in enumerate((r"\w+", r"\d+", r"\s+")):
        for run in re.finditer(pattern, every):
            table[ord(run[0][0]) : ord(run[0][-1]) + 1] = value
    table[0xD800:0xE000] = 3
    partners = set(re.findall("[a-z]", every, re.IGNORECASE))
    composing = _composing()
    for c in {*_changing(), *partners, *composing}:
        table[ord(c)] |= _hard(c, partners, composing, table)
    table[0xAC00:0xD7A4] |= FORMS["ignore", "ignore"] | FORMS["sensitive", "ignore"]  # Hangul comes apart
    return table


@functools.cache
def folds() -> np.ndarray:
    """Return for each code point the character that the usual form (case ignored, accents kept) makes of it; 0: it stays.

    Tangled characters stay. A text without these is made comparable character by character.
    """
    composing = _composing()
    out = np.zeros(_LAST_CASED, np.int32)
    for c in _changing():
        folded = c.casefold()
        if folded != c and not _tangled(c, composing):
            out[ord(c)] = ord(folded)
    return out


@functools.cache
def kinds() -> np.ndarray:
    """Return the kind of neighbour that each symbol of a machine is."""
    out = np.full(kernel.SYMBOLS, kernel.OTHER, np.uint8)
    for point in range(128):
        if re.match(r"\w", chr(point)):
            out[point] = kernel.WORD
        elif re.match(r"\s", chr(point)):
            out[point] = kernel.SPACE
    out[[ord("\n"), kernel.FINAL_NEWLINE]] = kernel.NEWLINE
    out[kernel.WIDE : kernel.WIDE + 4] = kernel.WIDE_WORD, kernel.WIDE_WORD, kernel.SPACE, kernel.OTHER
    out[kernel.END] = kernel.AT_START
    return out


def _hard(c: str, partners: set[str], composing: frozenset[str], table: np.ndarray) -> int:
    hard = 0
    lower = c.lower()
    if c in partners or len(lower) != 1 or lower.isascii() or (table[ord(lower)] ^ table[ord(c)]) & 3:
        hard |= REGEX
    if c in composing or unicodedata.combining(c) or unicodedata.normalize("NFC", c) != c:
        return hard | sum(FORMS.values()) | TANGLED
    if c.casefold() != c:
        hard |= FORMS["ignore", "keep"] | FORMS["ignore", "ignore"]
        hard |= TANGLED if _tangled(c, composing) else 0
    if unicodedata.normalize("NFD", c) != c:
        hard |= FORMS["ignore", "ignore"] | FORMS["sensitive", "ignore"]
    return hard


def _tangled(c: str, composing: frozenset[str]) -> bool:
    """Say whether folding the case of a character, or its neighbours, may give more than one other character."""
    folded = c.casefold()
    return len(folded) != 1 or any(
        one in composing or unicodedata.combining(one) or unicodedata.normalize("NFC", one) != one
        for one in (c, folded)
    )


@functools.cache
def _changing() -> tuple[str, ...]:
    """Return the characters beyond ASCII that have case or that normalisation may change, Hangul aside."""
    blocks = (range(128, 0xAC00), range(0xD7A4, 0xD800), range(0xE000, _LAST_CASED), _LATE_IDEOGRAPHS, _TAGS)
    return tuple(
        c
        for block in blocks
        for c in map(chr, block)
        if c.lower() != c or c.casefold() != c or unicodedata.decomposition(c) or unicodedata.combining(c)
    )


@functools.cache
def _composing() -> frozenset[str]:
    """Return the characters that may combine with the one before them."""
    jamo = {chr(p) for p in (*range(0x1161, 0x1176), *range(0x11A7, 0x11C3))}
    parts = (unicodedata.decomposition(chr(point)).split() for point in range(128, 0x20000))
    return frozenset(jamo | {chr(int(pair[1], 16)) for pair in parts if len(pair) == 2 and pair[0][0] != "<"})
