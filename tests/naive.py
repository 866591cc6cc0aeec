"""Obvious, slow twins of what the package computes fast; tests hold the two together."""


# ---- corpus ----


def csv_rows(text, *, separator=","):
    """Header and rows of a well-formed CSV text, character by character; None = empty and not quoted."""
    records, record, field, quoted, inside, i = [], [], "", False, False, 0
    text = text.removeprefix("\ufeff")
    while i < len(text):
        character = text[i]
        if inside:
            if character == '"' and text[i + 1 : i + 2] == '"':
                field += '"'
                i += 1
            elif character == '"':
                inside = False
            else:
                field += character
        elif character == '"':
            inside = quoted = True
        elif character in (separator, "\n"):
            if character == "\n" and not quoted:
                field = field.removesuffix("\r")
            elif character == "\n":
                field = field[:-1] if field.endswith("\r") and text[i - 1] == "\r" else field
            record.append(field if field or quoted else None)
            field, quoted = "", False
            if character == "\n":
                if record != [None]:
                    records.append(record)
                record = []
        else:
            field += character
        i += 1
    if field or quoted or record:
        field = field if quoted else field.removesuffix("\r")
        records.append([*record, field if field or quoted else None])
    return records[0], records[1:]


def near_duplicate_pairs(texts, *, threshold, shingles):
    """Pairs of positions whose sets of shingles have a Jaccard index of at least the threshold."""
    sets = [shingles(text) for text in texts]
    pairs = set()
    for i, a in enumerate(sets):
        for j in range(i):
            if a and sets[j] and len(a & sets[j]) / len(a | sets[j]) >= threshold:
                pairs.add((j, i))
    return pairs


# ---- evaluate ----


def guess(probabilities, label, names, tolerance=1e-6):
    """Class name -> share of a covered row's answer: its label, else the most probable classes shared out."""
    if label is not None:
        return {name: float(name == label) for name in names}
    top = [name for name, p in zip(names, probabilities) if p >= max(probabilities) - tolerance]
    return {name: (1 / len(top) if name in top else 0.0) for name in names}


def evaluation(rows, names):
    """Every metric from (gold, label or None, status, probabilities or None), row by row, in plain Python."""
    import math

    covered = [row for row in rows if row[2] != "uncovered"]
    answers = [guess(p, label if status == "labeled" else None, names) for _, label, status, p in covered]
    found = {"coverage": len(covered) / len(rows) if rows else None}
    labeled = [row for row in rows if row[2] == "labeled"]
    found["accuracy_labeled"] = sum(row[0] == row[1] for row in labeled) / len(labeled) if labeled else None
    if not covered:
        return found | dict.fromkeys(["accuracy", "log_loss", "brier", "ece", "macro_f1"])
    n = len(covered)
    found["accuracy"] = sum(answer[row[0]] for row, answer in zip(covered, answers)) / n
    found["log_loss"] = sum(-math.log(min(max(p[names.index(g)], 1e-6), 1)) for g, _, _, p in covered) / n
    found["brier"] = (
        sum(sum((q - (name == g)) ** 2 for q, name in zip(p, names)) for g, _, _, p in covered) / n
    )
    bins = {}
    for (g, _, _, p), answer in zip(covered, answers):
        sure = sum(q * answer[name] for q, name in zip(p, names))
        b = next(b for b in range(15) if b == 14 or sure * 15 + 1e-5 < b + 1)
        bins.setdefault(b, []).append((sure, answer[g]))
    found["ece"] = sum(abs(sum(a for _, a in b) - sum(s for s, _ in b)) for b in bins.values()) / n
    found["bins"] = {b: len(rows) for b, rows in bins.items()}
    f1s = []
    for name in names:
        right = sum(answer[name] for row, answer in zip(covered, answers) if row[0] == name)
        given = sum(answer[name] for answer in answers)
        gold = sum(row[0] == name for row in covered)
        found["precision", name] = right / given if given else None
        found["recall", name] = right / gold if gold else None
        found["f1", name] = 2 * right / (given + gold) if gold else None
        if gold:
            f1s.append(found["f1", name])
    found["macro_f1"] = sum(f1s) / len(f1s)
    return found


def confusion(rows, names):
    """(gold, label or None) -> number of rows."""
    counts = {(g, given): 0 for g in names for given in [*names, None]}
    for g, label, status, _ in rows:
        counts[g, label if status == "labeled" else None] += 1
    return counts


def wilson_ends(p, n, z):
    """Ends of Wilson's interval by bisection: where the score test just rejects."""

    def edge(inside, outside):
        for _ in range(200):
            middle = (inside + outside) / 2
            if (p - middle) ** 2 <= z * z * middle * (1 - middle) / n:
                inside = middle
            else:
                outside = middle
        return inside

    return edge(p, 0.0), edge(p, 1.0)


def benjamini_hochberg(p):
    """Adjusted p-values straight from the definition: the least, over larger ones, of m p / rank."""
    m = len(p)
    return [min(1.0, min(q * m / sum(r <= q for r in p) for q in p if q >= one)) for one in p]


def bootstrap_draws(statistic, n, seed, resamples):
    """The statistic on each resample, one by one, as a list of row positions; all draws in one go."""
    import numpy as np

    drawn = np.random.default_rng(seed).integers(0, n, size=(resamples, n))
    return [statistic([int(i) for i in line]) for line in drawn]


def majority(answers):
    """Id -> the label that more than half of its annotators gave, by counting; ids without one are left out."""
    items = {}
    for item, label in answers:
        items.setdefault(item, []).append(label)
    return {
        item: label
        for item, labels in items.items()
        for label in set(labels)
        if labels.count(label) > len(labels) / 2
    }


# ---- label matrix ----


