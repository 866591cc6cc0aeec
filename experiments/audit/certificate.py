"""How much of a corpus a certificate accepts, and how often it is false: nine sets, three label models.

Usage: python experiments/audit/certificate.py [--draws 1000] [--errors 0.02 0.05 0.1] [--labels 100 200 500]
"""

import argparse

import common
import numpy as np
import polars as pl

from weaklabel.audit.certificate import Goal
from weaklabel.audit.certifying import pilot_size, ranks, strength
from weaklabel.audit.ranking import chance_wrong, evidence, with_votes
from weaklabel.audit.regions import aim, cut, fewest_labels, measure, outward

DELTA = 0.05


def main(draws, errors, labels, sets):
    cases = [(case.name, *prepared(case)) for case in common.cases(sets)]
    common.heading(["error", "labels", *WAYS, "best by confidence", "false: " + ", ".join(WAYS)])
    for error in errors:
        best = np.mean([best_possible(confidence, wrong, error) for _, _, confidence, wrong in cases])
        for g in labels:
            if g < fewest_labels(10**7, error, 1 - DELTA):
                common.line([error, g, "refused"])
                continue
            found = np.array(
                [
                    [cell(way, found, confidence, wrong, error, g, draws) for way in WAYS.values()]
                    for _, found, confidence, wrong in cases
                ]
            )
            worst = ", ".join(
                f"{x:.3f} (worst {y:.3f})"
                for x, y in zip(found[:, :, 1].mean(0), found[:, :, 1].max(0), strict=True)
            )
            common.line([error, g, *(f"{x:.3f}" for x in found[:, :, 0].mean(axis=0)), f"{best:.3f}", worst])
    print()
    common.heading(["boundary: error", "labels", "false: " + ", ".join(WAYS)])
    for error in errors:
        for g in labels:
            if g >= fewest_labels(10**7, error, 1 - DELTA):
                stress = boundary(error)
                told = ", ".join(f"{cell(way, *stress, error, g, draws)[1]:.3f}" for way in WAYS.values())
                common.line([error, g, told])


def prepared(case):
    """Return the evidence of the rows, their confidences, and whether each label is wrong."""
    names = [f"lf:{i}" for i in range(case.votes.shape[1])]
    votes = pl.DataFrame(case.votes, schema=names).with_columns(pl.Series("id", case.ids))
    return (
        evidence(with_votes(case.population(), votes, [f"c{i}" for i in range(case.k)])),
        case.confidence,
        ~case.right,
    )


