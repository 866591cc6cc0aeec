"""Hypothesis strategies shared by the tests."""

from hypothesis import strategies as st

# ---- corpus ----

CORPUS_TEXT = st.text(
    st.one_of(st.sampled_from(list('a0,"\n\r\t.-e😀é\0 {}[]\\')), st.characters(exclude_categories=["Cs"])),
    max_size=12,
)
JSON_SCALARS = {
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats() | st.sampled_from([float("nan"), float("inf"), 0.1]),
    "str": CORPUS_TEXT,
    "bool": st.booleans(),
}


@st.composite
def csv_files(draw):
    """Bytes of a CSV file (any quoting, line ends, blank lines) with an `id` column."""
    names = ["id", *draw(st.lists(st.sampled_from(["text", "n", "a,b", 'q"', "z"]), unique=True, max_size=3))]
    kinds = draw(
        st.lists(st.sampled_from(["text", "int", "float", "bool"]), min_size=len(names), max_size=len(names))
    )
    numbers = {"int": st.integers(-99, 2**64).map(str), "float": st.floats().map(repr)}
    numbers["bool"] = st.sampled_from(["true", "False", "TRUE"])
    newline = draw(st.sampled_from(["\n", "\r\n"]))

    def field(value, force):
        if value is None:
            return ""
        if force or value == "" or any(c in value for c in ',"\n\r'):
            return '"' + value.replace('"', '""') + '"'
        return value

    lines = [",".join(field(name, False) for name in names)]
    for i in range(draw(st.integers(0, 12))):
        values = [str(i)]
        for kind in kinds[1:]:
            values.append(draw(st.none() | numbers.get(kind, CORPUS_TEXT)))
        lines.append(",".join(field(value, draw(st.booleans())) for value in values))
        lines.extend([""] * draw(st.sampled_from([0, 0, 0, 1, 2])))
    end = draw(st.sampled_from([newline, "", newline * 2]))
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return (mark + newline.join(lines) + end).encode()


@st.composite
def json_columns(draw, depth=2):
    """A strategy for the values of one JSON column: all of one type, or null."""
    kind = draw(st.sampled_from([*JSON_SCALARS, "list", "struct"] if depth else list(JSON_SCALARS)))
    if kind == "list":
        return st.none() | st.lists(draw(json_columns(depth=depth - 1)), max_size=3)
    if kind == "struct":
        names = draw(st.lists(CORPUS_TEXT, min_size=1, max_size=3, unique=True))
        fields = {name: draw(json_columns(depth=depth - 1)) for name in names}
        return st.none() | st.fixed_dictionaries({}, optional=fields)
    return st.none() | JSON_SCALARS[kind]


@st.composite
def json_rows(draw):
    """Rows for a JSONL file, with an `id` of text or whole numbers, and columns that lines may leave out."""
    names = draw(st.lists(st.sampled_from(["text", "n", "nested", "é"]), unique=True, max_size=3))
    columns = {name: draw(json_columns()) for name in names if name != "text"}
    if "text" in names:
        columns["text"] = st.none() | CORPUS_TEXT
    rows = draw(st.lists(st.fixed_dictionaries({}, optional=columns), min_size=1, max_size=10))
    number = draw(st.booleans())
    return [{"id": i if number else f"r{i}", **row} for i, row in enumerate(rows)]


# ---- evaluate ----


def scored_rows(names=("a", "b", "c"), max_size=40):
    """Rows as (gold, label or None, status, probabilities or None), ties and unlabeled rows among them."""
    from hypothesis import strategies as st

    weights = st.lists(st.integers(0, 4), min_size=len(names), max_size=len(names)).filter(any)

    def row(gold, weight, kind):
        if kind == "uncovered":
            return gold, None, "uncovered", None
        p = [w / sum(weight) for w in weight]
        top = [name for name, q in zip(names, p) if q == max(p)]
        if len(top) > 1:
            return gold, None, "tie", p
        return gold, (None if kind == "below_threshold" else top[0]), kind, p

    kinds = st.sampled_from(["labeled", "labeled", "below_threshold", "uncovered"])
    return st.lists(st.builds(row, st.sampled_from(names), weights, kinds), max_size=max_size)