def patterns(votes):
    """Distinct rows of a matrix with their counts, as a dictionary from row to count."""
    counts = {}
    for row in votes:
        counts[tuple(row)] = counts.get(tuple(row), 0) + 1
    return counts


def lf_summary(votes):
    """(polarity, coverage, overlaps, conflicts) of each column, cell by cell; -1 and -2 are no votes."""
    rows = [list(row) for row in votes]
    out = []
    for j in range(len(rows[0])):
        mine = [row for row in rows if row[j] >= 0]
        polarity = sorted({row[j] for row in mine})
        overlaps = sum(any(v >= 0 for i, v in enumerate(row) if i != j) for row in mine)
        conflicts = sum(any(v >= 0 and v != row[j] for v in row) for row in mine)
        conflicts_of_row = sum(len({v for v in row if v >= 0}) > 1 for row in mine)
        assert conflicts == conflicts_of_row
        out.append((polarity, len(mine) / len(rows), overlaps / len(rows), conflicts / len(rows)))
    return out


# ---- Dawid-Skene ----


def dawid_skene(votes, k, silence, *, smoothing, prior_accuracy, n_passes, start=None, gold=None):
    """Dawid-Skene on a dense matrix, row by row and rule by rule.

    `votes`: codes, -1 abstained, -2 not asked. `silence`: -1 or -2 per rule, which only decides the prior's
    strength when `smoothing` is None. Returns class balance, confusion[j][y][answer], history of the penalised
    log likelihood, and the posterior of each row that has votes (None for the others).
    """
    import math

    m = len(votes[0])
    used = [i for i, row in enumerate(votes) if any(v >= 0 for v in row)]
    gold = gold if gold is not None else [-1] * len(votes)
    shares = {
        i: [sum(v == y for v in votes[i]) / sum(v >= 0 for v in votes[i]) for y in range(k)] for i in used
    }
    weights = {i: [float(gold[i] == y) for y in range(k)] if gold[i] >= 0 else shares[i] for i in used}
    balance = [(sum(weights[i][y] for i in used) + 1) / (len(used) + k) for y in range(k)]

    def times(j, answer):
        return sum(votes[i][j] == answer for i in used)

    prior = [[[0.0] * (k + 1) for _ in range(k)] for _ in range(m)]
    for j in range(m):
        strength = smoothing if smoothing is not None else (4.0 if silence[j] == -1 else 0.25)
        for y in range(k):
            for answer in range(k):
                share = 1 - prior_accuracy
                share *= balance[y] / (1 - balance[answer])
                share = prior_accuracy if answer == y else share
                prior[j][y][answer] = strength * (times(j, answer) + 1) * share
            if times(j, -1):
                prior[j][y][k] = strength * (times(j, -1) + 1) * balance[y]

    if start is not None:
        weights = {i: weights[i] if gold[i] >= 0 else start[i] for i in used}
    pseudo = 0.0 if smoothing == 0 else 1.0
    history = []
    for _ in range(n_passes):
        total = [sum(weights[i][y] for i in used) + pseudo for y in range(k)]
        pi = [t / sum(total) if sum(total) > 0 else 1 / k for t in total]
        theta = [[[0.0] * (k + 1) for _ in range(k)] for _ in range(m)]
        for j in range(m):
            for y in range(k):
                counts = list(prior[j][y])
                for i in used:
                    if votes[i][j] >= -1:
                        counts[votes[i][j] if votes[i][j] >= 0 else k] += weights[i][y]
                if sum(counts) > 0:
                    theta[j][y] = [c / sum(counts) for c in counts]
                else:
                    known = [a for a in range(k) if times(j, a)] + [k] * (times(j, -1) > 0) or range(k)
                    theta[j][y] = [(a in known) / len(known) for a in range(k + 1)]
        likelihood = 0.0
        posterior = {}
        for i in used:
            score = []
            for y in range(k):
                s = math.log(max(pi[y], 1e-300))
                for j in range(m):
                    v = votes[i][j]
                    if v >= -1:
                        s += math.log(max(theta[j][y][v if v >= 0 else k], 1e-300))
                score.append(s)
            top = max(score)
            norm = top + math.log(sum(math.exp(s - top) for s in score))
            posterior[i] = [math.exp(s - norm) for s in score]
            likelihood += score[gold[i]] if gold[i] >= 0 else norm
            weights[i] = [float(gold[i] == y) for y in range(k)] if gold[i] >= 0 else posterior[i]
        if smoothing != 0:
            likelihood += sum(math.log(p) for p in pi)
            likelihood += sum(
                prior[j][y][a] * math.log(max(theta[j][y][a], 1e-300))
                for j in range(m)
                for y in range(k)
                for a in range(k + 1)
            )
        history.append(likelihood)
    return pi, theta, history, [posterior.get(i) for i in range(len(votes))]


def keep_unanimous(row, theta, k, posterior):
    """The posterior of one row under the rule that trustworthy unanimous votes are not overruled."""
    voters = [j for j, v in enumerate(row) if v >= 0]
    said = {row[j] for j in voters}
    if len(said) != 1:
        return posterior
    y = said.pop()
    others = [z for z in range(k) if z != y]
    if not all(theta[j][y][y] > theta[j][z][y] * (1 + 1e-9) for j in voters for z in others):
        return posterior
    if all(posterior[y] > posterior[z] * (1 + 1e-9) for z in others):
        return posterior
    product = [1.0] * k
    for z in range(k):
        for j in voters:
            product[z] *= max(theta[j][z][y], 1e-300)
    return [p / sum(product) for p in product]


# ---- event Bayes ----


