"""Labels: the label model fitted on vote patterns, and its answers as a table with one status per row."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from weaklabel import label_model
from weaklabel.errors import ModelError
from weaklabel.label_matrix import Sets, VotePatterns
from weaklabel.label_model import LabelModel
from weaklabel.schema import LABEL_COLUMNS, LabelSchema
from weaklabel.settings import Config


def label_table(
    ids: pl.Series,
    patterns: VotePatterns,
    model: Any,
    *,
    schema: LabelSchema,
    threshold: float | None = None,
    run_id: str = "",
) -> pl.DataFrame:
    """Return the table of labels: one row per id, with the columns of `schema.LABEL_COLUMNS`.

    Parameters
    ----------
    ids
        Ids of the rows, in the order of the votes.
    patterns
        Their votes, with `inverse`.
    model
        A fitted label model.
    schema
        The labels.
    threshold
        Rows whose best probability is lower are `below_threshold`.
    run_id
        Goes into every row.

    Returns
    -------
    Status `uncovered`: no votes, so neither label nor probabilities. `tie` and `below_threshold`: probabilities
    but no label. `labeled`: both.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> votes = LabelMatrix.from_numpy([[0, 0], [0, 1], [-1, -1]], ids=["a", "b", "c"])
    >>> model = label_model.create("majority_vote", n_classes=2).fit(votes)
    >>> table = label_table(votes.ids, votes.patterns(), model, schema=LabelSchema(["ham", "spam"]))
    >>> table.select("id", "label", "status").rows()
    [('a', 'ham', 'labeled'), ('b', None, 'tie'), ('c', None, 'uncovered')]
    """
    if patterns.inverse is None:
        raise ModelError("these patterns don't know their rows")
    probabilities = model.predict_proba(patterns)
    chosen = model.predict(patterns)
    covered = patterns.n_votes > 0
    status = np.where(chosen < 0, "tie", "labeled")
    if threshold is not None:
        status = np.where(
            (status == "labeled") & (probabilities.max(1) < threshold), "below_threshold", status
        )
    status = np.where(covered, status, "uncovered")
    names = np.array([*schema.names, None], dtype=object)
    one = pl.DataFrame(
        {
            "label": pl.Series(names[np.where(status == "labeled", chosen, -1)].tolist(), dtype=pl.String),
            "status": pl.Series(status.tolist(), dtype=pl.String),
            "probabilities": pl.Series(
                [row if known else None for row, known in zip(probabilities.tolist(), covered, strict=True)],
                dtype=pl.List(pl.Float32),
            ),
            "n_votes": pl.Series(patterns.n_votes, dtype=pl.Int32),
            "pattern": pl.Series(patterns.keys, dtype=pl.Int64),
        }
    )
    table = one[patterns.inverse].with_columns(ids.rename("id"), pl.lit(run_id).alias("run_id"))
    return table.select(*LABEL_COLUMNS).cast(pl.Schema(LABEL_COLUMNS))


def new_model(config: Config, n_classes: int, outcomes: Sets | None = None) -> LabelModel:
    """Make the configured label model.

    Parameters
    ----------
    config
        With the label model and its options.
    n_classes
        Number of classes.
    outcomes
        The sets of classes that rules may vote for, as `LFRegistry.outcome_codes` gives them.

    Examples
    --------
    >>> new_model(Config(label_model={"name": "majority_vote"}), 2).name
    'majority_vote'
    """
    options = dict(config.label_model)
    name = str(options.pop("name"))
    return label_model.create(
        name, n_classes=n_classes, **options, **({"outcomes": outcomes} if outcomes else {})
    )


def fit(
    config: Config,
    patterns: VotePatterns,
    *,
    n_classes: int,
    outcomes: Sets | None = None,
    gold: Any = None,
    inclusion: Any = None,
) -> Any:
    """Make and fit the configured label model; `gold` and `inclusion` as in `LabelModel.fit`.

    Examples
    --------
    >>> from weaklabel.label_matrix import LabelMatrix
    >>> patterns = LabelMatrix.from_numpy([[0, 0, 1], [1, 1, -1]]).patterns()
    >>> model = fit(Config(label_model={"name": "majority_vote"}), patterns, n_classes=2)
    >>> model.predict([[0, 0, 1], [1, 1, -1]]).tolist()
    [0, 1]
    """
    model = new_model(config, n_classes, outcomes)
    if config.calibrator is None:
        return model.fit(patterns, gold=gold, inclusion=inclusion)
    return model.fit(patterns).calibrate(patterns, gold, method=config.calibrator)
