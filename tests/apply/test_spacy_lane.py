"""spaCy rules: token patterns on blank and on installed pipelines."""

import numpy as np
import polars as pl
import pytest

import weaklabel as wl
from weaklabel.errors import RuleError, RuleFault

spacy = pytest.importorskip("spacy", reason="spaCy is not installed")

SCHEMA = wl.LabelSchema(["ham", "spam"])


def apply(rules, texts, **options):
    registry = wl.LFRegistry(rules, schema=SCHEMA)
    frame = pl.DataFrame(
        {"id": [str(i) for i in range(len(texts))], "text": texts, "title": ["Free"] * len(texts)}
    )
    return wl.LFApplier(registry, **options).apply(frame)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small pipeline of our own, saved to disk: it knows one kind of entity and one lemma."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "BRAND", "pattern": [{"LOWER": "acme"}]}])
    attributes = nlp.add_pipe("attribute_ruler")
    attributes.add([[{"LOWER": "phones"}]], {"LEMMA": "phone"})
    path = tmp_path_factory.mktemp("pipelines") / "en_small_test"
    nlp.to_disk(path)
    return path


MONEY_BACK = [{"LOWER": "money"}, {"LOWER": "back"}]


def test_several_rules_fields_and_pipelines_together():
    rules = [
        wl.spacy_pattern("money", MONEY_BACK, label="spam"),
        wl.spacy_pattern("number", [[{"LIKE_NUM": True}], [{"IS_CURRENCY": True}]], label="ham"),
        wl.spacy_pattern("title", [{"LOWER": "free"}], label="spam", field="title"),
        wl.spacy_pattern(
            "german", [{"TEXT": "Geld"}, {"LOWER": "zurück"}], label="spam", pipeline="blank:de"
        ),
    ]
    texts = ["Money back, money back!", "I paid three", None, "", "Geld ZURÜCK 👍", "Money back"]
    votes = apply(rules, texts).to_numpy()
    assert votes.tolist() == [
        [1, -1, 1, -1],
        [-1, 0, 1, -1],
        [-1, -1, 1, -1],
        [-1, -1, 1, -1],
        [-1, -1, 1, 1],
        [1, -1, 1, -1],
    ]


def test_an_installed_pipeline_by_its_folder(saved):
    rules = [
        wl.spacy_pattern("brand", [{"ENT_TYPE": "BRAND"}], label="spam", pipeline=str(saved)),
        wl.spacy_pattern("phone", [{"LEMMA": "phone"}], label="ham", pipeline=str(saved)),
    ]
    assert apply(rules, ["ACME phones", "phone"]).to_numpy().tolist() == [[1, 0], [-1, -1]]


def test_an_installed_pipeline_by_its_name(saved, tmp_path, monkeypatch):
    import importlib.metadata
    import importlib.util

    package = tmp_path / "en_small_test"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from pathlib import Path\nfrom spacy.util import load_model\n\n"
        f"def load(**overrides):\n    return load_model(Path({str(saved)!r}), **overrides)\n"
    )
    info = tmp_path / "en_small_test-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: en_small_test\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[spacy_models]\nen_small_test = en_small_test\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert importlib.util.find_spec("en_small_test")
    assert importlib.metadata.version("en_small_test") == "1.0"
    rule = wl.spacy_pattern("brand", [{"ENT_TYPE": "BRAND"}], label="spam", pipeline="en_small_test")
    assert apply([rule], ["Acme", "x"]).to_numpy().tolist() == [[1], [-1]]


def test_a_missing_pipeline_names_what_is_there():
    rule = wl.spacy_pattern("r", MONEY_BACK, label="spam", pipeline="en_core_web_nosuch")
    with pytest.raises(RuleError, match="no spaCy pipeline 'en_core_web_nosuch'") as caught:
        apply([rule], ["a"])
    assert "rule 'r' at" in caught.value.where
    assert set(spacy.util.get_installed_models()) <= set(caught.value.available)
    assert "blank:en" in caught.value.available
    rule = wl.spacy_pattern("r", MONEY_BACK, label="spam", pipeline="blank:nosuch")
    with pytest.raises(RuleError, match="no spaCy pipeline 'blank:nosuch'"):
        apply([rule], ["a"])


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ([{"LEMMA": "phone"}], r"\[E155\]"),
        ([{"POS": "VERB"}], r"\[E155\]"),
        ([{"ENT_TYPE": "ORG"}], "ENT_TYPE needs a pipeline that finds entities"),
    ],
)
def test_a_pattern_that_spacy_refuses_is_an_error_of_its_rule(pattern, reason):
    rules = [
        wl.spacy_pattern("good", MONEY_BACK, label="ham"),
        wl.spacy_pattern("bad", pattern, label="spam"),
    ]
    with pytest.raises(
        RuleError, match=f"rule 'bad': spaCy refuses the pattern on pipeline 'blank:en': .*{reason}"
    ):
        apply(rules, ["a"])


