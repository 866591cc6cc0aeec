"""Rows of votes for and against tags: the tags that each row touches, their probabilities, and sums over rows.

An event (a rule and one of its outcomes) has links to the tags that it touches. A row's cells are the tags that its events
touch, ascending, and those above them; a cell's touches are the links that meet in it, ascending. Sums are of integers, as in `sums`,
so that neither the order of rows nor their grouping changes them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from weaklabel.kernels.jit import njit

PRESENT, IMPLIED, AGAINST, MEMBER = 0, 1, 2, 3


@njit
def link_counts(indptr: Any, said: Any, ends: Any, kinds: Any, tags: Any, up: Any, opened: Any) -> Any:
    """Return the most keys that a row may need, with denials handed down to what stands below."""
    widest = np.int64(0)
    for u in range(len(indptr) - 1):
        plain, denials = opened, 0
        for v in range(indptr[u], indptr[u + 1]):
            for link in range(ends[said[v]], ends[said[v] + 1]):
                plain += 1
                if kinds[link] == MEMBER:
                    plain += up[tags[link] + 1] - up[tags[link]]
                denials += kinds[link] == AGAINST
        widest = max(widest, plain * (1 + denials))
    return widest


@njit
def _distinct(keys: Any, n: Any) -> Any:
    """Sort keys and keep each once; return how many there are."""
    if n < 2:
        return n
    keys[:n].sort()
    kept = 1
    for i in range(1, n):
        if keys[i] != keys[kept - 1]:
            keys[kept] = keys[i]
            kept += 1
    return kept


@njit
def _row_keys(
    start: Any,
    stop: Any,
    said: Any,
    ends: Any,
    tags: Any,
    kinds: Any,
    up: Any,
    above: Any,
    opened: Any,
    keys: Any,
) -> Any:
    """Write a row's keys, tag * (links + 1) + link; return how many. A cell without a touch has the link `links`."""
    width = np.int64(len(tags) + 1)
    n, denials = 0, 0
    for v in range(start, stop):
        for link in range(ends[said[v]], ends[said[v] + 1]):
            keys[n] = tags[link] * width + link
            n += 1
            denials += kinds[link] == AGAINST
            if kinds[link] == MEMBER:
                for a in range(up[tags[link]], up[tags[link] + 1]):
                    keys[n] = above[a] * width + len(tags)
                    n += 1
    if start < stop:
        for tag in opened:
            keys[n] = tag * width + len(tags)
            n += 1
    n = _distinct(keys, n)
    if denials == 0:
        return n
    own = n
    for v in range(start, stop):
        for link in range(ends[said[v]], ends[said[v] + 1]):
            if kinds[link] != AGAINST:
                continue
            before = np.int64(-1)
            for i in range(own):
                tag = keys[i] // width
                if tag == before:
                    continue
                before = tag
                for a in range(up[tag], up[tag + 1]):
                    if above[a] == tags[link]:
                        keys[n] = tag * width + link
                        n += 1
    return _distinct(keys, n)


@njit
def expand(
    indptr: Any, said: Any, ends: Any, tags: Any, kinds: Any, up: Any, above: Any, opened: Any, room: Any
) -> Any:
    """Return the cells of rows and their touches.

    Parameters
    ----------
    indptr, said
        Events of each row.
    ends, tags, kinds
        Links of each event: (events + 1,), tag and kind of each.
    up, above
        The tags above each tag.
    opened
        Tags that every row with an event touches, ascending.
    room
        The most keys of a row, from `link_counts`.

    Returns
    -------
    Where each row's cells end, (rows + 1,); the tag of each cell; where its touches end, (cells + 1,); the link of each.
    """
    width = np.int64(len(tags) + 1)
    keys = np.empty(room, np.int64)
    rows = len(indptr) - 1
    cell_ends = np.zeros(rows + 1, np.int64)
    touches = np.int64(0)
    for u in range(rows):
        n = _row_keys(indptr[u], indptr[u + 1], said, ends, tags, kinds, up, above, opened, keys)
        cells, before = 0, np.int64(-1)
        for i in range(n):
            cells += keys[i] // width != before
            before = keys[i] // width
            touches += keys[i] % width != len(tags)
        cell_ends[u + 1] = cell_ends[u] + cells
    cell_tags = np.empty(cell_ends[rows], np.int32)
    touch_ends = np.zeros(cell_ends[rows] + 1, np.int64)
    links = np.empty(touches, np.int32)
    cell, touch = np.int64(-1), np.int64(0)
    for u in range(rows):
        n = _row_keys(indptr[u], indptr[u + 1], said, ends, tags, kinds, up, above, opened, keys)
        before = np.int64(-1)
        for i in range(n):
            if keys[i] // width != before:
                before = keys[i] // width
                cell += 1
                cell_tags[cell] = before
            if keys[i] % width != len(tags):
                links[touch] = keys[i] % width
                touch += 1
            touch_ends[cell + 1] = touch
    return cell_ends, cell_tags, touch_ends, links


