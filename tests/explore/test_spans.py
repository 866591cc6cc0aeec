"""Where a rule matched: positions of the text as it stands, whatever form it is compared in."""

import itertools
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import hostile_texts, rule_terms
from weaklabel.explore.places import comparable_pieces, excerpt, finder_of, merged, original_spans, spans
from weaklabel.lf import keywords, labeling_function, lookup, regex, spacy_pattern, where
from weaklabel.lf.keywords import comparable, whole_words
from weaklabel.schema import any_of

FORMS = st.fixed_dictionaries(
    {"case": st.sampled_from(["ignore", "sensitive"]), "accents": st.sampled_from(["keep", "ignore"])}
)


def found(rule, text):
    return [text[a:b] for a, b in spans(rule, {"text": text})]


@pytest.mark.parametrize(
    "terms, text, expected",
    [
        (["refund"], "A REFUND, a refund; refunds", ["REFUND", "refund"]),
        (["strasse"], "die Straße, die STRASSE", ["Straße", "STRASSE"]),
        (["straße"], "in der strasse 5", ["strasse"]),
        (["café"], "un cafe\u0301 noir", ["cafe\u0301"]),
        (["cafe\u0301"], "un café noir", ["café"]),
        (["money back"], "my money\r\n\tback!", ["money\r\n\tback"]),
        (["money", "money back"], "money back", ["money back"]),
        (["back", "money back"], "money back and back", ["money back", "back"]),
        (["👍"], "ok 👍🏽👍", ["👍", "👍"]),
        (["i\u0307stanbul"], "zu İSTANBUL!", ["İSTANBUL"]),
        (["ﬁne"], "a FINE day", ["FINE"]),
        (["fine"], "a ﬁne day", ["ﬁne"]),
        (["각"], "x \u1100\u1161\u11a8 y", ["\u1100\u1161\u11a8"]),
        (["c++"], "C++ or c++11", ["C++"]),
    ],
)
def test_keywords_mark_the_text_as_it_stands(terms, text, expected):
    assert found(keywords("r", terms, label="a"), text) == expected


def test_without_accents_the_marks_belong_to_the_match():
    rule = keywords("r", ["resume"], label="a", accents="ignore")
    assert found(rule, "mon Re\u0301sume\u0301.") == ["Re\u0301sume\u0301"]


@settings(max_examples=300, deadline=None)
@given(hostile_texts(), rule_terms(), FORMS)
def test_keywords_have_a_place_exactly_where_they_fire(text, terms, form):
    try:
        rule = keywords("r", terms, label="a", **form)
    except Exception:  # noqa: BLE001 - a term that is empty in this form is refused elsewhere
        return
    places = spans(rule, {"text": text})
    assert bool(places) == rule.matches(text)
    assert places == merged(places)
    pattern = whole_words(comparable(t, **form) for t in terms)
    for a, b in places:
        assert 0 <= a < b <= len(text)
        assert pattern.search(comparable(text[a:b], **form))


@settings(max_examples=300, deadline=None)
@given(hostile_texts(), FORMS)
def test_pieces_make_up_both_texts(text, form):
    ready, starts, ready_starts = comparable_pieces(text, **form)
    assert ready == comparable(text, **form)
    assert starts[-1] == len(text) and ready_starts[-1] == len(ready)
    assert len(starts) == len(ready_starts)
    made = [comparable(text[a:b], **form) for a, b in itertools.pairwise(starts)]
    assert "".join(made) == ready


@settings(max_examples=300, deadline=None)
@given(st.one_of(hostile_texts(), st.text(alphabet="aéßİ’ñÅΣςᏸꭰe\u0301\u1160 ", max_size=12)), FORMS)
def test_the_short_way_to_pieces_is_the_long_one(text, form):
    short = comparable_pieces(text, **form)
    with mock.patch("weaklabel.explore.places._one_to_one", lambda *_: False):
        assert comparable_pieces(text, **form) == short


def test_a_piece_is_taken_whole():
    _, starts, ready_starts = comparable_pieces("aßb", case="ignore", accents="keep")
    assert original_spans([(1, 2)], starts, ready_starts) == [(1, 2)]
    assert original_spans([(2, 4)], starts, ready_starts) == [(1, 3)]