def test_a_text_that_is_too_long_for_the_pipeline_is_a_fault(saved, monkeypatch):
    import weaklabel.apply.spacy_lane as lane

    load = lane.load_pipeline

    def short(pipeline, *, where=None):
        nlp = load(pipeline, where=where)
        nlp.max_length = 20
        return nlp

    monkeypatch.setattr(lane, "load_pipeline", short)
    rule = wl.spacy_pattern("brand", [{"ENT_TYPE": "BRAND"}], label="spam", pipeline=str(saved))
    texts = ["acme", "acme " * 10, None]
    with pytest.raises(RuleFault, match="can't read a text of more than 20 characters"):
        apply([rule], texts)
    votes = apply([rule], texts, on_error="abstain")
    assert votes.to_numpy()[:, 0].tolist() == [1, -2, -1]
    assert votes.faults == {"brand": 1}


def test_a_blank_pipeline_reads_a_text_beyond_spacys_limit():
    rule = wl.spacy_pattern("money", MONEY_BACK, label="spam")
    assert apply([rule], ["x " * 600_000 + "money back"]).to_numpy().tolist() == [[1]]


def test_a_rule_over_words_runs_no_component_and_knows_no_limit(saved, monkeypatch):
    import weaklabel.apply.spacy_lane as lane

    load, ran = lane.load_pipeline, []

    def short(pipeline, *, where=None):
        nlp = load(pipeline, where=where)
        nlp.max_length = 20
        return nlp

    monkeypatch.setattr(lane, "load_pipeline", short)
    monkeypatch.setattr("spacy.pipeline.EntityRuler.__call__", lambda self, doc: ran.append(doc.text) or doc)
    rule = wl.spacy_pattern("money", MONEY_BACK, label="spam", pipeline=str(saved))
    assert apply([rule], ["x " * 30 + "money back"]).to_numpy().tolist() == [[1]]
    assert ran == ["A probe."]


def test_a_saved_pipeline_of_two_rulers(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "BRAND", "pattern": [{"LOWER": "acme"}]}])
    ruler = nlp.add_pipe("attribute_ruler")
    ruler.add([[{"LOWER": {"IN": ["buys", "pays"]}}]], {"POS": "VERB"})
    ruler.add([[{"ENT_TYPE": "BRAND"}]], {"POS": "PROPN"})
    nlp.to_disk(tmp_path / "two")
    rules = [
        wl.spacy_pattern(name, pattern, label="spam", pipeline=str(tmp_path / "two"))
        for name, pattern in {
            "brand": [{"ENT_TYPE": "BRAND"}],
            "verb": [{"POS": "VERB"}],
            "name_acts": [{"POS": "PROPN"}, {"POS": "VERB"}],
            "acme_acts": [{"LOWER": "acme"}, {"POS": "VERB", "OP": "+"}],
            "word": [{"LOWER": "pays"}],
        }.items()
    ]
    texts = ["Acme pays", "acme", "she buys", "", "pays\r\nACME 👍", None, "Acme pays"]
    expected = [
        [1, 1, 1, 1, 1],
        [1, -1, -1, -1, -1],
        [-1, 1, -1, -1, -1],
        [-1, -1, -1, -1, -1],
        [1, 1, -1, -1, 1],
        [-1, -1, -1, -1, -1],
        [1, 1, 1, 1, 1],
    ]
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        assert apply(rules, texts, cache=cache).to_numpy().tolist() == expected
    for rule, column in zip(rules, zip(*expected, strict=True), strict=True):
        assert apply([rule], texts, cache=tmp_path / "cache").to_numpy()[:, 0].tolist() == list(column)


