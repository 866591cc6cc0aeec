"""Labels held against a label model: the twin, what is found in simulation, and how sure that is."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive import confident_doubts
from weaklabel.audit.doubts import DOUBTS, MISSING, WRONG, check_labels
from weaklabel.audit.scores import Beliefs
from weaklabel.errors import GoldError, SchemaError
from weaklabel.label_model import create

NAMES = ("a", "b", "c")


@given(st.integers(1, 12), st.integers(0, 10_000))
def test_doubts_are_those_of_the_naive_twin(n, seed):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([0.4] * 3, n)
    votes = rng.integers(-1, 3, (n, 2))
    votes[0] = 1
    codes = rng.integers(-1, 3, n)
    ids = pl.Series("id", [f"r{i}" for i in range(n)])
    given_ = pl.Series([None if c < 0 else NAMES[c] for c in codes], dtype=pl.String)
    found = check_labels(ids, given_, Beliefs(NAMES, p, votes, ("x", "y")))
    wrong, missing = confident_doubts(p.tolist(), codes.tolist(), (votes >= 0).any(axis=1).tolist())
    for kind, rows in ((WRONG, wrong), (MISSING, missing)):
        mine = found.frame.filter(pl.col("kind") == kind)
        assert {int(i[1:]) for i in mine["id"]} == rows
        assert mine["chance"].is_sorted(descending=True)
    assert found.checked == (codes >= 0).sum()
    assert found.silent == (votes < 0).all(axis=1).sum()
    back = check_labels(ids.reverse(), given_.reverse(), Beliefs(NAMES, p[::-1], votes[::-1], ("x", "y")))
    assert back.frame.drop("chance").equals(found.frame.drop("chance"))


def corrupted(n=3000, flipped=0.08, seed=0):
    """Gold, labels of which some are wrong and some missing, and what rules believe that have not seen them."""
    rng = np.random.default_rng(seed)
    gold = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    votes = np.where(rng.random((n, 6)) < 0.8, gold[:, None], rng.integers(0, 3, (n, 6)))
    votes[rng.random((n, 6)) < 0.4] = -1
    wrong = rng.random(n) < flipped
    codes = np.where(wrong, (gold + rng.integers(1, 3, n)) % 3, gold)
    p = create("default", n_classes=3).fit(votes).predict_proba(votes)
    ids = pl.Series("id", [f"r{i:04}" for i in range(n)])
    labels = [None if i % 50 == 0 else NAMES[c] for i, c in enumerate(codes)]
    truth = pl.DataFrame({"id": ids, "label": [NAMES[c] for c in gold]})
    return ids, pl.Series(labels, dtype=pl.String), Beliefs(NAMES, p, votes, tuple("uvwxyz")), truth, wrong


def test_wrong_labels_stand_first_and_their_share_is_as_said():
    ids, labels, beliefs, truth, wrong = corrupted()
    found = check_labels(ids, labels, beliefs)
    doubts = found.frame.filter(pl.col("kind") == WRONG).join(truth, on="id", maintain_order="left")
    right = (doubts["given"] != doubts["label"]).to_numpy()
    assert right[:100].mean() > 0.95  # 8 % of all labels are wrong
    assert right.sum() > 0.6 * wrong.sum()
    assert found.precision[WRONG].value == pytest.approx(right.mean(), abs=0.05)
    assert "which nobody has checked" in found.sentences[1]
    missing = found.frame.filter(pl.col("kind") == MISSING).join(truth, on="id", maintain_order="left")
    assert (missing["better"] == missing["label"]).mean() > 0.9


def test_the_label_counts_as_a_vote_in_the_chance():
    """Without it, the model's own probability claims far more than is right."""
    ids, labels, beliefs, truth, _ = corrupted()
    found = check_labels(ids, labels, beliefs)
    doubts = found.frame.filter(pl.col("kind") == WRONG).join(truth, on="id", maintain_order="left")
    right = (doubts["given"] != doubts["label"]).mean()
    place = {id: i for i, id in enumerate(ids)}
    plain = [
        1 - beliefs.probabilities[place[i], NAMES.index(g)]
        for i, g in doubts.select("id", "given").iter_rows()
    ]
    assert abs(np.mean(plain) - right) > 2 * abs(found.precision[WRONG].value - right)


