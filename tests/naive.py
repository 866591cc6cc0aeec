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


def classes_of(k, sets):
    """The classes that each code stands for: k classes, then the sets."""
    return [{y} for y in range(k)] + [set(one) for one in sets]


def shares_of(row, k, named):
    """The part of a row's votes for each class; a vote for several is spread evenly."""
    said = [v for v in row if v >= 0]
    return [sum((y in named[v]) / len(named[v]) for v in said) / len(said) for y in range(k)]


def lf_summary(votes, named=None):
    """(polarity, coverage, overlaps, conflicts) of each column, cell by cell; -1 and -2 are no votes."""
    rows = [list(row) for row in votes]
    if named is not None:
        out = []
        for j in range(len(rows[0])):
            mine = [row for row in rows if row[j] >= 0]
            polarity = sorted({row[j] for row in mine})
            overlaps = sum(any(v >= 0 for i, v in enumerate(row) if i != j) for row in mine)
            said = [[named[v] for v in row if v >= 0] for row in mine]
            conflicts = sum(any(not a & b for a in sets for b in sets) for sets in said)
            out.append((polarity, len(mine) / len(rows), overlaps / len(rows), conflicts / len(rows)))
        return out
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


def dawid_skene(votes, k, silence, *, smoothing, prior_accuracy, n_passes, start=None, gold=None, sets=()):
    """Dawid-Skene on a dense matrix, row by row and rule by rule.

    `votes`: codes, -1 abstained, -2 not asked; k + i stands for the classes `sets[i]`, which anybody may say. `silence`: -1 or -2 per rule, which only decides the prior's
    strength when `smoothing` is None. Returns class balance, confusion[j][y][answer], history of the penalised
    log likelihood, and the posterior of each row that has votes (None for the others).
    """
    import math

    m = len(votes[0])
    used = [i for i, row in enumerate(votes) if any(v >= 0 for v in row)]
    gold = gold if gold is not None else [-1] * len(votes)
    named, size = classes_of(k, sets), k + len(sets)
    shares = {i: shares_of(votes[i], k, named) for i in used}
    weights = {i: [float(gold[i] == y) for y in range(k)] if gold[i] >= 0 else shares[i] for i in used}
    balance = [(sum(weights[i][y] for i in used) + 1) / (len(used) + k) for y in range(k)]

    def times(j, answer):
        return sum(votes[i][j] == answer for i in used)

    prior = [[[0.0] * (size + 1) for _ in range(k)] for _ in range(m)]
    for j in range(m):
        strength = smoothing if smoothing is not None else (4.0 if silence[j] == -1 else 0.25)
        for y in range(k):
            for answer in range(size):
                inside = sum(balance[z] for z in named[answer])
                share = (1 - prior_accuracy) * balance[y] / (1 - inside)
                if answer >= k:
                    share = (1 - prior_accuracy) * balance[y] * k / (k - 1)
                if y in named[answer]:
                    out = (1 - prior_accuracy) * ((1 - inside) * k / (k - 1) if answer >= k else 1)
                    share = (1 - out) * balance[y] / inside
                prior[j][y][answer] = strength * (times(j, answer) + 1) * share
            if times(j, -1):
                prior[j][y][size] = strength * (times(j, -1) + 1) * balance[y]

    if start is not None:
        weights = {i: weights[i] if gold[i] >= 0 else start[i] for i in used}
    pseudo = 0.0 if smoothing == 0 else 1.0
    history = []
    for _ in range(n_passes):
        total = [sum(weights[i][y] for i in used) + pseudo for y in range(k)]
        pi = [t / sum(total) if sum(total) > 0 else 1 / k for t in total]
        theta = [[[0.0] * (size + 1) for _ in range(k)] for _ in range(m)]
        for j in range(m):
            for y in range(k):
                counts = list(prior[j][y])
                for i in used:
                    if votes[i][j] >= -1:
                        counts[votes[i][j] if votes[i][j] >= 0 else size] += weights[i][y]
                if sum(counts) > 0:
                    theta[j][y] = [c / sum(counts) for c in counts]
                else:
                    known = [a for a in range(size) if times(j, a)] + [size] * (times(j, -1) > 0) or range(k)
                    theta[j][y] = [(a in known) / len(known) for a in range(size + 1)]
        likelihood = 0.0
        posterior = {}
        for i in used:
            score = []
            for y in range(k):
                s = math.log(max(pi[y], 1e-300))
                for j in range(m):
                    v = votes[i][j]
                    if v >= -1:
                        s += math.log(max(theta[j][y][v if v >= 0 else size], 1e-300))
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
                for a in range(size + 1)
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


