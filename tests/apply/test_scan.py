"""The scan against the rules themselves and the naive twins."""

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import naive
import strategies
import weaklabel as wl
from batches import asked
from weaklabel.apply import scan as scans
from weaklabel.apply.characters import FORMS, REGEX, TANGLED, characters, folds
from weaklabel.apply.graph import CanNotLowerError
from weaklabel.apply.machines import lower_regex, peek
from weaklabel.apply.needs import later_literals, needed_literals
from weaklabel.apply.scan import compile_scan
from weaklabel.kernels import automaton, scanning, tables
from weaklabel.lf.keywords import comparable
from weaklabel.lf.lookup import Lookup

SCHEMA = wl.LabelSchema(["x", "y", "z"])
CODES = {"x": 0, "y": 1, "z": 2}
WORDS = (
    "ab",
    "Ab",
    "abc",
    "b",
    "a",
    "k",
    "s",
    "ss",
    "i",
    "café",
    "refund",
    "money back",
    "ſ",
    "free",
    "5",
    "É",
    "ﬁ",
)


def texts():
    return st.lists(
        strategies.hostile_texts(WORDS) | st.text("abkis \n_5", max_size=8) | st.none(), max_size=5
    )


def votes_of(rules, listed):
    scan, rest = compile_scan(rules, SCHEMA)
    if scan is None:
        return {}, rest
    found = scan.run(*asked(pl.Series(listed, dtype=pl.String)))
    return {rule: votes.tolist() for rule, votes in found.items()}, rest


def own_votes(rule, listed):
    if isinstance(rule, Lookup):
        return [-1 if t is None or (label := rule.vote(t)) is None else CODES[label] for t in listed]
    return [CODES[rule.label] if t is not None and rule.matches(t) else -1 for t in listed]


ATOMS = [
    "a", "b", "A", "k", "s", "i", "I", "5", " ", "_", r"\.", "é", "[ab]", "[^a]", "[a-k]", "[^\\w]", r"\w", r"\d", r"\s", r"\W", r"\S", r"\D",
    ".", r"\b", r"\B", "^", "$", r"\A", r"\Z", r"(?!\w)", r"(?<!\w)", r"(?=\s|$)", r"(?<=\s)", r"(?<!a)", r"(?!a)", "ab", "abc", "ſ", r"\n",
    "[K-s]", "[^k]", "(?a:\\w)", "(?a:\\b)", "(?i:k)", "(?-i:a)", "(?s:.)", "(?m:^)", "(?m:$)", "(?<=\\W)", "(?=ab)", "(?>a)", r"[\s_]", "refund",
]  # fmt: skip
REPEATS = ["", "", "", "", "?", "*", "+", "{2}", "{0,2}", "{1,3}", "*?", "+?", "??", "{2,}"]
FLAGS = ["", "", "(?i)", "(?m)", "(?s)", "(?a)", "(?ia)", "(?ims)"]


@st.composite
def patterns(draw):
    def part(depth):
        if depth and draw(st.integers(0, 3)) == 0:
            inner = "|".join(sequence(depth - 1) for _ in range(draw(st.integers(1, 3))))
            return f"({inner}){draw(st.sampled_from(REPEATS))}"
        atom = draw(st.sampled_from(ATOMS))
        return atom + draw(st.sampled_from(REPEATS)) if len(atom) == 1 or atom[0] in "[\\" else atom

    def sequence(depth):
        return "".join(part(depth) for _ in range(draw(st.integers(1, 4))))

    pattern = draw(st.sampled_from(FLAGS)) + sequence(2)
    try:
        re.compile(pattern)
    except re.error:
        return "ab"
    return pattern