@pytest.fixture
def failing(tmp_path):
    """A pipeline with a component of ones own, which fails on some texts."""
    from spacy.language import Language

    @Language.component("fails_on_boom_of_test")
    def fails(doc):
        if "boom" in doc.text:
            raise ZeroDivisionError("of\nall things")
        doc.ents = [doc.char_span(0, len(doc[0].text), "FIRST")] if len(doc) else []
        return doc

    nlp = spacy.blank("en")
    nlp.add_pipe("fails_on_boom_of_test")
    nlp.to_disk(tmp_path / "failing")
    return str(tmp_path / "failing")


def test_a_component_that_fails_is_a_fault_of_the_row(failing, tmp_path):
    rules = [
        wl.spacy_pattern("first", [{"ENT_TYPE": "FIRST", "LOWER": "x"}], label="spam", pipeline=failing),
        wl.spacy_pattern("word", [{"LOWER": "x"}], label="ham", pipeline=failing),
    ]
    texts = ["x y", "boom x", "y x", None]
    with pytest.raises(
        RuleFault, match=r"rule 'first' failed in its pipeline: ZeroDivisionError: of all things"
    ) as caught:
        apply(rules, texts)
    assert "row '1', text='boom x'" in caught.value.where
    votes = apply(rules, texts, on_error="abstain", cache=tmp_path / "cache")
    assert votes.to_numpy().tolist() == [[1, 0], [-2, -2], [-1, 0], [-1, -1]]
    assert votes.faults == {"first": 1, "word": 1}
    assert not (tmp_path / "cache").exists()  # what people's own code does is not known by a version


def test_a_pipeline_that_fails_on_any_text_is_one_error(failing, monkeypatch):
    rule = wl.spacy_pattern("first", [{"ENT_TYPE": "FIRST"}], label="spam", pipeline=failing)
    nlp = spacy.load(failing)
    monkeypatch.setattr("weaklabel.apply.spacy_lane.load_pipeline", lambda pipeline, where: nlp)
    nlp.tokenizer = None
    with pytest.raises(RuleError, match=r"fails on the text 'A probe\.': TypeError"):
        apply([rule], ["x"])


# ---- phrases ----


def test_phrases_are_compared_word_by_word():
    rules = [
        wl.spacy_pattern("any_case", phrases=["money back", "don't pay"], label="spam"),
        wl.spacy_pattern("exact", phrases=["Money  back"], attr="ORTH", label="spam"),
        wl.spacy_pattern("shape", phrases=["555-1234"], attr="shape", label="ham"),
        wl.spacy_pattern("both", [{"LIKE_NUM": True}], phrases=["pay"], label="ham"),
    ]
    texts = [
        "MONEY back",
        "Money back!",
        "money  back",
        "I don't pay",
        "call 800-0000",
        "moneyback",
        "",
        None,
    ]
    assert apply(rules, texts).to_numpy().tolist() == [
        [1, -1, -1, -1],
        [1, 1, -1, -1],
        [-1, -1, -1, -1],  # the second space is a word of its own to spaCy
        [1, -1, -1, 0],
        [-1, -1, 0, 0],  # what looks like a number
        [-1, -1, -1, -1],
        [-1, -1, -1, -1],
        [-1, -1, -1, -1],
    ]


def test_phrases_of_all_rules_share_a_matcher_for_each_attribute(monkeypatch):
    from spacy import matcher

    made, asked = [], []

    class Counting(matcher.PhraseMatcher):
        def __init__(self, vocab, attr="ORTH", validate=False):
            super().__init__(vocab, attr, validate)
            made.append(attr)

        def __call__(self, doc, *, as_spans=False):
            asked.append(doc.text)
            return super().__call__(doc, as_spans=as_spans)

    monkeypatch.setattr(matcher, "PhraseMatcher", Counting)
    rules = [
        wl.spacy_pattern(f"r{i}", phrases=[f"word {i}"], label="spam", attr=("LOWER", "TEXT")[i % 2])
        for i in range(10)
    ]
    votes = apply(rules, ["word 3 and WORD 4", "nothing", "word 1"]).to_numpy()
    assert sorted(made) == ["LOWER", "TEXT"]
    assert np.argwhere(votes == 1).tolist() == [[0, 3], [0, 4], [2, 1]]
    assert set(asked) == {"word 3 and WORD 4", "word 1"}  # no rule's words stand in the other