def boundary(error, n=5000, levels=20):
    """Return a corpus in which every region by confidence holds one error more than is tolerated."""
    confidence = np.linspace(0.99, 0.6, levels).repeat(n // levels)
    wrong = np.zeros(n, dtype=bool)
    for j in range(levels):
        size = n // levels * (j + 1)
        low = size - n // levels
        missing = int(np.floor(error * size + 1e-9)) + 1 - wrong.sum()
        wrong[low : low + missing] = True
    rows = pl.DataFrame({"label": ["x"] * n, "confidence": confidence})
    return evidence(rows), confidence, wrong


def best_possible(confidence, wrong, error):
    """Return the largest share by confidence whose error is tolerated, if all were known."""
    order = np.lexsort((np.random.default_rng(0).random(len(wrong)), -confidence))
    fine = np.flatnonzero(np.cumsum(wrong[order]) <= error * np.arange(1, len(wrong) + 1))
    return (fine[-1] + 1) / len(wrong) if len(fine) else 0.0


def cell(way, found, confidence, wrong, error, g, draws):
    """Return the mean share accepted and the share of false certificates."""
    told = [way(found, confidence, wrong, error, g, np.random.default_rng([i, g])) for i in range(draws)]
    return np.mean([(size, bad) for size, bad in told], axis=0)


def judged(rank, size, wrong, error):
    """Return the share accepted and whether it holds more errors than tolerated."""
    return size / len(wrong), wrong[rank < size].sum() > np.floor(error * size + 1e-9)


def learned(found, confidence, wrong, error, g, rng):
    """The package's way: a pilot that teaches which labels are wrong, regions, fresh labels, tests in a fixed sequence."""
    n = len(wrong)
    if g < fewest_labels(n, error, 1 - DELTA):
        return 0.0, False
    mixed = rng.permutation(n)
    first = mixed[: pilot_size(n, Goal(error, g, 1 - DELTA))]
    chance = chance_wrong(found, first, wrong[first])[found.kind]
    return tested(ranks(chance, rng.random(n)), chance, mixed, len(first), wrong, error, g)


def by_confidence(found, confidence, wrong, error, g, rng):
    """The same without a learned order: regions by the label model's confidence, a pilot of a fifth."""
    mixed = rng.permutation(len(wrong))
    first = mixed[: g // 5]
    rank = ranks(1 - confidence, rng.random(len(wrong)))
    sizes = cut(len(wrong))
    region = np.searchsorted(sizes, rank, side="right")
    seen, bad = (np.bincount(region[x], minlength=len(sizes)).cumsum() for x in (first, first[wrong[first]]))
    guess = (bad + 0.5 + 2 * error) / (seen + 5)
    return tested(
        rank,
        np.diff(guess * sizes, prepend=0)[region] / np.diff(sizes, prepend=0)[region],
        mixed,
        len(first),
        wrong,
        error,
        g,
    )


def tested(rank, chance, mixed, pilot, wrong, error, g):
    first, rest = mixed[:pilot], mixed[pilot:]
    regions = measure(rank, chance, first, wrong[first], cut(len(wrong)))
    chosen = aim(regions, g - pilot, error=error, delta=DELTA, strength=strength(pilot))
    drawn = rest[rank[rest] < regions.rows[chosen.outer]][: g - pilot]
    region = np.searchsorted(regions.rows, rank[drawn], side="right")
    many = len(regions.rows)
    checked = np.bincount(region, minlength=many).cumsum()
    bad = np.bincount(region[wrong[drawn]], minlength=many).cumsum()
    last, _ = outward(regions, checked, bad, error=error, delta=DELTA, chosen=chosen)
    return judged(rank, int(regions.rows[last]) if last >= 0 else 0, wrong, error)


def grid(found, confidence, wrong, error, g, rng):
    """Wrong: the largest of twenty regions that passes its own test, as if it were the only one."""
    rank, sizes, checked, bad = sampled(confidence, wrong, g, rng)
    from scipy.stats import hypergeom

    passed = hypergeom.cdf(bad, sizes, np.floor(error * sizes + 1e-9) + 1, checked) <= DELTA
    return judged(rank, int(sizes[passed].max(initial=0)), wrong, error)


def empirical(found, confidence, wrong, error, g, rng):
    """Wrong: the largest region whose error among the checked rows is at most the tolerated one."""
    rank, sizes, checked, bad = sampled(confidence, wrong, g, rng)
    return judged(rank, int(sizes[bad <= error * checked].max(initial=0)), wrong, error)


def trusted(found, confidence, wrong, error, g, rng):
    """Wrong: the largest region whose mean confidence is at least 1 - error; no labels at all."""
    rank = ranks(1 - confidence, rng.random(len(wrong)))
    mean = np.cumsum(np.sort(1 - confidence)) / np.arange(1, len(wrong) + 1)
    return judged(rank, int((mean <= error).sum()), wrong, error)


def sampled(confidence, wrong, g, rng):
    rank = ranks(1 - confidence, rng.random(len(wrong)))
    drawn = rng.permutation(len(wrong))[:g]
    sizes = cut(len(wrong))
    region = np.searchsorted(sizes, rank[drawn], side="right")
    bad = np.bincount(region[wrong[drawn]], minlength=len(sizes)).cumsum()
    return rank, sizes, np.bincount(region, minlength=len(sizes)).cumsum(), bad


WAYS = {
    "learned order": learned,
    "order by confidence": by_confidence,
    "uncorrected grid": grid,
    "empirical error": empirical,
    "trusted probabilities": trusted,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--errors", type=float, nargs="+", default=[0.02, 0.05, 0.1])
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 200, 500])
    parser.add_argument("--sets", nargs="+", default=common.SETS)
    options = parser.parse_args()
    main(options.draws, options.errors, options.labels, options.sets)