def event_bayes(votes, k, silence, *, accuracy=0.8, passes=None, still=0.0005):
    """The two event models and their weight, on a dense matrix, row by row; nothing is pooled or sampled.

    `votes`: codes, -1 abstained, -2 not asked. `silence`: -1 (a rule) or -2 (a person) per labeler. Returns the
    bold and the cautious posterior of each row with votes (None for the others), and excess, noise and doubt.
    """
    import math

    m = len(votes[0])
    used = [i for i, row in enumerate(votes) if any(v >= 0 for v in row)]
    n = len(used)
    rules = [j for j in range(m) if silence[j] == -1]
    events = [(j, c) for j in rules for c in range(k) if any(votes[i][j] == c for i in used)]

    def together(a, b):
        return sum(votes[i][a[0]] == a[1] and votes[i][b[0]] == b[1] for i in used)

    weights = [1.0] * m
    for j in rules:
        for other in rules:
            same = sum(together((j, c), (other, c)) for c in range(k))
            either = sum(votes[i][j] >= 0 for i in used) + sum(votes[i][other] >= 0 for i in used) - same
            if other != j and either:
                weights[j] += min(max((same / either - 0.3) / 0.7, 0), 1)
    weights = [1 / w for w in weights]
    shares = [[sum(v == y for v in votes[i]) / sum(v >= 0 for v in votes[i]) for y in range(k)] for i in used]
    balance = [(sum(s[y] for s in shares) + 1) / (n + k) for y in range(k)]

    def posterior(prior, quiet, said):
        out = []
        for i in used:
            score = list(prior)
            for j in range(m):
                for y in range(k):
                    if votes[i][j] >= 0:
                        score[y] += said[j][votes[i][j]][y]
                    elif votes[i][j] == -1:
                        score[y] += quiet[j][y]
            top = max(score)
            each = [math.exp(s - top) for s in score]
            out.append([e / sum(each) for e in each])
        return out

    def hidden(seen):
        part = [0.0] * k
        for _ in range(30):
            part = [
                min(math.prod(1 - min(seen[j][y] * (1 - part[y]), 1 - 1e-9) for j in range(m)), 0.9)
                for y in range(k)
            ]
        return part

    def fit(strength, silent, ballast, even, sharp, unseen, spread):
        pi0 = [1 / k] * k if even else balance
        prior, quiet = [0.0] * k, [[0.0] * k for _ in range(m)]
        wrong = math.log((1 - accuracy) / (k - 1))
        said = [
            [[w * (math.log(accuracy) if y == c else wrong) for y in range(k)] for c in range(k)]
            for w in weights
        ]
        for step in range(passes or 100):
            p = posterior(prior, quiet, said)
            rows = [sum(q[y] for q in p) for y in range(k)]
            pi = [rows[y] + (ballast * n + 2) * pi0[y] for y in range(k)]
            pi = [x / sum(pi) for x in pi]
            prior, before, old = [math.log(x) for x in pi], said, quiet
            said, quiet, seen, moved, total = [], [], [], 0.0, 0.0
            for j in range(m):
                count = [
                    [sum(q[y] for i, q in zip(used, p, strict=True) if votes[i][j] == c) for y in range(k)]
                    for c in range(k)
                ]
                logs, covered = [], [0.0] * k
                for c in range(k):
                    t = sum(count[c])
                    belief = 1 + strength * t
                    hit = (count[c][c] + belief * accuracy) / (t + belief)
                    more = belief * (1 - accuracy) + spread * (k - 1)
                    line = []
                    for y in range(k):
                        q = hit
                        if y != c:
                            q = (
                                (1 - hit)
                                * (count[c][y] + more * pi[y] / (1 - pi[c]))
                                / (t - count[c][c] + more)
                            )
                        missing = sum(q_[y] for i, q_ in zip(used, p, strict=True) if votes[i][j] == -2)
                        asked = (rows[y] - missing + 1) / (rows[y] + 1) if silence[j] == -1 else 1.0
                        line.append(math.log(q) - math.log(pi[y]) - math.log(asked))
                        covered[y] += math.exp(line[y]) * t / n
                    logs.append(line)
                if silence[j] == -2:
                    covered = [0.0] * k
                    prior_votes = [
                        [
                            0.25
                            * (sum(count[c]) + 1)
                            * (accuracy if y == c else (1 - accuracy) * pi[y] / (1 - pi[c]))
                            for y in range(k)
                        ]
                        for c in range(k)
                    ]
                    column = [sum(count[c][y] + prior_votes[c][y] for c in range(k)) for y in range(k)]
                    logs = [
                        [math.log((count[c][y] + prior_votes[c][y]) / column[y]) for y in range(k)]
                        for c in range(k)
                    ]
                said.append(logs)
                seen.append([min(x, 1 - 1 / (n + 2)) for x in covered])
            part = hidden(seen) if unseen else [0.0] * k
            prior = [x - math.log(1 - h) for x, h in zip(prior, part, strict=True)]
            for j in range(m):
                for c in range(k):
                    for y in range(k):
                        shift = math.log(1 - part[y]) if silence[j] == -1 else 0.0
                        said[j][c][y] = sharp * weights[j] * (said[j][c][y] + shift)
                quiet.append(
                    [silent * sharp * weights[j] * math.log(1 - seen[j][y] * (1 - part[y])) for y in range(k)]
                )
            for j in range(m):
                for c in range(k):
                    for y in range(k):
                        votes_here = sum(q[y] for i, q in zip(used, p, strict=True) if votes[i][j] == c)
                        moved += votes_here * abs(said[j][c][y] - quiet[j][y] - before[j][c][y] + old[j][y])
                        total += votes_here
            if passes is None and step and moved / total < still:
                break
        return posterior(prior, quiet, said)

    def deviation(mean):
        low = math.floor(mean)
        return 2 * math.exp(-mean) * mean ** (low + 1) / math.factorial(low)

    def unexplained(p):
        rows = [sum(q[y] for q in p) for y in range(k)]
        count = {
            e: [sum(q[y] for i, q in zip(used, p, strict=True) if votes[i][e[0]] == e[1]) for y in range(k)]
            for e in events
        }
        seen = [[sum(count[e][y] for e in events if e[0] == j) / rows[y] for y in range(k)] for j in range(m)]
        part = hidden(seen)
        pairs = [(a, b) for a in events for b in events if a[0] < b[0]]
        observed = {pair: together(*pair) for pair in pairs}
        expected = {
            (a, b): sum(count[a][y] * count[b][y] / rows[y] * (1 - part[y]) for y in range(k))
            for a, b in pairs
        }
        groups = {}
        for a, b in pairs:
            groups.setdefault((a[0], b[0], a[1] == b[1]), []).append((a, b))
        excess, noise = [], []
        for grain in ([[pair] for pair in pairs], list(groups.values())):
            o = [sum(observed[pair] for pair in some) for some in grain]
            e = [sum(expected[pair] for pair in some) for some in grain]
            chance = sum(deviation(x) for x in e)
            excess.append(sum(abs(x - y) for x, y in zip(o, e, strict=True)) - chance)
            noise.append(chance)
        every = sum(observed.values())
        weight = {pair: 1 / (expected[pair] + 1) for pair in pairs}
        squares = sum(weight[q] * ((observed[q] - expected[q]) ** 2 - expected[q]) for q in pairs)
        squares /= sum(weight[q] * expected[q] ** 2 for q in pairs)
        error = sum(weight[q] ** 2 * (2 * expected[q] ** 2 + expected[q]) for q in pairs) ** 0.5
        error /= sum(weight[q] * expected[q] ** 2 for q in pairs)
        spread = (2 / math.pi * max(0.0, squares)) ** 0.5
        hiding = (2 / math.pi * (max(0.0, squares) + 2 * error)) ** 0.5 - spread
        few = max(0.0, (len(events) + 1) * (k - 1) / len(pairs) - 1)
        plain = max(0.0, *excess) / every, min(noise) / every
        return *min(plain, (spread, hiding), key=sum), few

    bold = fit(0.05, 1.0, 0.0, True, 1.0, True, 10.0)
    cautious = fit(4.0, 0.2, 1.0, False, 1.2, False, 0.0)
    excess, noise, few = unexplained(bold)
    rows = {i: (b, c) for i, b, c in zip(used, bold, cautious, strict=True)}
    return [rows.get(i, (None, None)) for i in range(len(votes))], excess, noise, excess + noise + few