@settings(deadline=None)
@given(
    texts(), st.lists(patterns(), min_size=1, max_size=5), st.sampled_from(["sensitive", "ignore", "lower"])
)
@example([None, "", "\n", "a"], [r"^$", r"^\s*$"], "sensitive")
@example(["ab\n", "ab\n\n", "ab"], [r"ab$", r"ab\Z", r"(?m)ab$", r"ab$\n"], "sensitive")
@example(["\u212a", "ſ", "ı", "İ", "a\u212a"], ["k", "s", "i", "ak", "[^k]"], "ignore")
@example(["É ab", "ΑΣ ab", "İ ab"], [r"\bab", r"é ab", r"\w ab"], "lower")
def test_regexes_vote_as_python_does(listed, some, case):
    rules = [wl.regex(f"r{i}", p, label="y", case=case) for i, p in enumerate(some)]
    found, rest = votes_of(rules, listed)
    assert found.keys() | {rule.id for rule in rest} == {rule.id for rule in rules}
    for rule in rules:
        if rule.id in found:
            assert found[rule.id] == [naive.regex_vote(t, rule.pattern, 1, case) for t in listed]


@settings(deadline=None)
@given(
    texts(),
    st.lists(
        st.tuples(
            strategies.rule_terms() | st.lists(st.sampled_from(WORDS), min_size=1),
            st.sampled_from(["ignore", "sensitive"]),
            st.sampled_from(["keep", "ignore"]),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_keywords_vote_as_their_twin(listed, some):
    rules, wanted = [], {}
    for i, (terms, case, accents) in enumerate(some):
        usable = [t for t in terms if naive.comparable(t, case=case, accents=accents).strip()]
        if usable:
            rule = wl.keywords(f"k{i}", usable, label="y", case=case, accents=accents)
            rules.append(rule)
            wanted[rule.id] = [naive.keyword_vote(t, usable, 1, case=case, accents=accents) for t in listed]
    found, rest = votes_of(rules, listed)
    assert found == wanted
    assert rest == ()


@settings(deadline=None)
@given(
    texts(),
    st.dictionaries(
        st.sampled_from(
            ["ab", "abc", "b", "money back", "back", "café", "c++", "👍", "free", "\u212a", "strasse"]
        ),
        st.sampled_from("xyz"),
        min_size=1,
    ),
    st.sampled_from(["ignore", "sensitive"]),
)
def test_lookups_vote_as_their_twin(listed, entries, case):
    found, _ = votes_of([wl.lookup("l", entries, case=case)], listed)
    assert found == {"l": [naive.lookup_vote(t, list(entries.items()), CODES, case=case) for t in listed]}


SHAPES = [
    r"\b{a}\b.*\b{b}\b", r"{a}.*{b}", r"(?s){a}.*{b}", r"\b({a}|{b})(s|ed)?\b", r"(?:^|\W)({a}|{b})[^\w]*( |$)", r"(?:\A|\s){a}\w*\b",
    r"\b(?:{a}|{b})\W+(\w+\W+){{0,3}}?\w{{2}}", r"{a}\s+(\w+\s+){{0,2}}{b}", r"\b[{x}]\w{{2}}[{y}]\b", r"[{x}][{y}][!?]", r"[{x}]{{2}}[^{y}]\b",
    r"\b[{x}]\w\W+[{y}]\w\b", r"(?<!\w){a}(?!\w)", r"\B{a}", r"{a}\B.*{b}$", r"^{a}.*[{y}]$", r"[\W]{a}[^{y}]*{b}", r"{a}[{x}]?{b}?\b", r"(?m)^{a}|{b}$",
    r"{a}.{{0,9}}{b}", r"(?s){a}.{{1,12}}{b}", r"{a}.{{2,}}{b}.*{a}", r"\b{a}\b.*\b{b}\b|\b{b}\b.*\b{a}\b", r"({a}|{b})s?.*({b}|{a}-)\b",
    r"{a}\w*.*[{x}]{b}", r"\b{a}\w*[{y}].*{b}[{x}]\w",
]  # fmt: skip
LITERALS = ("ab", "abc", "b", "ca", "free", "a b", "5", "c-", "é", "k")


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.lists(
            st.sampled_from([*LITERALS, *LITERALS, "abs", "abed", " ", " ", "\n", "-", "!", "?", "É", "–", "٣", "ſ", "\u00a0", "x"]),
            max_size=14,
        ).map("".join)
        | st.none(),
        min_size=1,
        max_size=9,
    ),
    st.lists(
        st.tuples(
            st.sampled_from(SHAPES), st.sampled_from(LITERALS), st.sampled_from(LITERALS),
            st.sampled_from(["ab", "bc", "a5"]), st.sampled_from(["bc", "k!", "e"]),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["sensitive", "ignore", "lower"]),
)  # fmt: skip
def test_regexes_of_usual_shapes_vote_as_python_does(listed, some, case):
    patterns = [shape.format(a=a, b=b, x=x, y=y) for shape, a, b, x, y in some]
    rules = [wl.regex(f"r{i}", p, label="y", case=case) for i, p in enumerate(patterns)]
    rules.append(wl.keywords("k", ["ab", "a b", "free"], label="x"))
    found, rest = votes_of(rules, listed)
    for rule in rules[:-1]:
        if rule not in rest:
            assert found[rule.id] == [naive.regex_vote(t, rule.pattern, 1, case) for t in listed]
    assert found["k"] == own_votes(rules[-1], listed)


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 9])
def test_texts_with_more_hits_than_are_noted_at_a_time(rows):
    full = "ab " * 1500
    listed = [full + "cd", "cd", full, "", None, "ab", "x" * 5000 + " cd", full + "\ncd", "cd " + full][:rows]
    rules = [
        wl.keywords("k", ["cd"], label="x"),
        wl.lookup("l", {"ab": "x", "cd": "y", "x" * 5000: "y"}),
        wl.regex("far", r"\bab\b.*\bcd\b", label="y"),
        wl.regex("machine", r"ab\W+c\w", label="z"),
    ]
    found, rest = votes_of(rules, listed)
    assert rest == () and found == {rule.id: own_votes(rule, listed) for rule in rules}


