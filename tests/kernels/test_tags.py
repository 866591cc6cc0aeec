"""Cells of rows and sums over them, compiled and not, by hand and against the slow twin."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.kernels import tags as kernel
from weaklabel.label_matrix import LabelMatrix
from weaklabel.schema import Label, LabelSchema, Outcome
from weaklabel.tags.events import KINDS
from weaklabel.tags.votes import TagVotes

NAMES = ("a", "b", "c", "d")
SCHEMA = LabelSchema(
    ["a", Label("b", parents=("a",)), Label("c", parents=("b",)), Label("d", parents=("a",))], exclusive=False
)
ABOVE = [[], [0], [0, 1], [0]]
SETS = st.builds(Outcome, st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(tuple), st.booleans())


@settings(deadline=None)
@given(st.lists(st.lists(SETS, min_size=1, max_size=2, unique=True), min_size=1, max_size=4), st.data())
def test_cells_and_their_touches_are_those_of_the_slow_twin(alphabets, data):
    rules = {f"r{i}": tuple(own) for i, own in enumerate(alphabets)}
    row = [data.draw(st.integers(-1, len(own) - 1)) for own in rules.values()]
    opened = data.draw(st.lists(st.integers(0, 3), unique=True, max_size=2))
    matrix = LabelMatrix.from_numpy(np.array([row], np.int8), labelers=list(rules), silence=-1)
    votes = TagVotes.of_alphabets(matrix, SCHEMA, rules).opened(opened)
    events = votes.events
    links = {i: naive.tag_outcome_links(one, NAMES, ABOVE) for i, (_, one) in enumerate(events.said)}
    said = [int(event) for event in votes.said]
    expected = naive.tag_cells(said, links, ABOVE)
    for tag in opened if said else ():
        for one in (tag, *ABOVE[tag]):
            expected.setdefault(one, [])
    below = {tag: own for tag, own in expected.items() if own or tag not in votes.open}
    _, tags, ends, touched = votes.cells
    found = {
        int(tag): sorted(
            (int(events.owners[i]), int(events.tags[i]), KINDS[events.kinds[i]]) for i in touched[a:b]
        )
        for tag, a, b in zip(tags, ends[:-1], ends[1:], strict=True)
    }
    assert set(found) == set(expected)
    for tag, own in below.items():
        handed = [link for link in found[tag] if link[1] == tag]
        assert handed == sorted(link for link in own if link[1] == tag)
    if not opened:
        assert found == {tag: sorted(own) for tag, own in expected.items()}


def one_row(said, links, tags, kinds, k, ends=None):
    """Return cells of one row of events whose links are given, without a taxonomy."""
    ends = np.array(ends if ends is not None else range(len(links) + 1), np.int64)
    flat = np.zeros(k + 1, np.int64), np.zeros(0, np.int32)
    parts = np.array([0, len(said)]), np.array(said, np.int32), ends
    tags, kinds = np.array(tags, np.int32), np.array(kinds, np.int8)
    room = kernel.link_counts(*parts, kinds, tags, flat[0], 0)
    return kernel.expand(*parts, tags, kinds, *flat, np.zeros(0, np.int32), int(room))


def test_pairs_sums_and_gold_by_hand():
    cells = one_row([0, 1, 2], [0, 1, 2], [0, 0, 1], [0, 0, 0], 2)
    assert [part.tolist() for part in cells] == [[0, 2], [0, 1], [0, 2, 3], [0, 1, 2]]
    tags, kinds = np.array([0, 0, 1], np.int32), np.zeros(3, np.int8)
    pairs = kernel.pair_counts(
        cells, np.array([5]), tags, kinds, np.array([0, 1, 0]), np.array([0, 4]), np.array([2, 1])
    )
    assert pairs.tolist() == [5, 5, 0, 5, 5]
    owners, copies = np.arange(3, dtype=np.int32), np.arange(3, dtype=np.int32)
    events = np.arange(4), tags, kinds, owners, copies, np.zeros(3, np.int64), np.zeros(0, np.int32)
    links, of_tags = kernel.tag_sums(cells, np.array([5]), events, np.array([0.5, 0.25]), 4.0, 2)
    assert links.tolist() == [[5, 10], [5, 10], [0, 0]]
    assert of_tags.tolist() == [[5, 5, 10], [5, 5, 5]]
    links, of_tags = kernel.gold_sums(
        cells, events, np.array([0, 0]), np.array([0, 1, 1]), np.array([1], np.int32), 2
    )
    assert links.tolist() == [[2, 0], [2, 0], [2, 1]]
    assert of_tags.tolist() == [[2, 0, 0], [2, 1, 1]]


def test_gold_weights_are_where_the_slope_is_none():
    rng = np.random.default_rng(3)
    said = rng.random((60, 4)) < 0.3
    true = (rng.random(60) < 0.2 + 0.5 * said[:, 0]).astype(float)
    logs = rng.normal(-1, 1, 60)
    ends = np.concatenate([[0], np.cumsum(said.sum(axis=0))])
    cells = np.concatenate([np.flatnonzero(column) for column in said.T])
    found = kernel.fit_rows(logs, true, ends, cells, 4, np.array([5.0, 20.0, 3.0]), 2000, 1e-13)
    features = np.column_stack([np.ones(60), logs - logs.mean(), said])
    p = 1 / (1 + np.exp(-(logs + features @ found)))
    slope = features.T @ (p - true) + np.array([5, 20, 3, 3, 3, 3]) * found
    assert np.abs(slope).max() < 1e-9
    assert found[2] > 0.3


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="runs itself again")
def test_the_kernels_say_the_same_uncompiled():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "by_hand"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