# ---- votes ----


def vote_matrices(n_classes=3, max_rows=12, max_labelers=5, min_labelers=1, missing=True):
    """Small int8 matrices of votes: class codes, -1, and -2 where `missing`."""
    import numpy as np
    from hypothesis import strategies as st

    codes = st.sampled_from([*range(n_classes), -1, -1, *([-2] if missing else [])])

    def matrix(shape):
        n, m = shape
        return st.lists(codes, min_size=n * m, max_size=n * m).map(
            lambda flat: np.array(flat, np.int8).reshape(n, m)
        )

    return st.tuples(st.integers(1, max_rows), st.integers(min_labelers, max_labelers)).flatmap(matrix)


# ---- rules ----


def hostile_texts(words=("refund", "Refund", "money back", "straße", "STRASSE", "café", "I", "ſ", "free")):
    """Texts of the given words with all that breaks text handling between them."""
    from hypothesis import strategies as st

    glue = st.sampled_from(
        [" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u2028", "\x1c", "", ".", "!", "_", "-", "'", "\x00", "👍", "👍🏽", "\u0301",
         "\u0308", "İ", "ı", "ﬁ", "K", "Å", "ς", "٣", "中", "\u200d", "\ufeff"]
    )  # fmt: skip
    part = st.sampled_from(list(words)) | glue | st.text(max_size=3)
    return st.lists(part | glue, max_size=12).map("".join)


def rule_terms():
    """Keyword terms: words, phrases, signs, other scripts."""
    from hypothesis import strategies as st

    some = st.sampled_from(
        ["refund", "money back", "money\n back", "straße", "café", "cafe\u0301", "c++", "$5", "👍", "!!!", "don't", "a_b",
         "free", "İ", "i\u0307", "ﬁne", "ς", "e-mail me", "中 文", " x "]
    )  # fmt: skip
    free = st.text(min_size=1, max_size=6).filter(lambda t: t.strip() != "")
    return st.lists(some | free, min_size=1, max_size=5)


# ---- spaCy rules ----

