"""spaCy rules vote as one Matcher per rule over the whole pipeline's document would, on every path."""

import shutil

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import weaklabel as wl
from naive import spacy_fires, spacy_phrases_fire
from strategies import SPACY_TEXT, spacy_patterns, spacy_phrases
from weaklabel.apply import spacy_lane

spacy = pytest.importorskip("spacy", reason="spaCy is not installed")

SCHEMA = wl.LabelSchema(["ham", "spam"])


def rules_of(every, pipeline):
    return [
        wl.spacy_pattern(f"r{i}", patterns, label="spam", pipeline=pipeline)
        for i, patterns in enumerate(every)
    ]


def applier(rules, cache=None):
    return wl.LFApplier(wl.LFRegistry(rules, schema=SCHEMA), cache=cache)


def fires(applier, texts):
    ids = [str(i) for i in range(len(texts))]
    frame = pl.DataFrame({"id": ids, "text": texts}, schema_overrides={"text": pl.String})
    return applier.apply(frame).to_numpy() == 1


def twin(nlp, rules, texts):
    return np.array(
        [[text is not None and fires_on(nlp, rule, text) for rule in rules] for text in texts], bool
    ).reshape(len(texts), len(rules))


def fires_on(nlp, rule, text):
    by_patterns = bool(rule.patterns) and spacy_fires(nlp, text, rule.patterns)
    return by_patterns or spacy_phrases_fire(nlp, text, rule.phrases, rule.attr)


