"""A million hostile strings: the engine's votes against the naive reading of every rule."""

import csv
import functools
import os
import random
from pathlib import Path

import polars as pl
import pytest

import naive
import weaklabel as wl

GROUPS, BATCHES, ROWS = 10, 10, 10_000
SCHEMA = wl.LabelSchema(["x", "y", "z"])
CODES = {"x": 0, "y": 1, "z": 2}

# ---- strings ----

WORDS = [
    "ab", "Abc", "abs", "abed", "call", "CALL", "Free", "free", "fRee", "money", "back", "money back", "not", "refund", "kick", "SKI",
    "is", "5", "100", "a_b", "c++", "$5", "don't", "what", "how", "many", "name", "who", "the", "to", "txt", "claim", "prize", "i", "k", "s",
]  # fmt: skip
PLAIN = [" ", " ", " ", "  ", "\n", "\r\n", "\t", "\x00", "\x1c", "\x85", "", ".", ", ", "!", "?", "-", "_", "'",
         "(", "\x7f"]  # fmt: skip
EASY = ["é", "ñandú", "中 文", "\u3000", "\u00a0", "\u2028", "\u200d", "\ufeff", "٣", "–", "…", "👍", "👍🏽", "👩\u200d💻", "\ud7ff", "\ue000", "\ufffd",
        "\uffff", "\U00010000", "\U0010ffff", "\x80"]  # fmt: skip
HARD = ["ſ", "ı", "İ", "\u212a", "Å", "\u212b", "ß", "ẞ", "straße", "STRASSE", "café", "cafe\u0301", "CAFÉ", "CAFE\u0301", "\u0301", "\u0308", "ﬁne",
        "ς", "ΟΔΟΣ", "οδός", "É", "e\u0323\u0302", "ệ", "한국", "\u1112\u1161\u11ab", "ka\u030a", "ǅ", "K", "\U0001d400"]  # fmt: skip


def strings(rng, n):
    """Strings of ASCII alone, with easy characters beyond it, and with those that fold, compose or lose their case."""
    palettes = [[*WORDS, *PLAIN, *PLAIN]]
    palettes.append([*palettes[0], *EASY])
    palettes.append([*palettes[1], *HARD, *HARD])
    for _ in range(n):
        kind = rng.random()
        if kind < 0.01:
            yield None
        elif kind < 0.02:
            yield ""
        elif kind < 0.04:
            points = (
                rng.choice([rng.randrange(128), rng.randrange(0x3000), rng.randrange(0x110000)])
                for _ in range(6)
            )
            yield "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)
        elif kind < 0.045:
            yield rng.choice(WORDS) + rng.choice("a k\n\0é") * 300 + rng.choice(WORDS)
        else:
            palette, glue = rng.choice(palettes), rng.choice(["", " ", " ", " "])
            yield glue.join(rng.choices(palette, k=rng.randrange(1, 9)))


# ---- rules ----

TERMS = [
    ["free", "money back", "c++"],
    ["straße", "café", "k"],
    ["\u212a", "ſki", "$5", "👍"],
    ["i\u0307", "ﬁne", "e\u0302\u0323", "中 文", "don't"],
]
CONTEXTS = [
    {"near": {"terms": ["money", "refund"], "within": 2}},
    {"not_after": {"terms": ["not"], "within": 2}, "first_words": 5},
    {"not_before": {"terms": ["back"], "within": 1}, "last_words": 4},
    {"at_least": 2},
    {"times": 3},
]
PATTERNS = [
    r"\bfree\b.*\bcall\b", r"(?s)free.*refund", r"\b(ab|call)(s|ed)?\b", r"(?:^|\W)(free|call)[^\w]*( |$)", r"\bab\w*\b", r"ab", r"k", r"s",
    r"\b(?:free|call)\W+(\w+\W+){0,3}?\w{2}", r"free\s+(\w+\s+){0,2}call", r"\b[ak]\w{2}[els]\b", r"[ek][!? ]", r"[es]{2}[^d]\b", r"\w\w+ed\b",
    r"^free", r"back$", r"(?m)^\W*(call|not)$", r"back\Z", r"^$", r"^\s+$", r"(?<!\w)free(?!\w)", r"(?<=\s)call", r"not(?! free)", r"call(?=.*free)",
    r"(\w)\1\1", r"(free|call).*\1", r"(?P<w>\w+) (?P=w)\b", r"(?>fre+)e?", r"a++b", r"[^\W\d_]{3}-", r"\d+", r"[\s]\d", r"\x00", r"\r\n", r"é\b",
    r"(?a:\bcaf)", r"(?a)\w+\W\w", r"(?i:FREE) call", r"stra(ß|ss)e", r"[a-k]{4}", r"[^a-z]s", r"\Bb\B", r"ſ|ı", r"caf.\b", r".{15}call", r"",
    r"free.{0,12}call", r"(?s)\bfree\b.{2,}call", r"\bfree\b.*\bcall\b|\bcall\b.*\bfree\b",
]  # fmt: skip


