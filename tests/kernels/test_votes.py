import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import vote_matrices
from weaklabel.kernels.em import coin_pass, em_pass
from weaklabel.kernels.votes import pair_counts
from weaklabel.label_matrix import LabelMatrix


@settings(deadline=None)
@given(vote_matrices(), st.lists(st.sampled_from([-1, -2]), min_size=5, max_size=5), st.booleans(), st.data())
def test_a_pass_over_coins_is_a_pass_over_a_table(votes, silence, with_gold, data):
    m, k = votes.shape[1], 3
    patterns = LabelMatrix.from_numpy(votes, silence=silence[:m]).patterns()
    accuracy = np.array(data.draw(st.lists(st.floats(0.05, 0.95), min_size=m, max_size=m)))
    right, wrong = np.log(accuracy), np.log((1 - accuracy) / (k - 1))
    base = np.log([0.5, 0.3, 0.2])
    counts = patterns.counts.astype(np.float64)
    gold = np.zeros((len(patterns) if with_gold else 0, k))
    gold[:1, 2] = counts[0]
    table = np.zeros((m, k + 2, k))
    table[:, 2:] = np.where(np.eye(k, dtype=bool), right[:, None, None], wrong[:, None, None])
    cells = (patterns.labeler_index * (k + 2) + patterns.codes + 2).astype(np.int32)
    events = patterns.indptr, patterns.labeler_index, patterns.codes
    scores = [np.repeat(each[:, None], k, axis=1) for each in (right, wrong)]
    alone = np.eye(k, dtype=bool), np.ones(k, np.int64)
    total, classes, hits = coin_pass(*events, counts, gold, *alone, *scores, base)
    expected = em_pass(patterns.indptr, cells, counts, gold, table.reshape(-1, k), base)
    assert np.isclose(total, expected[0], rtol=1e-12)
    assert np.allclose(classes, expected[1], rtol=1e-12)
    said = expected[2].reshape(m, k + 2, k)[:, 2:]
    assert np.allclose(hits[:, 0], np.trace(said, axis1=1, axis2=2), rtol=1e-12)


@settings(deadline=None)
@given(vote_matrices(), st.lists(st.booleans(), min_size=5, max_size=5), st.integers(0, 2))
def test_pairs_are_counted_cell_by_cell(votes, chosen, first):
    m = votes.shape[1]
    patterns = LabelMatrix.from_numpy(votes, silence=-1).patterns()
    slots = np.where(chosen[:m], np.cumsum(chosen[:m]) - 1, -1).astype(np.int32)
    size = int(sum(chosen[:m]))
    both, one = pair_counts(
        patterns.indptr,
        slots[patterns.labeler_index],
        patterns.codes,
        patterns.counts,
        size,
        first,
        3,
    )
    used = votes[:, slots >= 0]
    for i in range(size):
        for j in range(size):
            pairs = [(a, b) for a, b in used[:, [i, j]].tolist() if a >= 0 and b >= 0 and i != j]
            assert both[i, j] == len(pairs)
            for y in range(first, 3):
                assert one[y - first, i, j] == sum((a == y) != (b == y) for a, b in pairs)
