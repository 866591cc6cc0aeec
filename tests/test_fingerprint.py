import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaklabel.errors import RuleError, WeakLabelError
from weaklabel.fingerprint import (
    event_hash,
    file_digest,
    fingerprint,
    function_fingerprint,
    value_fingerprint,
)

GOLDEN = Path(__file__).parent / "golden"

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=10,
)


def load(path: Path, name: str):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def module(tmp_path):
    """A maker of modules from source; they leave sys.modules after the test."""
    names = []

    def make(source: str, **helpers: str) -> SimpleNamespace:
        for helper, text in helpers.items():
            name = f"{helper}_{len(names)}"
            names.append(name)
            (tmp_path / f"{name}.py").write_text(text)
            load(tmp_path / f"{name}.py", name)
            source = source.replace(f"<{helper}>", name)
        names.append(f"rules_{len(names)}")
        path = tmp_path / f"{names[-1]}.py"
        path.write_text(source)
        return load(path, names[-1])

    yield make
    for name in names:
        sys.modules.pop(name, None)


def of(module, source: str, **helpers: str) -> str:
    return function_fingerprint(module(source, **helpers).f)


# ---- plain data ----


def test_plain_data_ignores_the_order_of_keys_and_the_kind_of_sequence():
    assert fingerprint({"a": (1, 2), "b": {3, 4}}) == fingerprint({"b": {4, 3}, "a": [1, 2]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        ("1", 1),
        (None, "null"),
        (b"a", "a"),
        ([], {}),
        ([[1], 2], [1, [2]]),
        ("", None),
    ],
)
def test_plain_data_of_different_types_differs(one, other):
    assert fingerprint(one) != fingerprint(other)


@given(PLAIN)
def test_a_fingerprint_is_32_digits_and_repeatable(data):
    digits = fingerprint(data)
    assert digits == fingerprint(data)
    assert len(digits) == 32
    assert set(digits) <= set("0123456789abcdef")


def test_plain_data_refuses_objects():
    with pytest.raises(WeakLabelError, match="can't fingerprint a object"):
        fingerprint([object()])


def test_file_digest_is_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"x\r\n")
    (tmp_path / "b").write_bytes(b"x\r\n")
    assert file_digest(tmp_path / "a") == file_digest(tmp_path / "b")
    (tmp_path / "b").write_bytes(b"x\n")
    assert file_digest(tmp_path / "a") != file_digest(tmp_path / "b")
    with pytest.raises(WeakLabelError, match="can't read a file: No such file"):
        file_digest(tmp_path / "c")


def test_event_hash_fits_64_bits_and_keeps_id_and_code_apart():
    hashes = {event_hash(labeler, code) for labeler in ("a", "a1", "b") for code in (-2, -1, 0, 1, 10)}
    assert len(hashes) == 15
    assert all(0 <= h < 2**64 for h in hashes)


# ---- golden: equal on every Python ----


def test_golden_fingerprints():
    wanted = json.loads((GOLDEN / "fingerprints.json").read_text())
    rules = load(GOLDEN / "rules_module.py", "golden_rules_module")
    try:
        got = {name: function_fingerprint(function) for name, function in rules.ALL.items()}
    finally:
        del sys.modules["golden_rules_module"]
    got["plain"] = fingerprint(
        {"a": [1, 1.5, True, None, "é", b"x", float("nan")], "b": {3, 1}, "c": {1: (2,)}}
    )
    got["event"] = event_hash("has_link", 1)
    assert got == wanted


# ---- functions ----

PLAIN_RULE = """
WORDS = ["buy", "now"]
LIMIT = 3

def helper(text):
    return len(text) > LIMIT

def f(row):
    return helper(row["text"]) and row["text"] in WORDS
"""


def test_comments_docstrings_annotations_formatting_and_place_change_nothing(module):
    other = '''
"""A module."""
# a comment


from typing import Any
LIMIT = 3          # three
WORDS: list[str] = [
    "buy",
    "now",
]

def helper(text: str) -> bool:
    """Say."""
    return (len(text) > LIMIT)

def f(row: dict[str, Any]) -> bool:
    """Fire."""
    # here
    return helper(row['text']) and row["text"] in WORDS
'''
    assert of(module, PLAIN_RULE) == of(module, other)


def test_its_own_name_changes_nothing(module):
    renamed = module(PLAIN_RULE.replace("def f(", "def g("))
    assert of(module, PLAIN_RULE) == function_fingerprint(renamed.g)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = 3.0"),
        ('"now"]', '"later"]'),
        ("> LIMIT", ">= LIMIT"),
        ("in WORDS", "not in WORDS"),
        ("def f(row):", "def f(row, /):"),
    ],
)
def test_a_referenced_constant_helper_or_word_changes_it(module, old, new):
    assert old in PLAIN_RULE
    assert of(module, PLAIN_RULE) != of(module, PLAIN_RULE.replace(old, new))


def test_what_is_not_referenced_changes_nothing(module):
    more = "\nOTHER = 5\n\ndef unused(text):\n    return OTHER\n"
    assert of(module, PLAIN_RULE) == of(module, PLAIN_RULE + more)


IMPORTED = "from <helpers> import is_loud\n\ndef f(row):\n    return is_loud(row['text'])\n"
THROUGH_MODULE = "import <helpers> as h\n\ndef f(row):\n    return h.is_loud(row['text'])\n"
INSIDE = "def f(row):\n    from <helpers> import is_loud\n    return is_loud(row['text'])\n"
HELPERS = "MARKS = '!'\n\ndef is_loud(text):\n    return MARKS in text\n"


