"""Loads what a bulk relabeling computes with, so that processes forked from here begin at once; starts no threads."""

import numpy as np

from weaklabel import label_model
from weaklabel.apply.characters import characters
from weaklabel.kernels.patterns import event_keys, mix
from weaklabel.kernels.rows import dense_events
from weaklabel.kernels.texts import hash_texts, leading_zeros
from weaklabel.label_matrix.patterns import Events, dense_patterns, event_patterns, event_table


def _warm() -> None:
    characters()
    codes = np.array([[0, -1, 1, 1], [1, 0, -1, -1], [-1, -1, 0, 0], [0, 0, -1, 1]], np.int8)
    names, silence = tuple("abcd"), np.full(4, -1, np.int8)
    events = dense_events(codes)
    mix(event_keys(*events, event_table(names, silence, events[2])))
    grouped = event_patterns(Events(*events), names, silence, np.ones(4, np.int64), np.arange(4))
    dense_patterns(codes, names, silence)
    label_model.create("default", n_classes=2).fit(grouped.without_rows()).predict_proba(grouped)
    leading_zeros(hash_texts(np.array([0, 1], np.int64), np.array([97], np.uint8), 0))


_warm()