def pooled_copies(votes, into, rank):
    """The votes in which the labelers of a group speak through one of them: the first by rank that votes."""
    out = [list(row) for row in votes]
    for row in out:
        for target in set(into):
            group = sorted((j for j in range(len(into)) if into[j] == target), key=lambda j: rank[j])
            spoken = [row[j] for j in group if row[j] >= 0]
            if len(group) > 1:
                for j in group:
                    row[j] = row[j] if j == target and not spoken else -1
                row[target] = spoken[0] if spoken else row[target]
    return out


def expected_rows(rows, counts, table, base):
    """Expected rows per class, and per cell and class, of rows given as lists of cells."""
    import math

    k = len(base)
    classes, cells = [0.0] * k, [[0.0] * k for _ in table]
    for row, count in zip(rows, counts, strict=True):
        score = [base[y] + sum(table[cell][y] for cell in row) for y in range(k)]
        weight = [math.exp(s - max(score)) for s in score]
        for y in range(k):
            share = count * weight[y] / sum(weight)
            classes[y] += share
            for cell in row:
                cells[cell][y] += share
    return classes, cells


# ---- baselines of the label model: weighted vote, one coin, triplets ----


def alike(votes, silence):
    """For each column, the first column of a rule that votes alike in every row; people are like nobody."""
    first = []
    for j in range(len(votes[0])):
        column = [row[j] for row in votes]
        same = [i for i in range(j) if silence[i] == silence[j] == -1 and [row[i] for row in votes] == column]
        first.append(same[0] if same else j)
    return first


def weighted_vote(votes, k, silence, *, smoothing, prior_accuracy, gold):
    """Accuracy and weight of each labeler, and the shares of each row (None without votes), vote by vote."""
    import math

    m = len(votes[0])
    group = alike(votes, silence)
    accuracy, weights = [], []
    for j in range(m):
        agreed = heard = right = checked = 0
        for row, known in zip(votes, gold):
            if row[j] < 0:
                continue
            others = [row[i] for i in range(m) if group[i] == i and i != group[j] and row[i] >= 0]
            if others:
                agreed += others.count(row[j]) / len(others)
                heard += 1
            if known >= 0:
                right += row[j] == known
                checked += 1
        a = (agreed + smoothing * prior_accuracy) / (heard + smoothing)
        if any(g >= 0 for g in gold):
            a = (right + smoothing * a) / (checked + smoothing)
        a = min(max(a, 1 / k + 0.01), 0.99)
        accuracy.append(a)
        weights.append(math.log((k - 1) * a / (1 - a)) / group.count(group[j]))
    shares = []
    for row in votes:
        sums = [sum(w for v, w in zip(row, weights) if v == y) for y in range(k)]
        shares.append([s / sum(sums) for s in sums] if sum(sums) else None)
    return accuracy, weights, shares