@pytest.mark.parametrize("source", [IMPORTED, THROUGH_MODULE])
def test_helpers_of_other_modules_count(module, source):
    first = module(source, helpers=HELPERS)
    same = module(source, helpers="# new\n" + HELPERS)
    other = module(source, helpers=HELPERS.replace("'!'", "'?'"))
    names = [function_fingerprint(m.f) for m in (first, same, other)]
    if source is IMPORTED:
        assert names[0] == names[1]
    assert names[0] != names[2]


def test_a_module_imported_inside_the_function_counts(module, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    first = module(INSIDE, helpers=HELPERS)
    before = function_fingerprint(first.f)
    helper = next(tmp_path.glob("helpers_*.py"))
    helper.write_text(HELPERS.replace("'!'", "'?!'"))
    assert function_fingerprint(first.f) != before
    helper.write_text(f"# {HELPERS[:5]}\n" + HELPERS)
    assert function_fingerprint(first.f) == before


def test_classes_their_methods_and_bases_count(module):
    source = """
class Base:
    marks = "!"

class Scorer(Base):
    def fires(self, text):
        return self.marks in text

SCORER = Scorer()

def f(row):
    return SCORER.fires(row["text"])
"""
    assert of(module, source) != of(module, source.replace('"!"', '"?"'))
    assert of(module, source) != of(module, source.replace("in text", "not in text"))
    assert of(module, source) == of(
        module, source.replace("class Scorer(Base):", "class Scorer(Base):\n    '''Doc.'''")
    )


def test_defaults_closures_and_partials_count(module):
    source = """
import functools

def make(word):
    def rule(row, case=False):
        return word in row["text"]
    return rule

f = make("buy")
"""
    assert of(module, source) != of(module, source.replace('"buy"', '"sell"'))
    assert of(module, source) != of(module, source.replace("case=False", "case=True"))
    partial = source.replace('f = make("buy")', 'f = functools.partial(make("buy"), case=True)')
    assert of(module, partial) != of(module, source)
    assert of(module, partial) != of(module, partial.replace("buy", "sell"))


def test_helpers_that_call_each_other_end(module):
    source = "def a(n):\n    return n and b(n - 1)\n\ndef b(n):\n    return n and a(n - 1)\n\ndef f(row):\n    return a(3)\n"
    assert of(module, source) == of(module, source)
    assert of(module, source) != of(module, source.replace("b(n - 1)", "b(n - 2)"))


def test_two_lambdas_in_one_line_differ(module):
    rules = module("rules = [lambda row: row['a'] > 1, lambda row: row['a'] > 2]\nf = rules[0]\n")
    assert function_fingerprint(rules.rules[0]) != function_fingerprint(rules.rules[1])


def test_a_file_that_a_path_constant_names_counts(module, tmp_path):
    (tmp_path / "words.txt").write_text("buy\n")
    source = (
        "from pathlib import Path\nLIST = Path(__file__).with_name('words.txt')\n"
        "def f(row):\n    return row['text'] in LIST.read_text()\n"
    )
    rules = module(source)
    before = function_fingerprint(rules.f)
    (tmp_path / "words.txt").write_text("sell\n")
    assert function_fingerprint(rules.f) != before


def test_the_decorator_that_makes_a_rule_does_not_count_but_others_do(module):
    source = "import functools\nimport weaklabel as wl\n\n{}def f(row):\n    return row['text'] == ''\n"
    plain = function_fingerprint(module(source.format("")).f)
    rule = module(source.format("@wl.labeling_function(label='a', owner='ann')\n")).f
    assert function_fingerprint(rule.function) == plain
    assert function_fingerprint(module(source.format("@functools.lru_cache\n")).f) != plain


# ---- what can't be read ----


def test_code_without_source_needs_a_version():
    names: dict[str, object] = {}
    exec("def f(row):\n    return True", names)
    with pytest.raises(RuleError, match="can't fingerprint 'f': its source is not available") as caught:
        function_fingerprint(names["f"])
    assert 'version="1"' in caught.value.hint
    assert function_fingerprint(names["f"], version="1") != function_fingerprint(names["f"], version="2")


def test_a_value_that_is_not_understood_needs_a_version(module):
    source = "import threading\nLOCK = threading.Lock()\n\ndef f(row):\n    return LOCK.locked()\n"
    rules = module(source)
    with pytest.raises(RuleError, match=r"can't fingerprint a value of type .*lock"):
        function_fingerprint(rules.f)
    assert function_fingerprint(rules.f, version="1") == function_fingerprint(rules.f, version="1")


def test_values_of_numpy_and_polars_count():
    import numpy as np
    import polars as pl

    values = [
        np.arange(3),
        np.arange(4),
        np.arange(3.0),
        pl.Series([1, 2]),
        pl.DataFrame({"a": [1, 2]}),
        pl.col("a"),
    ]
    assert len({value_fingerprint(v) for v in values}) == len(values)
    assert value_fingerprint(np.arange(3)) == value_fingerprint(np.arange(3))


def test_order_of_a_dict_counts_in_code_and_of_a_set_does_not():
    assert value_fingerprint({"a": 1, "b": 2}) != value_fingerprint({"b": 2, "a": 1})
    assert value_fingerprint({"a", "b", "c"}) == value_fingerprint({"c", "b", "a"})


def test_the_order_of_functions_in_a_set_does_not_count(module):
    helpers = "\n".join(f"def h{i}(x): return x + {i}" for i in range(12))
    source = f"{helpers}\nALL = {{{', '.join(f'h{i}' for i in range(12))}}}\ndef rule(row): return any(h(row) for h in ALL)"
    found = {function_fingerprint(module(source).rule) for _ in range(6)}
    assert len(found) == 1
    assert function_fingerprint(module(source.replace("x + 7", "x - 7")).rule) not in found