def test_of_a_rule_with_a_condition_only_the_terms_that_count_are_marked():
    rule = keywords("r", ["Straße"], label="a", not_after={"terms": ["keine"], "within": 1})
    assert found(rule, "keine Straße, aber die Straße") == ["Straße"]
    assert spans(rule, {"text": "keine Straße, aber die Straße"}) == [(23, 29)]
    assert found(rule, "keine Straße") == []


def test_a_lookup_marks_the_terms_of_the_label_it_votes_for():
    rule = lookup("brands", {"iphone": "phones", "galaxy": "phones", "thinkpad": "laptops"})
    assert found(rule, "a Galaxy, an iPhone, a ThinkPad") == ["Galaxy", "iPhone"]
    assert found(rule, "iphone or thinkpad") == []
    several = lookup("both", ["late"], label=any_of("returns", "delivery"))
    assert found(several, "It is late") == ["late"]
    exact = lookup("plans", {"gold": "vip"}, match="exact")
    assert found(exact, " Gold ") == [" Gold "] and found(exact, "golden") == []


@pytest.mark.parametrize(
    "pattern, case, text, expected",
    [
        (r"\d+ ?EUR", "sensitive", "5 EUR and 6EUR", ["5 EUR", "6EUR"]),
        ("refund", "ignore", "ReFund", ["ReFund"]),
        ("x", "lower", "İİX", ["X"]),
        ("ss", "ignore", "Straße", []),
        ("(?=refund)", "sensitive", "refund", []),
        ("a*", "sensitive", "baab", ["aa"]),
    ],
)
def test_regexes_mark_what_search_finds(pattern, case, text, expected):
    assert found(regex("r", pattern, label="a", case=case), text) == expected


def test_token_patterns_mark_characters():
    rule = spacy_pattern("r", [[{"LOWER": "money"}, {"LOWER": "back"}], [{"LOWER": "back"}]], label="a")
    assert found(rule, "My money\u00a0 back? Back!") == ["back", "Back"]
    assert found(rule, "My money back? Back!") == ["money back", "Back"]


def test_phrases_mark_characters_beside_patterns():
    rule = spacy_pattern("r", [{"LIKE_NUM": True}], phrases=["don't pay", "money back"], label="a")
    assert found(rule, "I don't pay twice: 2 euros, MONEY back!") == ["don't pay", "2", "MONEY back"]
    only = spacy_pattern("r", phrases=["Back"], attr="TEXT", label="a")
    assert found(only, "Back back") == ["Back"]


def test_other_rules_and_other_values_have_no_places():
    @labeling_function(label="a")
    def long(row):
        return len(row["text"]) > 3

    assert spans(long, {"text": "long text"}) == []
    assert spans(where("w", "length(text) > 2", label="a"), {"text": "abc"}) == []
    assert spans(keywords("r", ["x"], label="a"), {"text": None}) == []
    assert spans(keywords("r", ["x"], label="a"), {}) == []
    assert finder_of(long) is None


# ---- excerpts ----


def shown(text, places, **options):
    return "".join(f"<{p.text}>" if p.marked else p.text for p in excerpt(text, places, **options))


def test_a_short_text_is_shown_whole_in_one_line():
    assert shown("a\r\n refund \tnow ", [(4, 10)]) == "a <refund> now"
    assert shown("", []) == ""


def test_a_long_text_is_cut_around_the_match():
    text = "word " * 100 + "refund " + "more " * 100
    cut = shown(text, [(500, 506)], width=40)
    assert cut.startswith("…") and cut.endswith("…") and "<refund>" in cut and len(cut) < 60
    assert "  " not in cut and not cut.endswith(" …")


def test_characters_that_could_move_others_are_dots():
    assert shown("a\x1b[31mb\u202ec\x07\x00", []) == "a·[31mb·c··"
    assert shown("👍🏽 e\u0301", []) == "👍🏽 e\u0301"


@settings(max_examples=200, deadline=None)
@given(
    hostile_texts(),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=3),
    st.integers(20, 60),
)
def test_an_excerpt_never_loses_the_first_match(text, places, width):
    inside = merged((a, min(b, len(text))) for a, b in places)
    pieces = excerpt(text, inside, width=width)
    assert not any(c in p.text for p in pieces for c in "\n\r\t\x00")
    visible = [text[a:b] for a, b in inside[:1] if text[a:b].strip()]
    assert not visible or any(p.marked for p in pieces)
