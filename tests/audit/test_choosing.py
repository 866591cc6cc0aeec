"""The next rows to ask about: who gets the budget, reasons, and that no choice spoils an estimate."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.audit.choosing import select
from weaklabel.audit.estimates import accuracy
from weaklabel.audit.sample import collect
from weaklabel.audit.scores import Beliefs
from weaklabel.audit.selected import SELECTION, USES, Candidates, Wishes
from weaklabel.audit.vectors import text_vectors
from weaklabel.errors import GoldError
from weaklabel.gold.sampling import DRAW


def corpus(n=300, seed=0, embeddings=False):
    """Rows of three classes, a rare one among them, some without votes, with texts that tell the class."""
    rng = np.random.default_rng(seed)
    gold = rng.choice(3, n, p=[0.6, 0.37, 0.03])
    votes = np.where(rng.random((n, 4)) < 0.75, gold[:, None], rng.integers(0, 3, (n, 4)))
    votes[rng.random((n, 4)) < 0.35] = -1
    votes[rng.random(n) < 0.15] = -1
    counts = np.stack([(votes == c).sum(axis=1) for c in range(3)], axis=1) + 0.3
    p = counts / counts.sum(axis=1, keepdims=True)
    words = np.array(["red car", "blue bus", "green tram"])
    texts = [f"{words[g]} {w}" for g, w in zip(gold, rng.choice(["late", "early", "nice"], n), strict=True)]
    beliefs = Beliefs(
        ("a", "b", "c"),
        p,
        votes,
        tuple("wxyz"),
        committee={"other": p[:, [0, 1, 2]] ** 2 / (p**2).sum(1)[:, None]},
    )
    ids = pl.Series("id", [f"r{i:04}" for i in range(n)])
    flat = np.eye(3)[gold] if embeddings else None
    return Candidates(ids, beliefs, text_vectors(pl.Series(texts)), flat), gold


NO_WORDS = Wishes(uses={"audit": 1, "learning": 1, "rare": 1, "coverage": 1}, rare=("c",))
ALL = Wishes(uses=dict.fromkeys(USES, 1.0), rare=("c",))


@given(st.integers(1, 60), st.dictionaries(st.sampled_from(USES), st.floats(0.01, 5), min_size=1))
def test_budget_is_split_to_the_last_label(budget, uses):
    found = Wishes(uses=uses).split(budget, [use for use in USES if use in uses])
    assert sum(found.values()) == budget
    total = sum(uses.values())
    assert all(abs(size - budget * uses[use] / total) < 1 for use, size in found.items())


@settings(max_examples=25)
@given(st.integers(5, 80), st.integers(0, 100))
def test_each_use_gets_its_labels_and_every_row_its_chance(budget, seed):
    rows, _ = corpus(120, seed=3)
    chosen = select(rows, budget, seed=seed, wishes=ALL)
    assert chosen.frame.columns == list(SELECTION)
    assert dict(chosen.frame.group_by("use").len().iter_rows()) == {
        u: n for u, n in chosen.wanted.items() if n
    }
    assert sum(chosen.wanted.values()) == budget
    assert chosen.frame["inclusion"].is_between(0, 1, closed="right").all()
    assert (chosen.frame["any"] >= chosen.frame["inclusion"] - 1e-12).all()
    assert chosen.frame["why"].str.len_chars().min() > 5
    assert chosen.together().columns == list(DRAW)
    assert chosen.together()["id"].is_unique().all()


def test_order_of_rows_does_not_matter():
    rows, _ = corpus(120, embeddings=True)
    back = Candidates(
        rows.ids.reverse(),
        Beliefs(rows.beliefs.names, rows.beliefs.probabilities[::-1], rows.beliefs.votes[::-1],
                rows.beliefs.rules, {"other": rows.beliefs.committee["other"][::-1]}),
        embeddings=rows.embeddings[::-1],
    )  # fmt: skip
    uses = Wishes(uses={"audit": 1, "learning": 1, "rare": 1, "coverage": 1}, rare=("c",))
    one = select(rows, 30, seed=5, wishes=uses).frame
    other = select(back, 30, seed=5, wishes=uses).frame
    # groups are numbered in the order of a hash, so even their names are the same
    assert one.drop("any", "inclusion", "why", "score").equals(other.drop("any", "inclusion", "why", "score"))
    assert one["any"].to_numpy() == pytest.approx(other["any"].to_numpy())


def test_uses_ask_about_other_rows():
    rows, gold = corpus(600, seed=1)
    chosen = select(rows, 150, seed=2, wishes=ALL).frame
    place = {id: i for i, id in enumerate(rows.ids)}
    silent = ~rows.beliefs.covered
    at = {use: np.array([place[i] for i in part["id"]]) for (use,), part in chosen.group_by("use")}
    assert silent[at["coverage"]].all()
    margins = np.sort(rows.beliefs.probabilities, axis=1)
    close = 1 - (margins[:, -1] - margins[:, -2])
    assert close[at["learning"]].mean() > close[~silent].mean() + 0.1
    assert (gold[at["rare"]] == 2).mean() > 2 * (gold == 2).mean()


def test_reasons_name_what_was_seen():
    rows, _ = corpus(300, seed=1)
    chosen = select(rows, 100, seed=2, wishes=ALL).frame
    said = {use: " | ".join(part["why"]) for (use,), part in chosen.group_by("use")}
    assert said["audit"].startswith("drawn at random: 20 of 300 rows")
    assert "rules disagree" in said["learning"] or "close call" in said["learning"]
    assert "no rule votes; stands for" in said["coverage"] and "alike rows: " in said["coverage"]
    assert "may be c (" in said["rare"]
    assert "words speak for" in said["suspected"]


def test_together_each_chance_is_that_of_simulation():
    rows, _ = corpus(60, seed=4, embeddings=True)
    wishes = Wishes(uses={"audit": 1, "learning": 2, "coverage": 1}, rare=("c",))
    hits, chance, draws = np.zeros(60), {}, 600
    place = {id: i for i, id in enumerate(rows.ids)}
    for seed in range(draws):
        found = select(rows, 16, seed=seed, wishes=wishes).together()
        for id, p in found.select("id", "inclusion").iter_rows():
            hits[place[id]] += 1
            chance.setdefault(id, []).append(p)
    for id, ps in chance.items():
        assert np.mean(ps) == pytest.approx(hits[place[id]] / draws, abs=5 * np.sqrt(0.25 / draws))


def drawn_accuracies(how, draws=150):
    """Return truth, and estimates of accuracy with their intervals over many selections."""
    rows, gold = corpus(500, seed=7, embeddings=True)
    names = np.array(rows.beliefs.names)
    population = pl.DataFrame({"id": rows.ids, "label": names[rows.beliefs.guess]})
    truth = pl.DataFrame({"id": rows.ids, "label": names[gold]})
    right = float((rows.beliefs.guess == gold).mean())
    found = [how(select(rows, 120, seed=s, wishes=NO_WORDS), population, truth) for s in range(draws)]
    return right, found


def estimate(frames, population, truth):
    ids = pl.concat([f["id"] for f in frames]).unique().implode()
    figure = accuracy(collect(population, frames, truth.filter(pl.col("id").is_in(ids))))
    return figure.estimate


@pytest.mark.parametrize(
    "how",
    [
        lambda c, p, t: estimate([c.together()], p, t),
        lambda c, p, t: estimate([c.of("audit")], p, t),
        lambda c, p, t: estimate([c.of("audit"), c.of("learning"), c.of("rare")], p, t),
    ],
    ids=["together", "audit", "draws"],
)
def test_biased_choices_do_not_spoil_an_estimate(how):
    right, found = drawn_accuracies(how)
    values = np.array([e.value for e in found])
    assert abs(values.mean() - right) < 4 * values.std() / np.sqrt(len(values)) + 0.005
    assert np.mean([e.low <= right <= e.high for e in found]) >= 0.91


def test_that_test_can_fail_for_picks_whose_chances_are_ignored():
    def plain(chosen, population, truth):
        both = chosen.together().join(population, on="id").join(truth, on="id", suffix="_true")
        return float((both["label"] == both["label_true"]).mean())

    right, found = drawn_accuracies(plain, draws=40)
    assert abs(np.mean(found) - right) > 4 * np.std(found) / np.sqrt(40) + 0.005


def test_coverage_alone_is_refused_for_all_rows():
    rows, _ = corpus(300, seed=1)
    chosen = select(rows, 20, seed=1, wishes=Wishes(uses={"coverage": 1}))
    assert "say something of these only" in chosen.notes[-1]
    population = pl.DataFrame({"id": rows.ids, "label": ["a"] * 300})
    with pytest.raises(GoldError, match="had no chance to be drawn"):
        collect(population, [chosen.of("coverage")], pl.DataFrame({"id": chosen.ids, "label": ["a"] * 20}))


def test_coverage_reaches_every_kind_of_text():
    texts = ["red car"] * 40 + ["blue bus"] * 40 + ["green tram"]
    beliefs = Beliefs(("a", "b"), np.full((81, 2), 0.5), np.full((81, 1), -1))
    rows = Candidates(
        pl.Series("id", [f"r{i:02}" for i in range(81)]), beliefs, text_vectors(pl.Series(texts), fewest=1)
    )
    chosen = select(rows, 6, seed=0, wishes=Wishes(uses={"coverage": 1}))
    kinds = {texts[int(id[1:])] for id in chosen.ids}
    assert kinds == {"red car", "blue bus", "green tram"}
    assert chosen.frame.filter(pl.col("id") == "r80")["inclusion"].to_list() == [1.0]
    assert "unlike all others: green" in chosen.frame.filter(pl.col("id") == "r80")["why"][0]


def test_uses_without_anything_leave_their_part_to_others():
    p = np.array([[1.0, 0.0]] * 20)
    rows = Candidates(
        pl.Series("id", [f"r{i}" for i in range(20)]), Beliefs(("a", "b"), p, np.zeros((20, 2), int))
    )
    chosen = select(rows, 5, seed=0)
    assert chosen.wanted == {"audit": 5}
    assert chosen.notes == (
        "nothing is chosen for learning: rules and label model are of one mind on every row",
        "nothing is chosen for coverage: every row has votes",
        "nothing is chosen for suspected: no label is in doubt",
    )
    assert chosen.sentences[0] == "5 rows of 20: 5 for audit"
    with pytest.raises(GoldError, match="nothing to choose rows for: nothing is chosen for coverage"):
        select(rows, 5, seed=0, wishes=Wishes(uses={"coverage": 1}))


def test_more_labels_than_rows():
    rows, _ = corpus(12)
    chosen = select(rows, 40, seed=0, wishes=Wishes(uses={"audit": 1}))
    assert len(chosen.ids) == 12 and chosen.frame["any"].to_list() == [1.0] * 12
    assert "40 rows were asked for and there are 12" in chosen.notes[0]


def test_coverage_takes_no_more_than_there_are_rows_without_votes():
    rows, _ = corpus(120, seed=3)
    silent = int((~rows.beliefs.covered).sum())
    chosen = select(rows, 80, seed=0, wishes=Wishes(uses={"coverage": 3, "audit": 1}))
    assert 5 < silent < 60
    assert chosen.wanted == {"audit": 80 - silent, "coverage": silent}


def test_rows_drawn_twice_are_asked_once():
    rows, _ = corpus(40)
    chosen = select(rows, 40, seed=0, wishes=Wishes(uses={"audit": 1, "learning": 1}))
    assert len(chosen.ids) < chosen.frame.height == 40
    assert f"{40 - len(chosen.ids)} drawn for more than one use are asked once" in chosen.sentences[0]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"uses": {"audits": 1}}, "there is no use 'audits'"),
        ({"uses": {"audit": -1}}, "0 or more, not -1"),
        ({"uses": {"audit": 0}}, "all shares are 0"),
        ({"uniform": 0}, "above 0 and at most 1, not 0"),
        ({"focus": 0}, "focus is above 0"),
    ],
)
def test_wishes_that_make_no_sense(wishes, said):
    with pytest.raises(GoldError, match=said):
        Wishes(**wishes)


def test_input_that_makes_no_sense():
    rows, _ = corpus(10)
    with pytest.raises(GoldError, match="at least 1 label, not 0"):
        select(rows, 0, seed=0)
    with pytest.raises(GoldError, match="no class 'd'"):
        select(rows, 2, seed=0, wishes=Wishes(uses={"rare": 1}, rare=("d",)))
    with pytest.raises(GoldError, match="no rows to choose from"):
        select(
            Candidates(
                pl.Series("id", [], pl.String), Beliefs(("a", "b"), np.zeros((0, 2)), np.zeros((0, 1)))
            ),
            1,
            seed=0,
        )
    with pytest.raises(GoldError, match="texts are of 10 rows, and there are 9 ids"):
        Candidates(rows.ids[:9], Beliefs(("a", "b"), np.full((9, 2), 0.5), np.zeros((9, 1))), rows.words)