def test_many_rules_of_all_kinds_at_once():
    rng = np.random.default_rng(5)
    words = [
        "ab",
        "abc",
        "Free",
        "call",
        "now",
        "money",
        "back",
        "£100",
        "café",
        "CAFÉ",
        "\u212a",
        "the",
        "a",
        "👍",
    ]
    listed = [" ".join(rng.choice(words, rng.integers(0, 9))) for _ in range(400)] + [None]
    rules = [
        *(wl.keywords(f"k{i}", rng.choice(words, 3).tolist(), label="x") for i in range(40)),
        *(wl.keywords(f"s{i}", rng.choice(words, 3).tolist(), label="y", case="sensitive") for i in range(40)),
        *(wl.lookup(f"l{i}", {w: "xyz"[j % 3] for j, w in enumerate(words[i : i + 6])}, case="sensitive") for i in range(6)),
        *(wl.regex(f"r{i}", rf"{words[i % 12]}\s+(\w+\s+){{0,2}}{words[i % 5]}", label="z", case="ignore") for i in range(40)),
        wl.regex("back", r"(call|now) .*\1", label="x"),
        wl.regex("end", r"\w+ow\b", label="x"),
    ]  # fmt: skip
    found, rest = votes_of(rules, listed)
    assert rest == ()
    for rule in rules:
        assert found[rule.id] == own_votes(rule, listed), rule


def test_a_rule_without_literals_or_machine_is_left_to_others():
    rule = wl.regex("r", r"(\w)\1", label="x")
    assert compile_scan([rule], SCHEMA) == (None, (rule,))
    exact = wl.lookup("l", {"a": "x"}, match="exact")
    assert compile_scan([exact], SCHEMA) == (None, (exact,))