def one_coin(votes, k, silence, *, smoothing, prior_accuracy, n_passes, gold):
    """Class balance, accuracies, history of the penalised log likelihood, posterior of rows with votes, row by row."""
    import math

    m = len(votes[0])
    used = [i for i, row in enumerate(votes) if any(v >= 0 for v in row)]
    weights = {}
    for i in used:
        said = [v for v in votes[i] if v >= 0]
        weights[i] = [float(gold[i] == y) if gold[i] >= 0 else said.count(y) / len(said) for y in range(k)]
    times = [sum(votes[i][j] >= 0 for i in used) for j in range(m)]
    strength = [smoothing if smoothing is not None else (4.0 if silence[j] == -1 else 0.25) for j in range(m)]
    pseudo = [strength[j] * (times[j] + 1) for j in range(m)]
    history, posterior = [], {}
    for _ in range(n_passes):
        total = [sum(weights[i][y] for i in used) + (smoothing != 0) for y in range(k)]
        pi = [t / sum(total) if sum(total) > 0 else 1 / k for t in total]
        accuracy = []
        for j in range(m):
            right = sum(weights[i][votes[i][j]] for i in used if votes[i][j] >= 0)
            whole = times[j] + pseudo[j]
            accuracy.append((right + pseudo[j] * prior_accuracy) / whole if whole else prior_accuracy)
        likelihood = 0.0
        for i in used:
            score = []
            for y in range(k):
                s = math.log(max(pi[y], 1e-300))
                for j in range(m):
                    if votes[i][j] >= 0:
                        p = accuracy[j] if votes[i][j] == y else (1 - accuracy[j]) / (k - 1)
                        s += math.log(max(p, 1e-300))
                score.append(s)
            top = max(score)
            norm = top + math.log(sum(math.exp(s - top) for s in score))
            posterior[i] = [math.exp(s - norm) for s in score]
            likelihood += score[gold[i]] if gold[i] >= 0 else norm
            weights[i] = [float(gold[i] == y) for y in range(k)] if gold[i] >= 0 else posterior[i]
        if smoothing != 0:
            likelihood += sum(math.log(p) for p in pi)
            for j in range(m):
                hit, miss = pseudo[j] * prior_accuracy, pseudo[j] * (1 - prior_accuracy)
                likelihood += hit * math.log(max(accuracy[j], 1e-300))
                likelihood += miss * math.log(max(1 - accuracy[j], 1e-300))
        history.append(likelihood)
    return pi, accuracy, history, [posterior.get(i) for i in range(len(votes))]


def triplet(votes, k, silence, balance, *, average):
    """Accuracies [j][class], and the posterior of rows with votes, from every triplet, one by one."""
    import math
    import statistics

    m = len(votes[0])
    group = alike(votes, silence)
    rules = [j for j in range(m) if group[j] == j]
    correlation = {(j, y): 0.6 for j in rules for y in range(k)}
    for y in range(k if len(rules) >= 3 else 0):
        moment = {}
        for i in rules:
            for j in rules:
                pairs = [(row[i] == y, row[j] == y) for row in votes if row[i] >= 0 and row[j] >= 0]
                moment[i, j] = sum(1 if a == b else -1 for a, b in pairs) / len(pairs) if pairs else None
        for i in rules:
            found = []
            for j in rules:
                for h in rules:
                    three = (moment[i, j], moment[i, h], moment[j, h])
                    if j < h and i not in (j, h) and None not in three and three[2] != 0:
                        found.append(min(math.sqrt(abs(three[0] * three[1] / three[2])), 1.0))
            if found:
                value = statistics.median(found) if average == "median" else statistics.fmean(found)
                correlation[i, y] = min(max(value, 0.01), 0.98)
    accuracy = [[(1 + correlation[group[j], y]) / 2 for y in range(k)] for j in range(m)]
    posterior = []
    for row in votes:
        said = {v for v in row if v >= 0}

        def answer(prior, row=row):
            shares = []
            for y in range(k):
                s = math.log(prior[y] / (1 - prior[y]))
                for j in range(m):
                    if row[j] >= 0:
                        weight = math.log(accuracy[j][y] / (1 - accuracy[j][y])) / group.count(group[j])
                        s += weight if row[j] == y else -weight
                shares.append(1 / (1 + math.exp(-s)))
            return [share / sum(shares) for share in shares]

        p = answer(balance)
        if len(said) == 1:
            (own,) = said
            if any(p[own] <= p[y] * (1 + 1e-9) for y in range(k) if y != own):
                p = answer([1 / k] * k)
        posterior.append(p if said else None)
    return accuracy, posterior


# ---- rules ----


def comparable(text, *, case="ignore", accents="keep"):
    """A text in the form in which keyword terms and texts are compared, step by step."""
    import unicodedata

    text = unicodedata.normalize("NFC", text)
    if case == "ignore":
        text = unicodedata.normalize("NFC", text.casefold())
    if accents == "ignore":
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
        text = unicodedata.normalize("NFC", text)
    return text


def one_space(text):
    """Every run of whitespace as one space, character by character."""
    out = ""
    for c in text:
        if not c.isspace():
            out += c
        elif not out.endswith(" "):
            out += " "
    return out


def holds_term(text, term, *, case="ignore", accents="keep"):
    """Whether a term stands in a text as whole words, tried at every position."""
    text = one_space(comparable(text, case=case, accents=accents))
    term = one_space(comparable(term, case=case, accents=accents)).strip(" ")

    def is_word(i):
        return 0 <= i < len(text) and (text[i] == "_" or text[i].isalnum())

    for i in range(len(text) - len(term) + 1):
        if text[i : i + len(term)] == term and not is_word(i - 1) and not is_word(i + len(term)):
            return True
    return False


def keyword_vote(text, terms, code, **form):
    """Vote of a keyword rule on one text; null abstains."""
    return code if text is not None and any(holds_term(text, t, **form) for t in terms) else -1


def regex_vote(text, pattern, code, case="sensitive"):
    """Vote of a regex rule on one text; null abstains."""
    import re

    if text is None:
        return -1
    flags = re.IGNORECASE if case == "ignore" else 0
    return code if re.search(pattern, text.lower() if case == "lower" else text, flags) else -1


