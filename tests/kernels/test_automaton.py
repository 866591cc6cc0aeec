import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import naive
from weaklabel.apply.characters import kinds
from weaklabel.kernels import automaton as kernel
from weaklabel.kernels import tables

ANY = sum((tables.AT_START, tables.NEWLINE, tables.SPACE, tables.WORD, tables.WIDE_WORD, tables.OTHER))
APART = ANY & ~tables.WORD & ~tables.WIDE_WORD


def built(literals, *, left=ANY, following=ANY):
    wishes = np.array([[left, following, 1, 0]] * len(literals))
    return kernel.build([one.encode() for one in literals], wishes, kinds())


def found(automaton, text):
    """Pairs of a literal's number and the place where it ends, read off the tables; and the flagged places."""
    state, out, flagged = automaton.width, set(), []
    for at, number in enumerate([*map(int, automaton.classes[list(text)]), automaton.width - 1]):
        move = int(automaton.moves[state + number])
        group = int(automaton.heads[state // automaton.width]) if move & 1 else -1
        flagged += [at] * (move & 1)
        while group >= 0:
            first, last = automaton.groups[group, [tables.FIRST, tables.LAST]]
            out |= {(int(p), at) for p in automaton.patterns[first:last]}
            group = int(automaton.groups[group, tables.THEN])
        state = move >> 1
    return out, flagged


@settings(deadline=None)
@given(
    st.lists(st.text("abAé -", min_size=1, max_size=4), min_size=1, max_size=8),
    st.text("abABéx -", max_size=30),
)
def test_the_automaton_finds_every_literal(literals, text):
    wanted = naive.occurrences([one.encode() for one in literals], text.encode())
    assert found(built(literals), text.encode())[0] == wanted


def stands_apart(text, begin, end):
    return all(not 0 <= at < len(text) or not chr(text[at]).isalnum() for at in (begin - 1, end))


@settings(deadline=None)
@given(
    st.lists(st.text("abA -", min_size=1, max_size=4), min_size=1, max_size=8),
    st.text("abABx -", max_size=30),
)
def test_in_ascii_texts_literals_that_stand_apart_are_all_that_is_found(literals, text):
    literals, text = [one.encode() for one in literals], text.encode()
    wanted = {
        (number, end)
        for number, end in naive.occurrences(literals, text)
        if stands_apart(text, end - len(literals[number]), end)
    }
    automaton = built([one.decode() for one in literals], left=APART, following=APART)
    hits, flagged = found(automaton, text)
    assert hits == wanted
    assert set(flagged) == {end for _, end in wanted}


@settings(deadline=None)
@given(st.text("abéß٣ -–", min_size=1, max_size=4), st.text("abéß٣ -–", max_size=30))
def test_no_literal_that_stands_apart_is_missed_beyond_ascii(literal, text):
    hits, _ = found(built([literal], left=APART, following=APART), text.encode())
    ends = {end for _, end in hits}
    for start in range(len(text)):
        end = start + len(literal)
        around = text[max(0, start - 1) : start] + text[end : end + 1]
        if text[start:end] == literal and not any(c.isalnum() for c in around):
            assert len(text[:end].encode()) in ends


@settings(deadline=None)
@given(st.text("ab -", max_size=20))
def test_literals_with_and_without_wishes_are_found_side_by_side(text):
    literals = [b"a", b" a", b"-a b", b"a b"]
    lefts = [APART, ANY, ANY, APART]
    wishes = np.array([[left, ANY, 1, 0] for left in lefts])
    hits, _ = found(kernel.build(literals, wishes, kinds()), text.encode())
    assert hits == {
        (number, end)
        for number, end in naive.occurrences(literals, text.encode())
        if lefts[number] == ANY or not text[: end - len(literals[number])][-1:].isalpha()
    }


def test_moves_worked_by_hand():
    automaton = built(["b", "ab"])
    assert automaton.width == 8  # a, b, newline, space, word, other, beyond ASCII, end
    rest = [16, 16, 0, 16, 16, 16]  # to the second root, but for letters
    root, a = [32, 48, *rest], [32, 64, *rest]
    ends = [move + 1 for move in root]
    assert automaton.moves.reshape(-1, 8).tolist() == [root, root, a, ends, ends]
    assert automaton.heads.tolist() == [-1, -1, -1, 0, 1]
    columns = [tables.FIRST, tables.LAST, tables.LENGTH, tables.THEN]
    assert automaton.groups[:, columns].tolist() == [[0, 1, 1, -1], [1, 2, 2, 0]]


def test_literals_with_other_wishes_are_other_groups_and_none_is_too_large():
    wishes = np.array([[ANY, ANY, 1, 0]] * 70 + [[ANY, APART, 1, 0]])
    automaton = kernel.build([b"a"] * 71, wishes, kinds())
    spans = automaton.groups[:, [tables.FIRST, tables.LAST, tables.THEN]].tolist()
    assert sorted(last - first for first, last, _ in spans) == [1, 6, 64]
    assert [then for _, _, then in spans] == [1, 2, -1]


def test_peeks_worked_by_hand():
    wishes = np.array([[ANY, ANY, 1, 0]] * 3)
    digit_first = bytes(0b1111 if chr(byte).isdigit() else 0b1110 for byte in range(128))
    plain = kernel.build([b"a", b"a", b"1"], wishes, kinds())
    automaton = kernel.with_peeks(plain, [digit_first, b"", b""])
    peeks = automaton.groups[automaton.heads[automaton.heads >= 0], tables.PEEK]
    row = automaton.peeks[max(peeks)]
    may_follow = {letter: row[:, automaton.classes[ord(letter)]].tolist() for letter in "1ab "}
    assert sorted(peeks) == [-1, 0]
    assert may_follow["1"] == [3, 3, 3, 3]
    assert may_follow["a"] == may_follow[" "] == [2, 3, 3, 3]
    assert may_follow["b"] == [3, 3, 3, 3]  # it shares its class with "2"
