"""Snorkel's rules as they are: votes equal PandasLFApplier's."""

import warnings
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import weaklabel as wl
from weaklabel.errors import RuleError, RuleFault

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("torch", reason="Snorkel needs torch, which is not installed")
    pytest.importorskip("snorkel.labeling", reason="Snorkel is not installed")
    from snorkel.labeling import LabelingFunction, PandasLFApplier, labeling_function
    from snorkel.labeling.lf.nlp import NLPLabelingFunction
    from snorkel.preprocess import Preprocessor, preprocessor

SCHEMA = wl.LabelSchema(["ham", "spam"])
CALLS = []


@preprocessor(memoize=True)
def with_length(x):
    CALLS.append(x.text)
    x.length = len(x.text)
    return x


@preprocessor(memoize=True)
def trimmed(x):
    x.text = x.text.strip()
    return x


class Shout(Preprocessor):
    def __init__(self, extra, pre=None):
        self.extra = extra
        super().__init__("shout", field_names={"text": "text"}, mapped_field_names={"loud": "loud"}, pre=pre)

    def run(self, text):
        return {"loud": text.upper() + self.extra}


@labeling_function()
def has_link(x):
    """Has a link."""
    return 1 if "http" in x.text else -1


@labeling_function(resources={"words": {"free", "win"}}, name="greedy")
def in_words(x, words):
    return 1 if words & set(x.text.split()) else -1


@labeling_function(pre=[with_length])
def is_short(x):
    return 0 if x.length < 8 else -1


@labeling_function(pre=[Shout("!", pre=[with_length])])
def loud_and_long(x):
    return np.int64(1) if x.loud.endswith("!") and x.length > 20 and x.likes < 3 else -1


lambda_rule = LabelingFunction("likes", f=lambda x: 0.0 if x.likes > 2 else -7)
RULES = [has_link, in_words, is_short, loud_and_long, lambda_rule]
FRAME = pl.DataFrame(
    {
        "id": [f"r{i}" for i in range(6)],
        "text": [
            "see http://x.org",
            "win a prize",
            "hi",
            "a text of more than twenty characters",
            "hi",
            "free 👍 http",
        ],
        "likes": [0, 5, 1, 2, 3, 4],
        "price": [1.5, None, 3.0, 4.0, 5.0, 6.0],
    }
)


def test_votes_equal_pandaslfapplier():
    want = PandasLFApplier(RULES).apply(FRAME.to_pandas(), progress_bar=False)
    votes = wl.LFApplier(wl.LFRegistry(RULES, schema=SCHEMA)).apply(FRAME)
    assert votes.labelers == ("has_link", "greedy", "is_short", "loud_and_long", "likes")
    assert votes.to_numpy().tolist() == want.tolist()
    assert want.tolist() == [
        [1, -1, -1, -1, -1],
        [-1, 1, -1, -1, 0],
        [-1, -1, 0, -1, -1],
        [-1, -1, -1, 1, -1],
        [-1, -1, 0, -1, 0],
        [1, 1, -1, -1, 0],
    ]


def test_memoised_preprocessors_run_once_a_row():
    CALLS.clear()
    with_length.reset_cache()
    wl.LFApplier(wl.LFRegistry(RULES, schema=SCHEMA)).apply(FRAME.drop("price"))
    assert sorted(CALLS) == sorted(FRAME["text"].to_list())


def test_they_stand_beside_our_own_rules():
    rules = [wl.keywords("free", ["free"], label="spam"), has_link]
    votes = wl.LFApplier(wl.LFRegistry(rules, schema=SCHEMA)).apply(FRAME)
    assert votes.to_numpy()[[0, 5]].tolist() == [[-1, 1], [1, 1]]


def test_a_snorkel_rule_with_an_owner_and_examples():
    rule = wl.from_snorkel(has_link, owner="ann", fires_on=[{"text": "http"}], abstains_on=["no"])
    assert (rule.name, rule.description, rule.owner) == ("has_link", "Has a link.", "ann")
    assert rule.source.line == has_link._f.__code__.co_firstlineno
    assert wl.check_examples(wl.LFRegistry([rule], schema=SCHEMA)) == []
    with pytest.raises(RuleError, match="is not a Snorkel LabelingFunction"):
        wl.from_snorkel(len)


