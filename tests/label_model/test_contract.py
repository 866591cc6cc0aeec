"""One suite for all label models. A property that a model's file lists in BREAKS is a strict xfail here."""

import random
import tracemalloc
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from weaklabel.errors import GoldError, ModelError, OutputError, VotesError
from weaklabel.label_matrix import LabelMatrix, VotePatterns, as_patterns
from weaklabel.label_model import DEFAULT, create, load, names
from weaklabel.label_model.explanation import log_odds

PROPERTIES = {
    "row_order",
    "rule_order",
    "class_order",
    "shards",
    "layouts",
    "refit",
    "uncovered",
    "ties",
    "unanimous",
    "duplicated_rule",
    "likelihood",
    "sets",
    "against",
}
FEW_STEPS = {"snorkel": {"n_epochs": 40}}
K = 3


def make(name, n_classes=K, **options):
    return create(name, n_classes=n_classes, **FEW_STEPS.get(name, {}), **options)


def models(keeps=None):
    out = []
    for name in names():
        marks = [pytest.mark.snorkel] if name == "snorkel" else []
        reason = type(create(name, n_classes=2)).BREAKS.get(keeps)
        if reason:
            marks.append(pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError))
        out.append(pytest.param(name, marks=marks))
    return pytest.mark.parametrize("name", out)