def event_bayes(votes, k, silence, *, accuracy=0.8, passes=None, still=0.0005, sets=()):
    """The two event models and their weight, on a dense matrix, row by row; nothing is pooled or sampled.

    `votes`: codes, -1 abstained, -2 not asked; k + i stands for the classes `sets[i]`, and people don't say it. `silence`: -1 (a rule) or -2 (a person) per labeler. Returns the
    bold and the cautious posterior of each row with votes (None for the others), and excess, noise and doubt.
    """
    import math

    m = len(votes[0])
    used = [i for i, row in enumerate(votes) if any(v >= 0 for v in row)]
    n = len(used)
    rules = [j for j in range(m) if silence[j] == -1]
    named = [{c} for c in range(k)] + [set(one) for one in sets]
    events = [(j, c) for j in rules for c in range(len(named)) if any(votes[i][j] == c for i in used)]

    def together(a, b):
        return sum(votes[i][a[0]] == a[1] and votes[i][b[0]] == b[1] for i in used)

    weights = [1.0] * m
    for j in rules:
        for other in rules:
            same = sum(together((j, c), (other, c)) for c in range(len(named)))
            either = sum(votes[i][j] >= 0 for i in used) + sum(votes[i][other] >= 0 for i in used) - same
            if other != j and either:
                weights[j] += min(max((same / either - 0.3) / 0.7, 0), 1)
    weights = [1 / w for w in weights]
    shares = [
        [sum((y in named[v]) / len(named[v]) for v in votes[i] if v >= 0) for y in range(k)] for i in used
    ]
    shares = [[x / sum(s) for x in s] for s in shares]
    balance = [(sum(s[y] for s in shares) + 1) / (n + k) for y in range(k)]
    factor = (1 - accuracy) * k / (k - 1)

    def believed(c, pi):
        """The prior of a vote for several classes: it leaves `factor` of each other class."""
        inside = sum(pi[y] for y in named[c])
        rest = 1 - factor * (1 - inside)
        return [rest * pi[y] / inside if y in named[c] else factor * pi[y] for y in range(k)]

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
            + [[w * math.log(q) for q in believed(k + i, [1 / k] * k)] for i in range(len(sets))]
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
                    for c in range(len(named))
                ]
                logs, covered = [], [0.0] * k
                for c in range(len(named)):
                    t = sum(count[c])
                    belief = 1 + strength * t
                    prior_q = believed(c, pi)
                    sure = accuracy if c < k else sum(prior_q[y] for y in named[c])
                    good = sum(count[c][y] for y in named[c])
                    hit = (good + belief * sure) / (t + belief)
                    line = []
                    for y in range(k):
                        side = named[c] if y in named[c] else set(range(k)) - named[c]
                        part, mass = (hit, sure) if y in named[c] else (1 - hit, 1 - sure)
                        seen_here = sum(count[c][z] for z in side)
                        more = belief * mass + spread * len(side)
                        own = pi[y] / sum(pi[z] for z in side)
                        q = (
                            part
                            if c < k and y == c
                            else part * (count[c][y] + more * own) / (seen_here + more)
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
                    ] + [[0.0] * k for _ in sets]
                said.append(logs)
                seen.append([min(x, 1 - 1 / (n + 2)) for x in covered])
            part = hidden(seen) if unseen else [0.0] * k
            prior = [x - math.log(1 - h) for x, h in zip(prior, part, strict=True)]
            for j in range(m):
                for c in range(len(named)):
                    for y in range(k):
                        shift = math.log(1 - part[y]) if silence[j] == -1 else 0.0
                        said[j][c][y] = sharp * weights[j] * (said[j][c][y] + shift)
                quiet.append(
                    [silent * sharp * weights[j] * math.log(1 - seen[j][y] * (1 - part[y])) for y in range(k)]
                )
            for j in rules:
                for c in range(k, len(named)):
                    alone = min(said[j][c][y] for y in named[c])
                    beside = min(said[j][c][y] - quiet[j][y] for y in named[c])
                    for y in set(range(k)) - named[c]:
                        said[j][c][y] = min(said[j][c][y], alone, beside + quiet[j][y])
            for j in range(m):
                for c in range(len(named)):
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


def weighted_vote(votes, k, silence, *, smoothing, prior_accuracy, gold, sets=()):
    """Accuracy and weight of each labeler, and the shares of each row (None without votes), vote by vote."""
    import math

    m = len(votes[0])
    group = alike(votes, silence)
    named = classes_of(k, sets)
    accuracy, weights = [], []

    def as_one(share, v):
        """A share of a vote for several classes, as far above chance in a vote for one."""
        chance = len(named[v]) / k
        return share if v < k else 1 / k + (1 - 1 / k) * (share - chance) / (1 - chance)

    for j in range(m):
        agreed = heard = right = checked = 0
        for row, known in zip(votes, gold):
            if row[j] < 0:
                continue
            others = [row[i] for i in range(m) if group[i] == i and i != group[j] and row[i] >= 0]
            if others:
                inside = sum(len(named[row[j]] & named[v]) / len(named[v]) for v in others)
                agreed += as_one(inside / len(others), row[j])
                heard += 1
            if known >= 0:
                right += as_one(known in named[row[j]], row[j])
                checked += 1
        a = (agreed + smoothing * prior_accuracy) / (heard + smoothing)
        if any(g >= 0 for g in gold):
            a = (right + smoothing * a) / (checked + smoothing)
        a = min(max(a, 1 / k + 0.01), 0.99)
        accuracy.append(a)
        weights.append(math.log((k - 1) * a / (1 - a)) / group.count(group[j]))
    shares = []
    for row in votes:
        said = [(named[v], w) for v, w in zip(row, weights) if v >= 0]
        sums = [sum(w / len(one) for one, w in said if y in one) for y in range(k)]
        shares.append([s / sum(sums) for s in sums] if sum(sums) else None)
    return accuracy, weights, shares