def make(f=has_link._f, **options):
    return wl.from_snorkel(LabelingFunction("r", f=f, **options)).fingerprint


def test_the_fingerprint_covers_function_resources_and_preprocessors():
    plain = make()
    assert plain == make()
    assert plain != make(is_short._f)
    assert make(in_words._f, resources={"words": {"a"}}) != make(in_words._f, resources={"words": {"b"}})
    shout = make(pre=[Shout("!")])
    assert shout == make(pre=[Shout("!")])
    assert (
        len(
            {
                plain,
                shout,
                make(pre=[Shout("?")]),
                make(pre=[with_length]),
                make(pre=[with_length, Shout("!")]),
            }
        )
        == 5
    )
    assert make(pre=[Shout("!", pre=[with_length])]) != shout
    before = make(pre=[trimmed])
    trimmed(SimpleNamespace(text="fills the cache"))
    assert make(pre=[trimmed]) == before


def test_a_rule_that_can_not_be_fingerprinted_takes_a_version():
    import threading

    rule = LabelingFunction("r", f=has_link._f, resources={"lock": threading.Lock()})
    with pytest.raises(RuleError, match="can't fingerprint a value of type") as caught:
        _ = wl.from_snorkel(rule).fingerprint
    assert "from_snorkel" in caught.value.hint
    assert wl.from_snorkel(rule, version="1").fingerprint != wl.from_snorkel(rule, version="2").fingerprint


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (2, "rule 'r' returned code 2; the schema's codes are 0 to 1"),
        ("spam", "rule 'r' returned 'spam', which is no code"),
        (0.5, "rule 'r' returned 0.5, which is no code"),
        (float("nan"), "rule 'r' returned nan, which is no code"),
        (None, "rule 'r' returned None, which is no code"),
    ],
)
def test_what_is_no_code_is_a_fault(answer, message):
    registry = wl.LFRegistry([LabelingFunction("r", f=lambda x: answer)], schema=SCHEMA)
    with pytest.raises(RuleFault, match=message) as caught:
        wl.LFApplier(registry).apply(FRAME)
    assert "test_snorkel.py:" in caught.value.where
    assert "row 'r0'" in caught.value.where


def test_a_rule_that_raises_is_a_fault():
    registry = wl.LFRegistry([LabelingFunction("r", f=lambda x: x.nosuch)], schema=SCHEMA)
    with pytest.raises(RuleFault, match=r"rule 'r' raised AttributeError: .*nosuch"):
        wl.LFApplier(registry).apply(FRAME)
    votes = wl.LFApplier(registry, on_error="abstain").apply(FRAME)
    assert votes.faults == {"r": 6}
    assert set(votes.to_numpy().ravel().tolist()) == {-2}


def test_rules_of_a_folder_may_be_snorkels(tmp_path):
    (tmp_path / "schema.yaml").write_text("labels: [ham, spam]\n")
    (tmp_path / "rules.py").write_text(
        "from snorkel.labeling import labeling_function\n"
        "LIMIT = 3\n\n@labeling_function()\ndef short(x):\n    return 0 if len(x.text) < LIMIT else -1\n"
    )
    registry = wl.LFRegistry.from_folder(tmp_path)
    assert registry["short"].kind == "snorkel"
    assert str(registry["short"].source) == f"{tmp_path}/rules.py:4"
    assert wl.LFApplier(registry).apply(FRAME).to_numpy()[:, 0].tolist() == [-1, -1, 0, -1, 0, -1]


def test_spacy_rules_of_snorkel(tmp_path):
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed")
    spacy.blank("en").to_disk(tmp_path / "en_blank")

    class OwnNLP(NLPLabelingFunction):
        """A class of its own: Snorkel keeps one configuration per class."""

    rule = OwnNLP("many_tokens", f=lambda x: 1 if len(x.doc) > 4 else -1, language=str(tmp_path / "en_blank"))
    want = PandasLFApplier([rule]).apply(FRAME.to_pandas(), progress_bar=False)
    votes = wl.LFApplier(wl.LFRegistry([rule], schema=SCHEMA)).apply(FRAME)
    assert votes.to_numpy().tolist() == want.tolist()
    assert 1 in want