def sample(n=80, m=6, k=K, seed=0, missing=True):
    """Votes of rules with accuracies .5 to .9, some of them for one class only, and the true classes."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(k, n, p=np.arange(k, 0, -1) / np.arange(k, 0, -1).sum())
    votes = np.full((n, m), -1, np.int8)
    for j in range(m):
        right = rng.random(n) < 0.5 + 0.4 * j / m
        said = np.where(right, truth, (truth + rng.integers(1, k, n)) % k)
        fires = (said == j % k) if j < 2 else rng.random(n) < 0.6
        votes[fires, j] = said[fires]
    if missing:
        votes[rng.random((n, m)) < 0.05] = -2
    votes[:3] = -1
    return votes, truth


VOTES, TRUTH = sample()


def test_what_models_break_is_known_and_the_default_breaks_nothing():
    for name in names():
        assert set(type(create(name, n_classes=2)).BREAKS) <= PROPERTIES
    assert type(create("default", n_classes=2)).BREAKS == {}
    assert create("default", n_classes=2).name == DEFAULT


@models()
def test_shapes_types_and_sums(name):
    model = make(name)
    assert model.fit(VOTES) is model
    proba, labels = model.predict_proba(VOTES), model.predict(VOTES)
    assert proba.shape == (len(VOTES), K)
    assert proba.dtype == np.float64
    assert np.abs(proba.sum(axis=1) - 1).max() < 1e-12
    assert (proba >= 0).all()
    assert labels.shape == (len(VOTES),)
    assert labels.dtype == np.int64
    assert set(labels) <= {-1, *range(K)}
    sure = labels >= 0
    assert (labels[sure] == proba[sure].argmax(axis=1)).all()
    assert model.class_balance_.shape == (K,)
    assert abs(model.class_balance_.sum() - 1) < 1e-12


@models()
def test_it_learns_something(name):
    model = make(name).fit(VOTES)
    labels = model.predict(VOTES)
    sure = labels >= 0
    assert (labels[sure] == TRUTH[sure]).mean() > 0.55


@models()
def test_patterns_answer_per_pattern(name):
    patterns = as_patterns(VOTES)
    model = make(name).fit(VOTES)
    proba = model.predict_proba(patterns)
    assert proba.shape == (len(patterns), K)
    assert (proba[patterns.inverse] == model.predict_proba(VOTES)).all()
    assert (model.predict(patterns)[patterns.inverse] == model.predict(VOTES)).all()
    counted = patterns.without_rows()
    assert (make(name).fit(counted).predict_proba(counted) == proba).all()


@models()
def test_arguments_are_left_alone_and_fits_are_deterministic(name):
    votes, gold = VOTES.copy(), np.where(np.arange(len(VOTES)) < 20, TRUTH, -1)
    kept = gold.copy()
    a = make(name).fit(votes, gold=gold).predict_proba(votes)
    assert (votes == VOTES).all()
    assert (gold == kept).all()
    votes.flags.writeable = gold.flags.writeable = False
    b = make(name).fit(votes, gold=gold).predict_proba(votes)
    assert (a == b).all()
    a[:] = 7  # an answer belongs to the caller
    patterns = as_patterns(VOTES)
    model = make(name).fit(patterns)
    first = model.predict_proba(patterns)
    first_copy = first.copy()
    first[:] = 7
    assert (model.predict_proba(patterns) == first_copy).all()


@models()
def test_global_random_generators_are_left_alone(name):
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    if name == "snorkel":
        import torch

        torch.manual_seed(5)
        torch_state = torch.get_rng_state()
    model = make(name).fit(VOTES)
    model.predict(VOTES)
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    if name == "snorkel":
        assert (torch.get_rng_state() == torch_state).all()
    np.random.seed(6)  # noqa: NPY002
    assert (make(name).fit(VOTES).predict_proba(VOTES) == model.predict_proba(VOTES)).all()


@models("row_order")
def test_order_of_rows_bit_for_bit(name):
    order = np.random.default_rng(1).permutation(len(VOTES))
    a = make(name).fit(VOTES).predict_proba(VOTES)
    b = make(name).fit(VOTES[order]).predict_proba(VOTES[order])
    assert (a[order] == b).all()


@models("rule_order")
def test_order_of_rules(name):
    order = np.random.default_rng(1).permutation(VOTES.shape[1])
    named = [f"rule {j}" for j in range(VOTES.shape[1])]
    a = LabelMatrix.from_numpy(VOTES, labelers=named, silence=-1)
    b = LabelMatrix.from_numpy(VOTES[:, order], labelers=[named[j] for j in order], silence=-1)
    model = make(name).fit(a)
    assert np.abs(model.predict_proba(a) - make(name).fit(b).predict_proba(b)).max() < 1e-12
    assert np.abs(model.predict_proba(a) - model.predict_proba(b)).max() < 1e-12  # aligned by name
    nameless = make(name).fit(VOTES[:, order]).predict_proba(VOTES[:, order])
    assert np.abs(make(name).fit(VOTES).predict_proba(VOTES) - nameless).max() < 1e-12


@models("class_order")
def test_order_of_classes(name):
    turn = np.array([2, 0, 1])
    turned = np.where(VOTES >= 0, turn[VOTES], VOTES).astype(np.int8)
    a = make(name).fit(VOTES).predict_proba(VOTES)
    b = make(name).fit(turned).predict_proba(turned)
    assert np.abs(a - b[:, turn]).max() < 1e-12


@models("shards")
def test_shards_are_the_whole(name):
    parts = [LabelMatrix.from_numpy(part, silence=-1).patterns() for part in np.array_split(VOTES, 5)]
    merged = VotePatterns.merge([part.without_rows() for part in parts[::-1]])
    whole = LabelMatrix.from_numpy(VOTES, silence=-1)
    a, b = make(name).fit(whole), make(name).fit(merged)
    assert (a.predict_proba(whole) == b.predict_proba(whole)).all()
    assert (
        np.concatenate([b.predict_proba(part)[part.inverse] for part in parts]) == b.predict_proba(whole)
    ).all()


@models("layouts")
def test_columns_and_events_are_the_same(name):
    columns = LabelMatrix.from_numpy(VOTES, silence=[-1, -1, -1, -2, -2, -1])
    events = columns.as_events()
    model = make(name).fit(columns)
    assert (make(name).fit(events).predict_proba(events) == model.predict_proba(columns)).all()
    assert (model.predict(events) == model.predict(columns)).all()


@models()
def test_silence_may_be_written_either_way_when_predicting(name):
    """-1 and -2 in a row mean the same whichever of the two is left out of the events."""
    fitted = [-1, -1, -1, -2, -2, -1]
    model = make(name).fit(LabelMatrix.from_numpy(VOTES, silence=fitted))
    expected = model.predict_proba(LabelMatrix.from_numpy(VOTES, silence=fitted))
    for silence in (-1, -2, [-2, -1, -1, -1, -2, -1]):
        other = model.predict_proba(LabelMatrix.from_numpy(VOTES, silence=silence))
        assert np.abs(other - expected).max() < 1e-12


@models("refit")
def test_a_refit_on_appended_rows_is_a_fit_from_scratch(name):
    grown = make(name).fit(VOTES[:40]).fit(VOTES)
    assert (grown.predict_proba(VOTES) == make(name).fit(VOTES).predict_proba(VOTES)).all()


@models("uncovered")
def test_rows_without_votes(name):
    votes = np.vstack([VOTES, np.full((1, VOTES.shape[1]), -2, np.int8)])
    model = make(name).fit(votes)
    silent = ~(votes >= 0).any(axis=1)
    assert silent.sum() >= 4
    assert (model.predict_proba(votes)[silent] == model.class_balance_).all()
    assert (model.predict(votes)[silent] == -1).all()
    assert (model.predict(votes)[~silent] >= 0).any()


@models("ties")
def test_ties_are_minus_one(name):
    votes = np.array([[0, 1, -1], [1, 0, -1], [0, 1, -1], [1, 0, -1], [0, 0, 0], [1, 1, 1]], np.int8)
    model = make(name, 2).fit(votes)
    tied = [0, 2] if name != "snorkel" else []
    assert (model.predict(votes)[tied] == -1).all()
    assert np.allclose(model.predict_proba(votes)[tied], 0.5)
    assert (model.predict(votes)[4:] == [0, 1]).all()


@models("unanimous")
def test_unanimous_votes_are_not_inverted(name):
    """Six good rules of two classes, and a seventh, also good, that is mostly heard beside rules it contradicts."""
    rng = np.random.default_rng(0)
    truth = rng.random(2000) < 0.5
    long = rng.random(2000) < 0.3
    votes = np.full((2000, 7), -1, np.int8)
    for j in range(3):
        votes[rng.random(2000) < np.where(~truth, 0.4, np.where(long, 0.5, 0.05)), j] = 0
    for j in range(3, 6):
        votes[rng.random(2000) < np.where(truth & ~long, 0.5, 0.01), j] = 1
    votes[rng.random(2000) < np.where(truth & long, 0.6, 0.01), 6] = 1
    assert min((truth[votes[:, j] == 1].mean() for j in range(3, 7)), default=0) > 0.9
    said_zero, said_one = (votes == 0).any(axis=1), (votes == 1).any(axis=1)
    labels = make(name, 2).fit(votes).predict(votes)
    assert (labels[said_one & ~said_zero] == 1).all()
    assert (labels[said_zero & ~said_one] == 0).all()


@models("duplicated_rule")
@pytest.mark.parametrize("copies", [1, 4])
def test_a_duplicated_rule_does_not_raise_confidence(name, copies):
    copied = np.hstack([VOTES] + [VOTES[:, [3]]] * copies)
    names_ = [f"r{j}" for j in range(copied.shape[1])]
    a = LabelMatrix.from_numpy(VOTES, labelers=names_[: VOTES.shape[1]], silence=-1)
    b = LabelMatrix.from_numpy(copied, labelers=names_, silence=-1)
    assert np.abs(make(name).fit(a).predict_proba(a) - make(name).fit(b).predict_proba(b)).max() < 1e-9


@models("likelihood")
@pytest.mark.parametrize("seed", range(4))
def test_the_likelihood_never_falls(name, seed):
    votes, truth = sample(seed=seed)
    for gold in (None, np.where(np.arange(len(votes)) < 15, truth, -1)):
        model = make(name).fit(votes, gold=gold)
        history = getattr(model, "log_likelihood_", np.zeros(1))
        assert (np.diff(history) >= -1e-9 * np.abs(history[1:])).all()


@models()
def test_saved_and_loaded_is_the_same_to_the_last_bit(name, tmp_path):
    model = make(name).fit(VOTES, gold=np.where(np.arange(len(VOTES)) < 10, TRUTH, -1))
    folder = model.save(tmp_path / "model")
    assert sorted(p.suffix for p in folder.iterdir()) == [".json", ".npz"]
    back = load(folder)
    assert type(back) is type(model)
    assert (back.predict_proba(VOTES) == model.predict_proba(VOTES)).all()
    assert (back.predict(VOTES) == model.predict(VOTES)).all()
    for attribute in (*model.OPTIONS, *model.STATE, "labelers_", "silence_"):
        before, after = getattr(model, attribute), getattr(back, attribute)
        assert type(before) is type(after)
        assert np.array_equal(before, after)
    make(name).fit(VOTES[:30]).save(folder)  # over an older one
    assert len(list(folder.iterdir())) == 2
    assert (load(folder).predict_proba(VOTES) == make(name).fit(VOTES[:30]).predict_proba(VOTES)).all()


# ---- votes that come in parts ----


def parts_of(votes, gold, n_parts=5):
    """Votes as matrices with ids, and the gold of each part."""
    ids = [f"doc {i}" for i in range(len(votes))]
    out = []
    for rows in np.array_split(np.arange(len(votes)), n_parts):
        names_ = [ids[i] for i in rows]
        matrix = LabelMatrix.from_numpy(votes[rows], ids=names_, silence=[-1, -1, -1, -1, -2, -1])
        known = {ids[i]: int(gold[i]) for i in rows if gold[i] >= 0}
        out.append((matrix, known or None))
    return out


def same_model(a, b):
    for attribute in (*a.STATE, "labelers_", "silence_"):
        assert np.array_equal(getattr(a, attribute), getattr(b, attribute)), attribute


@models("shards")
@pytest.mark.parametrize("with_gold", [False, True])
def test_parts_in_any_order_are_the_whole_to_the_last_bit(name, with_gold):
    gold = np.where((np.arange(len(VOTES)) < 30) & with_gold, TRUTH, -1)
    parts = parts_of(VOTES, gold)
    ((whole, known),) = parts_of(VOTES, gold, 1)
    expected = make(name).fit(whole, gold=known)
    for order in (range(5), (3, 0, 4, 1, 2)):
        model = make(name)
        for i in order:
            matrix, known = parts[i]
            assert model.partial_fit(matrix, gold=known) is model
        same_model(model, expected)
        assert (model.predict_proba(whole) == expected.predict_proba(whole)).all()


@models("shards")
def test_parts_may_be_patterns_and_their_sizes_do_not_matter(name):
    whole = as_patterns(VOTES)
    table = np.zeros((len(whole), K), np.int64)
    table[::3, 1] = 1
    expected = make(name).fit(whole, gold=table)
    half = whole.without_rows()
    half = replace(half, counts=np.where(half.counts > 1, half.counts // 2, half.counts))
    rest = replace(half, counts=whole.counts - half.counts)
    model = (
        make(name).partial_fit(rest).partial_fit(half, gold=table)
    )  # a pattern may stand for no rows so far
    same_model(model, expected)


@models("shards")
def test_a_saved_model_goes_on_where_it_stopped(name, tmp_path):
    gold = np.where(np.arange(len(VOTES)) < 30, TRUTH, -1)
    parts = parts_of(VOTES, gold)
    model = make(name)
    for i, (matrix, known) in enumerate(parts):
        model.partial_fit(matrix, gold=known)
        model = load(model.save(tmp_path / str(i)))
    ((whole, known),) = parts_of(VOTES, gold, 1)
    same_model(model, make(name).fit(whole, gold=known))


@models()
def test_a_fit_keeps_no_counts(name, tmp_path):
    model = make(name).fit(VOTES)
    for fitted in (model, load(model.save(tmp_path / "m"))):
        with pytest.raises(ModelError) as error:
            fitted.partial_fit(VOTES)
        assert str(error.value) == (
            f"this label model '{name}' was fitted by fit, which keeps no counts to add to\n"
            "  hint: make a new model and give it every part with partial_fit"
        )
    again = make(name).partial_fit(VOTES).fit(VOTES[:40])
    same_model(again, make(name).fit(VOTES[:40]))
    with pytest.raises(ModelError, match="keeps no counts"):
        again.partial_fit(VOTES)


@models()
def test_a_part_that_does_not_fit_changes_nothing(name):
    model = make(name).partial_fit(VOTES)
    before = model.predict_proba(VOTES)
    with pytest.raises(VotesError, match="different labelers: 1 missing"):
        model.partial_fit(VOTES[:, :5])
    with pytest.raises(VotesError, match="there are 3 classes"):
        model.partial_fit(np.full((3, 6), 3))
    with pytest.raises(GoldError, match="out of range"):
        model.partial_fit(VOTES, gold=np.full(len(VOTES), 3))
    assert (model.predict_proba(VOTES) == before).all()
    same_model(model.partial_fit(VOTES[:40]), make(name).fit(np.vstack([VOTES, VOTES[:40]])))


# ---- memory ----


@models()
@pytest.mark.parametrize(("n", "m", "k", "coverage"), [(30_000, 20, 2, 0.3), (20_000, 20, 12, 0.15)])
def test_the_memory_estimate_is_right_within_a_factor_of_two(name, n, m, k, coverage):
    rng = np.random.default_rng(0)
    votes = np.where(rng.random((n, m)) < coverage, rng.integers(0, k, (n, m)), -1).astype(np.int8)
    votes[:, 0] = rng.integers(0, k, n)
    few = {"n_epochs": 1} if name == "snorkel" else {"max_iter": 3} if "max_iter" in options_of(name) else {}
    model = create(name, n_classes=k, **few).fit(LabelMatrix.from_numpy(votes[:50], silence=-1))
    patterns = LabelMatrix.from_numpy(votes, silence=-1).patterns().without_rows()
    estimate = model.fit_bytes(patterns)
    held = [patterns.indptr, patterns.labeler_index, patterns.codes, patterns.counts, patterns.keys]
    tracemalloc.start()
    model.fit(patterns)
    peak = tracemalloc.get_traced_memory()[1] + sum(array.nbytes for array in held)
    tracemalloc.stop()
    assert peak / 2 < estimate < peak * 2


def options_of(name):
    return type(create(name, n_classes=2)).OPTIONS


@models()
def test_a_big_fit_says_so_beforehand(name, monkeypatch, caplog):
    model = make(name)
    with caplog.at_level("WARNING", logger="weaklabel.label_model"):
        model.fit(VOTES)
        assert "beyond the votes" not in caplog.text
        monkeypatch.setattr("weaklabel.label_model.base.BIG", 1000)
        model.fit(VOTES)
    patterns = as_patterns(VOTES)
    assert (
        f"fitting {name} takes about 0.0 GB beyond the votes: "
        f"{len(patterns)} distinct rows, {len(patterns.codes)} votes"
    ) in caplog.text


# ---- explanations ----


@models()
@pytest.mark.parametrize("k", [2, K])
def test_explanations_add_up_and_leave_out(name, k):
    votes, truth = (VOTES, TRUTH) if k == K else sample(k=2, seed=3)
    silence = [-1, -1, -1, -2, -1, -1]
    whole = LabelMatrix.from_numpy(votes, silence=silence)
    gold = np.where(np.arange(len(votes)) < 10, truth, -1)
    model = make(name, k).fit(whole, gold={str(i): int(g) for i, g in enumerate(gold) if g >= 0})
    labels, proba = model.predict(whole), model.predict_proba(whole)
    scales = set()
    for i in [0, *range(3, 40)]:
        told = model.explain(LabelMatrix.from_numpy(votes[[i]], silence=silence))
        assert (told.posterior == proba[i]).all()
        assert told.label == labels[i]
        asked = np.flatnonzero(votes[i] > -2)
        assert told.labelers == tuple(str(j) for j in asked)
        assert told.votes == tuple(votes[i, asked])
        without = np.repeat(votes[[i]], len(asked), axis=0)
        without[np.arange(len(asked)), asked] = -2  # as if it had not been asked
        without = LabelMatrix.from_numpy(without, silence=silence)
        assert np.abs(told.posterior_without - model.predict_proba(without)).max() < 1e-12
        assert told.without == tuple(model.predict(without))
        scales.add(told.scale)
        if (votes[i] < 0).all():
            assert not told.contributions.any()
        elif told.scale == "log odds":
            total = told.prior + told.contributions.sum(axis=0)
            assert total == pytest.approx(log_odds(told.posterior), rel=1e-9, abs=1e-9)
        elif told.scale == "share":
            assert told.contributions.sum(axis=0) == pytest.approx(told.posterior, abs=1e-12)
            assert not told.prior.any()
        else:
            change = log_odds(told.posterior) - log_odds(told.posterior_without)
            assert told.contributions == pytest.approx(change, abs=1e-9)
    assert len(scales) == 1
    assert scales <= {"log odds", "share", "left out"}


@models()
def test_every_form_of_one_row_is_explained_alike(name):
    model = make(name).fit(VOTES)
    row = VOTES[20]
    assert (row >= 0).sum() > 1
    forms = [row.tolist(), row, row[None, :], LabelMatrix.from_numpy(row[None, :]), as_patterns(row[None, :])]
    first, *others = [model.explain(form) for form in forms]
    for told in others:
        assert told.labelers == first.labelers
        assert told.contributions == pytest.approx(first.contributions, abs=1e-12)
    with pytest.raises(VotesError, match="explain takes one row of votes, and these are 2 different rows"):
        model.explain([[0, 1, 1, 0, -1, -1], [1, 1, 1, 0, -1, -1]])
    with pytest.raises(VotesError, match="votes 3, and there are 3 classes"):
        model.explain([0, 3, -1, -1, -1, -1])
    with pytest.raises(ModelError, match="not fitted"):
        make(name).explain(row)
    with pytest.raises(ModelError, match="votes of 5 labelers; the model was fitted on 6"):
        model.explain(row[:5])


@models()
def test_every_form_of_votes_and_gold_agrees(name):
    ids = [f"doc {i}" for i in range(len(VOTES))]
    known = np.where(np.arange(len(VOTES)) < 25, TRUTH, -1)
    mapping = {ids[i]: int(TRUTH[i]) for i in range(25)}
    matrix = LabelMatrix.from_numpy(VOTES, ids=ids)
    patterns = as_patterns(VOTES)
    expected = make(name).fit(VOTES, gold=known).predict_proba(VOTES)
    for votes, gold in (
        (matrix, mapping),
        (matrix, pl.DataFrame({"id": list(mapping), "code": list(mapping.values())}).reverse()),
        (patterns, patterns.gold_table(known, n_classes=K)),
        (VOTES.astype(np.int64), known.tolist()),
        (VOTES.tolist(), known),
    ):
        assert (make(name).fit(votes, gold=gold).predict_proba(VOTES) == expected).all()
    with pytest.raises(GoldError, match="not among the votes: 'nobody'"):
        make(name).fit(matrix, gold={**mapping, "nobody": 0})
    with pytest.raises(GoldError, match="joined by id"):
        make(name).fit(matrix, gold=known)
    with pytest.raises(GoldError, match="gold code 3 is out of range"):
        make(name).fit(VOTES, gold=np.full(len(VOTES), 3))
    with pytest.raises(GoldError, match="the votes have 80 rows"):
        make(name).fit(VOTES, gold=known[:5])


@models()
@pytest.mark.parametrize(
    ("votes", "labels"),
    [
        ([[-1, -1, -1]] * 3, [-1, -1, -1]),
        ([[0, 0, 0]], [0]),
        ([[1, 1, -1], [1, -1, 1], [-1, 1, 1]], [1, 1, 1]),  # classes 0 and 2 are never voted
        ([[-2, -2, -2], [0, -2, 0]], [-1, 0]),
    ],
)
def test_small_and_lopsided_votes_have_defined_answers(name, votes, labels):
    model = make(name).fit(votes)
    proba = model.predict_proba(votes)
    assert np.isfinite(proba).all()
    assert np.allclose(proba.sum(axis=1), 1)
    assert model.predict(votes).tolist() == labels


@models()
def test_a_billion_rows(name):
    if name == "snorkel":
        pytest.skip("Snorkel needs every row in memory")
    patterns = as_patterns(VOTES).without_rows()
    many = replace(patterns, counts=patterns.counts * 10**9)
    proba = make(name).fit(many).predict_proba(patterns)
    assert np.isfinite(proba).all()
    assert np.allclose(proba.sum(axis=1), 1)


@models()
def test_gold_against_all_votes(name):
    votes = np.where(VOTES == 2, 0, VOTES).astype(np.int8)  # nobody says 2, and all gold does
    for known in (np.full(len(votes), 2), np.where(np.arange(len(votes)) < 20, 2, -1)):
        model = make(name).fit(votes, gold=known)
        proba = model.predict_proba(votes)
        assert np.isfinite(proba).all()
        assert np.allclose(proba.sum(axis=1), 1)


@models()
def test_one_rule(name):
    votes = [[0], [1], [-1], [0]]
    if name == "snorkel":
        with pytest.raises(ModelError) as error:
            make(name, 2).fit(votes)
        assert "at least 3 rules, and these votes have 1" in str(error.value)
        return
    model = make(name, 2).fit(votes)
    assert model.predict(votes).tolist() == [0, 1, -1, 0]


@models()
def test_two_rules_that_always_disagree(name):
    if name == "snorkel":
        with pytest.raises(ModelError, match="at least 3 rules"):
            make(name, 2).fit([[0, 1], [1, 0]])
        return
    votes = [[0, 1], [1, 0]] * 20
    model = make(name, 2).fit(votes)
    assert np.allclose(model.predict_proba(votes), 0.5)
    assert (model.predict(votes) == -1).all()


@models()
@pytest.mark.parametrize(
    ("votes", "error", "message"),
    [
        (np.array([[0.0, np.nan, 1.0]]), VotesError, "these hold NaN"),
        (np.array([[0.0, 1.0, 1.0]]), VotesError, "values of type float64"),
        ([[0, 3, 1]], VotesError, "labeler '1' votes 3, and there are 3 classes: 0 to 2"),
        ([[0, -3, 1]], VotesError, "vote -3 is out of range"),
        ([0, 1, 2], VotesError, "votes are a matrix"),
        (np.zeros((3, 0), int), VotesError, "without a single labeler"),
        (pl.DataFrame({"id": ["a"], "lf:x": [0]}), VotesError, "a frame is no votes"),
    ],
)
def test_votes_that_are_none(name, votes, error, message):
    with pytest.raises(error) as told:
        make(name).fit(votes)
    assert message in str(told.value)
    model = make(name).fit(VOTES[:, :3])
    with pytest.raises(error) as told:
        model.predict_proba(votes)
    assert message in str(told.value)


@models()
def test_other_labelers_than_in_the_fit(name):
    fitted = LabelMatrix.from_numpy(VOTES[:, :4], labelers=["a", "b", "c", "d"], silence=[-1, -1, -1, -2])
    model = make(name).fit(fitted)
    with pytest.raises(ModelError) as error:
        model.predict(LabelMatrix.from_numpy(VOTES[:, :4], labelers=["a", "b", "d", "e"]))
    assert str(error.value) == (
        "other labelers than in the fit (new: e; missing: c)\n"
        "  available: a, b, c, d\n"
        "  hint: predict with the labelers of the fit, or fit again"
    )
    with pytest.raises(ModelError, match="votes of 5 labelers; the model was fitted on 4"):
        model.predict_proba(VOTES[:, :5])
    with pytest.raises(ModelError, match="votes of 3 labelers; the model was fitted on 4"):
        model.predict_proba(VOTES[:, :3])
    nameless = model.predict_proba(VOTES[:, :4])  # by position
    assert np.allclose(nameless, model.predict_proba(fitted), rtol=0, atol=1e-12)
    absent = LabelMatrix.from_numpy(VOTES[:, :3], labelers=["a", "b", "c"])  # d is a person: not asked
    with_d = VOTES[:, :4].copy()
    with_d[:, 3] = -2
    assert np.allclose(model.predict_proba(absent), model.predict_proba(with_d), atol=1e-12)


@models()
def test_not_fitted(name, tmp_path):
    for ask in (lambda m: m.predict(VOTES), lambda m: m.predict_proba(VOTES), lambda m: m.save(tmp_path)):
        with pytest.raises(ModelError, match=f"label model '{name}' is not fitted"):
            ask(make(name))


@models()
def test_a_folder_that_can_not_be_written(name, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="can't save the label model"):
        make(name).fit(VOTES).save(tmp_path / "file" / "model")


@models()
@pytest.mark.parametrize("n_classes", [1, 0, -2, 127, 2.0, "2", None, True])
def test_numbers_of_classes_that_make_no_sense(name, n_classes):
    with pytest.raises(ModelError, match="n_classes"):
        create(name, n_classes=n_classes)


@models()
def test_a_misspelt_option_is_named(name):
    with pytest.raises(ModelError) as error:
        create(name, n_classes=2, sed=1, n_epoch=3)
    assert f"label model '{name}' has no option 'sed'" in str(error.value)
    assert "available:" in str(error.value)


def corrects():
    return pytest.mark.parametrize("name", [n for n in names() if type(create(n, n_classes=2)).CORRECTS])


@corrects()
def test_gold_corrects_a_model_that_is_wrong_and_is_saved_with_it(name, tmp_path):
    votes = 1 - np.where(
        VOTES >= 0, np.minimum(VOTES, 1), VOTES
    )  # every vote for 0 says 1, and the other way round
    votes = np.where(VOTES >= 0, votes, VOTES)
    truth = np.minimum(TRUTH, 1)
    gold = np.where(np.arange(len(votes)) < 60, truth, -1)
    heard = (votes >= 0).any(axis=1) & (gold < 0)
    before = make(name, 2).fit(votes)
    after = make(name, 2).fit(votes, gold=gold)
    accuracy = [(m.predict_proba(votes).argmax(axis=1) == truth)[heard].mean() for m in (before, after)]
    assert accuracy[0] < 0.4 < 0.6 < accuracy[1]
    assert after.correction_.n_gold == ((votes >= 0).any(axis=1) & (gold >= 0)).sum()
    after.save(tmp_path)
    assert (load(tmp_path).predict_proba(votes) == after.predict_proba(votes)).all()
    assert load(tmp_path).correction_.caution == after.correction_.caution


@corrects()
def test_a_corrected_model_reads_columns_by_name_and_forgets_gold_at_the_next_fit(name):
    ids = [str(i) for i in range(len(VOTES))]
    rules = [f"rule {j}" for j in range(VOTES.shape[1])]
    whole = LabelMatrix.from_numpy(VOTES, ids=ids, labelers=rules)
    gold = {ids[i]: int(TRUTH[i]) for i in range(40)}
    model = make(name).fit(whole, gold=gold)
    turned = LabelMatrix.from_numpy(np.ascontiguousarray(VOTES[:, ::-1]), ids=ids, labelers=rules[::-1])
    assert model.predict_proba(turned) == pytest.approx(model.predict_proba(whole), abs=1e-12)
    again = model.fit(whole)
    assert again.correction_ is None
    assert (again.predict_proba(whole) == make(name).fit(whole).predict_proba(whole)).all()


@corrects()
def test_gold_of_one_class_changes_nothing(name):
    gold = np.where(TRUTH == 0, 0, -1)
    assert (
        make(name).fit(VOTES, gold=gold).predict_proba(VOTES) == make(name).fit(VOTES).predict_proba(VOTES)
    ).all()


def named(votes=VOTES):
    ids = [str(i) for i in range(len(votes))]
    return LabelMatrix.from_numpy(votes, ids=ids, labelers=[f"rule {j}" for j in range(votes.shape[1])])


def known(rows):
    return {str(i): int(TRUTH[i]) for i in rows}


@models()
@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_calibration_is_the_last_word_and_is_saved_and_forgotten(name, method, tmp_path):
    model = make(name).fit(named())
    before = model.predict_proba(VOTES)
    assert model.calibrate(named(), known(range(40)), method=method) is model
    after = model.predict_proba(VOTES)
    heard = (VOTES >= 0).any(axis=1)
    truth = TRUTH[:40][heard[:40]]
    loss = [-np.log(np.maximum(p[:40][heard[:40], truth], 1e-6)).mean() for p in (before, after)]
    assert loss[1] < loss[0]
    assert np.abs(after.sum(axis=1) - 1).max() < 1e-12
    assert (after[~heard] == model.class_balance_).all()
    if method == "temperature":
        clear = np.sort(before, axis=1)[:, -1] - np.sort(before, axis=1)[:, -2] > 1e-6
        assert (after.argmax(axis=1) == before.argmax(axis=1))[clear & heard].all()
    model.save(tmp_path)
    assert (load(tmp_path).predict_proba(VOTES) == after).all()
    assert model.fit(named()).calibrator_ is None


def test_rows_of_the_fit_are_no_calibration_rows(tmp_path):
    model = make("default").fit(named(), gold=known(range(20)))
    with pytest.raises(GoldError, match="5 of the calibration rows were in the fit"):
        model.calibrate(named(), known(range(15, 40)))
    assert model.calibrator_ is None
    model.save(tmp_path)
    with pytest.raises(GoldError, match="1 of the calibration rows were in the fit"):
        load(tmp_path).calibrate(named(), known([19, 30]))
    model.calibrate(named(), known(range(20, 40)))
    parts = make("default").partial_fit(named(), gold=known(range(3)))
    with pytest.raises(GoldError, match="3 of the calibration rows"):
        parts.calibrate(named(), known(range(10)))


def test_calibration_without_rows_or_method():
    model = make("majority_vote").fit(VOTES)
    with pytest.raises(GoldError, match="no gold row with votes to calibrate by"):
        model.calibrate(
            VOTES, np.where(np.arange(len(VOTES)) < 3, 0, -1)
        )  # the first three rows have no votes
    with pytest.raises(GoldError, match="no gold row with votes"):
        model.calibrate(VOTES, None)
    with pytest.raises(ModelError, match="no calibrator 'platt'"):
        model.calibrate(VOTES, TRUTH, method="platt")
    with pytest.raises(ModelError, match="is not fitted"):
        make("majority_vote").calibrate(VOTES, TRUTH)


@models()
def test_a_class_is_named_where_its_expected_f1_is_largest(name):
    model = make(name).fit(VOTES)
    heard = (VOTES >= 0).any(axis=1)
    labels, p = model.predict(VOTES, f1_class=2), model.predict_proba(VOTES)
    named_rows = labels == 2
    assert (labels[~heard] == -1).all()
    assert named_rows[heard].any()
    assert p[named_rows, 2].min() > p[heard & ~named_rows, 2].max(initial=0)

    def expected(rows):
        return 2 * p[rows, 2].sum() / (rows.sum() + p[heard, 2].sum())

    for threshold in np.unique(p[heard, 2]):
        assert expected(named_rows) >= expected(heard & (p[:, 2] >= threshold)) - 1e-12
    rest = heard & ~named_rows & (labels >= 0)
    assert (labels[rest] == p[rest][:, :2].argmax(axis=1)).all()
    with pytest.raises(ModelError, match="f1_class=3: the classes are 0 to 2"):
        model.predict(VOTES, f1_class=3)
    assert (model.predict(VOTES[:3], f1_class=2) == -1).all()


def test_gold_rows_count_by_the_inverse_of_their_inclusion_probability():
    # A skewed draw: every gold row of class 0, a tenth of the others. Weighted, the class balance comes out right.
    rng = np.random.default_rng(0)
    truth = (rng.random(4000) < 0.5).astype(int)
    votes = np.where(rng.random((4000, 3)) < 0.7, truth[:, None], 1 - truth[:, None])
    votes[rng.random((4000, 3)) < 0.3] = -1
    chance = np.where(truth == 0, 0.5, 0.05)
    gold = np.where(rng.random(4000) < chance, truth, -1)
    plain = create("default", n_classes=2).fit(votes, gold=gold)
    weighted = create("default", n_classes=2).fit(votes, gold=gold, inclusion=chance)
    assert plain.class_balance_[0] > 0.6
    assert weighted.class_balance_[0] == pytest.approx(0.5, abs=0.05)
    assert weighted.correction_.n_gold < plain.correction_.n_gold
    order = rng.permutation(4000)
    turned = create("default", n_classes=2).fit(votes[order], gold=gold[order], inclusion=chance[order])
    assert (turned.predict_proba(votes) == weighted.predict_proba(votes)).all()
    ids = [str(i) for i in range(4000)]
    matrix = LabelMatrix.from_numpy(votes, ids=ids)
    by_id = {ids[i]: int(gold[i]) for i in np.flatnonzero(gold >= 0)}
    drawn = {ids[i]: float(chance[i]) for i in np.flatnonzero(gold >= 0)}
    named_fit = create("default", n_classes=2).fit(matrix, gold=by_id, inclusion=drawn)
    assert (named_fit.predict_proba(votes) == weighted.predict_proba(votes)).all()


def test_inclusion_probabilities_that_make_no_sense():
    gold = np.where(np.arange(len(VOTES)) < 20, TRUTH, -1)
    even = np.full(len(VOTES), 0.5)
    for bad in (0.0, 1.5, np.nan, -1.0):
        wrong = even.copy()
        wrong[7] = bad
        with pytest.raises(GoldError, match="inclusion probability") as error:
            make("default").fit(VOTES, gold=gold, inclusion=wrong)
        assert "row 7" in str(error.value)
    with pytest.raises(GoldError, match=r"inclusion has the shape \(3,\)"):
        make("default").fit(VOTES, gold=gold, inclusion=even[:3])
    with pytest.raises(GoldError, match="inclusion probability nan") as error:
        make("default").fit(named(), gold=known(range(5)), inclusion={"0": 0.5})
    assert "1" in str(error.value)
    patterns = as_patterns(VOTES).without_rows()
    table = as_patterns(VOTES).gold_table(gold, n_classes=K)
    with pytest.raises(GoldError, match="go with gold rows, not with counts"):
        make("default").fit(patterns, gold=table, inclusion=even)
    with pytest.raises(ModelError, match="can't weigh it"):
        make("dawid_skene").fit(VOTES, gold=gold, inclusion=even)
    same = make("default").fit(VOTES, gold=gold, inclusion=even).predict_proba(VOTES)
    assert same == pytest.approx(make("default").fit(VOTES, gold=gold).predict_proba(VOTES), abs=1e-9)


@models()
def test_rows_that_are_not_grouped_get_the_same_answers(name, monkeypatch):
    from weaklabel.label_matrix import patterns

    votes = VOTES.astype(np.int8)
    for array in (votes, np.where(votes == -2, -1, votes)):
        model = make(name).fit(array)
        grouped = model.predict_proba(array), model.predict(array), model.predict(array, f1_class=1)
        monkeypatch.setattr(patterns, "PROBE", 20)
        monkeypatch.setattr(patterns, "mostly_distinct", lambda votes: True)
        monkeypatch.setattr("weaklabel.label_matrix.matrix.mostly_distinct", lambda votes: True)
        rows = model.predict_proba(array), model.predict(array), model.predict(array, f1_class=1)
        monkeypatch.undo()
        for one, other in zip(grouped, rows, strict=True):
            assert (one == other).all()