def test_rules_with_most_literals_are_left_out_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(scans, "MOST_BYTES", 10)
    small, large = wl.keywords("small", ["free"], label="x"), wl.keywords("large", ["a" * 11], label="x")
    found, rest = votes_of([large, small], ["free"])
    assert (found, rest) == ({"small": [0]}, (large,))


def test_a_long_text_full_of_starts_is_not_read_again_and_again():
    text = "free " * 200_000
    rules = [wl.regex("r", r"free.*refund", label="y"), wl.regex("s", r"(?s)(free|fee).*d$", label="y")]
    found, _ = votes_of(rules[1:], [text[:2000], text[:2000] + "refund"])
    assert found == {"s": [-1, 1]}
    found, _ = votes_of(rules[:1], [text[:20_000], text + "refund"])
    assert found == {"r": [-1, 1]}


def test_texts_of_a_slice_and_of_many_chunks():
    rule = wl.keywords("k", ["b"], label="x")
    scan, _ = compile_scan([rule], SCHEMA)
    whole = pl.concat([pl.Series(["a", "b"]), pl.Series([None, "b!", "ä b"])], rechunk=False)
    assert scan.run(*asked(whole))["k"].tolist() == [-1, 0, -1, 0, 0]
    assert scan.run(*asked(whole.slice(1, 3)))["k"].tolist() == [0, -1, 0]
    assert scan.run(*asked(whole.clear()))["k"].tolist() == []
    assert scan.run(*asked(pl.Series([None, None], dtype=pl.String)))["k"].tolist() == [-1, -1]


def test_bytes_left_behind_a_null_are_not_read():
    frame = pl.DataFrame({"text": ["b", "b", "ſ"], "keep": [True, False, False]})
    column = frame.select(pl.when("keep").then("text"))["text"]
    rules = [
        wl.keywords("k", ["b"], label="x"),
        wl.regex("r", "b", label="x"),
        wl.regex("w", r"\w*b$", label="x"),
    ]
    assert votes_of(rules, column)[0] == {"k": [0, -1, -1], "r": [0, -1, -1], "w": [0, -1, -1]}


def test_a_long_text_of_nothing_but_starts_is_read_once():
    rule = wl.regex("r", r"abc.*refund[xy]", label="y")  # `re` itself would take hours
    found, _ = votes_of([rule], ["abc " * 1_000_000, "abc " * 1_000_000 + "refundy"])
    assert found == {"r": [-1, 1]}


@pytest.mark.parametrize("size", [1, 7, 100])
def test_texts_are_scanned_in_slices_of_bounded_size(monkeypatch, size):
    monkeypatch.setattr(scans, "SLICE_BYTES", size)
    listed = ["free", None, "", "a ſ free", "b" * 50, "FREE é", "ﬁree", "doing"] * 3
    rules = [wl.keywords("k", ["free"], label="x"), wl.regex("r", r"\w+ing", label="y")]
    found, _ = votes_of(rules, listed)
    assert found == {rule.id: own_votes(rule, listed) for rule in rules}


def test_votes_of_neighbouring_rules_do_not_share_cache_sets():
    for rows in (0, 1, 64, 65_536, 100_000):
        votes = scans._no_votes(3, rows)
        assert votes.shape == (4, rows) and (votes == -1).all()
        assert votes.strides[0] % 128 == 64


def test_a_text_too_full_of_starts_is_left_to_the_rule_alone():
    text = "ab" * 40 + " c"
    rules = [
        wl.regex("r", r"a(?:b|a)*[^ab]c", label="y"),
        wl.regex("s", r"a(?:b|a)*x", label="x"),
        wl.keywords("k", ["c"], label="z"),
    ]
    listed = [text * 200, "ab c", "c"]
    found, rest = votes_of(rules, listed)
    assert rest == () and found == {rule.id: own_votes(rule, listed) for rule in rules}
    assert found["k"][0] == 2