def one_coin(votes, k, silence, *, smoothing, prior_accuracy, n_passes, gold, sets=()):
    """Class balance, accuracies, history of the penalised log likelihood, posterior of rows with votes, row by row."""
    import math

    m = len(votes[0])
    used = [i for i, row in enumerate(votes) if any(v >= 0 for v in row)]
    named = classes_of(k, sets)
    left = [(k - len(one)) / (k - 1) for one in named]
    weights = {}
    for i in used:
        shares = shares_of(votes[i], k, named)
        weights[i] = [float(gold[i] == y) if gold[i] >= 0 else shares[y] for y in range(k)]
    times = [sum(votes[i][j] >= 0 for i in used) for j in range(m)]
    strength = [smoothing if smoothing is not None else (4.0 if silence[j] == -1 else 0.25) for j in range(m)]
    pseudo = [strength[j] * (times[j] + 1) for j in range(m)]
    history, posterior = [], {}
    for _ in range(n_passes):
        total = [sum(weights[i][y] for i in used) + (smoothing != 0) for y in range(k)]
        pi = [t / sum(total) if sum(total) > 0 else 1 / k for t in total]
        accuracy = []
        for j in range(m):
            said = [(i, votes[i][j]) for i in used if votes[i][j] >= 0]
            whole = times[j] + pseudo[j]
            if any(v >= k for _, v in said):
                right = [(sum(weights[i][y] for y in named[v]), left[v]) for i, v in said]
                wrong = sum(1 - hit for hit, _ in right) + pseudo[j] * (1 - prior_accuracy)
                right.append((pseudo[j] * prior_accuracy, 1.0))
                low, high = 0.0, 1.0
                for _ in range(60):
                    e = (low + high) / 2
                    rises = wrong / e > sum(hit * part / (1 - e * part) for hit, part in right)
                    low, high = (e, high) if rises else (low, e)
                accuracy.append(1 - (low + high) / 2)
                continue
            right = sum(weights[i][v] for i, v in said)
            accuracy.append((right + pseudo[j] * prior_accuracy) / whole if whole else prior_accuracy)
        likelihood = 0.0
        for i in used:
            score = []
            for y in range(k):
                s = math.log(max(pi[y], 1e-300))
                for j in range(m):
                    if votes[i][j] >= 0:
                        v = votes[i][j]
                        p = (1 - accuracy[j]) / (k - 1)
                        if y in named[v]:
                            p = (1 - (1 - accuracy[j]) * left[v]) / len(named[v])
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


def triplet(votes, k, silence, balance, *, average, sets=()):
    """Accuracies [j][class], and the posterior of rows with votes, from every triplet, one by one."""
    import math
    import statistics

    m = len(votes[0])
    group = alike(votes, silence)
    rules = [j for j in range(m) if group[j] == j]
    named = classes_of(k, sets)

    def side(v, y):
        """1 for a class, -1 against it, 0 where the vote says nothing of it."""
        return 0 if v < 0 else -1 if y not in named[v] else int(len(named[v]) == 1)

    correlation = {(j, y): 0.6 for j in rules for y in range(k)}
    for y in range(k if len(rules) >= 3 else 0):
        moment = {}
        for i in rules:
            for j in rules:
                pairs = [p for row in votes if (p := side(row[i], y) * side(row[j], y))]
                moment[i, j] = sum(pairs) / len(pairs) if pairs else None
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
                        s += weight * side(row[j], y)
                shares.append(1 / (1 + math.exp(-s)))
            return [share / sum(shares) for share in shares]

        p = answer(balance)
        common = set(range(k)).intersection(*(named[v] for v in said))
        if said and len(common) == 1:
            (own,) = common
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


# ---- people's work over time ----


def monday(time):
    """The Monday of a time in UTC, as text."""
    import datetime

    day = time.astimezone(datetime.UTC).date()
    return str(day - datetime.timedelta(days=day.weekday()))


def occasions(answers):
    """The answer that counts of each item, person, batch and guideline version: the latest by time, then number."""
    import datetime

    none = datetime.datetime.min.replace(tzinfo=datetime.UTC)
    found = {}
    for row in sorted(answers, key=lambda row: (row["at"] or none, row["number"])):
        found[row["item"], row["annotator"], row["batch"], row["guideline"] or "unknown"] = row
    return found


def latest_of(rows, group):
    """Of rows, the latest of each group, item and person."""
    found = {}
    for row in sorted(rows, key=lambda row: row["order"]):
        found[group(row), row["item"], row["annotator"]] = row
    return found


def with_gold(rows, by):
    """(source, group) -> answers, right ones, and kappa, of rows with said, gold and source."""
    held = [row for row in rows if row["said"] is not None and row["gold"] is not None and row["source"]]
    groups = {}
    for (group, _, _), row in latest_of(held, lambda row: (row["source"], str(row[by]))).items():
        groups.setdefault(group, []).append((row["said"], row["gold"]))
    names = sorted({name for row in held for name in (row["said"], row["gold"])})
    return {
        group: (
            len(pairs),
            sum(said == gold for said, gold in pairs),
            kappa([names.index(said) for said, _ in pairs], [names.index(gold) for _, gold in pairs]),
        )
        for group, pairs in groups.items()
    }


def among(rows, by):
    """Group -> items that two answered or more, those on which all say the same, and alpha."""
    said = [row for row in rows if row["said"] is not None]
    names = sorted({row["said"] for row in said})
    if by == "week":
        last = {}
        for row in said:
            key = (row["item"], row["batch"])
            last[key] = max(last.get(key, row["week"]), row["week"])
        said = [{**row, "week": last[row["item"], row["batch"]]} for row in said]
    groups = {}
    for (group, item, _), row in latest_of(said, lambda row: str(row[by])).items():
        groups.setdefault(group, {}).setdefault(item, []).append(names.index(row["said"]))
    found = {}
    for group, items in groups.items():
        several = [codes for codes in items.values() if len(codes) > 1]
        if several:
            found[group] = (len(several), sum(len(set(codes)) == 1 for codes in several), alpha(several))
    return found


def contested(rows):
    """(one, other) -> items given both, and items given one of them, of those that two answered or more."""
    items = {}
    for (_, item, _), row in latest_of(rows, lambda row: None).items():
        if row["said"] is not None:
            items.setdefault(item, []).append(row["said"])
    several = [set(said) for said in items.values() if len(said) > 1]
    names = sorted(set().union(*several)) if several else []
    found = {}
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            both = sum({one, other} <= said for said in several)
            if both:
                found[one, other] = (both, sum(bool({one, other} & said) for said in several))
    return found


