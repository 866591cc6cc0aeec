"""The model of tags: what always holds, and its slow twin."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
import weaklabel as wl
from weaklabel.errors import GoldError, ModelError
from weaklabel.label_matrix import LabelMatrix, VotePatterns
from weaklabel.schema import Label, LabelSchema, Outcome, any_of, none_of
from weaklabel.tags import MODELS, TagMajority, TagModel, TagVotes, load
from weaklabel.tags.events import KINDS

NAMES = ("a", "b", "c", "d", "e")
PARENTS = {"b": ("a",), "c": ("b",), "d": ("a",)}
SCHEMA = LabelSchema([Label(name, parents=PARENTS.get(name, ())) for name in NAMES], exclusive=False)


def outcome(one):
    return Outcome((one,)) if isinstance(one, str) else one


ALPHABETS = {
    "r0": ("c", none_of("a")),
    "r1": ("b", any_of("c", "d"), none_of("c")),
    "r2": ("d", "e"),
    "r3": (any_of("a", "e"), none_of("d", "e")),
    "r4": (any_of("b", "c", "e"), "c"),
    "r5": ("a", none_of("b")),
}
ALPHABETS = {rule: tuple(map(outcome, own)) for rule, own in ALPHABETS.items()}


def matrix(codes, rules=tuple(ALPHABETS), ids=None):
    return LabelMatrix.from_numpy(
        np.array(codes, np.int8).reshape(-1, len(rules)), labelers=rules, ids=ids, silence=-1
    )


def votes_of(codes, rules=tuple(ALPHABETS), schema=SCHEMA, alphabets=ALPHABETS, ids=None):
    return TagVotes.of_alphabets(matrix(codes, rules, ids), schema, alphabets)


@st.composite
def rows(draw, most=14, fewest=1):
    columns = [st.integers(-1, len(own) - 1) for own in ALPHABETS.values()]
    return draw(st.lists(st.tuples(*columns), min_size=fewest, max_size=most))


GOLD_ROW = st.lists(st.sampled_from(NAMES), unique=True, max_size=4)


@st.composite
def golden(draw):
    codes = draw(rows(fewest=2))
    known = draw(st.lists(st.integers(0, len(codes) - 1), unique=True, max_size=len(codes)))
    return codes, {str(i): draw(GOLD_ROW) for i in known}


def per_row(scores):
    return scores.dense()[scores.inverse]


def given_of(scores):
    labels = scores.labels()
    return [labels[i] for i in scores.inverse]


# ---- the slow twin ----


def twin(codes):
    above = [[NAMES.index(p) for p in SCHEMA.ancestors(name)] for name in NAMES]
    said = sorted(
        {(rule, one) for rule, own in ALPHABETS.items() for one in own},
        key=lambda one: (one[0], one[1].against, one[1].labels),
    )
    place = {one: i for i, one in enumerate(said)}
    links = {i: naive.tag_outcome_links(one, NAMES, above) for i, (_, one) in enumerate(said)}
    events = [
        [
            place[rule, own[code]]
            for code, (rule, own) in zip(row, ALPHABETS.items(), strict=True)
            if code >= 0
        ]
        for row in codes
    ]
    return above, links, events


@settings(deadline=None)
@given(rows())
def test_fit_and_predict_are_those_of_the_slow_twin(codes):
    above, links, events = twin(codes)
    worth, copies, base = naive.tag_fit(events, links, above, len(NAMES))
    votes = votes_of(codes)
    model = TagModel(schema=SCHEMA).fit(votes)
    own = votes.events
    names = [(int(e), int(t), KINDS[k]) for e, t, k in zip(own.owners, own.tags, own.kinds, strict=True)]
    known = model.known_
    for i, link in enumerate(names):
        if link[2] != "member":
            assert known.links[i] == pytest.approx(worth[link], abs=1e-9)
            assert names[known.copies[i]] == copies[link]
    assert known.base == pytest.approx(np.array(base), abs=1e-12)
    scores = TagModel.predict_proba(model, votes)
    for i, row in enumerate(scores.inverse):
        expected = naive.tag_row(events[i], links, above, worth, known.means[3], copies, base)
        found = scores.row(int(row))
        assert {NAMES[tag]: pytest.approx(p, abs=1e-6) for tag, p in expected.items()} == {
            name: p for name, p in found.items() if NAMES.index(name) in expected
        }
        assert set(found) - {NAMES[tag] for tag in expected} <= {NAMES[tag] for tag in model.open_}


# ---- what always holds ----


@settings(deadline=None)
@pytest.mark.parametrize("name", MODELS)
@given(made=golden())
def test_a_parent_is_as_probable_as_its_children_and_given_with_them(name, made):
    codes, gold = made
    votes = votes_of(codes)
    scores = MODELS[name](schema=SCHEMA).fit(votes, gold=gold).predict(votes)
    dense = scores.dense()
    assert ((dense >= 0) & (dense <= 1)).all()
    for below in NAMES:
        for over in SCHEMA.ancestors(below):
            assert (dense[:, NAMES.index(over)] >= dense[:, NAMES.index(below)]).all()
    for labels in scores.labels():
        assert set(labels) >= {over for label in labels for over in SCHEMA.ancestors(label)}
    silent = scores.n_votes == 0
    assert not any(labels for labels, no in zip(scores.labels(), silent, strict=True) if no)


@settings(deadline=None)
@pytest.mark.parametrize("name", MODELS)
@given(made=golden(), order=st.permutations(NAMES))
def test_the_order_of_tags_changes_nothing(name, made, order):
    codes, gold = made
    other = LabelSchema([Label(tag, parents=PARENTS.get(tag, ())) for tag in order], exclusive=False)
    one = MODELS[name](schema=SCHEMA).fit(votes_of(codes), gold=gold).predict_proba(votes_of(codes))
    moved = votes_of(codes, schema=other)
    two = MODELS[name](schema=other).fit(moved, gold=gold).predict_proba(moved)
    to = [order.index(tag) for tag in NAMES]
    assert per_row(two)[:, to] == pytest.approx(per_row(one), abs=1e-6)


@settings(deadline=None)
@pytest.mark.parametrize("name", MODELS)
@given(made=golden(), order=st.permutations(tuple(ALPHABETS)), data=st.data())
def test_the_order_of_rows_and_rules_and_the_cut_into_shards_change_no_bit(name, made, order, data):
    codes, gold = made
    table, ids = np.array(codes, np.int8), [str(i) for i in range(len(codes))]
    whole = votes_of(table, ids=ids)
    one = MODELS[name](schema=SCHEMA).fit(whole, gold=gold)
    shuffled = data.draw(st.permutations(range(len(codes))))
    columns = [tuple(ALPHABETS).index(rule) for rule in order]
    moved = votes_of(table[shuffled][:, columns], rules=tuple(order), ids=[ids[i] for i in shuffled])
    two = MODELS[name](schema=SCHEMA).fit(moved, gold=gold)
    assert np.array_equal(two.thresholds_, one.thresholds_)
    back = np.argsort(shuffled)
    assert np.array_equal(per_row(two.predict(moved))[back], per_row(one.predict(whole)))
    if not gold:
        cut = data.draw(st.integers(0, len(codes)))
        parts = [matrix(part).patterns() for part in (table[:cut], table[cut:]) if len(part)]
        merged = TagVotes.of_alphabets(VotePatterns.merge(parts), SCHEMA, ALPHABETS)
        three = MODELS[name](schema=SCHEMA).fit(merged)
        assert np.array_equal(three.thresholds_, one.thresholds_)
        assert np.array_equal(
            three.predict_proba(merged).probabilities, one.predict_proba(whole).probabilities
        )


@settings(deadline=None)
@pytest.mark.parametrize("name", MODELS)
@given(made=golden(), row=rows(most=1), tag=st.sampled_from(["a", "b", "c"]))
def test_a_denial_never_raises_its_tag(name, made, row, tag):
    codes, gold = made
    alphabets = {**ALPHABETS, "no": (outcome(none_of(tag)),)}
    rules = tuple(alphabets)
    voted = votes_of([[*each, i % 2 - 1] for i, each in enumerate(codes)], rules, alphabets=alphabets)
    model = MODELS[name](schema=SCHEMA).fit(voted, gold=gold)
    without, denied = (
        per_row(model.predict_proba(votes_of([[*row[0], code]], rules, alphabets=alphabets)))[0]
        for code in (-1, 0)
    )
    at = NAMES.index(tag)
    opened = at in model.events_.taxonomy.closed(model.open_) if len(model.open_) else False
    if any(code >= 0 for code in row[0]) or not opened:
        assert denied[at] <= without[at]


@settings(deadline=None)
@pytest.mark.parametrize("name", MODELS)
@given(codes=rows())
def test_a_vote_for_any_of_all_tags_changes_nothing(name, codes):
    alphabets = {**ALPHABETS, "some": (outcome(any_of(*NAMES)),)}
    rules = tuple(alphabets)
    plain = votes_of([[*row, -1] for row in codes], rules, alphabets=alphabets)
    voted = votes_of([[*row, i % 2 - 1] for i, row in enumerate(codes)], rules, alphabets=alphabets)
    one, two = (MODELS[name](schema=SCHEMA).fit(votes) for votes in (plain, voted))
    assert np.array_equal(one.thresholds_, two.thresholds_)
    assert np.array_equal(per_row(one.predict(plain)), per_row(two.predict(voted)))
    assert given_of(one.predict(plain)) == given_of(two.predict(voted))


@settings(deadline=None)
@given(codes=rows())
def test_a_rule_given_twice_is_heard_once(codes):
    alphabets = {**ALPHABETS, "twin": ALPHABETS["r2"]}
    twice = votes_of([[*row, row[2]] for row in codes], tuple(alphabets), alphabets=alphabets)
    once = votes_of(codes)
    one, two = (TagModel(schema=SCHEMA).fit(votes).predict_proba(votes) for votes in (once, twice))
    assert per_row(two) == pytest.approx(per_row(one), abs=1e-6)


@settings(deadline=None, max_examples=30)
@pytest.mark.parametrize("name", MODELS)
@given(made=golden())
def test_a_saved_model_answers_the_same(name, made, tmp_path_factory):
    codes, gold = made
    votes = votes_of(codes)
    model = MODELS[name](schema=SCHEMA).fit(votes, gold=gold)
    again = load(model.save(tmp_path_factory.mktemp("model")), schema=SCHEMA)
    assert type(again) is type(model)
    assert again.predict(votes).table().equals(model.predict(votes).table())


# ---- small cases ----


def fitted(codes, alphabets, schema, **options):
    votes = votes_of(codes, tuple(alphabets), schema, alphabets, ids=[str(i) for i in range(len(codes))])
    return TagModel(schema=schema).fit(votes, **options), votes


ONE = LabelSchema(["late", "lost"], exclusive=False)
LATE = {"r": (Outcome(("late",)),)}


def test_one_vote_is_worth_its_kind_and_a_tag_that_nobody_votes_for_its_base():
    model, votes = fitted([[0], [-1], [-1], [-1]], LATE, ONE)
    scores = model.predict_proba(votes)
    assert per_row(scores)[0].round(6).tolist() == [0.65, 0.1]
    assert per_row(scores)[1].round(6).tolist() == pytest.approx([(0.65 + 0.5) / 4, 0.1], abs=1e-6)
    table = model.predict(votes).table(run_id="run")
    assert table.schema == pl.Schema(wl.schema.TAG_COLUMNS)
    assert table.drop("pattern").row(0) == (
        "0",
        ["late"],
        "labeled",
        ["late"],
        [pytest.approx(0.65)],
        1,
        "run",
    )
    assert table.drop("pattern").row(1) == ("1", [], "uncovered", [], [], 0, "run")


def test_votes_without_a_vote_and_without_a_rule():
    model, votes = fitted([[-1], [-1]], LATE, ONE)
    assert model.predict(votes).table()["status"].to_list() == ["uncovered", "uncovered"]
    none = TagVotes.of_alphabets(LabelMatrix.from_numpy(np.zeros((2, 0), np.int8), ids=["a", "b"]), ONE, {})
    assert TagModel(schema=ONE).fit(none).predict(none).labels() == []


def test_gold_of_no_rows_is_no_gold():
    codes = [[0], [-1], [0]]
    plain, votes = fitted(codes, LATE, ONE)
    empty, _ = fitted(codes, LATE, ONE, gold=pl.DataFrame({"id": [], "labels": []}))
    assert np.array_equal(per_row(plain.predict_proba(votes)), per_row(empty.predict_proba(votes)))


def test_gold_lowers_a_rule_that_is_wrong_and_opens_a_tag_that_nobody_finds():
    codes = [[i % 2] for i in range(100)]
    alphabets = {"r": (Outcome(("late",)), Outcome(("lost",)))}
    schema = LabelSchema(["late", "lost", "rude"], exclusive=False)
    gold = {str(i): ["rude"] if i % 2 else ["rude", "late"] for i in range(60)}
    model, votes = fitted(codes, alphabets, schema, gold=gold)
    late, lost = per_row(model.predict_proba(votes))[:2]
    assert late[0] > 0.7 and lost[1] < 0.3 and late[2] > 0.9
    assert given_of(model.predict(votes))[:2] == [["late", "rude"], ["rude"]]


def test_a_denial_outweighs_one_vote():
    alphabets = {"yes": (Outcome(("late",)),), "no": (none_of("late"),)}
    model, votes = fitted([[0, 0], [0, -1], [0, -1], [-1, 0], [-1, -1]], alphabets, ONE)
    p = per_row(model.predict_proba(votes))[:, 0]
    assert p[0] < 0.2 < p[1] and p[3] < p[4] < p[1]
    assert given_of(model.predict(votes))[:4] == [[], ["late"], ["late"], []]
    assert votes.contested[votes.inverse].tolist() == [True, False, False, False, False]


def test_a_set_spreads_over_its_members_unless_another_vote_finds_one():
    alphabets = {"set": (outcome(any_of("late", "lost")),), "one": (Outcome(("late",)),)}
    schema = LabelSchema(["late", "lost", "rude"], exclusive=False)
    codes = [[0, -1], [0, 0], [-1, 0], *[[-1, -1]] * 21]
    model, votes = fitted(codes, alphabets, schema)
    alone, both, single, silent = per_row(model.predict_proba(votes))[:4]
    assert silent.tolist() == pytest.approx([1.8 / 23, 0.5 / 25, 0.5 / 25], abs=1e-6)
    some = 1 - (1 - 1.8 / 23) * (1 - 0.5 / 25)
    assert alone[:2].tolist() == pytest.approx([0.7 * 1.8 / 23 / some, 0.7 * 0.5 / 25 / some], abs=1e-6)
    assert alone[2] == silent[2]
    assert single[0] <= both[0] < 0.7 and silent[1] <= both[1] < 0.04


def test_what_is_refused():
    model, votes = fitted([[0]], LATE, ONE)
    with pytest.raises(ModelError, match="is not fitted"):
        TagModel(schema=ONE).predict(votes)
    with pytest.raises(ModelError, match="whose labels are not exclusive"):
        TagModel(schema=LabelSchema(["a", "b"]))
    with pytest.raises(ModelError, match="on other tags"):
        TagModel(schema=SCHEMA).fit(votes)
    with pytest.raises(ModelError, match="votes are TagVotes, not LabelMatrix"):
        TagModel(schema=ONE).fit(matrix([[0] * 6]))
    other = votes_of([[0]], ("new",), ONE, {"new": (Outcome(("late",)),)})
    with pytest.raises(
        ModelError, match="rule 'new' votes for 'late', which it did not when the model was fitted"
    ):
        model.predict(other)
    with pytest.raises(GoldError, match="1 of 1 gold ids are not among the 1 rows at hand: 'z'"):
        TagModel(schema=ONE).fit(votes, gold={"z": []})


def test_what_is_no_saved_model(tmp_path):
    model, _ = fitted([[0]], LATE, ONE)
    with pytest.raises(ModelError, match="no saved model of tags"):
        load(tmp_path / "nothing")
    folder = model.save(tmp_path / "model")
    with pytest.raises(ModelError, match="fitted for other tags \\(new: rude; gone: lost\\)"):
        load(folder, schema=LabelSchema(["late", "rude"], exclusive=False))
    with pytest.raises(
        ModelError, match="a saved model 'tags' of format 1; majority_vote of format 1 is wanted"
    ):
        TagMajority.load(folder)
    (folder / "model.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="the saved model is damaged"):
        load(folder)


def test_a_model_reads_votes_of_fewer_rules_and_in_another_order():
    codes = [[0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [-1, 2, 1, -1, -1, 0]]
    model = TagModel(schema=SCHEMA).fit(votes_of(codes))
    whole = model.predict_proba(votes_of([[-1, 2, 1, -1, -1, 0]]))
    order = ("r5", "r2", "r1")
    part = votes_of([[0, 1, 2]], order, alphabets={rule: ALPHABETS[rule] for rule in order})
    assert np.array_equal(per_row(model.predict_proba(part)), per_row(whole))


def test_without_gold_no_tag_is_given_that_nothing_speaks_for():
    alphabets = {"r": (Outcome(("late",)), Outcome(("lost",)))}
    codes = [[0]] * 9 + [[1]]
    model, votes = fitted(codes, alphabets, ONE)
    assert model.open_.tolist() == []
    assert given_of(model.predict(votes)) == [["late"]] * 9 + [["lost"]]
    few, _ = fitted(codes, alphabets, ONE, gold={str(i): ["late", "lost"] for i in range(9)})
    assert few.open_.tolist() == []
