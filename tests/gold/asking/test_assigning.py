"""Work shared out among people: exact numbers, even loads, mixed pairs, and no dependence on order."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.errors import GoldError
from weaklabel.gold.asking.assigning import (
    ASSIGNMENT,
    _loads,
    assign,
    listed,
    may_ask,
    odd,
    suggestion_lists,
    suggestions_to_show,
)
from weaklabel.gold.ledger.records import KINDS, check_records


def names(letter, n):
    return [f"{letter}{i}" for i in range(n)]


def met(asked):
    """How many items each pair of people shares."""
    together = asked.T.astype(int) @ asked.astype(int)
    return together[np.triu_indices(len(together), 1)]


@given(n=st.integers(1, 30), k=st.integers(1, 8), needed=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_every_item_has_its_people_and_loads_differ_by_one_at_most(n, k, needed, seed):
    needed = min(needed, k)
    asked = assign(names("i", n), names("p", k), needed=needed, seed=seed)
    assert (asked.sum(axis=1) == needed).all()
    assert np.ptp(asked.sum(axis=0)) <= 1


@pytest.mark.parametrize(
    ("n", "k", "needed", "apart"), [(60, 6, 3, 2), (100, 7, 3, 1), (50, 9, 3, 1), (40, 8, 5, 3)]
)
def test_pairs_of_people_share_items_evenly(n, k, needed, apart):
    mean = n * needed * (needed - 1) / (k * (k - 1))
    for seed in range(6):
        shared = met(assign(names("i", n), names("p", k), needed=needed, seed=seed))
        assert shared.mean() == pytest.approx(mean, abs=0.5)
        assert np.ptp(shared) <= apart


def test_work_goes_by_weight_and_nobody_is_asked_twice_about_an_item():
    asked = assign(names("i", 200), names("p", 5), needed=3, seed=1, weights=[2, 1, 1, 1, 1])
    assert asked.sum(axis=0).tolist() == [200, 100, 100, 100, 100]
    # a weight of 10 asks for more than there is: 20 items at most, the rest is shared by the others
    asked = assign(names("i", 20), names("p", 4), needed=2, seed=1, weights=[10, 1, 1, 1])
    assert asked.sum(axis=0).tolist()[0] == 20
    assert sorted(asked.sum(axis=0).tolist()[1:]) == [6, 7, 7]


def test_loads_by_hand():
    assert _loads(10, np.array([1.0, 1.0, 1.0]), np.array([10, 10, 10])).tolist() == [4, 3, 3]
    assert _loads(10, np.array([3.0, 1.0, 1.0]), np.array([10, 10, 10])).tolist() == [6, 2, 2]
    assert _loads(10, np.array([3.0, 1.0, 1.0]), np.array([4, 10, 0])).tolist() == [4, 6, 0]
    assert _loads(6, np.array([1.0, 1.0]), np.array([3, 3])).tolist() == [3, 3]


@st.composite
def tables(draw):
    n, k = draw(st.integers(1, 12)), draw(st.integers(1, 6))
    cells = draw(st.lists(st.booleans(), min_size=n * k, max_size=n * k))
    may = np.array(cells).reshape(n, k)
    needed = [draw(st.integers(0, int(room))) for room in may.sum(axis=1)]
    weights = draw(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=k, max_size=k))
    return may, needed, weights


def reachable(may, needed, loads):
    """Whether a flow gives every item its people and every person exactly this load."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_flow

    n, k = may.shape
    size = n + k + 2
    graph = np.zeros((size, size), dtype=np.int32)
    graph[0, 1 : n + 1] = needed
    graph[1 : n + 1, n + 1 : n + 1 + k] = may
    graph[n + 1 : n + 1 + k, size - 1] = loads
    return maximum_flow(csr_matrix(graph), 0, size - 1).flow_value == sum(needed)


@settings(max_examples=200)
@given(table=tables(), seed=st.integers(0, 100))
def test_who_may_not_be_asked_is_not_and_shares_are_met_whenever_a_flow_meets_them(table, seed):
    may, needed, weights = table
    people = names("p", may.shape[1])
    asked = assign(names("i", len(may)), people, needed=needed, seed=seed, weights=weights, may=may)
    assert asked.sum(axis=1).tolist() == needed
    assert not (asked & ~may).any()
    loads = asked.sum(axis=0)
    # the same loads in another order of equal people would do too: look at the shares as they were made
    from weaklabel.fingerprint import event_hash

    order = sorted(range(len(people)), key=lambda p: (event_hash(f"person {people[p]}", seed), people[p]))
    wanted = np.empty(len(people), dtype=int)
    wanted[order] = _loads(sum(needed), np.array(weights)[order], may.sum(axis=0)[order])
    assert wanted.sum() == sum(needed)
    if reachable(may, needed, wanted):
        assert loads.tolist() == wanted.tolist()


@given(seed=st.integers(0, 1000), shuffle=st.randoms(use_true_random=False))
def test_the_order_of_items_and_people_changes_nothing(seed, shuffle):
    items, people = names("i", 12), names("p", 5)
    weights = {p: 1.0 + (p == "p2") for p in people}
    seen = pl.DataFrame({"item": ["i1", "i1", "i7"], "annotator": ["p0", "p3", "p2"]})

    def pairs(items, people):
        may = may_ask(items, people, seen)
        asked = assign(items, people, needed=3, seed=seed, weights=[weights[p] for p in people], may=may)
        return {(items[i], people[p]) for i, p in zip(*asked.nonzero(), strict=True)}

    first = pairs(items, people)
    shuffle.shuffle(items)
    shuffle.shuffle(people)
    assert pairs(items, people) == first