SPACY_WORDS = [
    "money", "Back", "BACK", "kelvin", "\u212aelvin", "\u0130stanbul", "istanbul", "Zurück", "ZURÜCK", "ß", "ẞ", "ΟΔΟΣ", "οδός",
    "don't", "can't", "$5", "5", "three", "a@b.de", "http://x.de", "U.S.", "😀", "👍🏽", "e\u0301", ",", "!", "-", "gonna", "k", "ni\u0307x",
]  # fmt: skip
SPACY_TEXT = st.lists(
    st.one_of(
        st.sampled_from(SPACY_WORDS),
        st.sampled_from([" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\0", "", " ", " ", " "]),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=14,
).map("".join)


@st.composite
def spacy_tokens(draw, attributes=()):
    """A token of a spaCy pattern: values of words, flags, regexes, operators; some of `attributes` among them."""
    lowers = st.sampled_from([word.lower() for word in SPACY_WORDS])
    words = st.sampled_from(SPACY_WORDS)
    choices = {
        "LOWER": lowers | lowers | st.fixed_dictionaries({"IN": st.lists(lowers, min_size=1, max_size=3)}),
        "TEXT": words
        | st.fixed_dictionaries({"IN": st.lists(words, max_size=3)})
        | st.fixed_dictionaries({"NOT_IN": st.lists(words, max_size=3)})
        | st.sampled_from([{"REGEX": "^[mk]"}, {"REGEX": "[A-Z]"}, {"FUZZY": "monny"}]),
        "SHAPE": st.sampled_from(["xxxx", "Xxxx", "d", "XXXX"]),
        "LENGTH": st.integers(1, 4) | st.sampled_from([{">=": 4}, {"<": 3}]),
        "NORM": st.sampled_from(["going", "to", "money"]),
        "SPACY": st.booleans(),
        **{
            flag: st.booleans()
            for flag in ("IS_ALPHA", "IS_PUNCT", "IS_SPACE", "IS_STOP", "LIKE_NUM", "LIKE_URL", "IS_TITLE")
        },
        **dict(attributes),
    }
    names = draw(st.lists(st.sampled_from([*choices, "LOWER", "LOWER", "TEXT"]), max_size=2, unique=True))
    token = {name: draw(choices[name]) for name in names}
    operator = draw(st.sampled_from([None, None, None, "+", "?", "*", "!", "{2}", "{1,2}", "{,1}", "{0,}"]))
    return token if operator is None else {**token, "OP": operator}


def spacy_patterns(attributes=()):
    """Patterns of one rule."""
    tokens = st.lists(spacy_tokens(attributes), min_size=1, max_size=3)
    return st.lists(tokens, min_size=1, max_size=2)


def spacy_phrases():
    """Phrases of one rule: words in other cases, forms that texts hold too, signs, spaces."""
    words = st.sampled_from([*SPACY_WORDS, "MONEY", "back", "Don't", "$5 back", "xxxx"])
    joined = st.lists(words, min_size=1, max_size=3).map(" ".join)
    free = st.text(st.characters(exclude_categories=["Cs"]), max_size=5).filter(lambda t: t.strip() != "")
    return st.lists(st.one_of(joined, joined, free), min_size=1, max_size=4)


# ---- people's work over time ----


@st.composite
def ledger_answers(draw, labels=("ham", "news", "spam"), people=("ann", "bob", "cid", "dot"), most=30):
    """Rows as a ledger gives them: several answers of a person to an item, unknown times, skips, suggestions."""
    import datetime

    start = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)
    label = st.sampled_from(labels)
    rows = []
    for number in range(draw(st.integers(0, most))):
        kind = draw(st.sampled_from(["label"] * 5 + ["none", "skip", "unsure"]))
        at = draw(
            st.none() | st.integers(0, 20 * 24).map(lambda hours: start + datetime.timedelta(hours=hours))
        )
        suggested = draw(st.sampled_from([True, False, None]))
        rows.append(
            {
                "number": number + 1,
                "task": "mail",
                "key": f"k{number}",
                "item": draw(st.sampled_from("abcdef")),
                "annotator": draw(st.sampled_from(people)),
                "kind": kind,
                "labels": [draw(label)] if kind == "label" else [],
                "at": at,
                "seconds": draw(st.none() | st.sampled_from([0.0, 2.5, 4.0, 30.0, 61.0, 7200.0])),
                "guideline": draw(st.sampled_from([None, "v1", "v2"])),
                "batch": draw(st.sampled_from([None, "b1", "b2"])),
                "tool": "table",
                "suggested": suggested,
                "suggestion": [draw(label)] if suggested else None,
                "comment": draw(st.sampled_from([None, " ", "why?"])),
                "recorded_at": start + datetime.timedelta(days=30, minutes=number),
            }
        )
    return rows


# ---- tags against gold ----


def tagged_rows(names=("a", "b", "c", "d"), max_size=25):
    """Rows as (gold set, given set, covered, tag -> probability); uncovered rows have nothing but gold."""
    from hypothesis import strategies as st

    sets = st.sets(st.sampled_from(names))
    scores = st.dictionaries(st.sampled_from(names), st.integers(0, 4).map(lambda i: i / 4))
    seen = st.tuples(sets, sets, st.just(True), scores)
    unseen = sets.map(lambda gold: (gold, set(), False, {}))
    return st.lists(st.one_of(seen, seen, seen, unseen), max_size=max_size)
