"""What the driver of a bulk relabeling does alone, at sizes that need no corpus: log, merging, ids; and what 1e9 and 1e10 rows take.

Usage: python experiments/bulk/scale.py [log] [merge] [ids] [table] [--keep DIR] [--results FILE]

`log` commits and opens label tables of 15,000 and 150,000 data files that are named but not there. `merge` merges the votes of
shards of a generated corpus at several sizes of sample. `ids` looks for doubled ids in files of random hashes. `table`
prints what 1e9 and 1e10 rows take, from these figures and those of run.py.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from run import ONE, folder_of, middle, rate, read, say, seconds  # noqa: E402

SHARD = 100_000
FILES = (15_000, 150_000)
IDS = (10_000_000, 100_000_000)
LEVELS = (0, 1, 2, 4, 6, 8, 10)
SIZES = {1_000_000_000: 64, 10_000_000_000: 1024}


def main(options):
    """Measure what is named in processes of their own, keep it, and print the table."""
    names = options.parts or [*PARTS, "table"]
    with folder_of(options.keep) as folder:
        for name in names:
            if name != "table":
                keep(options.results, f"scale {name}", PARTS[name](Path(folder)))
    if "table" in names:
        print(table(read(options.results)))


def keep(path, name, found):
    """Write what a part gave beside the rest."""
    from run import machine

    results = read(path)
    results[name] = {
        "date": time.strftime("%Y-%m-%dT%H:%M+00:00", time.gmtime()),
        **machine(),
        "found": found,
    }
    path.write_text(json.dumps(results, indent=1) + "\n")


def apart(name, *arguments):
    """Call a function of this file in a process of its own; return what it says, with its peak memory."""
    command = [sys.executable, __file__, "--call", name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | ONE)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    found = json.loads(done.stdout.splitlines()[-1])
    say(f"{name} {' '.join(map(str, arguments))}: {found}")
    return found


# ---- the log ----


def log(folder):
    """Commit tables of so many files, twice, and open them."""
    return [apart("one_log", folder, n) for n in FILES]


def one_log(folder, n):
    """Commit n data files, then n others in their place; return seconds and bytes."""
    import weaklabel.store.table_vacuum as vacuum
    from weaklabel import LabelSchema
    from weaklabel.store.label_table import LabelFile, LabelTable

    n, root = int(n), Path(folder) / "log"
    shutil.rmtree(root, ignore_errors=True)
    vacuum.refuse_missing = lambda *_: None  # the data files are only named
    schema, table, spent = LabelSchema(["a", "b", "c", "d"]), LabelTable(root), {}
    counts = {"labeled": SHARD}, {"a": SHARD // 2, "b": SHARD // 2}
    for version in range(2):
        job = f"{version:016x}"
        files = [
            LabelFile(
                f"{job}/part-{i:05}.parquet",
                SHARD,
                1_700_000,
                f"{i:032x}",
                *counts,
                f"post-{i:011}",
                f"post-{i + 1:011}",
            )
            for i in range(n)
        ]
        start = time.perf_counter()
        table.commit(
            files, schema=schema, expected=version - 1 if version else None, metadata={"run_id": job}
        )
        spent[f"commit {version}, s"] = time.perf_counter() - start
        entry = root / "_delta_log" / f"{version:020}.json"
        spent[f"log {version}, MB"] = entry.stat().st_size / 1e6
    for name, call in (
        ("version", table.version),
        ("files", table.files),
        ("metadata", table.metadata),
        ("log", table.log),
    ):
        start = time.perf_counter()
        call()
        spent[f"{name}, s"] = time.perf_counter() - start
    shutil.rmtree(root)
    return {"files": n, **spent}


# ---- merging ----


def merge(folder):
    """Vote on 2 million rows, and merge the shards' votes at several sizes of sample."""
    from run import Bench

    options = argparse.Namespace(rounds=1, millions=2, results=None)
    project = Bench(folder, options).project("merging", 2_000_000)
    apart("leave_votes", project)
    found = [apart("one_merge", project, shards, 0) for shards in (2, 5, 10, 20)]
    found += [apart("one_merge", project, 20, level) for level in LEVELS[1:]]
    shutil.rmtree(project)
    return found


def leave_votes(project):
    """Leave the votes of all shards, as the first pass does."""
    from weaklabel import config
    from weaklabel.pipeline.relabeling.job import decide, open_bulk
    from weaklabel.pipeline.relabeling.shards import VoteShards
    from weaklabel.pipeline.relabeling.work import shard_items, shared_work

    project = Path(project)
    bulk = open_bulk(config.load(project, ["task=bulk100"]), project)
    work = shared_work(bulk, decide(bulk))
    for name in ("votes", "../ids"):
        (work.folder / name).mkdir(parents=True, exist_ok=True)
    call, sizes = VoteShards(work)(), []
    for item in shard_items(bulk):
        call(item)
    sizes = [path.stat().st_size for path in (work.folder / "votes").iterdir()]
    return {"shards": len(sizes), "bytes": sum(sizes)}


