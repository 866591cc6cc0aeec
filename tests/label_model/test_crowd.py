"""On public crowd-sourced labels: Dawid-Skene's labels equal crowd-kit's, given the same start and no smoothing."""

import warnings

import numpy as np
import polars as pl
import pytest

from weaklabel.label_matrix import LabelMatrix
from weaklabel.label_model import create

pytestmark = pytest.mark.data

# Passes; few on the large sets, so that crowd-kit is done in seconds.
AS_IT_IS = {
    "bluebird": 40,
    "dog": 40,
    "rte": 40,
    "web": 10,
    "product": 15,
    "trec2010": 4,
    "labelme": 10,
    "fact_eval": 3,
}
# crowd-kit takes no expected count below 1e-10. On these two sets that decides labels after some passes.
FLOOR_LOWERED = {"web": 40, "labelme": 60, "rte": 20}
CLOSE = 1e-6


def answers(folder, name):
    frame = pl.read_parquet(folder / f"crowd/{name}.parquet").cast(
        {"item": pl.String, "annotator": pl.String}
    )
    labels = frame["label"].unique().sort()
    return frame.with_columns(code=labels.search_sorted(frame["label"]).cast(pl.Int8)), len(labels)


def crowd_kit(frame, n_iter):
    aggregation = pytest.importorskip("crowdkit.aggregation", reason="crowd-kit is not installed")
    long = frame.select(task="item", worker="annotator", label=pl.col("code").cast(pl.Int64)).to_pandas()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # crowd-kit's use of pandas
        return aggregation.DawidSkene(n_iter=n_iter, tol=-np.inf).fit_predict_proba(long)


def both(folder, name, passes):
    frame, k = answers(folder, name)
    votes = LabelMatrix.from_answers(frame, item="item", labeler="annotator", code="code")
    theirs = crowd_kit(frame, passes).reindex(index=votes.ids.to_list(), columns=range(k)).to_numpy()
    model = create("dawid_skene", n_classes=k, smoothing=0, tol=0, max_iter=passes, keep_unanimous=False)
    return model.fit(votes).predict_proba(votes), theirs


def assert_same_labels(ours, theirs):
    ranked = np.sort(theirs, axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > CLOSE
    assert clear.mean() > 0.99
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1))[clear].all()


@pytest.mark.parametrize("name", AS_IT_IS)
def test_labels_equal_crowd_kits(data_dir, name):
    assert_same_labels(*both(data_dir, name, AS_IT_IS[name]))


@pytest.mark.parametrize("name", FLOOR_LOWERED)
def test_labels_equal_crowd_kits_without_its_floor(data_dir, name, monkeypatch):
    module = pytest.importorskip(
        "crowdkit.aggregation.classification.dawid_skene", reason="crowd-kit is not installed"
    )
    monkeypatch.setattr(module, "_EPS", 1e-300)
    ours, theirs = both(data_dir, name, FLOOR_LOWERED[name])
    assert_same_labels(ours, theirs)
    assert np.abs(ours - theirs).max() < 1e-3


def test_majority_vote_has_the_published_accuracy(data_dir):
    """Of the truth-inference study's copy of the sets, in per cent; ties go to the smaller label."""
    published = {
        "bluebird": 75.93,
        "dog": 81.78,
        "rte": 91.87,
        "web": 77.65,
        "product": 89.66,
        "labelme": 76.90,
    }
    for name, expected in published.items():
        frame, k = answers(data_dir, name)
        votes = LabelMatrix.from_answers(frame, item="item", labeler="annotator", code="code")
        labels = pl.read_parquet(data_dir / f"crowd/{name}.parquet")["label"].unique().sort()
        gold = pl.read_parquet(data_dir / f"crowd/{name}.gold.parquet").cast({"item": pl.String})
        said = create("majority_vote", n_classes=k).fit(votes).predict_proba(votes).argmax(axis=1)
        table = pl.DataFrame({"item": votes.ids, "said": labels.gather(said)}).join(gold, on="item")
        assert 100 * (table["said"] == table["gold"]).mean() == pytest.approx(expected, abs=0.006), name