def test_another_seed_is_another_assignment():
    items, people = names("i", 12), names("p", 5)
    found = {assign(items, people, needed=3, seed=seed).tobytes() for seed in range(5)}
    assert len(found) == 5


def test_nothing_to_share_out():
    assert assign([], ["ann"], needed=1, seed=1).shape == (0, 1)
    assert assign(["a"], [], needed=0, seed=1).shape == (1, 0)


def test_faults():
    with pytest.raises(GoldError, match="item 'a' needs 3 people, and 2 of 2 may be asked"):
        assign(["a"], ["ann", "bob"], needed=3, seed=1)
    with pytest.raises(GoldError, match="item 'b' needs 2 people, and 1 of 2 may be asked"):
        assign(["a", "b"], ["ann", "bob"], needed=2, seed=1, may=np.array([[True, True], [True, False]]))
    with pytest.raises(GoldError, match="weight of 'bob' is 0, and weights are positive numbers"):
        assign(["a"], ["ann", "bob"], needed=1, seed=1, weights=[1, 0])
    with pytest.raises(GoldError, match="person 'ann' stands twice"):
        assign(["a"], ["ann", "ann"], needed=1, seed=1)


# ---- lists ----


def pairs_of(n, people=("ann", "bob")):
    return pl.DataFrame({"item": [i for i in names("i", n) for _ in people], "annotator": list(people) * n})


def test_lists_are_records_and_each_person_has_an_order_of_their_own():
    found = listed(pairs_of(30), batch="b1", seed=1)
    assert dict(found.schema) == ASSIGNMENT == KINDS["assignment"]
    assert check_records("assignment", found, task="t").equals(found)
    orders = found.partition_by("annotator", as_dict=True)
    assert orders["ann",]["position"].to_list() == list(range(1, 31)) == orders["bob",]["position"].to_list()
    assert orders["ann",]["item"].to_list() != orders["bob",]["item"].to_list()
    assert sorted(orders["ann",]["item"]) == sorted(orders["bob",]["item"])
    assert found.equals(listed(pairs_of(30).reverse(), batch="b1", seed=1))
    assert not found.equals(listed(pairs_of(30), batch="b1", seed=2))


def test_positions_are_fair():
    first = [listed(pairs_of(10, ["ann"]), batch="b1", seed=seed)["item"][0] for seed in range(1000)]
    counts = [first.count(item) for item in names("i", 10)]
    assert sum((c - 100) ** 2 / 100 for c in counts) < 27.9  # chi-square, 9 degrees, 0.001


def test_later_items_come_after_those_that_a_person_has():
    before = listed(pairs_of(3), batch="b1", seed=1)
    other = listed(pairs_of(9), batch="b0", seed=1)
    later = listed(
        pl.DataFrame({"item": ["z", "z"], "annotator": ["ann", "cid"]}),
        batch="b1",
        seed=1,
        before=pl.concat([before, other]),
    )
    assert later.select("annotator", "position").rows() == [("ann", 4), ("cid", 1)]


def test_who_sees_a_suggestion_is_a_coin_and_the_hidden_one_is_kept():
    suggestions = pl.DataFrame({"item": names("i", 1500), "suggestion": [["ham"]] * 1500})
    found = listed(pairs_of(2000), batch="b1", seed=5, suggestions=suggestions, blind=0.3)
    offered = found.filter(pl.col("suggestion").is_not_null())
    assert offered.height == 3000
    assert abs(offered["blind"].mean() - 0.3) < 4 * (0.21 / 3000) ** 0.5
    assert found.filter(pl.col("suggestion").is_null())["blind"].all()
    both = offered.pivot(
        on="annotator", index="item", values="blind"
    )  # the two people's coins are independent
    assert abs((both["ann"] & both["bob"]).mean() - 0.09) < 4 * (0.09 * 0.91 / 1500) ** 0.5
    shown = suggestions_to_show(found)
    assert shown.columns == ["annotator", "item", "suggestion"]
    assert shown.height == offered.height - offered["blind"].sum()


def test_suggestions_are_labels_or_lists_of_them():
    given = pl.DataFrame({"item": ["a", "b"], "suggestion": ["ham", None]})
    assert suggestion_lists(given).rows() == [("a", ["ham"])]
    assert suggestion_lists(given.with_columns(suggestion=pl.Series([["x", "y"], None]))).rows() == [
        ("a", ["x", "y"])
    ]
    assert suggestion_lists(None).height == 0
    with pytest.raises(GoldError, match="an item has two suggestions: 'a'"):
        suggestion_lists(pl.DataFrame({"item": ["a", "a"], "suggestion": ["x", "y"]}))
    with pytest.raises(GoldError, match="no column 'suggestion' in the suggestions"):
        suggestion_lists(pl.DataFrame({"item": ["a"], "label": ["x"]}))


def test_odd():
    assert [odd(n) for n in range(6)] == [0, 1, 1, 3, 3, 5]