def median_coverage(n, low, high):
    """Probability that the `low`-th to `high`-th smallest of n values, counted from 1, hold the median."""
    from math import comb

    return sum(comb(n, k) for k in range(low, high)) / 2**n


def moved(made, runs, both):
    """Week -> labels by hand, suggestion, unknown and rule, item by item."""
    weeks = sorted({week for _, week in made.values() if week} | {week for week, _, _ in runs})
    found = {}
    for week in weeks:
        people = {item: how for item, (how, since) in made.items() if since is None or since <= week}
        done = [run for run in runs if run[0] <= week]
        rule = 0
        if done:
            _, name, labeled = done[-1]
            rule = labeled - len([item for run, item in both if run == name and item in people])
        ways = list(people.values())
        found[week] = (ways.count("hand"), ways.count("suggestion"), ways.count("unknown"), rule)
    return found


def costs(rows, how, rates, longest):
    """Way -> labels, minutes on them, and all minutes that they carry; times that are not known made up for."""
    from statistics import median

    def usable(row):
        return row["seconds"] is not None and row["seconds"] <= longest * 60

    every = [row["seconds"] for row in rows if usable(row)]
    if not every:
        return None
    minutes, money, labels, total, bill = {}, {}, {}, 0.0, 0.0
    for row in rows:
        mine = [r["seconds"] for r in rows if r["annotator"] == row["annotator"] and usable(r)]
        spent = (row["seconds"] if usable(row) else median(mine or every)) / 60
        paid = spent * rates[row["annotator"]] / 60
        way = "audit" if row["use"] == "audit" else how.get(row["item"])
        if way != "audit" and (row["aside"] or row["use"] in ("check", "training")):
            way = None
        if way:
            minutes[way] = minutes.get(way, 0.0) + spent
            money[way] = money.get(way, 0.0) + paid
            labels.setdefault(way, set()).add(row["item"])
        if way != "audit":
            total, bill = total + spent, bill + paid
    direct = sum(value for way, value in minutes.items() if way != "audit")
    priced = sum(value for way, value in money.items() if way != "audit")
    found = {}
    for way, value in minutes.items():
        shares = (1.0, 1.0) if way == "audit" else (total / direct, bill / priced)
        found[way] = (len(labels[way]), value, value * shares[0], money[way] * shares[1])
    return found


# ---- audit: shares of stratified samples ----


def likeliest_strata(hits, rows, share, left, average, pooled):
    """Return the strata's shares that are likeliest among those that average to `average`, by two nested halvings."""
    total = sum(w * x / n for w, x, n in zip(share, hits, rows))
    whole = sum(rows)
    total = min(max(total, 0.5 / whole), 1 - 0.5 / whole)
    counts = []
    for x, n, keep in zip(hits, rows, left):
        worth = n / keep
        counts.append(((x / keep + pooled * total) * worth / (worth + pooled), worth))

    def stratum(t, w, x, n):
        low, high = 0.0, 1.0
        for _ in range(40):
            q = (low + high) / 2
            slope = (x / q if x else 0.0) - ((n - x) / (1 - q) if n > x else 0.0) - t * w
            low, high = (q, high) if slope > 0 else (low, q)
        return (low + high) / 2

    low, high = -1e6, 1e6
    for _ in range(50):
        t = (low + high) / 2
        q = [stratum(t, w, x, n) for w, (x, n) in zip(share, counts)]
        if sum(w * s for w, s in zip(share, q)) > average:
            low = t
        else:
            high = t
    return q


def share_interval(hits, rows, share, left, spread, *, pooled, few, rare, step, z=1.959963984540054):
    """Return estimate and ends of `stratified_proportion`, one share after the other."""
    from scipy.stats import beta

    value = sum(w * x / n for w, x, n in zip(share, hits, rows))

    def refused(p):
        q = likeliest_strata(hits, rows, share, left, p, pooled)
        v = 0.0
        for s, w, n, keep, extra in zip(q, share, rows, left, spread):
            worth = n / (n - 1) if n > 1 else 2.0
            v += w * w * worth * keep / n * (s * (1 - s) + extra * (s - p) ** 2)
        off = step * sum(w * w * keep / n for w, n, keep in zip(share, rows, left))
        return max(abs(value - p) - off, 0.0) ** 2 >= z * z * v

    ends = []
    for end in (0.0, 1.0):
        near, far = value, end
        for _ in range(22):
            middle = (near + far) / 2
            near, far = (near, middle) if refused(middle) else (middle, far)
        ends.append((near + far) / 2)

    def lowered(events, part, low):
        square = sum((w / n) ** 2 * e for w, n, e in zip(share, rows, events))
        if not square or part * part / square > few + 1e-6:
            return low
        count = part * part / square
        return min(low, beta.ppf(0.025, count + rare, max(count / part - count, 0.0) + 1 - rare))

    low = lowered(hits, value, ends[0])
    wrong = [n - x for x, n in zip(hits, rows)]
    return value, min(low, value), max(1 - lowered(wrong, 1 - value, 1 - ends[1]), value)


def exact_share(hits, rows, population, tail=0.025):
    """Return the ends of the exact interval, by counting the ways to draw."""
    from fractions import Fraction
    from math import comb

    kept = []
    for total in range(population + 1):
        ways = [comb(total, x) * comb(population - total, rows - x) for x in range(rows + 1)]
        above, below = Fraction(sum(ways[hits:]), sum(ways)), Fraction(sum(ways[: hits + 1]), sum(ways))
        if above > Fraction(tail) and below > Fraction(tail):
            kept.append(total)
    return kept[0] / population, kept[-1] / population