def same_on_every_path(rules, nlp, texts, folder):
    expected = twin(nlp, rules, texts)
    shutil.rmtree(folder, ignore_errors=True)
    np.testing.assert_array_equal(fires(applier(rules), texts), expected)
    keeping = applier(rules, folder)
    half = texts[: len(texts) // 2]
    np.testing.assert_array_equal(fires(keeping, half), expected[: len(half)])
    np.testing.assert_array_equal(fires(keeping, texts), expected)
    np.testing.assert_array_equal(fires(applier(rules, folder), texts), expected)


TEXTS = st.lists(st.none() | SPACY_TEXT, min_size=1, max_size=25)
SETTINGS = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@pytest.fixture(scope="module")
def english():
    return spacy.blank("en")


@SETTINGS
@given(every=st.lists(spacy_patterns(), min_size=1, max_size=12), texts=TEXTS)
def test_rules_over_tokens(every, texts, english, tmp_path):
    same_on_every_path(rules_of(every, "blank:en"), english, texts, tmp_path / "cache")


@st.composite
def phrase_rules(draw, pipeline, attrs=("LOWER", "TEXT", "SHAPE", "NORM")):
    return [
        wl.spacy_pattern(
            f"r{i}",
            draw(st.just(()) | spacy_patterns()),
            phrases=draw(spacy_phrases()),
            attr=draw(st.sampled_from(attrs)),
            label="spam",
            pipeline=pipeline,
        )
        for i in range(draw(st.integers(1, 6)))
    ]


@SETTINGS
@given(rules=phrase_rules("blank:en"), texts=TEXTS)
def test_phrases_beside_patterns(rules, texts, english, tmp_path):
    same_on_every_path(rules, english, texts, tmp_path / "cache")


@settings(parent=SETTINGS, max_examples=10)
@given(rules=phrase_rules("blank:en", attrs=("LOWER", "TEXT")), texts=TEXTS)
def test_phrases_of_which_texts_must_hold_literals(rules, texts, english, tmp_path):
    rules = [
        wl.spacy_pattern(r.name, phrases=r.phrases, attr=r.attr, label="spam", pipeline=r.pipeline)
        for r in rules
    ]
    texts = [*texts, *(f"nothing here {i}" for i in range(30))]
    same_on_every_path(rules, english, texts, tmp_path / "cache")


LITERAL = st.lists(
    st.sampled_from(
        [
            [{"LOWER": "kelvin"}],
            [{"LOWER": "i\u0307stanbul"}],
            [{"LOWER": "istanbul"}],
            [{"LOWER": "zurück"}, {"IS_PUNCT": True, "OP": "?"}],
            [{"TEXT": "οδός"}],
            [{"LOWER": {"IN": ["money", "k"]}}, {}],
            [{"IS_ALPHA": True}, {"LOWER": "back", "OP": "+"}],
            [{"LOWER": "😀"}, {"LOWER": "n't", "OP": "{1,2}"}],
            [{"LOWER": "ni\u0307x"}],
        ]
    ),
    min_size=1,
    max_size=3,
)


@SETTINGS
@given(every=st.lists(LITERAL, min_size=1, max_size=3), texts=TEXTS)
def test_rules_of_which_texts_must_hold_literals(every, texts, english, tmp_path):
    texts = [*texts, *(f"nothing here {i}" for i in range(30))]
    same_on_every_path(rules_of(every, "blank:en"), english, texts, tmp_path / "cache")


def trained(path):
    """A pipeline with a part of every kind, its weights as they start: it says what it says, always the same."""
    from spacy.training import Example

    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": {"width": 32, "depth": 1, "embed_size": 200}})
    linked = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
    for name in ("tagger", "morphologizer", "parser", "ner"):
        nlp.add_pipe(name, config={"model": {"tok2vec": linked}})
    words = ["Money", "back", "in", "Zurück"]
    doc = spacy.tokens.Doc(
        nlp.vocab,
        words=words,
        tags=["NN", "RB", "IN", "NNP"],
        pos=["NOUN", "ADV", "ADP", "PROPN"],
        heads=[0, 0, 0, 2],
        deps=["ROOT", "advmod", "prep", "pobj"],
        ents=["O", "O", "O", "B-GPE"],
    )
    nlp.initialize(lambda: [Example(doc, doc.copy())])
    attributes = nlp.add_pipe("attribute_ruler", before="ner")
    attributes.add([[{"TAG": "NN"}]], {"LEMMA": "noun"})
    attributes.add([[{"LOWER": "gonna"}]], {"NORM": "money"})
    nlp.add_pipe("entity_ruler", before="attribute_ruler").add_patterns(
        [{"label": "BRAND", "pattern": [{"LOWER": "money"}, {"IS_ALPHA": True, "OP": "?"}]}]
    )
    nlp.to_disk(path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("pipelines") / "en_all_test"
    with np.errstate(all="ignore"):
        trained(path)
    return path


@pytest.fixture(scope="module")
def loaded(saved):
    return spacy.load(saved)


ANNOTATED = {
    "POS": st.sampled_from(["NOUN", "ADV", "ADP", "PROPN"]),
    "TAG": st.sampled_from(["NN", "RB", "IN", "NNP"]),
    "LEMMA": st.just("noun"),
    "DEP": st.sampled_from(["ROOT", "advmod", "prep", "pobj"]),
    "ENT_TYPE": st.sampled_from(["BRAND", "GPE", ""]),
    "IS_SENT_START": st.booleans(),
}


@pytest.mark.parametrize("name", [*ANNOTATED, "all"])
@settings(parent=SETTINGS, max_examples=15)
@given(data=st.data())
def test_rules_over_a_pipelines_annotations(name, data, saved, loaded, tmp_path):
    attributes = ANNOTATED if name == "all" else {name: ANNOTATED[name]}
    every = data.draw(st.lists(spacy_patterns(attributes), min_size=1, max_size=5))
    texts = data.draw(TEXTS)
    rules = rules_of([*every, [[{name: data.draw(value)} for name, value in attributes.items()]]], str(saved))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spacy_lane, "load_pipeline", lambda pipeline, where: loaded)
        same_on_every_path(rules, loaded, texts, tmp_path / "cache")


@pytest.fixture(scope="module")
def lemmas(tmp_path_factory):
    """A pipeline that looks lemmas up in a table of its own; a word that is not there is its own lemma."""
    from spacy.lookups import Lookups

    lookups = Lookups()
    lookups.add_table(
        "lemma_lookup", {"phones": "phone", "Back": "back", "BACK": "back", "n't": "not", "zz": ""}
    )
    nlp = spacy.blank("en")
    nlp.add_pipe("lemmatizer", config={"mode": "lookup"}).initialize(lookups=lookups)
    path = tmp_path_factory.mktemp("pipelines") / "en_lemmas_test"
    nlp.to_disk(path)
    return path


@settings(parent=SETTINGS, max_examples=10)
@given(data=st.data())
def test_phrases_by_a_pipelines_lemmas(data, lemmas, tmp_path):
    loaded = spacy.load(lemmas)
    texts = data.draw(TEXTS)
    rules = data.draw(phrase_rules(str(lemmas), attrs=("LEMMA", "LEMMA", "LOWER", "NORM")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spacy_lane, "load_pipeline", lambda pipeline, where: loaded)
        same_on_every_path(rules, loaded, texts, tmp_path / "cache")