@pytest.mark.parametrize(
    ("attr", "phrase", "reason"),
    [
        ("LEMMA", "money back", "it gives 'money' in the phrase 'money back' no LEMMA to compare by"),
        ("LEMMA", "phones back", "it gives 'back' in the phrase 'phones back' no LEMMA to compare by"),
    ],
)
def test_a_phrase_without_what_it_is_compared_by_is_an_error_of_its_rule(attr, phrase, reason, saved):
    good = wl.spacy_pattern("good", phrases=["phones"], attr="LEMMA", label="spam", pipeline=str(saved))
    bad = wl.spacy_pattern("bad", phrases=[phrase], attr=attr, label="spam", pipeline=str(saved))
    assert apply([good], ["My phones", "phone"]).to_numpy().tolist() == [[1], [-1]]
    with pytest.raises(
        RuleError, match=f"rule 'bad': `phrases` can't be read by pipeline .*: {reason}"
    ) as caught:
        apply([good, bad], ["a"])
    assert caught.value.hint == "a pipeline that gives it, or attr: LOWER"
    assert caught.value.available == ("entity_ruler", "attribute_ruler")


def test_a_pipeline_that_fails_on_a_phrase_is_an_error_of_the_rule(failing):
    rule = wl.spacy_pattern("r", phrases=["boom"], attr="NORM", label="spam", pipeline=failing)
    with pytest.raises(RuleError, match="it fails on the phrase 'boom': ZeroDivisionError: of all things"):
        apply([rule], ["x"])
    lexical = wl.spacy_pattern("r", phrases=["boom"], label="spam", pipeline=failing)
    assert apply([lexical], ["x Boom"], on_error="abstain").to_numpy().tolist() == [[1]]


# ---- rules of some days ----


def dated(name, label="spam", **more):
    days = {"valid_from": "2026-01-01", "valid_until": "2026-01-31"}
    return wl.spacy_pattern(name, MONEY_BACK, label=label, **{**days, **more})


def apply_on_days(rules, texts, days, **options):
    registry = wl.LFRegistry(rules, schema=SCHEMA)
    frame = pl.DataFrame({"id": [str(i) for i in range(len(texts))], "text": texts, "sent": days})
    return wl.LFApplier(registry, date="sent", **options).apply(frame)


def test_rules_of_some_days_share_documents_and_matchers(monkeypatch):
    import weaklabel.apply.spacy_lane as lane

    load, loaded, read = lane.load_pipeline, [], []

    def counting(pipeline, *, where=None):
        loaded.append(pipeline)
        return load(pipeline, where=where)

    docs = lane.DocReader.read
    monkeypatch.setattr(lane, "load_pipeline", counting)
    monkeypatch.setattr(
        lane.DocReader,
        "read",
        lambda self, texts, wanted=None: read.append(list(texts)) or docs(self, texts, wanted),
    )
    rules = [
        dated("january"),
        dated("february", valid_from="2026-02-01", valid_until=None),
        dated("until", valid_from=None, valid_until="2026-01-31"),
        wl.spacy_pattern("always", MONEY_BACK, label="ham"),
    ]
    texts = ["money back"] * 3 + ["hello"]
    days = ["2025-12-31", "2026-01-31", "2026-02-01", None]
    votes = apply_on_days(rules, texts, days).to_numpy()
    assert votes.tolist() == [[-2, -2, 1, 0], [1, -2, 1, 0], [-2, 1, -2, 0], [-2, -2, -2, -1]]
    assert loaded == ["blank:en"] and read == [["money back", "hello"]]


def test_texts_of_days_on_which_no_rule_votes_are_not_read(failing):
    rules = [
        wl.spacy_pattern(
            "a", [{"ENT_TYPE": "FIRST"}], label="spam", pipeline=failing, valid_from="2026-01-01"
        ),
        wl.spacy_pattern(
            "b", [{"ENT_TYPE": "FIRST"}], label="spam", pipeline=failing, valid_from="2026-02-01"
        ),
    ]
    texts, days = (
        ["boom 0", "boom 1", "boom 2", "fine"],
        ["2025-01-01", "2026-01-15", "2026-02-15", "2026-01-15"],
    )
    votes = apply_on_days(rules, texts, days, on_error="abstain")
    assert votes.to_numpy().tolist() == [[-2, -2], [-2, -2], [-2, -2], [1, -2]]
    assert votes.faults == {"a": 2, "b": 1}  # of days of their own
    with pytest.raises(RuleFault, match="row '1'"):
        apply_on_days(rules, texts, days)
    assert apply_on_days(rules, texts, ["2025-01-01"] * 4).to_numpy().tolist() == [[-2, -2]] * 4
