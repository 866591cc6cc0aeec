from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.kernels import automaton as kernel
from weaklabel.kernels import tables


def found(automaton, text):
    """Pairs of a literal's number and the place where it ends, read off the tables."""
    state, out = 0, set()
    for at, byte in enumerate(text):
        move = int(automaton.moves[state + automaton.classes[byte]])
        state, node = move >> 1, (move >> 1) // automaton.width if move & 1 else -1
        while node >= 0:
            first, last = automaton.nodes[node, tables.FIRST], automaton.nodes[node, tables.LAST]
            out |= {(int(p), at + 1) for p in automaton.patterns[first:last]}
            node = int(automaton.nodes[node, tables.SHORTER])
    return out


@settings(deadline=None)
@given(
    st.lists(st.text("abAé", min_size=1, max_size=4), min_size=1, max_size=8), st.text("abABéx", max_size=30)
)
def test_the_automaton_finds_every_literal(literals, text):
    literals, text = [one.encode() for one in literals], text.encode()
    assert found(kernel.build(literals), text) == naive.occurrences(literals, text)


def test_moves_worked_by_hand():
    automaton = kernel.build([b"b", b"ab"])
    assert automaton.width == 3
    assert automaton.moves.tolist() == [0, 6, 13, 0, 6, 19, 0, 6, 13, 0, 6, 13]  # root, a, b, ab
    assert automaton.nodes[:, tables.SHORTER].tolist() == [-1, -1, -1, 2]
    assert (automaton.nodes[:, tables.LAST] - automaton.nodes[:, tables.FIRST]).tolist() == [0, 0, 1, 1]
    assert automaton.nodes[:, tables.LENGTH].tolist() == [0, 0, 1, 2]