def hostile_rules():
    """Keywords with all their options, lookups, and regexes of every shape that the engine treats in its own way."""
    forms = [(case, accents) for case in ("ignore", "sensitive") for accents in ("keep", "ignore")]
    rules = [
        wl.keywords(f"k{i}-{j}", terms, label="x", case=case, accents=accents)
        for i, terms in enumerate(TERMS)
        for j, (case, accents) in enumerate(forms)
    ]
    rules += [wl.keywords(f"c{i}", ["free", "call", "not"], label="y", **c) for i, c in enumerate(CONTEXTS)]
    entries = {"free": "x", "money back": "y", "straße": "z", "\u212a": "x", "call": "y"}
    rules += [
        wl.lookup(f"l-{match}-{case}", entries, match=match, case=case)
        for match in ("words", "exact")
        for case in ("ignore", "sensitive")
    ]
    rules += [
        wl.regex(f"r{i}-{case}", pattern, label="z", case=case)
        for i, pattern in enumerate(PATTERNS)
        for case in ("sensitive", "ignore", "lower")
    ]
    return rules


def published_rules():
    """The published rules for text messages and questions, where they are."""
    folder = os.environ.get("WEAKLABEL_DATA")
    for name in ("sms", "trec") if folder else ():
        with (Path(folder) / f"rules/{name}.tsv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]
        for i, (_, pattern) in enumerate(rows):
            yield wl.regex(f"{name}{i}", pattern, label="y", case="lower")


@functools.cache
def share(turn):
    """Every tenth of the rules that take the naive side long and of the published ones, every third other regex."""
    rules = hostile_rules()
    slow = [rule for rule in rules if rule.kind != "regex"]
    quick = [rule for rule in rules if rule.kind == "regex"]
    own = [*slow[turn::10], *quick[turn % 3 :: 3], *list(published_rules())[turn::10]]
    return own, wl.LFApplier(wl.LFRegistry(own, schema=SCHEMA))


def reading(rule, text):
    """The vote of a rule on a text, as it is written."""
    if rule.kind == "regex":
        return naive.regex_vote(text, rule.pattern, CODES[rule.label], rule.case)
    if rule.kind == "lookup":
        return naive.lookup_vote(text, list(rule.entries), CODES, match=rule.match, case=rule.case)
    if not rule.context.trivial:
        fires = text is not None and naive.context_fires(naive.comparable(text), rule.terms, rule.context)
        return CODES[rule.label] if fires else -1
    return naive.keyword_vote(text, rule.terms, CODES[rule.label], case=rule.case, accents=rule.accents)


# ---- the test ----


def differing(rules, applier, texts):
    """Rule, text and both votes of every cell in which the engine and the naive reading differ."""
    frame = pl.DataFrame({"id": range(len(texts)), "text": pl.Series(texts, dtype=pl.String)})
    votes = applier.apply(frame).to_numpy()
    for column, rule in enumerate(rules):
        wanted = [reading(rule, text) for text in texts]
        if votes[:, column].tolist() != wanted:
            yield from (
                (rule.id, text, got, want)
                for text, got, want in zip(texts, votes[:, column].tolist(), wanted, strict=True)
                if got != want
            )


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_a_million_hostile_strings(group):
    """Ten groups of ten batches of 10,000 strings, each group from its own seed.

    The naive side is slow, so a batch meets a share of the rules: every string meets some, and over the million every
    keyword rule, lookup and published rule meets 100,000 strings, every other regex at least 300,000.
    """
    rng = random.Random(f"hostile {group}")
    for batch in range(BATCHES):
        rules, applier = share((group + batch) % 10)
        assert list(differing(rules, applier, list(strings(rng, ROWS))))[:5] == []


@pytest.mark.parametrize("turn", range(10))
def test_some_hostile_strings(turn):
    rules, applier = share(turn)
    assert list(differing(rules, applier, list(strings(random.Random(f"some {turn}"), 150)))) == []


def test_every_rule_has_its_share_and_fires_on_some_string():
    turns = [share(turn)[0] for turn in range(10)]
    counts = {}
    for rules in turns:
        for rule in rules:
            counts[rule.id] = counts.get(rule.id, 0) + 1
    assert counts.keys() == {rule.id for rule in (*hostile_rules(), *published_rules())}
    assert min(counts.values()) * GROUPS * BATCHES * ROWS // 10 >= 100_000
    frame = pl.DataFrame({"text": list(strings(random.Random("fires"), 20_000))}).with_row_index("id")
    registry = wl.LFRegistry(hostile_rules(), schema=SCHEMA)
    votes = wl.LFApplier(registry).apply(frame).to_numpy()
    fired = (votes >= 0).any(axis=0)
    assert [rule.id for rule, some in zip(registry, fired, strict=True) if not some] == []