def test_the_kernels_are_compiled_once(tmp_path):
    if not hasattr(scanning.scan, "signatures"):
        pytest.skip("NUMBA_DISABLE_JIT is set")
    rules = [
        wl.keywords("k", ["É"], label="x"),
        wl.regex("r", r"\w\w+ing", label="y"),
        wl.regex("b", r"ab*c", label="y"),
    ]
    for some in (rules, rules[:1], rules[1:2], rules[2:]):
        for listed in (["é ſ ing", None], ["abc"] * 64, [None], [], ["a"] * 63):
            for cache in (None, tmp_path, tmp_path):
                compile_scan(some, SCHEMA, cache=cache)[0].run(*asked(pl.Series(listed, dtype=pl.String)))
    kernels = (scanning.scan, scanning.search, scanning.marks, automaton._trie)
    assert [len(kernel.signatures) for kernel in kernels] == [1, 1, 1, 1]


# ---- characters ----


@pytest.fixture(scope="module")
def every():
    return [chr(p) for p in range(128, 0x110000) if not 0xD800 <= p < 0xE000]


def test_classes_are_those_of_re(every):
    table = characters()
    joined = "".join(every)
    for value, pattern in ((0, r"[^\W\d]"), (1, r"\d"), (2, r"\s"), (3, r"[^\w\s]")):
        assert set(re.findall(pattern, joined)) == {c for c in every if table[ord(c)] & 3 == value}


@pytest.mark.parametrize(("case", "accents"), list(FORMS))
def test_easy_characters_are_their_own_comparable_form(every, case, accents):
    table = characters()
    bit = FORMS[case, accents]
    easy = "a".join(c for c in every if not table[ord(c)] & bit)
    assert comparable(easy, case=case, accents=accents) == easy
    easy = "".join(c for c in every if not table[ord(c)] & bit)
    assert comparable(easy, case=case, accents=accents) == easy


def test_characters_that_are_not_tangled_are_folded_one_by_one(every):
    table, others = characters(), folds()
    usual = FORMS["ignore", "keep"]
    plain = [c for c in every if not table[ord(c)] & TANGLED]
    folded = [chr(others[ord(c)]) if ord(c) < len(others) and others[ord(c)] else c for c in plain]
    changed = [c for c, other in zip(plain, folded, strict=True) if c != other]
    assert len(changed) > 1000 and "É" in changed and changed == [c for c in plain if table[ord(c)] & usual]
    for between in ("", "a"):
        text = between.join(plain)
        assert comparable(text, case="ignore", accents="keep") == between.join(folded)
    assert all(table[ord(c)] & TANGLED for c in "ßİ\u0301ᅡ")


def test_no_easy_character_folds_to_ascii(every):
    table = characters()
    joined = "".join(every)
    partners = {c for p in range(128) for c in re.findall(re.escape(chr(p)), joined, re.IGNORECASE)}
    assert partners == {"ſ", "\u212a", "İ", "ı"}
    assert all(table[ord(c)] & REGEX for c in partners)
    easy = [c for c in every if not table[ord(c)] & REGEX]
    lower = "".join(easy).lower()
    assert len(lower) == len(easy) and not set(lower) & set(map(chr, range(128)))
    assert all((table[ord(a)] ^ table[ord(b)]) & 3 == 0 for a, b in zip(easy, lower, strict=True))


# ---- lowering ----


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (r"\bfree\b", {b"free"}),
        (r"(a|b)(cd|e)", {b"acd", b"bcd", b"ae", b"be"}),
        (r"\s*free\w*", {b"free"}),
        (r"\$[12]", {b"$1", b"$2"}),
        (r"\b(ab|cd)(s|ed)?\b", {b"ab", b"abs", b"abed", b"cd", b"cds", b"cded"}),
        (r"\bfre+\b", {b"fre"}),
        (r"(?:^|\W)(ab|cd)[^\w]*( |$)", {b"ab", b"cd"}),
        (r"[\s.]ab", set()),
        (r"\Wab", {b"ab"}),
        (r"\W\Wab", set()),
        (r"a\w+", set()),
        (r"\ba\w+", {b"a"}),
        (r"\w+ing", {b"ing"}),
        (r"\w\w+ing", set()),
    ],
)
def test_literal_starts_worked_by_hand(pattern, literals):
    starts = lower_regex(re.compile(pattern), lower=False).starts
    assert {bytes(a for a, _ in start.letters) for start in starts} == literals


