"""What a team has decided on how its people work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from weaklabel.errors import GoldError
from weaklabel.gold.agreeing.redundancy import Redundancy
from weaklabel.gold.asking.batches import BatchSettings
from weaklabel.gold.judging.checks import Season
from weaklabel.gold.judging.training import TrainingRules


@dataclass(frozen=True)
class Rules:
    """What a team has decided on how its people work.

    Parameters
    ----------
    people
        Annotators and their share of the work.
    batch, redundancy, training, season
        See `BatchSettings`, `Redundancy`, `TrainingRules` and `Season`. The batch's `alpha`,
        `history` and `floor` are not read: the season's level, the checks that people have had and the floors here
        take their place.
    floor, kappa_floor
        What nobody should be below on hidden checks, as in `judge_batches`.
    review
        Share of the agreed items of a batch that a reviewer sees.
    consensus
        Method of `weaklabel.gold.agreeing.consensus.consensus`.
    retention_days
        Answers older than this are erased whenever something is written, and a tombstone is left; None: all are kept.

    Raises
    ------
    GoldError
        Answers would be kept for less than no days.

    Examples
    --------
    >>> Rules(people={"ann": 1.0}).review
    0.05
    """

    people: Mapping[str, float] = field(default_factory=dict)
    batch: BatchSettings = field(default_factory=BatchSettings)
    redundancy: Redundancy = field(default_factory=Redundancy)
    training: TrainingRules = field(default_factory=TrainingRules)
    season: Season = field(default_factory=lambda: Season(people=5, batches=20))
    floor: float | None = None
    kappa_floor: float | None = None
    review: float = 0.05
    consensus: str = "dawid_skene"
    retention_days: float | None = None

    def __post_init__(self) -> None:
        if self.retention_days is not None and not self.retention_days >= 0:
            raise GoldError(f"answers are kept for 0 days or more, not {self.retention_days}")

    @property
    def annotators(self) -> pl.DataFrame:
        """The people as a frame: `annotator` and `weight`."""
        rows = sorted(self.people.items())
        return pl.DataFrame(rows, schema={"annotator": pl.String, "weight": pl.Float64}, orient="row")