def audit_values(population, draws, gold):
    """Return accuracy, and precision, recall, F1 and prevalence by label, by adding up 1 / inclusion, draw by draw.

    `population` and `gold` map ids to labels, a draw maps ids to (stratum, inclusion).
    """
    sizes = []
    for drawn in draws:
        strata = {}
        for stratum, inclusion in drawn.values():
            strata.setdefault(stratum, []).append(1 / inclusion)
        total = sum(sum(w) for w in strata.values())
        sizes.append(1 / sum((sum(w) / total) ** 2 / len(w) for w in strata.values()))

    def share(hit, part):
        top = bottom = 0.0
        for drawn, size in zip(draws, sizes):
            all_rows = sum(1 / inclusion for _, inclusion in drawn.values())
            weight = size / sum(sizes) / all_rows
            top += weight * sum(1 / pi for id, (_, pi) in drawn.items() if part(id) and hit(id))
            bottom += weight * sum(1 / pi for id, (_, pi) in drawn.items() if part(id))
        return top / bottom if bottom else None

    found = {"accuracy": share(lambda id: population[id] == gold[id], lambda id: True)}
    for label in sorted(set(population.values())):
        given = sum(value == label for value in population.values()) / len(population)
        precision = share(lambda id: gold[id] == label, lambda id: population[id] == label)
        missed = share(lambda id: gold[id] == label, lambda id: population[id] != label) or 0.0
        right, rest = (precision or 0.0) * given, missed * (1 - given)
        found[label] = {
            "precision": precision,
            "recall": right / (right + rest) if right + rest else None,
            "F1": 2 * right / (given + right + rest),
            "prevalence": share(lambda id: gold[id] == label, lambda id: True),
        }
    return found


# ---- audit: drift ----


def fisher_mid_p(a, n, b, m):
    """Two-sided mid-P of Fisher's test, table by table."""
    from fractions import Fraction
    from math import comb

    total = a + b
    chances = {
        x: Fraction(comb(n, x) * comb(m, total - x), comb(n + m, total))
        for x in range(max(0, total - m), min(n, total) + 1)
    }
    below = sum((c for x, c in chances.items() if x < a), Fraction(0)) + chances[a] / 2
    above = sum((c for x, c in chances.items() if x > a), Fraction(0)) + chances[a] / 2
    return float(min(1, 2 * min(below, above)))


def auc(a, b):
    """Share of pairs in which b's value is the larger one, ties half."""
    return sum((y > x) + (y == x) / 2 for x in a for y in b) / (len(a) * len(b))


def vote_counts(votes, k):
    """What each rule does, row by row."""
    m = len(votes[0])
    found = {name: [0] * m for name in ("asked", "fires", "judged", "agrees")}
    found["votes"] = [[0] * k for _ in range(m)]
    found["uncovered"] = 0
    for row in votes:
        found["uncovered"] += all(code < 0 for code in row)
        for j, code in enumerate(row):
            found["asked"][j] += code != -2
            found["fires"][j] += code >= 0
            if 0 <= code < k:
                found["votes"][j][code] += 1
                others = [c for i, c in enumerate(row) if i != j and 0 <= c < k]
                top = max((others.count(c) for c in others), default=0)
                winners = {c for c in others if others.count(c) == top}
                if len(winners) == 1:
                    found["judged"][j] += 1
                    found["agrees"][j] += winners == {code}
    return found


def mixture_shares(parts, counts, steps=800):
    """Shares of a mixture by EM, one cell at a time."""
    shares = [1 / len(parts)] * len(parts)
    for _ in range(steps):
        new = [0.0] * len(parts)
        for cell, count in enumerate(counts):
            total = sum(s * part[cell] for s, part in zip(shares, parts))
            for j, (s, part) in enumerate(zip(shares, parts)):
                new[j] += count * s * part[cell] / total
        shares = [value / sum(counts) for value in new]
    return shares


def rule_precision(rows):
    """Weighted precision over (right, inclusion, batch): weighted shares of batches by how many rows each is worth."""
    top = bottom = 0.0
    for name in sorted({batch for _, _, batch in rows}):
        own = [(right, 1 / p) for right, p, batch in rows if batch == name]
        total = sum(w for _, w in own)
        worth = total / max(w for _, w in own)
        top += worth * sum(w for right, w in own if right) / total
        bottom += worth
    return top / bottom


def selection_weights(accepted, target):
    """Weight of each accepted slice: share of the target over share of the accepted, scaled to mean 1."""
    raw = [target.count(cell) / accepted.count(cell) for cell in accepted]
    mean = sum(raw) / len(raw)
    return [value / mean for value in raw]


# --- certificates and the audit that may stop at any label


def chance_of_so_few(wrong, checked, rows, bad):
    """Chance of at most `wrong` bad rows among `checked` drawn without replacement, by counting draws."""
    from fractions import Fraction
    from math import comb

    ways = sum(comb(bad, i) * comb(rows - bad, checked - i) for i in range(wrong + 1) if checked - i >= 0)
    return float(Fraction(ways, comb(rows, checked)))


def nested_regions(order, chance, checked, wrong, sizes):
    """For each region: rows nobody checked, wrong ones among the checked, mean chance of the unchecked."""
    found = []
    for size in sizes:
        inside = order[:size]
        left = [i for i in inside if i not in checked]
        bad = sum(1 for i in inside if i in checked and wrong[checked.index(i)])
        found.append((len(left), bad, sum(chance[i] for i in left) / max(len(left), 1)))
    return found


