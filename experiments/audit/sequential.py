"""How many labels an audit takes that may stop at any of them: nine sets, three label models.

Usage: python experiments/audit/sequential.py [--draws 1000] [--gaps 0.03 0.05 0.1]
"""

import argparse

import common
import numpy as np
import polars as pl

from weaklabel.audit.bets import evidence_below, fixed_design, order_of, weights
from weaklabel.audit.ranking import chance_wrong, evidence, with_votes

DELTA, OLDER = 0.05, 200


def main(draws, gaps, sets):
    cases = [(case.name, *prepared(case)) for case in common.cases(sets)]
    common.heading(
        ["set / model", "gap", "fixed", "uniform", "learned", "90 % of uniform", "90 % of learned"]
    )
    found = {gap: [] for gap in gaps}
    for name, chance, wrong in cases:
        for gap in gaps:
            tolerated = int(np.floor((wrong.mean() + gap) * len(wrong) + 1e-9))
            fixed = fixed_design(len(wrong), tolerated, int(wrong.sum()), delta=DELTA)
            cells = []
            for weight in (np.ones(len(wrong)), weights(chance)):
                n = np.array([labels(weight, chance, wrong, tolerated, i, 4 * fixed) for i in range(draws)])
                cells.append((n.mean() / fixed, np.quantile(n, 0.9) / fixed))
            found[gap].append([cells[0][0], cells[1][0]])
            common.line([name, gap, fixed, *(f"{c[i]:.2f}" for i in (0, 1) for c in cells)])
    print()
    common.heading(["gap", "median uniform", "median learned", "worst uniform", "worst learned"])
    for gap in gaps:
        all_ = np.array(found[gap])
        common.line([gap, *(f"{x:.3f}" for x in (*np.median(all_, axis=0), *all_.max(axis=0)))])
    everything = np.concatenate([np.array(x) for x in found.values()])
    common.line(["all", *(f"{x:.3f}" for x in (*np.median(everything, axis=0), *everything.max(axis=0)))])
    print()
    common.heading(["one error more than tolerated: set / model", "false, uniform", "false, learned"])
    for name, chance, wrong in cases:
        told = []
        for weight in (np.ones(len(wrong)), weights(chance)):
            n = [labels(weight, chance, wrong, int(wrong.sum()) - 1, i, 3000) for i in range(draws)]
            told.append(np.mean(np.array(n) < min(3000, len(wrong))))
        common.line([name, *(f"{x:.3f}" for x in told)])


def prepared(case):
    """Return the chances that labels are wrong, learned from 200 older answers, and whether they are; without those rows."""
    names = [f"lf:{i}" for i in range(case.votes.shape[1])]
    votes = pl.DataFrame(case.votes, schema=names).with_columns(pl.Series("id", case.ids))
    found = evidence(with_votes(case.population(), votes, [f"c{i}" for i in range(case.k)]))
    older = np.random.default_rng(7).permutation(len(case))[:OLDER]
    chance = np.clip(chance_wrong(found, older, ~case.right[older])[found.kind], 0.01, 0.95)
    kept = np.ones(len(case), dtype=bool)
    kept[older] = False
    return chance[kept], ~case.right[kept]


def labels(weight, chance, wrong, tolerated, i, most):
    """Return at which label the error is certified, `most` where it isn't by then."""
    rng = np.random.default_rng([i, tolerated])
    mixed = np.argsort(rng.exponential(size=len(wrong)) / weight)
    most = min(most, len(wrong))
    order = order_of(weight[mixed], chance[mixed])
    reached = np.flatnonzero(evidence_below(order, wrong[mixed][:most], tolerated) >= 1 / DELTA)
    return reached[0] + 1 if len(reached) else most


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--gaps", type=float, nargs="+", default=[0.03, 0.05, 0.1])
    parser.add_argument("--sets", nargs="+", default=common.SETS)
    options = parser.parse_args()
    main(options.draws, options.gaps, options.sets)