def one_merge(project, shards, level):
    """Merge the votes of the first shards at one size of sample."""
    from weaklabel.pipeline.relabeling.merging import Merging

    paths = sorted(Path(project).glob(".weaklabel/relabel/bulk100/*/votes/*.votes"))[: int(shards)]
    for _ in range(2):  # the first loads kernels and files
        start, before = time.process_time(), time.perf_counter()
        found = Merging(paths, budget=1 << 50, need=lambda patterns: 0, level=int(level)).result()
        spent = {"cpu": time.process_time() - start, "seconds": time.perf_counter() - before}
    patterns = found.patterns
    held = sum(
        getattr(patterns, name).nbytes for name in ("indptr", "labeler_index", "codes", "counts", "keys")
    )
    rows = int(patterns.counts.sum())
    return {
        "shards": len(paths),
        "level": int(level),
        "rows": rows,
        "patterns": len(patterns),
        "bytes": held,
        **spent,
    }


# ---- ids ----


def ids(folder):
    """Look for doubled ids among so many hashes."""
    small = apart("one_ids", folder, IDS[0], 8, 1000)  # many files and ranges: what opening them costs
    return [
        small,
        *(apart("one_ids", folder, n, 256, SHARD) for n in IDS),
        apart("one_ids", folder, IDS[-1], 2048, SHARD),
    ]


def one_ids(folder, n, megabytes, size):
    """Write files of so many sorted random hashes each, and merge them."""
    import numpy as np

    from weaklabel.store.id_hashes import doubled

    place = Path(tempfile.mkdtemp(dir=folder))
    rng, paths = np.random.default_rng(1), []
    for i in range(int(n) // int(size)):
        paths.append(place / f"{i}.npy")
        np.save(
            paths[-1],
            np.sort(rng.integers(0, 1 << 63, int(size), dtype=np.uint64) * np.uint64(2) + np.uint64(i % 2)),
        )
    start, before = time.process_time(), time.perf_counter()
    found = doubled(paths, memory=int(megabytes) << 20)
    spent = {"cpu": time.process_time() - start, "seconds": time.perf_counter() - before}
    shutil.rmtree(place)
    return {
        "hashes": int(n),
        "files": len(paths),
        "megabytes": int(megabytes),
        "doubled": len(found),
        **spent,
    }


# ---- what 1e9 and 1e10 rows take ----


def table(results):
    """Return what large corpora take as text, as far as it is measured."""
    blocks = [measured(results), forecast(results)]
    return "\n\n".join(filter(None, blocks))


def measured(results):
    """Return what was measured here."""
    lines = []
    for part in PARTS:
        for one in results.get(f"scale {part}", {}).get("found", []):
            told = ", ".join(f"{name} {value:,.4g}" if isinstance(value, float) else f"{name} {value:,}" for name, value in one.items())  # fmt: skip
            lines.append(f"- {part}: {told}")
    return "\n".join(lines)


def forecast(results):
    """Return cores x hours, bytes, files and the driver's share, from the cost of a row."""
    if "linear20" not in results:
        return "(run.py linear20 measures the cost of a row)"
    base = results["linear20"]
    cost = 1 / rate(base["whole"])
    per_row = {name: n / base["rows"] for name, n in base["disk"].items()}
    head = "| | " + " | ".join(f"{rows:,} rows on {cores:,} cores" for rows, cores in SIZES.items()) + " |"
    rows = {"core hours, full run": [f"{n * cost / 3600:,.0f}" for n in SIZES]}
    rows["hours, if the workers did it all"] = [
        f"{n * cost / 3600 / cores:,.2f}" for n, cores in SIZES.items()
    ]
    for name in ("changed",):
        if base.get(name):
            each = middle(base[name], seconds) / base["rows"]
            rows["core hours, one rule changed"] = [f"{n * each / 3600:,.0f}" for n in SIZES]
    for name, size in sorted(per_row.items()):
        rows[f"{name}, TB"] = [f"{n * size / 1e12:,.3f}" for n in SIZES]
    rows["shards = data files"] = [f"{n // SHARD:,}" for n in SIZES]
    for label, values in driver(results).items():
        rows[label] = values
    return "\n".join(
        [head, "|---" * (len(SIZES) + 1) + "|", *(f"| {k} | {' | '.join(v)} |" for k, v in rows.items())]
    )


def driver(results):
    """Return the driver's own time and memory at each size."""
    found = {}
    logs = results.get("scale log", {}).get("found", [])
    if logs:
        each = {
            name: logs[-1][name] / logs[-1]["files"]
            for name in ("log 1, MB", "commit 1, s", "files, s", "peak, MB")
        }
        for name, value in each.items():
            found[f"driver: {name}"] = [f"{n / SHARD * value:,.0f}" for n in SIZES]
    merges = [one for one in results.get("scale merge", {}).get("found", []) if one["shards"] == 20]
    if merges:
        low = min(merges, key=lambda one: one["rows"])
        found["driver: reading a sample of all shards, s"] = [
            f"{n / SHARD * low['cpu'] / low['shards']:,.0f}" for n in SIZES
        ]
    sums = results.get("scale ids", {}).get("found", [])
    if sums:
        found["driver: doubled ids, s"] = [f"{n / sums[-1]['hashes'] * sums[-1]['cpu']:,.0f}" for n in SIZES]
    return found


PARTS = {"log": log, "merge": merge, "ids": ids}
CALLS = {f.__name__: f for f in (one_log, leave_votes, one_merge, one_ids)}

if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--call":
        said = CALLS[sys.argv[2]](*sys.argv[3:])
        said["peak, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(said))
    else:
        parser = argparse.ArgumentParser(
            description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("parts", nargs="*")
        parser.add_argument("--keep")
        parser.add_argument("--results", type=Path, default=HERE / "results.json")
        main(parser.parse_args())