def most_probable_weights(features, offset, wrong):
    """Weights of a logistic regression with standard normal priors, row by row, by plain gradient steps."""
    import math

    weights = [0.0] * len(features[0])
    rate = 1.0 / (1 + sum(sum(v * v for v in row) for row in features) / 4)
    for _ in range(20_000):
        gradient = [-w for w in weights]
        for row, start, y in zip(features, offset, wrong, strict=True):
            p = 1 / (1 + math.exp(-start - sum(w * v for w, v in zip(weights, row, strict=True))))
            gradient = [g + (y - p) * v for g, v in zip(gradient, row, strict=True)]
        weights = [w + rate * g for w, g in zip(weights, gradient, strict=True)]
    return weights


def evidence_of_draws(wrong, rows, null, others):
    """Mean over `others` of the hypergeometric likelihood of the draws over that under `null`, after each draw."""
    from fractions import Fraction

    found = []
    for n in range(1, len(wrong) + 1):
        total = Fraction(0)
        for other in others:
            ratio = Fraction(1)
            for i in range(n):
                before = sum(wrong[:i])
                here, there = max(other - before, 0), max(null - before, 0)
                if wrong[i]:
                    ratio *= Fraction(here, there)
                else:
                    ratio *= Fraction(rows - i - here, rows - i - there)
            total += ratio
        found.append(float(total / len(others)))
    return found


def evidence_of_weighted_draws(wrong, weight, chance, tolerated, bets):
    """The same by bets on the weighted count of a draw, each made from lists of the rows that are left."""
    totals = [1.0] * len(bets)
    found = []
    for n, bad in enumerate(wrong):
        left, guess = weight[n:], chance[n:]
        whole, m = sum(left), tolerated + 1 - sum(wrong[:n])
        kappa = whole * sum(q / w for q, w in zip(guess, left, strict=True)) / sum(guess)
        z = whole / weight[n] if bad else 0.0
        for i, f in enumerate(bets):
            size = min((1 - f) * m / (f * m * kappa - 2 * f * m * m + m * m), 0.97 / (whole / min(left) - m))
            totals[i] *= 1 + size * (m - z)
        found.append(sum(totals) / len(bets))
    return found


# ---- the next batch ----


def cosines_of_texts(texts, fewest):
    """Cosines of texts by their words, each (1 + log count) times 1 + log((1 + n) / (1 + texts with it))."""
    import math

    split = [text.split() for text in texts]
    known = {w for words in split for w in words if sum(w in other for other in split) >= fewest}
    rows = []
    for words in split:
        row = {}
        for w in known & set(words):
            rarity = 1 + math.log((1 + len(texts)) / (1 + sum(w in other for other in split)))
            row[w] = (1 + math.log(words.count(w))) * rarity
        length = math.sqrt(sum(v * v for v in row.values())) or 1.0
        rows.append({w: v / length for w, v in row.items()})
    return [[sum(v * b.get(w, 0.0) for w, v in a.items()) for b in rows] for a in rows]


def farthest_first(points, k, order):
    """Centres chosen one by one, each the row farthest from those there are; and each row's nearest centre."""
    import math

    mean = [sum(p[d] for p in points) / len(points) for d in range(len(points[0]))]
    centres = [min(order, key=lambda i: (round(math.dist(points[i], mean), 9), order.index(i)))]
    while len(centres) < k:
        far = {i: min(math.dist(points[i], points[c]) for c in centres) for i in order}
        best = max(order, key=lambda i: (far[i], -order.index(i)))
        if far[best] <= 1e-9:
            break
        centres.append(best)
    of = [min(range(len(centres)), key=lambda n: math.dist(p, points[centres[n]])) for p in points]
    return centres, of


def shares_of_pairs_apart(counts):
    """Chance that two votes drawn with replacement name different classes, over the most that so many votes can have."""
    votes = [c for c, number in enumerate(counts) for _ in range(number)]
    if len(votes) < 2:
        return 0.0
    apart = sum(a != b for a in votes for b in votes) / len(votes) ** 2
    camps = min(len(votes), len(counts))
    return apart / (1 - 1 / camps)


def mutual_information(tables):
    """Mutual information of class and model for one row, models alike, over the log of the smaller number of the two."""
    import math

    classes = range(len(tables[0]))
    mean = [sum(t[c] for t in tables) / len(tables) for c in classes]
    total = sum(t[c] / len(tables) * math.log(t[c] / mean[c]) for t in tables for c in classes if t[c] > 0)
    return total / math.log(min(len(tables), len(tables[0])))


def confident_doubts(p, codes, heard):
    """Rows whose label is likely wrong by confident learning, and rows without a label that likely have one."""
    k = len(p[0])
    thresholds = []
    for c in range(k):
        own = [row[c] for row, code, h in zip(p, codes, heard, strict=True) if h and code == c]
        every = [max(row) for row, h in zip(p, heard, strict=True) if h]
        thresholds.append(sum(own) / len(own) if own else sum(every) / len(every))
    wrong, missing = set(), set()
    for i, row in enumerate(p):
        passed = [c for c in range(k) if row[c] >= thresholds[c] - 1e-12]
        if not heard[i] or not passed:
            continue
        best = max(passed, key=lambda c: (row[c], -c))
        if codes[i] < 0:
            missing.add(i)
        elif best != codes[i] and row[best] > row[codes[i]]:
            wrong.add(i)
    return wrong, missing


# ---- the vote store, and hashes of ids ----


def text_hash(text, seed):
    """The 64-bit hash of a text, in whole numbers without an end, cut to 64 bits after every step."""
    factor, mixer, cut = 0x9FB21C651E98DF25, 0xD6E8FEB86659FD93, 2**64 - 1
    raw = text.encode()
    state = (len(raw) ^ seed) * factor & cut
    for at in range(0, len(raw), 8):
        word = int.from_bytes(raw[at : at + 8], "little") * mixer & cut
        word ^= word >> 32
        state ^= word * factor & cut
        state = (state << 27 | state >> 37) & cut
        state = (state * 5 + mixer) & cut
    state = (state ^ state >> 32) * mixer & cut
    state = (state ^ state >> 29) * factor & cut
    return state ^ state >> 32


