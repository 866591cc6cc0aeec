"""Every file that a bulk relabeling leaves, byte for byte: made once more the plain way, from a matrix of votes."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import naive
from relabel_project import RULES, add_rule, go, make, settings, table
from weaklabel import label_model
from weaklabel.apply import LFApplier
from weaklabel.fingerprint import fingerprint
from weaklabel.label_matrix.patterns import dense_patterns
from weaklabel.pipeline.label_places import open_pattern_table
from weaklabel.pipeline.relabeling.job import open_bulk
from weaklabel.pipeline.relabeling.labels import answers, label_rows
from weaklabel.store.label_files import encoded
from weaklabel.store.pattern_table import pattern_frame

MORE = [
    "{name: any, kind: regex, label: spam, pattern: '.'}",
    "{name: half, kind: regex, label: ham, pattern: 'a'}",
    "{name: longer, kind: where, label: spam, sql: 'length(text) >= 7'}",
    "{name: never, kind: keywords, label: ham, terms: [xyzzy]}",
]


def plain_column(votes):
    """Return the usual code, the way and the bytes of a column as the vote store writes it."""
    codes = [*range(127), -2, -1]
    counts = {code: votes.count(code) for code in codes}
    usual = (
        -1
        if 2 * counts[-1] >= len(votes)
        else max(codes, key=lambda code: (counts[code], -codes.index(code)))
    )
    where, what = naive.gaps(votes, usual)
    one = len(set(what)) <= 1
    what = what[:1] if one else what
    size = len(where) + len(what)
    as_bytes = lambda values: np.array(values, np.int8).tobytes()  # noqa: E731
    if one and len(votes) // 8 + 1 < size:
        return "bits", usual, np.packbits([code != usual for code in votes]).tobytes(), as_bytes(what)
    if len(votes) < size:
        return "plain", usual, as_bytes(votes), b""
    return "gaps", usual, bytes(where), as_bytes(what)


def plain_file(shard, votes):
    """Return the bytes of a file of the vote store."""
    columns, parts = [], []
    for key in sorted(votes):
        way, usual, where, what = plain_column(votes[key].tolist())
        columns.append([key, 0, way, usual, len(where), len(what)])
        parts += [where, what]
    told = {"shard": shard, "rows": len(votes[key]), "columns": columns}
    head = json.dumps(told, separators=(",", ":")).encode()
    content = b"%010d\n" % len(head) + head + b"".join(parts)
    return b"weaklabel votes 1\n" + fingerprint(content).encode() + b"\n" + content


def matrices(bulk):
    """Return digest, ids and votes of every shard, the votes as a matrix."""
    for shard, digest in zip(bulk.shards, bulk.digests, strict=True):
        frame = bulk.task.corpus.read(shard)
        votes = LFApplier(bulk.counted).apply(frame, id="id")
        yield digest, frame["id"], votes.to_numpy()


def expected_votes(bulk, computed):
    """Return the files of the vote store by digest: one for the rules that voted first, one for those that came later."""
    files = {}
    for digest, _, votes in matrices(bulk):
        columns = {key: votes[:, j] for j, key in enumerate(bulk.keys.values()) if key in computed}
        files[digest] = plain_file(digest, columns)
    return files


def expected_labels(bulk, result):
    """Return the bytes of the data files of the label table, in the order of the shards."""
    folder = bulk.models / result.model
    model = label_model.load(folder / "model")
    for _, ids, votes in matrices(bulk):
        patterns = dense_patterns(votes, tuple(bulk.keys), np.full(len(bulk.keys), -1, np.int8))
        said = answers(patterns, model, schema=bulk.task.schema, threshold=None, version=result.model)
        yield encoded(label_rows(ids, patterns.inverse, said), "")[0]


def found_votes(project):
    return {
        path.parent.name + path.stem: path.read_bytes()
        for path in (project / ".weaklabel/votes").rglob("*.votes")
    }


def check(project, result, before, computed):
    """Compare labels, votes and the side table with what the plain way gives."""
    bulk = open_bulk(settings(project), project)
    root = Path(table(project).root)
    paths = sorted(name for name in table(project).files() if name.startswith(result.job))
    assert [(root / path).read_bytes() for path in paths] == list(expected_labels(bulk, result))
    new = {name: data for name, data in found_votes(project).items() if name not in before}
    keys = [key for id, key in bulk.keys.items() if id in computed]
    name = fingerprint(sorted(keys))
    assert new == {digest + name: data for digest, data in expected_votes(bulk, keys).items()}
    every = np.concatenate([votes for _, _, votes in matrices(bulk)])
    patterns = dense_patterns(every, tuple(bulk.keys), np.full(len(bulk.keys), -1, np.int8))
    assert np.load(bulk.models / result.model / "seen.npy").tolist() == patterns.keys.tolist()
    return patterns


def side_files(project):
    root = Path(open_pattern_table(settings(project), project).root)
    return {path.name: path.read_bytes() for path in root.glob("*.parquet")}


def written(frame, folder):
    path = folder / "side.parquet"
    frame.write_parquet(path, compression="zstd", compression_level=1, statistics=True, row_group_size=65_536)
    return path.read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_files_are_those_of_the_plain_way(tmp_path, workers):
    project = make(tmp_path / "desk", files=3, rows=40)
    for text in MORE:
        add_rule(project, text)
    result = go(project, f"engine.workers={workers}")
    bulk = open_bulk(settings(project), project)
    patterns = check(project, result, {}, set(bulk.keys))
    assert list(side_files(project).values()) == [written(pattern_frame(patterns), tmp_path)]

    before, side = found_votes(project), side_files(project)
    rules = project / "rules" / "rules.yaml"
    rules.write_text(rules.read_text().replace("[thanks, hello]", "[thanks, hello, ok]"))
    changed = go(project, f"engine.workers={workers}")
    assert changed.version == 1 and changed.columns == {"reused": 21, "voted": 3}
    after = check(project, changed, before, {"thanks"})
    fresh = pattern_frame(after).filter(~pl.col("pattern").is_in(patterns.keys.tolist()))
    added = {name: data for name, data in side_files(project).items() if name not in side}
    assert fresh.height and list(added.values()) == [written(fresh, tmp_path)]
    assert RULES in rules.read_text().replace(", ok]", "]")
