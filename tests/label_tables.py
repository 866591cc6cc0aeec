"""Small label tables for tests, and processes that write them."""

import json

import polars as pl

from weaklabel.schema import LabelSchema
from weaklabel.store.label_table import LABEL_TABLE_COLUMNS, ConflictError, LabelTable, write_label_file

SCHEMA = LabelSchema(["ham", "spam"])


def rows(ids, label="spam", *, status="labeled", model="m1"):
    """Return rows of a label table; a status other than labeled goes without a label."""
    known = label if status == "labeled" else None
    votes = [None if status == "uncovered" else [0.25, 0.75]]
    return pl.DataFrame(
        [(id, known, status, *votes, 2, 7, model) for id in ids], schema=LABEL_TABLE_COLUMNS, orient="row"
    )


def commit(table, frames, *, mode="overwrite", **metadata):
    """Write frames as files of a folder that the version names, and commit them on top of what stands."""
    expected = table.version()
    folder = f"{0 if expected is None else expected + 1:04}"
    files = [
        write_label_file(table.root, f"{folder}/part-{i:05}.parquet", frame, storage=table.place.storage)
        for i, frame in enumerate(frames)
    ]
    return table.commit(files, schema=SCHEMA, expected=expected, metadata=metadata, mode=mode)


def content(table, version=None):
    """Return the rows of a version as tuples by id."""
    return {row[0]: row[1:] for row in table.scan(version).collect().iter_rows()}


def contend(root, name, rounds, barrier, results):
    """Write version after version at the same moment as another process, and say who won."""
    table = LabelTable(root)
    for turn in range(rounds):
        expected = table.version()
        model = f"{name}{turn}"
        files = [
            write_label_file(
                root, f"{model}/part-{i:05}.parquet", rows([f"{i}-{j}" for j in range(50)], model=model)
            )
            for i in range(3)
        ]
        barrier.wait(60)
        try:
            version = table.commit(files, schema=SCHEMA, expected=expected, metadata={"run_id": model})
            results.put((turn, name, version, ""))
        except ConflictError as error:
            results.put((turn, name, None, str(error)))
        barrier.wait(60)


def write_and_wait(root, said):
    """Write data files and never commit them: what a process leaves that is killed in between."""
    import time

    file = write_label_file(root, "dead/part-00000.parquet", rows(["x"]))
    said.put(json.dumps([file.path, file.rows]))
    time.sleep(600)


def add_patterns(root, name, barrier, results):
    """Add patterns, of which another process has some too, and say how many were new."""
    from weaklabel.store.pattern_table import PATTERN_COLUMNS, PatternTable

    table, new = PatternTable(root), 0
    for turn in range(3):
        keys = [*range(10 * turn, 10 * turn + 4), 10 * turn + 5 + "AB".index(name)]
        frame = pl.DataFrame([(key, ["x"], [key % 7]) for key in keys], schema=PATTERN_COLUMNS, orient="row")
        barrier.wait(60)
        new += table.add(frame)
    results.put(new)