def leading_zeros(number):
    """How many zeros a number of 64 bits begins with."""
    return len(f"{number:064b}") - len(f"{number:064b}".lstrip("0"))


def gaps(votes, usual):
    """Bytes of the gaps before each other code, 255 for "255 and more follows"; and these codes."""
    where, what, gap = [], [], 0
    for vote in votes:
        if vote == usual:
            gap += 1
        else:
            where += [255] * (gap // 255) + [gap % 255]
            what.append(vote)
            gap = 0
    return where, what


def doubled_ids(shards):
    """Each id that stands more than once, with the places (shard, row) where it does, in the order of the rows."""
    places = {}
    for shard, ids in enumerate(shards):
        for row, id in enumerate(ids):
            places.setdefault(id, []).append((shard, row))
    return {id: found for id, found in places.items() if len(found) > 1}


# ---- the versioned label table ----


class Versions:
    """A table as a list of versions, each a set of files, each a number and rows (id, label, status, model)."""

    def __init__(self):
        self.versions, self.there = [], set()

    @property
    def newest(self):
        return len(self.versions) - 1 if self.versions else None

    def rows(self, version=None):
        files = self.versions[self.newest if version is None else version]
        return {row[0]: row[1:] for _, rows in files for row in rows}

    def readable(self):
        return {i for i, files in enumerate(self.versions) if files <= self.there}

    def differ(self, one, other):
        return self.versions[one] != self.versions[other]

    def _add(self, files):
        self.versions.append(frozenset(files))
        self.there |= set(files)

    def overwrite(self, files):
        self._add({((len(self.versions), i), tuple(rows)) for i, rows in enumerate(files)})

    def restore(self, version):
        self._add(self.versions[version])

    def change(self, ids, status):
        def changed(row):
            return (row[0], None, status, row[3]) if row[0] in ids else row

        files = {(name, tuple(map(changed, rows))) for name, rows in self.versions[-1]}
        if files != self.versions[-1]:
            self._add(files)

    def erase(self, ids):
        held = {file for file in self.there if any(row[0] in ids for row in file[1])}
        if held & self.versions[-1]:
            left = {
                (name, tuple(r for r in rows if r[0] not in ids)) for name, rows in held & self.versions[-1]
            }
            self._add(self.versions[-1] - held | {file for file in left if file[1]})
        self.there -= held

    def vacuum(self):
        self.there &= self.versions[-1]


# ---- tags against gold ----


def with_ancestors(tags, parents):
    """Tags and all that stand above them, step by step."""
    found = set(tags)
    while True:
        more = {parent for tag in found for parent in parents.get(tag, ())} - found
        if not more:
            return found
        found |= more


def average_precision(scores, truth):
    """Sum over thresholds of the gain in recall times precision, each threshold counted out anew."""
    total, reached, found = sum(truth), 0.0, 0.0
    if not total:
        return None
    for threshold in sorted(set(scores), reverse=True):
        given = [t for s, t in zip(scores, truth) if s >= threshold]
        recall = sum(given) / total
        found += (recall - reached) * sum(given) / len(given)
        reached = recall
    return found


def tag_evaluation(rows, tags, parents):
    """Every metric of tags from rows (gold set, given set, covered, tag -> probability), in plain Python."""

    def share(part, whole):
        return part / whole if whole else None

    def f1(hit, given, gold):
        return share(2 * hit, given + gold)

    def counts(pairs):
        return (
            sum(len(gold & given) for gold, given in pairs),
            sum(len(given) for _, given in pairs),
            sum(len(gold) for gold, _ in pairs),
        )

    everything = set(tags)
    pairs = [(gold & everything, given & everything) for gold, given, _, _ in rows]
    above = [
        (with_ancestors(gold, parents) & everything, with_ancestors(given, parents) & everything)
        for gold, given, _, _ in rows
    ]
    covered = [pair for pair, row in zip(pairs, rows) if row[2]]
    hit, given, gold = counts(pairs)
    found = {"coverage": share(len(covered), len(rows))}
    found |= {
        "micro_precision": share(hit, given),
        "micro_recall": share(hit, gold),
        "micro_f1": f1(hit, given, gold),
    }
    hit, given, gold = counts(covered)
    found |= {"micro_recall_covered": share(hit, gold), "micro_f1_covered": f1(hit, given, gold)}
    hit, given, gold = counts(above)
    found |= {"hierarchical_precision": share(hit, given), "hierarchical_recall": share(hit, gold)}
    found["hierarchical_f1"] = f1(hit, given, gold)
    each = {}
    for tag in tags:
        hit, given, gold = counts([(g & {tag}, v & {tag}) for g, v in pairs])
        each[tag] = (share(hit, given), share(hit, gold), f1(hit, given, gold) if gold else None)
    known = [tag for tag in tags if each[tag][1] is not None]
    for i, name in enumerate(("precision", "recall", "f1")):
        found[f"macro_{name}"] = share(sum(each[tag][i] or 0 for tag in known), len(known))
    p = [len(g & v) / len(v) for g, v in pairs if v]
    r = [len(g & v) / len(g) for g, v in pairs if g]
    f = [2 * len(g & v) / (len(g) + len(v)) if g or v else 1.0 for g, v in pairs]
    found |= {"sample_precision": share(sum(p), len(p)), "sample_recall": share(sum(r), len(r))}
    found |= {
        "sample_f1": share(sum(f), len(f)),
        "subset_accuracy": share(sum(g == v for g, v in pairs), len(rows)),
    }
    found["hamming_loss"] = share(sum(len(g ^ v) for g, v in pairs), len(rows) * len(tags))
    found["cardinality_gold"] = share(sum(len(g) for g, _ in pairs), len(rows))
    found["cardinality_given"] = share(sum(len(v) for _, v in pairs), len(rows))
    ranked = {
        tag: ([row[3].get(tag, 0.0) for row in rows], [tag in gold for gold, _ in pairs]) for tag in tags
    }
    own = {tag: average_precision(*ranked[tag]) for tag in tags}
    found["macro_average_precision"] = share(sum(own[tag] for tag in known), len(known))
    found["micro_average_precision"] = average_precision(
        [s for scores, _ in ranked.values() for s in scores],
        [t for _, truth in ranked.values() for t in truth],
    )
    return found, {tag: (*each[tag], own[tag]) for tag in tags}


# ---- tags: fit and predict of the model for several labels a row ----


def tag_outcome_links(outcome, names, above):
    """Return (tag, kind) of what an outcome touches: present, implied, against or member."""
    tags = [names.index(label) for label in outcome.labels]
    if outcome.against:
        return {(tag, "against") for tag in tags}
    if len(tags) == len(names):
        return set()
    closed = [{tag, *above[tag]} for tag in tags]
    shared = set.intersection(*closed)
    if len(tags) == 1:
        return {(tag, "present" if tag == tags[0] else "implied") for tag in shared}
    return {(tag, "member") for tag in tags} | {(tag, "implied") for tag in shared}


def tag_cells(said, links, above):
    """Return tag -> [(event, tag of the link, kind)] of one row; `said` are events, `links` what each touches."""
    cells = {}
    for event in set(said):
        for tag, kind in links[event]:
            cells.setdefault(tag, []).append((event, tag, kind))
            if kind == "member":
                for parent in above[tag]:
                    cells.setdefault(parent, [])
    for event in set(said):
        for tag, kind in links[event]:
            if kind == "against":
                for below, own in cells.items():
                    if tag in above[below]:
                        own.append((event, tag, kind))
    return cells


def tag_row(said, links, above, worth, right, copies, base, further=0.5, floor=0.5):
    """Return tag -> probability of one row.

    `worth` is the precision of (event, tag, kind), `right` that of a set, `copies` the first link heard with a link.
    """

    import math

    def odds(p):
        p = min(max(p, 1e-4), 1 - 1e-4)
        return math.log(p / (1 - p))

    cells, p = tag_cells(said, links, above), {}
    for tag, touches in cells.items():
        sides = {True: [], False: []}
        for link in touches:
            if link[2] == "member":
                continue
            against = link[2] == "against"
            adds = odds(worth[link]) - odds(floor)
            adds = min(adds, 0) if against else max(adds, 0)
            sides[against].append((abs(adds), adds, link))
        totals = {}
        for side, found in sides.items():
            heard = []
            for size, adds, link in sorted(found, key=lambda one: -one[0]):
                if not any(copies[link] == copies[o] or link[0] == o[0] for _, o in heard):
                    heard.append((adds, link))
            values = [adds for adds, _ in heard]
            totals[side] = values[0] + further * sum(values[1:]) if values else None
        score = odds(base[tag])
        if totals[False] is not None:
            score = max(score, odds(floor) + totals[False])
        score += totals[True] or 0
        p[tag] = 1 / (1 + math.exp(-score))
    before = dict(p)
    for event in set(said):
        members = [tag for tag, kind in links[event] if kind == "member"]
        if members:
            some = 1 - math.prod(1 - min(before[tag], 1 - 1e-12) for tag in members)
            for tag in members:
                p[tag] = max(p[tag], before[tag] * right / some)
    return {tag: max([p[tag], *(p[other] for other in p if tag in above[other])]) for tag in p}


def tag_fit(rows, links, above, k, means=(0.65, 0.7, 0.04, 0.7), passes=10):
    """Return precisions of links, copies and base rates, of rows of events, without gold."""
    kinds = ("present", "implied", "against", "member")
    every = [(event, tag, kind) for event, own in links.items() for tag, kind in sorted(own)]
    heard = {link: {i for i, said in enumerate(rows) if link[0] in said} for link in every}
    copies = {link: link for link in every}
    while True:
        moved = dict(copies)
        for a in every:
            for b in every:
                same = (
                    a[1] == b[1]
                    and (a[2] == "against") == (b[2] == "against")
                    and "member" not in (a[2], b[2])
                )
                both, either = len(heard[a] & heard[b]), len(heard[a] | heard[b])
                if same and both and both >= 0.7 * either:
                    moved[a] = min(moved[a], copies[b])
        if moved == copies:
            break
        copies = moved
    named = [
        sum(any(x[1] == tag and x[0] in said and x[2] in kinds[:2] for x in every) for said in rows)
        for tag in range(k)
    ]
    base = [min((x * means[0] * 0.5 / 0.5 + 0.5) / (len(rows) - x + 1), 0.5) for x in named]
    worth = {link: means[kinds.index(link[2])] for link in every}
    for _ in range(passes):
        now = [tag_row(said, links, above, worth, means[3], copies, base) for said in rows]
        after = dict(worth)
        for link in every:
            event, tag, kind = link
            if kind in ("against", "member"):
                continue
            seen = [
                now[i][tag]
                for i in heard[link]
                if any(
                    o[0] != event and copies[o] != copies[link] for o in tag_cells(rows[i], links, above)[tag]
                )
            ]
            one = min(0.1, 4 / max(len(seen), 1))
            after[link] = (one * sum(seen) + 8 * means[kinds.index(kind)]) / (one * len(seen) + 8)
        worth = after
    for tag in range(k):
        for parent in above[tag]:
            base[parent] = max(base[parent], base[tag])
    return worth, copies, base
