"""What weaklabel is measured against: Polars reading and writing, and Snorkel's path; each call is a process of its own.

Usage: python experiments/bulk/sides.py NAME PROJECT [...]; prints one line of JSON: seconds and rows.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

HOW = {"compression": "zstd", "compression_level": 3, "statistics": True, "row_group_size": 131_072}
"""As the label table is written."""


class Clock:
    """Seconds of the clock and of the processor since it was made."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def read(self):
        """Return both."""
        return {"seconds": time.perf_counter() - self.wall, "cpu": time.process_time() - self.cpu}


def texts_of(project):
    """Return the Parquet files of a project."""
    return sorted((Path(project) / "texts").glob("*.parquet"))


def shards_of(project):
    """Return the corpus and its shards, as relabel cuts them; ids are not checked."""
    import weaklabel as wl

    corpus = wl.Corpus.open(Path(project) / "texts", id="id", text="text", unchecked=True)
    return corpus, corpus.shards()


def back(project):
    """Polars reads id and text and writes them back, shard by shard (as fast as it does it: see README)."""
    rows = 0
    with tempfile.TemporaryDirectory(dir=project) as folder:
        clock = Clock()
        for path, start, size in pieces(project):
            frame = pl.scan_parquet(path).slice(start, size).select("id", "text").collect()
            frame.write_parquet(Path(folder) / f"{path.stem}-{start}.parquet", **HOW)
            rows += frame.height
        return clock.read() | {"rows": rows}


def stream(project):
    """The same by Polars' streaming engine, file by file."""
    rows = 0
    with tempfile.TemporaryDirectory(dir=project) as folder:
        clock = Clock()
        for path in texts_of(project):
            pl.scan_parquet(path).select("id", "text").sink_parquet(Path(folder) / path.name, **HOW)
            rows += pl.scan_parquet(path).select(pl.len()).collect().item()
        return clock.read() | {"rows": rows}


def labels(project, task):
    """Polars reads id and text and writes the columns of the label table, which lie ready in memory."""
    ready = label_columns(project, task)
    rows = 0
    with tempfile.TemporaryDirectory(dir=project) as folder:
        clock = Clock()
        for number, (path, start, size) in enumerate(pieces(project)):
            frame = pl.scan_parquet(path).slice(start, size).select("id", "text").collect()
            table = frame.select("id").hstack(ready[number % len(ready)].head(frame.height))
            table.write_parquet(Path(folder) / f"{path.stem}-{start}.parquet", **HOW)
            rows += frame.height
        return clock.read() | {"rows": rows}


def cached(project, task):
    """Read texts and the votes of all rules from the vote store, and write the label columns: one changed rule's floor."""
    from weaklabel import config
    from weaklabel.pipeline.relabeling.job import open_bulk
    from weaklabel.store.vote_store import VoteStore

    project = Path(project)
    ready = label_columns(project, task)
    bulk = open_bulk(config.load(project, [f"task={task}"]), project)
    store, keys = VoteStore(project / ".weaklabel" / "votes"), list(bulk.keys.values())
    rows, held = 0, 0
    with tempfile.TemporaryDirectory(dir=project) as folder:
        clock = Clock()
        for number, ((path, start, size), digest) in enumerate(
            zip(pieces(project), bulk.digests, strict=True)
        ):
            frame = pl.scan_parquet(path).slice(start, size).select("id", "text").collect()
            held += len(store.get(digest, keys).votes)
            table = frame.select("id").hstack(ready[number % len(ready)].head(frame.height))
            table.write_parquet(Path(folder) / f"{path.stem}-{start}.parquet", **HOW)
            rows += frame.height
        found = clock.read()
    if held != len(keys) * len(bulk.shards):
        sys.exit(f"the vote store holds {held} of {len(keys) * len(bulk.shards)} columns")
    return found | {"rows": rows}


def label_columns(project, task):
    """Return the label columns of some shards, as the table has them, without ids."""
    import weaklabel.store.label_table as table

    found = table.LabelTable(Path(project) / ".weaklabel" / "labels" / task)
    paths = sorted(found.files())[:4]
    return [pl.read_parquet(Path(found.root) / path).drop("id") for path in paths]


def pieces(project):
    """Return file, first row and rows of every shard."""
    corpus, shards = shards_of(project)
    names = {part.file.name: part.file.path for part in corpus.table.parts}
    return [(Path(names[shard.file]), shard.first_row, shard.rows) for shard in shards]


def snorkel(project, task, rows):
    """PandasLFApplier, LabelModel.predict_proba and to_parquet on the first rows, on one thread; the fit is timed apart."""
    import numpy as np
    import pandas as pd
    import torch
    from snorkel.labeling import PandasLFApplier
    from snorkel.labeling.model import LabelModel

    torch.set_num_threads(1)
    frame, made, n_classes = snorkel_inputs(project, task, int(rows))
    clock = [Clock()]
    votes = PandasLFApplier(made).apply(frame, progress_bar=False)
    clock.append(Clock())
    model = LabelModel(cardinality=n_classes, verbose=False)
    model.fit(votes, n_epochs=500, seed=0, progress_bar=False)
    clock.append(Clock())
    probabilities = model.predict_proba(votes)
    with tempfile.TemporaryDirectory(dir=project) as folder:
        table = pd.DataFrame(
            {"id": frame["id"], "label": probabilities.argmax(1), "probabilities": list(probabilities)}
        )
        table.to_parquet(Path(folder) / "labels.parquet")
        clock.append(Clock())
    walls, cpus = (np.diff([getattr(c, name) for c in clock]).tolist() for name in ("wall", "cpu"))
    found = {"seconds": walls[0] + walls[2], "cpu": cpus[0] + cpus[2], "rows": len(frame)}
    return found | dict(zip(("apply", "fit", "predict and write"), walls, strict=True))


def snorkel_inputs(project, task, rows):
    """Return the first rows as a pandas frame, the rules as Snorkel's, and the number of classes."""
    from snorkel.labeling import LabelingFunction

    import weaklabel as wl

    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from experiments.agnews_cost.run import as_function

    registry = wl.LFRegistry.from_folder(Path(project) / "labeling_functions" / task)
    made = [LabelingFunction(rule.id, as_function(rule, registry.schema)) for rule in registry.rules]
    frame = pl.scan_parquet(texts_of(project)[0]).head(rows).select("id", "text").collect().to_pandas()
    return frame, made, len(registry.schema)


def votes_differ(project, task, rows):
    """Return how many of Snorkel's votes on the first rows are not ours."""
    from snorkel.labeling import PandasLFApplier

    import weaklabel as wl

    frame, made, _ = snorkel_inputs(project, task, int(rows))
    theirs = PandasLFApplier(made).apply(frame, progress_bar=False)
    registry = wl.LFRegistry.from_folder(Path(project) / "labeling_functions" / task)
    ours = wl.LFApplier(registry).apply(frame, id="id").to_numpy()
    return {"rows": len(frame), "votes": ours.size, "differ": int((ours != theirs).sum())}


SIDES = {f.__name__: f for f in (back, stream, labels, cached, snorkel, votes_differ)}

if __name__ == "__main__":
    print(json.dumps(SIDES[sys.argv[1]](*sys.argv[2:])))