def lookup_vote(text, entries, codes, *, match="words", **form):
    """Vote of a lookup on one text: the label with most distinct terms in it, none when two have equally many."""
    if text is None:
        return -1
    terms = {one_space(comparable(t, **form)).strip(" "): label for t, label in entries}
    if match == "exact":
        label = terms.get(one_space(comparable(text, **form)).strip(" "))
        return -1 if label is None else codes[label]
    counts = dict.fromkeys(terms.values(), 0)
    for term, label in terms.items():
        counts[label] += holds_term(text, term, **form)
    most = max(counts.values())
    best = [label for label, count in counts.items() if count == most]
    return codes[best[0]] if most and len(best) == 1 else -1


# ---- counts, positions and windows of keyword rules ----


def _standing(text, term):
    """Places (first character, end, words before it, words up to its end) where a term stands, left to right."""
    import re

    places, at = [], 0
    pattern = re.compile(r"\s+".join(re.escape(part) for part in term.split()))
    while at <= len(text):
        found = pattern.match(text, at)
        edge = (
            found and not re.match(r"\w", text[at - 1 : at]) and not re.match(r"\w", text[found.end() :][:1])
        )
        if edge:
            before = len(re.findall(r"\w+", text[:at]))
            places.append((at, found.end(), before, before + len(re.findall(r"\w+", term))))
            at = found.end()
        else:
            at += 1
    return places


def context_fires(text, terms, context):
    """Say whether enough terms stand where they should, one condition at a time."""
    import re

    total = len(re.findall(r"\w+", text))
    counted = []
    for term in terms:
        for start, end, first, last in _standing(text, term):

            def beside(window, start=start, end=end, first=first, last=last):
                others = sorted({p for t in window.terms for p in _standing(text, t)})
                before = [o for o in others if o[1] <= start and first - o[3] + 1 <= window.within]
                after = [o for o in others if o[0] >= end and o[2] - last + 1 <= window.within]
                return bool(before), bool(after)

            counts = True
            if context.near is not None:
                counts &= any(beside(context.near))
            if context.not_after is not None:
                counts &= not beside(context.not_after)[0]
            if context.not_before is not None:
                counts &= not beside(context.not_before)[1]
            if context.first_words is not None:
                counts &= first + 1 <= context.first_words
            if context.last_words is not None:
                counts &= total - last + 1 <= context.last_words
            if counts:
                counted.append(term)
    return len(set(counted)) >= context.at_least and len(counted) >= context.times


# ---- spaCy rules ----


def spacy_fires(nlp, text, patterns):
    """Say whether one Matcher of one rule finds anything in the whole pipeline's document of one text."""
    from spacy.matcher import Matcher

    matcher = Matcher(nlp.vocab)
    matcher.add("rule", [[dict(token) for token in pattern] for pattern in patterns])
    return bool(matcher(nlp(text), allow_missing=True))


def spacy_phrases_fire(nlp, text, phrases, attr):
    """Say whether some phrase's words stand in a row among the words of the whole pipeline's document, compared by `attr`."""
    name = {"TEXT": "text", "LOWER": "lower_", "LEMMA": "lemma_", "NORM": "norm_", "SHAPE": "shape_"}[attr]
    words = [getattr(word, name) for word in nlp(text)]
    for phrase in phrases:
        own = [getattr(word, name) for word in nlp(" ".join(phrase.split()))]
        if any(words[i : i + len(own)] == own for i in range(len(words) - len(own) + 1)):
            return True
    return False


# ---- exploring rules ----


def rule_pairs(votes):
    """(i, j) -> rows both vote on, the same votes, Cohen's kappa there (None without meaning), lift, Jaccard index."""
    n, m = len(votes), len(votes[0])
    found = {}
    for i in range(m):
        for j in range(m):
            both = [(row[i], row[j]) for row in votes if row[i] >= 0 and row[j] >= 0]
            same = sum(a == b for a, b in both)
            mine, theirs = sum(row[i] >= 0 for row in votes), sum(row[j] >= 0 for row in votes)
            kappa = None
            if both:
                classes = {code for pair in both for code in pair}
                shares = [
                    sum(a == c for a, _ in both) * sum(b == c for _, b in both) / len(both) ** 2
                    for c in classes
                ]
                chance = sum(shares)
                kappa = None if chance > 1 - 1e-9 else (same / len(both) - chance) / (1 - chance)
            lift = len(both) * n / (mine * theirs) if mine and theirs else None
            either = mine + theirs - len(both)
            found[i, j] = (len(both), same, kappa, lift, same / either if either else 0.0)
    return found


def contribution(votes, j, answers, gold):
    """(changed, lost, gained, helps, harms) of rule j: labels by `answers(votes, names)` with and without its column."""
    names = [f"r{i}" for i in range(len(votes[0]))]
    before = answers(votes, names)
    after = answers([row[:j] + row[j + 1 :] for row in votes], names[:j] + names[j + 1 :])
    changed = [(b, a, g) for b, a, g in zip(before, after, gold) if b != a]
    return (
        len(changed),
        sum(a < 0 for _, a, _ in changed),
        sum(b < 0 for b, _, _ in changed),
        sum(b == g and g >= 0 for b, _, g in changed),
        sum(a == g and g >= 0 for _, a, g in changed),
    )


def edits(word, other):
    """Fewest letters put in, left out, changed, or swapped with a neighbour once, by the table of all prefixes."""
    table = {}
    for i in range(len(word) + 1):
        for j in range(len(other) + 1):
            if not i or not j:
                table[i, j] = i + j
                continue
            differ = word[i - 1] != other[j - 1]
            ways = [table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + differ]
            if i > 1 and j > 1 and word[i - 1] == other[j - 2] and word[i - 2] == other[j - 1]:
                ways.append(table[i - 2, j - 2] + 1)
            table[i, j] = min(ways)
    return table[len(word), len(other)]


