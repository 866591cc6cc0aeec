"""What token patterns need: literals in the text, and components that must run."""

import pytest

import weaklabel as wl
from weaklabel.apply import spacy_needs
from weaklabel.apply.spacy_needs import Literals, idle_components, is_plain, required_literals

spacy = pytest.importorskip("spacy", reason="spaCy is not installed")


def literals(*patterns):
    return required_literals([wl.spacy_pattern("r", list(patterns), label="x")])


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([[{"LOWER": "money"}, {"LOWER": "back"}]], Literals((), ("money",))),
        ([[{"TEXT": "Money"}], [{"orth": "Back"}]], Literals(("Back", "Money"), ())),
        ([[{"LOWER": {"IN": ["a", "cash"]}}, {"LOWER": "of"}]], Literals((), ("of",))),
        ([[{"LOWER": {"IN": ["money", "cash"]}}, {"LOWER": "of"}]], Literals((), ("cash", "money"))),
        ([[{"LOWER": "money", "OP": "?"}, {"LOWER": "of", "OP": "+"}]], Literals((), ("of",))),
        ([[{"LOWER": "money", "OP": "{2}"}]], Literals((), ("money",))),
        ([[{"LOWER": "zurückgeben"}]], Literals((), ("ckgeben",))),
        ([[{"LOWER": "i\u0307stanbul"}]], Literals((), ("stanbul",))),
        ([[{"TEXT": "ΟΔΟΣ"}]], Literals(("ΟΔΟΣ",), ())),
        ([[{"LOWER": "οδός"}]], None),
        ([[{"LOWER": "money", "OP": "!"}]], None),
        ([[{"LOWER": "money", "OP": "*"}, {"LOWER": "x", "OP": "{,3}"}, {"LOWER": "y", "OP": "{0,}"}]], None),
        ([[{"LOWER": "money"}], [{"IS_ALPHA": True}]], None),
        ([[{"LOWER": {"NOT_IN": ["money"]}}]], None),
        ([[{"LOWER": {"REGEX": "money"}}]], None),
        ([[{"LOWER": {"IN": []}}]], None),
        ([[{"LEMMA": "money"}, {"SHAPE": "xxx"}]], None),
    ],
)
def test_required_literals(patterns, expected):
    assert literals(*patterns) == expected


def test_characters_whose_lower_case_is_ascii_are_all_known():
    found = [c for c in map(chr, range(128, 0x110000)) if any(part.isascii() for part in c.lower())]
    assert tuple(found) == spacy_needs._FOLDS_TO_ASCII


def test_ascii_letters_are_found_whatever_their_case_and_their_look():
    look = Literals((), ("kelvin",))
    assert look.candidates(["a", "KELVIN", "\u212aelvin", "kelvim", "İ", "", "x"]) == [1, 2, 4]


def pipeline(*names):
    nlp = spacy.blank("en")
    for name in names:
        nlp.add_pipe(name)
    return nlp


WHOLE = ("tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer", "ner")


@pytest.mark.parametrize(
    ("names", "wanted", "runs"),
    [
        (WHOLE, set(), []),
        (WHOLE, {"token.ent_type"}, ["tok2vec", "parser", "ner"]),
        (WHOLE, {"token.tag"}, ["tok2vec", "tagger"]),
        (WHOLE, {"token.dep"}, ["tok2vec", "parser"]),
        (WHOLE, {"token.lemma"}, ["tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer"]),
        (("sentencizer", "entity_ruler"), {"token.ent_type"}, ["entity_ruler"]),
        (("sentencizer", "entity_ruler"), {"token.is_sent_start"}, ["sentencizer"]),
        (("entity_ruler", "textcat"), {"token.ent_type"}, ["entity_ruler"]),
        (("entity_ruler", "merge_entities"), set(), ["entity_ruler", "merge_entities"]),
    ],
)
def test_components_that_run(names, wanted, runs):
    nlp = pipeline(*names)
    idle = idle_components(nlp, wanted)
    assert [name for name in nlp.pipe_names if name not in idle] == runs


def test_an_attribute_ruler_runs_for_what_it_writes_with_what_it_reads():
    nlp = pipeline("sentencizer", "entity_ruler", "attribute_ruler", "lemmatizer")
    nlp.get_pipe("attribute_ruler").add([[{"ENT_TYPE": "BRAND"}]], {"POS": "PROPN"})
    assert idle_components(nlp, {"token.pos"}) == ["sentencizer", "lemmatizer"]
    assert idle_components(nlp, {"token.tag"}) == nlp.pipe_names


def test_a_component_of_ones_own_always_runs_after_all_that_come_before_it():
    from spacy.language import Language

    @Language.component("shouts_of_test")
    def shouts(doc):
        return doc

    nlp = pipeline("sentencizer", "shouts_of_test", "entity_ruler")
    assert idle_components(nlp, set()) == ["entity_ruler"]
    assert not is_plain(nlp, ("entity_ruler",))
    assert is_plain(pipeline("sentencizer"), ())


def test_a_tokenizer_of_ones_own_may_change_the_text_so_no_literal_is_looked_for():
    nlp = spacy.blank("en")
    nlp.tokenizer = lambda text: spacy.tokens.Doc(nlp.vocab, words=text.upper().split())
    assert not is_plain(nlp, ())