def test_gold_says_how_many_doubts_are_right():
    ids, labels, beliefs, truth, _ = corrupted()
    gold = truth.sample(600, seed=1).with_columns(inclusion=pl.lit(0.2))
    found = check_labels(ids, labels, beliefs, gold=gold)
    doubts = found.frame.filter(pl.col("kind") == WRONG).join(truth, on="id", maintain_order="left")
    right = float((doubts["given"] != doubts["label"]).mean())
    told = found.precision[WRONG]
    assert told.low <= right <= told.high and told.n == doubts.join(gold, on="id").height >= 10
    assert f"by {told.n} gold rows among them" in found.sentences[1]
    assert "are not known" not in found.sentences[1]
    unknown = check_labels(ids, labels, beliefs, gold=gold.drop("inclusion"))
    assert "may not be like the others" in unknown.sentences[1]
    few = check_labels(ids, labels, beliefs, gold=gold.head(30))
    assert few.precision[WRONG].low is None and "too few to tell" in few.sentences[1]


def test_gold_rows_count_by_their_chance():
    p = np.array([[0.05, 0.95]] * 20 + [[0.9, 0.1]] * 20)
    beliefs = Beliefs(("a", "b"), p, p.argmax(axis=1)[:, None], ("x",))
    ids = pl.Series("id", [f"r{i:02}" for i in range(40)])
    labels = pl.Series(["a"] * 12 + ["b"] * 8 + ["a"] * 20)
    gold = pl.DataFrame({"id": ids[:12], "label": ["b"] * 6 + ["a"] * 6, "inclusion": [0.1] * 6 + [0.9] * 6})
    found = check_labels(ids, labels, beliefs, gold=gold)
    assert found.precision[WRONG].value == pytest.approx(60 / (60 + 6 / 0.9))


def test_evidence_names_the_rules():
    p = np.array([[0.05, 0.95], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    votes = np.array([[1, 1, 0], [0, -1, -1], [1, 1, -1], [-1, 1, -1]])
    beliefs = Beliefs(("ham", "spam"), p, votes, ("link", "win", "dear"))
    found = check_labels(pl.Series("id", list("abcd")), pl.Series(["ham", "ham", "spam", None]), beliefs)
    assert found.frame.columns == list(DOUBTS)
    row = found.frame.row(0, named=True)
    assert (row["id"], row["against"], row["speaking_for"]) == ("a", ["link", "win"], ["dear"])
    assert (
        row["why"]
        == "labeled ham; spam by 0.95 of the label model; against it: link, win (spam); for it: dear"
    )
    missing = found.frame.row(1, named=True)
    assert (missing["id"], missing["kind"]) == ("d", MISSING)
    assert missing["why"] == "no label; spam by 0.90 of the label model; rules: win (spam)"


def test_people_see_the_label_that_is_there():
    ids, labels, beliefs, *_ = corrupted(n=500)
    found = check_labels(ids, labels, beliefs)
    shown = found.suggestions()
    given_ = dict(zip(ids, labels, strict=True))
    assert shown.height and all(given_[item] == label for item, label in shown.iter_rows())
    assert shown.height == (found.frame["kind"] == WRONG).sum()


def test_good_labels_are_not_doubted():
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    found = check_labels(
        pl.Series(["a", "b"]), pl.Series(["x", "y"]), Beliefs(("x", "y"), p, np.array([[0], [1]]), ("r",))
    )
    assert found.sentences == ("2 labels looked at: none is doubtful",)
    assert found.to_dict()["doubts"] == []


def test_what_is_wrong_is_said():
    beliefs = Beliefs(("ham", "spam"), np.array([[0.9, 0.1]]), np.array([[0]]), ("r",))
    with pytest.raises(SchemaError, match="1 of 1 labels are no label of this task: 'Spam'") as error:
        check_labels(pl.Series(["a"]), pl.Series(["Spam"]), beliefs)
    assert error.value.where == "row 'a'" and "spam" in error.value.hint
    with pytest.raises(GoldError, match="2 labels and 1 rows"):
        check_labels(pl.Series(["a"]), pl.Series(["ham", "ham"]), beliefs)
    with pytest.raises(GoldError, match="no rule votes on any"):
        silent = Beliefs(("ham", "spam"), np.array([[0.5, 0.5]]), np.array([[-1]]), ("r",))
        check_labels(pl.Series(["a"]), pl.Series(["ham"]), silent)
    with pytest.raises(GoldError, match="gold has no column 'label'"):
        p = np.array([[0.1, 0.9]] * 3)
        rows = Beliefs(("ham", "spam"), p, np.ones((3, 1), int), ("r",))
        check_labels(
            pl.Series(list("abc")), pl.Series(["ham", "spam", "spam"]), rows, gold=pl.DataFrame({"id": ["a"]})
        )