# ---- scan ----


def occurrences(literals, text):
    """Number and end of every occurrence of a literal in a text, ASCII case aside; all are bytes."""
    found = set()
    for number, literal in enumerate(literals):
        for start in range(len(text)):
            if text[start : start + len(literal)].lower() == literal.lower():
                found.add((number, start + len(literal)))
    return found


# --- what gold adds to a fitted label model


def correction_evidence(scores, rows, gold, m, caution):
    """Return where the loss under a caution is least, and the log evidence for it, up to a constant."""
    import numpy as np
    from scipy.optimize import minimize

    k = gold.shape[1]
    loss = lambda point: correction_loss(point, scores, rows, gold, m, caution)  # noqa: E731
    options = {"ftol": 1e-15, "gtol": 1e-9, "maxfun": 10**6}
    point = minimize(loss, np.zeros(1 + k + k * k + m * k * k), method="L-BFGS-B", options=options).x
    bias, leaning = point[1 : 1 + k], point[1 + k : 1 + k + k * k].reshape(k, k)
    weights = point[1 + k + k * k :].reshape(m, k, k)
    centred = scores - scores.mean(axis=1, keepdims=True)
    features = np.zeros((len(rows), 1 + k + m * k))
    q = np.zeros_like(scores)
    for u, votes in enumerate(rows):
        features[u, 0] = 1
        z = np.exp(point[0]) * centred[u] + bias
        for j, said in votes.items():
            features[u, 1 + said] += 1 / len(votes)
            features[u, 1 + k + j * k + said] = 1
            z = z + weights[j, said] + leaning[said] / len(votes)
        q[u] = np.exp(z) / np.exp(z).sum()
    variance = np.array([1 / (2 * 1.5 * caution)] + [1 / (2 * 1.0 * caution)] * (k + m * k))
    total = gold.sum(axis=1)
    pull = np.exp(point[0]) * centred
    spread = sum(total[u] * (q[u] @ pull[u] ** 2 - (q[u] @ pull[u]) ** 2) for u in range(len(rows)))
    volume = np.log(1 + spread / 4)
    for y in range(k):
        information = features.T @ np.diag(total * q[:, y] * (1 - q[:, y])) @ features
        volume += (k - 1) / k * np.log(np.linalg.det(np.eye(len(variance)) + np.diag(variance) @ information))
    return point, -loss(point) - volume / 2


def correction_loss(point, scores, rows, gold, m, caution=1.0):
    """Penalised loss of `fit_correction`, term by term.

    `point` is ln a, the biases, the leaning [class named, class], then weights [j, vote, class].
    """
    from math import exp, log

    k = gold.shape[1]
    log_a, bias, leaning = point[0], point[1 : 1 + k], point[1 + k : 1 + k + k * k].reshape(k, k)
    weights = point[1 + k + k * k :].reshape(m, k, k)
    loss = 2.0 * log_a**2 + caution * (
        1.5 * sum(b**2 for b in bias)
        + 1.0 * sum(w**2 for w in leaning.ravel())
        + 1.0 * sum(w**2 for w in weights.ravel())
    )
    for u, votes in enumerate(rows):
        z = [exp(log_a) * (scores[u, y] - scores[u].mean()) + bias[y] for y in range(k)]
        for j, said in votes.items():
            z = [z[y] + weights[j, said, y] + leaning[said, y] / len(votes) for y in range(k)]
        norm = log(sum(exp(v) for v in z))
        loss -= sum(gold[u, y] * (z[y] - norm) for y in range(k))
    return loss


# --- calibrators


def temperature_loss(p, gold, temperature):
    """Return the log loss of probabilities raised to 1 / temperature, plus the prior of the temperature."""
    from math import log

    loss = log(temperature) ** 2
    for row, y in zip(p, gold, strict=True):
        powered = [max(v, 1e-6) ** (1 / temperature) for v in row]
        loss -= log(powered[y] / sum(powered))
    return loss