@njit
def _find(tags: Any, start: Any, stop: Any, tag: Any) -> Any:
    """Return the cell of a tag among ascending cells, or -1."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if tags[middle] < tag:
            low = middle + 1
        else:
            high = middle
    return low if low < stop and tags[low] == tag else -1


@njit
def _direct(
    start: Any,
    stop: Any,
    links: Any,
    kinds: Any,
    owners: Any,
    copies: Any,
    weights: Any,
    floor: Any,
    base: Any,
    further: Any,
) -> Any:
    """Return the log odds of one cell without what sets say of it: the strongest link counts, each further one a part."""
    most, more, least, less = 0.0, 0.0, 0.0, 0.0
    named = False
    for i in range(start, stop):
        link = links[i]
        kind = kinds[link]
        if kind == MEMBER:
            continue
        heard = True
        for j in range(start, stop):
            other = links[j]
            if j == i or kinds[other] == MEMBER or (kinds[other] == AGAINST) != (kind == AGAINST):
                continue
            if copies[other] == copies[link] or owners[other] == owners[link]:
                a, b = abs(weights[other]), abs(weights[link])
                if a > b or (a == b and j < i):
                    heard = False
                    break
        if not heard:
            continue
        if kind == AGAINST:
            less += weights[link]
            least = min(least, weights[link])
        else:
            named = True
            more += weights[link]
            most = max(most, weights[link])
    score = base
    if named:
        score = max(base, floor + most + further * (more - most))
    return score + least + further * (less - least)


@njit
def probabilities(cells: Any, votes: Any, events: Any, weights: Any, base: Any, floor: Any, out: Any) -> None:
    """Write the probability of each cell; a parent's is at least that of what stands below it.

    Parameters
    ----------
    cells
        (row ends, tags, touch ends, links), from `expand`.
    votes
        (row ends, events): events of each row.
    events
        (link ends of each event, tag, kind, event and group of copies of each link, up, above).
    weights
        ((links,) log odds that a link adds, (events,) how likely one of a set is there, what a further link counts).
    base
        (k,) log odds of a tag of which nothing is said.
    floor
        (k,) log odds that links for a tag add to.
    out
        (cells,) float64.
    """
    cell_ends, tags, touch_ends, links = cells
    ends, link_tags, kinds, owners, copies, up, above = events
    adds, right, further = weights
    for u in range(len(cell_ends) - 1):
        first, last = cell_ends[u], cell_ends[u + 1]
        for c in range(first, last):
            score = _direct(
                touch_ends[c],
                touch_ends[c + 1],
                links,
                kinds,
                owners,
                copies,
                adds,
                floor[tags[c]],
                base[tags[c]],
                further,
            )
            out[c] = 1 / (1 + np.exp(-score))
        _sets(first, last, votes[0][u], votes[0][u + 1], votes[1], tags, ends, link_tags, kinds, right, out)
        _raise(first, last, tags, up, above, out)


@njit
def _sets(
    first: Any,
    last: Any,
    start: Any,
    stop: Any,
    said: Any,
    tags: Any,
    ends: Any,
    link_tags: Any,
    kinds: Any,
    right: Any,
    out: Any,
) -> None:
    """Raise the members of sets of which no other vote finds one; of several sets the one that raises most counts."""
    raised = out[0:0]
    for v in range(start, stop):
        event = said[v]
        absent, members = 0.0, 0
        for link in range(ends[event], ends[event + 1]):
            if kinds[link] == MEMBER:
                members += 1
                absent += np.log1p(-min(out[_find(tags, first, last, link_tags[link])], 1 - 1e-12))
        if members == 0:
            continue
        factor = right[event] / max(-np.expm1(absent), 1e-300)
        if factor <= 1:
            continue
        if len(raised) == 0:
            raised = out[first:last].copy()
        for link in range(ends[event], ends[event + 1]):
            if kinds[link] == MEMBER:
                c = _find(tags, first, last, link_tags[link])
                raised[c - first] = max(raised[c - first], factor * out[c])
    if len(raised):
        out[first:last] = raised


@njit
def _raise(first: Any, last: Any, tags: Any, up: Any, above: Any, out: Any) -> None:
    for c in range(first, last):
        for a in range(up[tags[c]], up[tags[c] + 1]):
            parent = _find(tags, first, last, above[a])
            if parent >= 0:
                out[parent] = max(out[parent], out[c])


@njit
def raise_parents(cell_ends: Any, tags: Any, up: Any, above: Any, values: Any) -> None:
    """Raise what stands above a cell's tag to the cell's value; `values` is changed."""
    for u in range(len(cell_ends) - 1):
        _raise(cell_ends[u], cell_ends[u + 1], tags, up, above, values)


@njit
def tag_sums(cells: Any, counts: Any, events: Any, values: Any, one: Any, k: Any) -> Any:
    """Return sums over rows: of links that others stand beside, and of tags.

    Of each link, over cells in which another event says something of the same tag: rows, and the sum of `values`. Of each
    tag: rows with a link for it, rows with a cell, and the sum of `values`. Shares are integers, times `one`.

    Parameters
    ----------
    cells, counts
        As in `probabilities`, and the rows that each stands for.
    events
        As in `probabilities`.
    values
        (cells,) numbers from 0 to 1.
    one
        What 1 is as an integer.
    k
        Number of tags.
    """
    cell_ends, tags, touch_ends, links = cells
    link_tags, kinds, owners, copies = events[1], events[2], events[3], events[4]
    of_links, of_tags = np.zeros((len(kinds), 2), np.int64), np.zeros((k, 3), np.int64)
    for u in range(len(cell_ends) - 1):
        times = counts[u]
        for c in range(cell_ends[u], cell_ends[u + 1]):
            share = np.int64(values[c] * one + 0.5) * times
            named = False
            for i in range(touch_ends[c], touch_ends[c + 1]):
                link = links[i]
                named |= kinds[link] == PRESENT or kinds[link] == IMPLIED
                if kinds[link] == MEMBER or link_tags[link] != tags[c]:
                    continue
                for j in range(touch_ends[c], touch_ends[c + 1]):
                    other = links[j]
                    if owners[other] != owners[link] and copies[other] != copies[link]:
                        of_links[link, 0] += times
                        of_links[link, 1] += share
                        break
            of_tags[tags[c], 0] += times * named
            of_tags[tags[c], 1] += times
            of_tags[tags[c], 2] += share
    return of_links, of_tags


@njit
def pair_counts(
    cells: Any, counts: Any, link_tags: Any, kinds: Any, local: Any, start: Any, size: Any
) -> Any:
    """Return on how many rows links of a tag meet, as square tables one after the other: upper triangle and diagonal.

    Parameters
    ----------
    cells, counts
        As in `tag_sums`.
    link_tags, kinds, local
        (links,) tag, kind, and number within its tag, ascending, or -1 to leave it out.
    start, size
        (k,) where the table of a tag starts, and its width.
    """
    cell_ends, tags, touch_ends, links = cells
    total = np.int64(0)
    for t in range(len(size)):
        total = max(total, start[t] + size[t] * size[t])
    out = np.zeros(total, np.int64)
    for u in range(len(cell_ends) - 1):
        for c in range(cell_ends[u], cell_ends[u + 1]):
            tag = tags[c]
            for i in range(touch_ends[c], touch_ends[c + 1]):
                link = links[i]
                if local[link] < 0 or link_tags[link] != tag:
                    continue
                line = start[tag] + local[link] * size[tag]
                for j in range(i, touch_ends[c + 1]):
                    other = links[j]
                    if local[other] < 0 or link_tags[other] != tag:
                        continue
                    if (kinds[other] == AGAINST) == (kinds[link] == AGAINST):
                        out[line + local[other]] += counts[u]
    return out


@njit
def gold_sums(cells: Any, events: Any, rows: Any, gold_ends: Any, gold: Any, k: Any) -> Any:
    """Return what gold says of links and tags.

    Of each link: gold rows with it, and those that have its tag. Of each tag: gold rows with a link for it, those of them
    that have it, and all gold rows that have it.

    Parameters
    ----------
    cells, events
        As in `probabilities`.
    rows, gold_ends, gold
        The row of each gold row, where its tags end, and its tags, ascending.
    k
        Number of tags.
    """
    cell_ends, tags, touch_ends, links = cells
    link_tags, kinds = events[1], events[2]
    of_links, of_tags = np.zeros((len(kinds), 2), np.int64), np.zeros((k, 3), np.int64)
    for g in range(len(rows)):
        u = rows[g]
        for i in range(gold_ends[g], gold_ends[g + 1]):
            of_tags[gold[i], 2] += 1
        for c in range(cell_ends[u], cell_ends[u + 1]):
            true = _find(gold, gold_ends[g], gold_ends[g + 1], tags[c]) >= 0
            named = False
            for i in range(touch_ends[c], touch_ends[c + 1]):
                link = links[i]
                named |= kinds[link] == PRESENT or kinds[link] == IMPLIED
                if link_tags[link] == tags[c]:
                    of_links[link, 0] += 1
                    of_links[link, 1] += true
            of_tags[tags[c], 0] += named
            of_tags[tags[c], 1] += named and true
    return of_links, of_tags


@njit
def give(ends: Any, tags: Any, up: Any, above: Any, given: Any) -> None:
    """Give each row what stands above the tags that it is given; `given` is changed.

    Parameters
    ----------
    ends, tags
        Where each row's candidates end, (rows + 1,), and their tags, ascending.
    up, above
        The tags above each tag.
    given
        (candidates,) bool.
    """
    for u in range(len(ends) - 1):
        for c in range(ends[u], ends[u + 1]):
            if given[c]:
                for a in range(up[tags[c]], up[tags[c] + 1]):
                    parent = _find(tags, ends[u], ends[u + 1], above[a])
                    if parent >= 0:
                        given[parent] = True


@njit
def correct(cell_ends: Any, tags: Any, votes: Any, tables: Any, values: Any) -> None:
    """Move the probabilities of cells by everything that is said of their rows; `values` is changed.

    Parameters
    ----------
    cell_ends, tags
        From `expand`.
    votes
        (row ends, events).
    tables
        (k,) row of each tag or -1, (events,) column of each event or -1, (tags,) offset and slope, (tags, columns) weights.
    values
        (cells,) probabilities.
    """
    place, column, offset, slope, weights = tables
    for u in range(len(cell_ends) - 1):
        for c in range(cell_ends[u], cell_ends[u + 1]):
            own = place[tags[c]]
            if own < 0:
                continue
            p = min(max(values[c], 1e-4), 1 - 1e-4)
            score = offset[own] + slope[own] * np.log(p / (1 - p))
            for v in range(votes[0][u], votes[0][u + 1]):
                at = column[votes[1][v]]
                if at >= 0:
                    score += weights[own, at]
            values[c] = 1 / (1 + np.exp(-score))


@njit
def fit_rows(
    logs: Any, true: Any, rows: Any, cells: Any, columns: Any, ridges: Any, sweeps: Any, still: Any
) -> Any:
    """Return offset, gain and weights that make known rows likeliest, by turns, each by Newton's step.

    Parameters
    ----------
    logs, true
        (rows,) log odds about their mean plus that mean, and 1 where the tag is there, else 0.
    rows, cells
        Rows of each column: (columns + 1,) where they end, and the rows.
    columns
        Number of columns.
    ridges
        (3,) on offset, gain and weights.
    sweeps, still
        At most so many rounds; they end when none moves a log odds by more than `still`.
    """
    n = len(logs)
    middle = logs.mean()
    found = np.zeros(columns + 2)
    score = logs.copy()
    for _ in range(sweeps):
        most = 0.0
        for j in range(columns + 2):
            slope, curve = 0.0, 0.0
            first, last = (0, n) if j < 2 else (rows[j - 2], rows[j - 1])
            for i in range(first, last):
                row = i if j < 2 else cells[i]
                x = logs[row] - middle if j == 1 else 1.0
                p = 1 / (1 + np.exp(-score[row]))
                slope += x * (p - true[row])
                curve += x * x * max(p * (1 - p), 0.1)
            ridge = ridges[min(j, 2)]
            step = -(slope + ridge * found[j]) / (curve + ridge)
            if j == 1:
                step = max(step, -1.0 - found[j])
            found[j] += step
            for i in range(first, last):
                row = i if j < 2 else cells[i]
                moved = step * (logs[row] - middle) if j == 1 else step
                score[row] += moved
                most = max(most, abs(moved))
        if most < still:
            break
    return found
