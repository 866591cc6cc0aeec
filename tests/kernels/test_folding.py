"""Characters replaced in UTF-8: the same as in Python."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from weaklabel.kernels.folding import replaced

POINTS = st.sampled_from([ord(c) for c in "aZ\x7fé߿ࠀ中\uffff𐀀👍"]) | st.integers(128, 0x10FFFF).filter(
    lambda p: not 0xD800 <= p < 0xE000
)
TEXTS = st.lists(POINTS.map(chr), max_size=8).map("".join)


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5), st.dictionaries(POINTS, POINTS, max_size=6), st.data())
def test_texts_are_those_of_python(texts, others, data):
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=6))
    some = "".join(texts)
    others |= {ord(c): data.draw(POINTS) for c in some[:3]}
    table = np.zeros(0x20000, np.int32)
    for point, other in others.items():
        if point < len(table):
            table[point] = other
    ready = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, ready)]).astype(np.int64)
    ends, out = replaced(
        offsets, np.frombuffer(b"".join(ready) + b"\0", np.uint8), np.array(rows, np.int64), table
    )
    known = {point: other for point, other in others.items() if 128 <= point < len(table)}
    found = [out[a:b].tobytes().decode() for a, b in itertools.pairwise(ends)]
    assert found == [texts[row].translate(known) for row in rows]