@pytest.mark.parametrize(
    ("pattern", "starts"),
    [
        (r"\bab\b", [("ab", "apart", "apart", True)]),
        (r"\bab\w*\b", [("ab", "apart", "any", True)]),
        (r"\bab.*", [("ab", "apart", "any", True)]),
        (r"ab.*c", [("ab", "any", "any", False)]),
        (r"abs?\b", [("ab", "any", "apart", True), ("abs", "any", "apart", True)]),
        (r"(?:^|\W)ab(?!\w)", [("ab", "apart", "apart", True)]),
        (r"\bab$", [("ab", "apart", "any", False)]),
    ],
)
def test_what_may_stand_around_literals_worked_by_hand(pattern, starts):
    names = {63: "any", 63 & ~tables.WORD & ~tables.WIDE_WORD: "apart"}
    found = [
        ("".join(chr(a) for a, _ in s.letters), names[s.left], names[s.right], s.state == tables.ACCEPT)
        for s in lower_regex(re.compile(pattern), lower=False).starts
    ]
    assert sorted(found) == starts


@pytest.mark.parametrize(
    ("pattern", "first", "later"),
    [
        (r"(?i)\bcall\b.*\b(now|Today)\b", [b"call"], (b"now", b"today")),
        (r"free.*free", [b"free"], ()),
        (r"free\w+ (a|b)", [b"free"], ()),
        (r"ab.*(cd).*(efgh)", [b"ab"], (b"efgh",)),
        (r"ab.*(cd)?", [b"ab"], ()),
    ],
)
def test_later_literals_worked_by_hand(pattern, first, later):
    assert later_literals(re.compile(pattern), lower=False, first=first) == later


def test_what_a_machine_reads_next_worked_by_hand():
    lowered = lower_regex(re.compile(r"\ba\w[xy]( |$)"), lower=False)
    [start] = lowered.starts
    peeked = peek(lowered.table, start.state)
    places = {letter: [peeked[ord(letter)] >> k & 1 for k in range(4)] for letter in "bx \n-"}
    # after `a`: a word character, x or y, a blank or the end, and then whatever there is
    assert places == {
        "b": [1, 0, 0, 1],
        "x": [1, 1, 0, 1],
        " ": [0, 0, 1, 1],
        "\n": [0, 0, 1, 1],
        "-": [0, 0, 0, 1],
    }
    assert not start.far
    assert [one.far for one in lower_regex(re.compile(r"ab.*c"), lower=False).starts] == [True]


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", r"é", r"a(?=bc)", r"(?>a)b", r"(a?)+b", r"(?<=[a-f])b", r"a?", r"a++b"]
)
def test_what_machines_do_not_do(pattern):
    with pytest.raises(CanNotLowerError):
        lower_regex(re.compile(pattern), lower=False)


@pytest.mark.parametrize(
    ("pattern", "lower", "needs"),
    [
        (r"(call|now).*free\1", False, ((b"call", b"now"), (b"free",))),
        (r"caf\u00e9 (.)\1", False, ("café ".encode(),)),
        (r"(?i)caf\u00e9 (.)\1", False, (b"caf",)),
        (r"caf\u00e9 (.)\1", True, (b"caf",)),
        (r"(?:free)?(.)\1a", False, ()),
        (r"(£|€)(.)\2", False, ("£".encode(), "€".encode())),
    ],
)
def test_needed_literals_worked_by_hand(pattern, lower, needs):
    found = needed_literals(re.compile(pattern), lower=lower)
    assert found == needs or found == (needs,)