def pooled(p, is_class, prior):
    """Pool adjacent violators: distinct p, and the mean of each block; a row also counts `prior` for its own p."""
    x = sorted(set(p.tolist()))
    blocks = []
    for value in x:
        rows = [int(c) for v, c in zip(p.tolist(), is_class.tolist(), strict=True) if v == value]
        weight = len(rows) * (1 + prior)
        blocks.append([sum(rows) + len(rows) * prior * value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    return x, [total / weight for total, weight, size in blocks for _ in range(size)]


def expected_f1(p, counts, threshold):
    """Return the expected F1 of naming all rows with p of at least the threshold."""
    named = sum(n for v, n in zip(p, counts, strict=True) if v >= threshold)
    right = sum(n * v for v, n in zip(p, counts, strict=True) if v >= threshold)
    total = sum(n * v for v, n in zip(p, counts, strict=True))
    return 2 * right / (named + total)


# --- dependence between rules


def co_votes(rows, probabilities):
    """Return {(rule, other): (both, expected both, same, expected same)}, row by row; rules by place, as text."""
    m, k = len(rows[0]), len(probabilities[0])
    total = [sum(p[y] for p in probabilities) for y in range(k)]
    found = {}
    for i in range(m):
        for j in range(i + 1, m):
            if not any(row[i] >= 0 for row in rows) or not any(row[j] >= 0 for row in rows):
                continue
            both = sum(row[i] >= 0 and row[j] >= 0 for row in rows)
            same = sum(row[i] >= 0 and row[i] == row[j] for row in rows)
            expected_both = expected_same = 0.0
            for y in range(k):
                mass = [[0.0] * k for _ in (i, j)]
                for row, p in zip(rows, probabilities, strict=True):
                    for place, rule in enumerate((i, j)):
                        if row[rule] >= 0:
                            mass[place][row[rule]] += p[y]
                expected_both += sum(mass[0]) * sum(mass[1]) / total[y]
                expected_same += sum(a * b for a, b in zip(*mass, strict=True)) / total[y]
            found[str(i), str(j)] = (both, expected_both, same, expected_same)
    return found


# --- agreement of people, samples, checks on people


def kappa(a, b):
    """Return Cohen's kappa of the rows both answered, class by class; None without meaning."""
    from fractions import Fraction

    both = [(x, y) for x, y in zip(a, b, strict=True) if x >= 0 and y >= 0]
    if not both:
        return None
    same = Fraction(sum(x == y for x, y in both), len(both))
    chance = sum(
        Fraction(sum(x == c for x, _ in both), len(both)) * Fraction(sum(y == c for _, y in both), len(both))
        for c in {c for pair in both for c in pair}
    )
    return None if chance == 1 else float((same - chance) / (1 - chance))


def kappa_gradient_variance(counts):
    """Return the large-sample variance of kappa by the delta method, derivatives taken by small steps."""
    import numpy as np

    n = counts.sum()
    p = counts / n

    def value(q):
        q = q / q.sum()
        chance = q.sum(axis=1) @ q.sum(axis=0)
        return (np.trace(q) - chance) / (1 - chance)

    gradient = np.zeros_like(p)
    for i in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[i] = 1e-6
        gradient[i] = (value(p + step) - value(p - step)) / 2e-6
    return ((p * gradient**2).sum() - (p * gradient).sum() ** 2) / n


def alpha(rows):
    """Return Krippendorff's nominal alpha from every ordered pair of answers to one item; None without meaning."""
    from fractions import Fraction

    pairs = {}
    for row in rows:
        said = [v for v in row if v >= 0]
        for i, x in enumerate(said):
            for j, y in enumerate(said):
                if i != j:
                    pairs[x, y] = pairs.get((x, y), Fraction(0)) + Fraction(1, len(said) - 1)
    of = {}
    for (x, _), weight in pairs.items():
        of[x] = of.get(x, Fraction(0)) + weight
    n = sum(of.values())
    observed = sum(weight for (x, y), weight in pairs.items() if x != y)
    expected = sum(of[x] * of[y] for x in of for y in of if x != y)
    return float(1 - (n - 1) * observed / expected) if expected else None


def inclusion(weights, size, uniform):
    """Return probabilities of inclusion in proportion to weights: what passes 1 is taken, the rest shares what is left."""
    n, total = len(weights), sum(weights)
    w = [uniform / n + (1 - uniform) * v / total for v in weights]
    certain = set()
    while True:
        rest = sum(v for i, v in enumerate(w) if i not in certain)
        p = [1.0 if i in certain else (size - len(certain)) * v / rest for i, v in enumerate(w)]
        over = {i for i, v in enumerate(p) if v > 1}
        if not over:
            return p
        certain |= over


def allocation(counts, size, minimum):
    """Return rows a stratum: the minimum, then one row at a time to the largest count / (2 taken + 1)."""
    take = [min(n, minimum) for n in counts]
    while sum(take) < min(size, sum(counts)):
        open_ = [i for i, n in enumerate(counts) if take[i] < n]
        # by cross-multiplication, so that ties are ties: first to the stratum with fewer rows taken, then by name
        best = open_[0]
        for i in open_[1:]:
            mine, theirs = counts[i] * (2 * take[best] + 1), counts[best] * (2 * take[i] + 1)
            if mine > theirs or (mine == theirs and take[i] < take[best]):
                best = i
        take[best] += 1
    return take


def hypergeometric_tail(right, n, history_right, history_n):
    """Return the chance of so few right today by counting the ways to place all right answers, in whole numbers."""
    from fractions import Fraction
    from math import comb

    total = right + history_right
    ways = [
        comb(n, x) * comb(history_n, total - x) for x in range(max(0, total - history_n), min(n, total) + 1)
    ]
    low = max(0, total - history_n)
    return Fraction(sum(ways[: right - low + 1]), sum(ways))


def boschloo(right, n, history_right, history_n):
    """Return the largest chance, over all shares, of a day and a history that Fisher's test ranks at least so low."""
    from math import comb

    rank = hypergeometric_tail(right, n, history_right, history_n)
    low = [
        (x, h)
        for x in range(n + 1)
        for h in range(history_n + 1)
        if hypergeometric_tail(x, n, h, history_n) <= rank
    ]

    def chance(q):
        return sum(
            comb(n, x) * comb(history_n, h) * q ** (x + h) * (1 - q) ** (n + history_n - x - h)
            for x, h in low
        )

    peaks = sorted((i / 200 for i in range(201)), key=chance)[-3:]
    near = [min(max(q + i / 20_000, 0), 1) for q in peaks for i in range(-100, 101)]
    return max(chance(q) for q in near)


def binomial_tail(right, n, share):
    """Return the chance of so few of n, each on its own with that share."""
    from fractions import Fraction
    from math import comb

    q = Fraction(share)
    return sum(comb(n, x) * q**x * (1 - q) ** (n - x) for x in range(right + 1))


def failed_batches(results, levels, floor, least_history):
    """Return which batches fail: results are (person, right, n) in order, levels are by number of test."""
    past, failed, number = {}, [], 0
    for person, right, n in results:
        before = past.get(person, (0, 0))
        tests = []
        if n and before[1] >= least_history and before[1] > 0:
            tests.append(boschloo(right, n, *before))
        if n and floor is not None:
            tests.append(binomial_tail(right, n, floor))
        bad = bool(tests) and len(tests) * min(tests) <= levels[number]
        number += bool(tests)
        if not bad:
            past[person] = (before[0] + right, before[1] + n)
        failed.append(bad)
    return failed
