import sys
import warnings

import numpy as np
import pytest

from weaklabel.errors import ModelError
from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create, load

pytestmark = pytest.mark.snorkel


def votes_of_rules(n=300, m=5, k=3, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    votes = np.where(rng.random((n, m)) < 0.7, truth[:, None], rng.integers(0, k, (n, m)))
    return np.where(rng.random((n, m)) < 0.5, votes, -1).astype(np.int8)


VOTES = votes_of_rules()


def theirs(votes, k, **options):
    import torch
    from snorkel.labeling.model import LabelModel

    state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LabelModel(cardinality=k, verbose=False)
        model.fit(votes.astype(int), progress_bar=False, **options)
        proba = model.predict_proba(votes.astype(int))
    torch.set_rng_state(state)
    return model, proba


@pytest.mark.parametrize("seed", [1, 123])
def test_equals_snorkel(seed):
    model, proba = theirs(VOTES, 3, n_epochs=500, seed=seed)
    ours = create("snorkel", n_classes=3, seed=seed).fit(VOTES)
    assert (ours.mu_ == model.mu.detach().numpy()).all()
    assert np.abs(ours.predict_proba(VOTES) - proba).max() < 1e-6
    assert ours.n_epochs == 500


def test_gold_sets_the_class_balance():
    gold = np.full(len(VOTES), -1)
    gold[:7] = [0, 0, 0, 0, 1, 1, 2]
    ours = create("snorkel", n_classes=3, n_epochs=100).fit(VOTES, gold=gold)
    assert ours.class_balance_ == pytest.approx([0.5, 0.3, 0.2])
    model, _ = theirs(VOTES, 3, n_epochs=100, seed=123, class_balance=[0.5, 0.3, 0.2])
    assert np.abs(ours.mu_ - model.mu.detach().numpy()).max() < 1e-6


def test_missing_answers_are_abstentions_to_snorkel():
    holes = VOTES.copy()
    holes[holes == -1] = -2
    holes[:50][VOTES[:50] == -1] = -1
    a = create("snorkel", n_classes=3, n_epochs=50).fit(LabelMatrix.from_numpy(VOTES, silence=-1))
    b = create("snorkel", n_classes=3, n_epochs=50).fit(LabelMatrix.from_numpy(holes, silence=-1))
    assert (a.mu_ == b.mu_).all()
    assert np.abs(a.predict_proba(VOTES) - b.predict_proba(holes)).max() < 1e-12


def test_many_rules_give_no_nan():
    votes = np.tile([[0], [1], [0]], (1, 300)).astype(np.int8)
    proba = create("snorkel", n_classes=2, n_epochs=2).fit(votes).predict_proba(votes)
    assert np.isfinite(proba).all()


def test_repeated_answers_are_refused():
    import polars as pl

    answers = pl.DataFrame({"item": ["a"] * 4, "labeler": ["x", "x", "y", "z"], "code": [1, 1, 0, 1]})
    with pytest.raises(ModelError, match="one answer per labeler and row"):
        create("snorkel", n_classes=2).fit(LabelMatrix.from_answers(answers))


@pytest.mark.parametrize("options", [{"n_epochs": 0}, {"n_epochs": 1.5}])
def test_options_are_checked(options):
    with pytest.raises(ModelError, match="n_epochs is a whole number"):
        create("snorkel", n_classes=2, **options)


def test_a_loss_that_is_no_number_is_one_clear_error():
    with pytest.raises(ModelError, match="Snorkel's label model failed: Loss is NaN"):
        create("snorkel", n_classes=3, lr=1e30, n_epochs=50).fit(VOTES)


def test_no_rows():
    with pytest.raises(ModelError, match="on no rows"):
        create("snorkel", n_classes=3).fit(VOTES[:0])


@pytest.mark.parametrize("missing", ["torch", "snorkel.labeling.model"])
def test_without_torch_or_snorkel_fitting_says_so_and_predicting_works(missing, monkeypatch, tmp_path):
    model = create("snorkel", n_classes=3, n_epochs=20).fit(VOTES)
    folder = model.save(tmp_path / "m")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModelError) as error:
        create("snorkel", n_classes=3).fit(VOTES)
    assert "Snorkel's label model" in str(error.value)
    assert "hint: pip install snorkel" in str(error.value)
    assert (load(folder).predict_proba(VOTES) == model.predict_proba(VOTES)).all()
