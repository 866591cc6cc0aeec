"""Bulk relabeling, measured: speed beside Polars and Snorkel, growth, one changed rule, nothing changed, two workers.

Usage: python experiments/bulk/run.py [part …] [--keep DIR] [--rounds 3] [--millions 2] [--results FILE]

Parts: speed20, speed100, speed1000, snorkel, change, workers, linear2, linear10, linear20 (each then also: nothing
changed, one rule changed), table. Without a part: all of them. Every relabel is a process of its own, on one thread (two where it says two workers); sides take
turns within a round. What is measured goes into results.json, part by part, and `table` prints all that is there.

With --keep the generated texts and the projects stay in that folder, and are found there by the next call; else they
lie in a temporary folder that is removed. 20 million rows take about 15 GB of disk in all.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

ONE = dict.fromkeys(
    ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    "1",
)
os.environ.update(ONE)
HERE = Path(__file__).resolve().parent
SIDES = str(HERE / "sides.py")
MILLION = 1_000_000
SNORKEL_ROWS = 100_000


def main(options):
    """Measure the parts that are named, and keep what they gave."""
    names = options.parts or [*PARTS, "table"]
    unknown = [name for name in names if name not in {*PARTS, "table"}]
    if unknown:
        sys.exit(f"no part {unknown[0]!r}; there are: {', '.join([*PARTS, 'table'])}")
    with folder_of(options.keep) as folder:
        bench = Bench(Path(folder), options)
        for name in names:
            if name != "table":
                PARTS[name](bench)
    if "table" in names:
        print(table(read(options.results)))


def folder_of(keep):
    """Return the folder that stays, or a temporary one."""
    if keep is None:
        return tempfile.TemporaryDirectory(prefix="bulk-")
    Path(keep).mkdir(parents=True, exist_ok=True)
    import contextlib

    return contextlib.nullcontext(keep)


class Bench:
    """The folder with generated texts and projects, and the file of results."""

    def __init__(self, folder, options):
        self.folder, self.options = folder, options
        self.rounds, self.rows = options.rounds, int(options.millions * MILLION)

    def project(self, name, rows, *, fresh=True):
        """Return a project over the first rows, with nothing done in it yet unless it may be an old one."""
        sys.path.insert(0, str(HERE))
        from rules import kept_rules, write_project
        from texts import write_corpus

        place = self.folder / name
        if place.exists() and not fresh:
            return place
        shutil.rmtree(place, ignore_errors=True)
        rules = kept_rules(self.folder)
        return write_project(place, rules, write_corpus(self.folder / "texts", rows))

    def keep(self, part, **found):
        """Write what a part gave, beside what is there of other parts."""
        results = read(self.options.results)
        head = {"date": datetime.now(UTC).isoformat(timespec="minutes"), "load": os.getloadavg(), **machine()}
        results[part] = head | found
        self.options.results.write_text(json.dumps(results, indent=1) + "\n")


def read(path):
    """Return the results that are there."""
    return json.loads(path.read_text()) if path.exists() else {}


def machine():
    """Describe processor and Python."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "?")
    return {"machine": f"{name}, {os.cpu_count()} cores", "python": platform.python_version()}


def say(text):
    """Tell how far it is, on stderr."""
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


# ---- one process, measured ----


def relabel(project, task, *words, keep=("cache",), clean=False, code=0):
    """Relabel in a process of its own; return seconds, processor seconds, peak memory of each process, and its result."""
    if clean:
        forget(project, keep)
    command = [
        sys.executable,
        "-m",
        "weaklabel",
        "relabel",
        "--json",
        "--project",
        str(project),
        f"task={task}",
    ]
    found = watched([*command, *words], code)
    told = json.loads(found.pop("out"))
    picked = ("outcome", "rows", "share", "seconds", "statuses", "columns", "shards")
    return found | {"told": {name: told.get(name) for name in picked}, "rows": told.get("rows"), "model": told.get("model")}  # fmt: skip


def forget(project, keep):
    """Take away all that earlier relabelings left, but for some folders."""
    for path in (project / ".weaklabel").glob("*"):
        if path.name not in keep:
            shutil.rmtree(path)


def side(name, *arguments):
    """Run one of sides.py in a process of its own."""
    found = watched([sys.executable, SIDES, name, *map(str, arguments)], 0)
    return json.loads(found.pop("out").splitlines()[-1]) | {"peaks": found["peaks"]}


def watched(command, code):
    """Run a command; return its output, seconds, processor seconds, and the peak memory of it and each process below it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=errors, env=os.environ | ONE)
        peaks, done = {}, threading.Event()
        watcher = threading.Thread(target=watch, args=(process.pid, peaks, done))
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        done.set()
        watcher.join()
        errors.seek(0)
        out.seek(0)
        if process.returncode != code:
            sys.exit(
                f"{' '.join(command)}\nended with {process.returncode}:\n{errors.read().decode()[-3000:]}"
            )
        driver = max(peaks.pop(process.pid, 0), used.ru_maxrss if len(peaks) == 0 else 0)
        cpu = used.ru_utime + used.ru_stime
        return {
            "out": out.read().decode(),
            "wall": seconds,
            "cpu": cpu,
            "peaks": [driver, *sorted(peaks.values())],
        }


def watch(root, peaks, done):
    """Note VmHWM, in kilobytes, of a process and all below it, until it is done."""
    while not done.wait(0.1):
        for pid in below(root):
            try:
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            except OSError:
                continue
            for line in lines:
                if line.startswith("VmHWM"):
                    peaks[pid] = int(line.split()[1])


def below(pid):
    """Return a process and all below it."""
    try:
        children = [
            Path(task, "children").read_text().split() for task in Path(f"/proc/{pid}/task").iterdir()
        ]
    except OSError:
        return []
    return [pid, *(further for own in children for child in own for further in below(int(child)))]


# ---- parts ----


def speed(bench, n):
    """Measure whole relabels, one pass with a given model, and the floors, in turn."""
    task, found = f"bulk{n}", {name: [] for name in ("whole", "given", "back", "stream", "labels")}
    project = bench.project("speed", bench.rows)
    for turn in range(bench.rounds):
        whole = relabel(project, task, clean=True)
        found["whole"].append(whole)
        for name in ("back", "stream"):
            found[name].append(side(name, project))
        found["labels"].append(side("labels", project, task))
        model = f"relabel.model=.weaklabel/models/{task}/{whole['model']}"
        found["given"].append(relabel(project, task, model, clean=True, keep=("cache", "models")))
        say(f"speed, {n} rules, round {turn + 1}: {brief(found)}")
    bench.keep(f"speed{n}", rows=bench.rows, rules=n, **found)
    shutil.rmtree(project)


def brief(found):
    """Return the last rows per second of each side."""
    return ", ".join(f"{name} {rate(runs[-1]):,.0f}/s" for name, runs in found.items() if runs)


def rate(run):
    """Return rows per second: of the whole process, or of what a side timed."""
    return run["rows"] / run.get("wall", run.get("seconds"))


def snorkel(bench):
    """Measure Snorkel's path on 100,000 rows once, between two of ours on more rows."""
    project = bench.project("snorkel", bench.rows)
    whole = relabel(project, "bulk100", clean=True)
    model = f"relabel.model=.weaklabel/models/bulk100/{whole['model']}"
    checked = side("votes_differ", project, "bulk100", 5_000)
    say(
        f"{checked['differ']} of {checked['votes']:,} votes differ; Snorkel votes on {bench.options.snorkel_rows:,} rows now"
    )
    theirs = side("snorkel", project, "bulk100", bench.options.snorkel_rows)
    given = relabel(project, "bulk100", model, clean=True, keep=("cache", "models"))
    say(f"Snorkel {rate(theirs):,.0f}/s, whole {rate(whole):,.0f}/s, given {rate(given):,.0f}/s")
    bench.keep("snorkel", whole=whole, given=given, snorkel=theirs, checked=checked)
    shutil.rmtree(project)
    if checked["differ"]:
        sys.exit("votes differ")


def change(bench):
    """Change one rule of a hundred and relabel, beside a full run and the cost of reading and writing alone."""
    project = bench.project("change", bench.rows)
    full = [relabel(project, "bulk100", clean=True)]
    bench.keep("change", rows=bench.rows, full=full, **changes(bench, project, bench.rounds))
    shutil.rmtree(project)


def changes(bench, project, rounds):
    """Change another rule in each round, and relabel."""
    from rules import change_rule

    found = {"changed": [], "floor": [], "voting": []}
    for turn in range(rounds):
        found["floor"].append(side("cached", project, "bulk100"))
        change_rule(project, "bulk100", turn)
        found["changed"].append(relabel(project, "bulk100"))
        found["voting"].append(found["changed"][-1]["told"]["columns"])
        say(f"one rule changed: {brief({k: found[k] for k in ('changed', 'floor')})}")
    return found


def nothing(project, rounds):
    """Relabel when nothing has changed."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "weaklabel", "relabel", "--if-changed", "--project", str(project), "task=bulk100"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        found.append(time.perf_counter() - start)
        if done.returncode != 3:
            sys.exit(f"nothing was changed, and it ended with {done.returncode}: {done.stderr[-2000:]}")
    return found


def workers(bench):
    """Measure one worker and two, in turn."""
    project, found = bench.project("workers", 2 * bench.rows), {1: [], 2: []}
    for turn in range(bench.rounds):
        for n, runs in found.items():
            runs.append(relabel(project, "bulk100", f"engine.workers={n}", clean=True))
        say(f"workers, round {turn + 1}: {brief(found)}")
    bench.keep("workers", rows=2 * bench.rows, one=found[1], two=found[2])
    shutil.rmtree(project)


def linear(bench, millions):
    """Relabel so many rows; of the largest corpus also what little changes cost."""
    rows = millions * MILLION
    project = bench.project(f"linear{millions}", rows)
    whole = relabel(project, "bulk100", clean=True)
    disk = {path.name: size(path) for path in (project / ".weaklabel").iterdir()} | {
        "texts": size(project / "texts")
    }
    say(
        f"{millions} million rows: {whole['wall']:.0f} s, {rate(whole):,.0f}/s, {max(whole['peaks']) / 1e3:,.0f} MB"
    )
    bench.keep(f"linear{millions}", rows=rows, whole=whole, disk=disk)
    idle = nothing(project, bench.rounds)
    say(f"nothing changed: {', '.join(f'{s:.2f}' for s in idle)} s")
    bench.keep(f"linear{millions}", rows=rows, whole=whole, disk=disk, nothing=idle)
    more = changes(bench, project, 1)
    bench.keep(f"linear{millions}", rows=rows, whole=whole, disk=disk, nothing=idle, **more)
    shutil.rmtree(project)


def size(path):
    """Return the bytes below a folder."""
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


PARTS = {
    **{f"speed{n}": (lambda bench, n=n: speed(bench, n)) for n in (20, 100, 1000)},
    "snorkel": snorkel,
    "change": change,
    "workers": workers,
    **{f"linear{m}": (lambda bench, m=m: linear(bench, m)) for m in (2, 10, 20)},
}


# ---- tables ----


def table(results):
    """Return all that is there as text."""
    blocks = [show(results) for show in (speeds, beside_snorkel, growth, small_changes, two_workers, disk)]
    dates = sorted(one["date"] for one in results.values())
    head = f"{next(iter(results.values()))['machine']}, measured {dates[0]} to {dates[-1]}" if results else "nothing is measured yet"  # fmt: skip
    return "\n\n".join([head, *filter(None, blocks)])


def middle(runs, of):
    """Return the median of one figure over runs."""
    return statistics.median(of(run) for run in runs)


def ratio(ours, theirs, of):
    """Return the median over the rounds of one figure of ours over theirs."""
    return statistics.median(of(a) / of(b) for a, b in zip(ours, theirs, strict=False))


def micro(run):
    """Return microseconds a row, by the clock."""
    return 1e6 / rate(run)


def seconds(run):
    """Return the seconds of the whole process, or of what a side timed."""
    return run.get("wall", run.get("seconds"))


def speeds(results):
    """Rows per second at 20, 100 and 1,000 rules, and the floors."""
    lines = []
    for n in (20, 100, 1000):
        if f"speed{n}" not in results:
            continue
        one = results[f"speed{n}"]
        floor = min(("back", "stream"), key=lambda name: middle(one[name], seconds))
        cells = [f"{middle(one[name], rate):,.0f}" for name in ("whole", "given", floor, "labels")]
        cells += [f"{ratio(one[name], one[other], micro):.2f}" for name, other in (("whole", floor), ("given", floor), ("whole", "labels"), ("given", "labels"))]  # fmt: skip
        cells.append(f"{max(middle(one[name], lambda run: max(run['peaks'])) for name in ('whole', 'given')) / 1e3:,.0f}")  # fmt: skip
        lines.append(f"| {n:,} | {one['rows']:,} | {' | '.join(cells)} |")
    head = "| rules | rows | whole, rows/s | model given | Polars: id, text back | Polars: labels | whole / back | given / back | whole / labels | given / labels | peak MB |"  # fmt: skip
    return "\n".join([head, "|---" * 11 + "|", *lines]) if lines else ""


def beside_snorkel(results):
    """Rows per second beside Snorkel's."""
    if "snorkel" not in results:
        return ""
    one = results["snorkel"]
    theirs, own = one["snorkel"], {name: rate(one[name]) for name in ("whole", "given")}
    return (
        f"Snorkel on {theirs['rows']:,} rows: {rate(theirs):,.0f} rows/s (voting {theirs['apply']:.0f} s, predicting and writing "
        f"{theirs['predict and write']:.1f} s; its fit, {theirs['fit']:.0f} s, is not counted). Ours with the fit {own['whole']:,.0f}: "
        f"{own['whole'] / rate(theirs):,.0f} times; model given {own['given']:,.0f}: {own['given'] / rate(theirs):,.0f} times. "
        f"{one['checked']['differ']} of {one['checked']['votes']:,} votes differ."
    )


def growth(results):
    """Time and memory at 2, 10 and 20 million rows, and how far each is from one line."""
    import numpy as np

    found = [results[f"linear{m}"] for m in (2, 10, 20) if f"linear{m}" in results]
    if not found:
        return ""
    rows, times = (
        np.array([of(one) for one in found]) for of in (lambda o: o["rows"], lambda o: o["whole"]["wall"])
    )
    line = np.polyval(np.polyfit(rows, times, 1, w=1 / times), rows) if len(found) > 2 else times
    lines = [
        f"| {one['rows']:,} | {t:.0f} | {one['rows'] / t:,.0f} | {100 * (t / at - 1):+.1f} % | {one['whole']['peaks'][0] / 1e3:,.0f} | {one['whole']['told']['share']:.4g} |"
        for one, t, at in zip(found, times, line, strict=True)
    ]
    head = "| rows | seconds | rows/s | from one line | peak MB | share of rows fitted |"
    return "\n".join([head, "|---" * 6 + "|", *lines])


def small_changes(results):
    """What one changed rule costs, and nothing changed."""
    lines = []
    for name in ("change", "linear2", "linear10", "linear20"):
        if name not in results or "changed" not in results[name]:
            continue
        one = results[name]
        full = one["full"] if name == "change" else [one["whole"]]
        lines.append(
            f"| {one['rows']:,} | {middle(full, seconds):.0f} | {middle(one['changed'], seconds):.1f} | {middle(one['floor'], seconds):.1f} | "
            f"{ratio(one['changed'], one['floor'], seconds):.2f} | {middle(one['changed'], seconds) / middle(full, seconds):.2f} |"
        )
    head = "| rows | full run, s | one rule of 100 changed, s | texts and votes read, labels written, s | ratio | of a full run |"
    text = "\n".join([head, "|---" * 6 + "|", *lines]) if lines else ""
    for name in ("linear2", "linear10", "linear20"):
        if "nothing" in results.get(name, {}):
            spent, shards = results[name]["nothing"], results[name]["whole"]["told"]["shards"]["all"]
            text += (
                f"\n\nNothing changed, {shards} shards: {statistics.median(spent):.2f} s (of {len(spent)})."
            )
    return text


def two_workers(results):
    """How much faster two workers are than one."""
    if "workers" not in results:
        return ""
    one = results["workers"]
    times = ratio(one["one"], one["two"], seconds)
    peak = max(max(run["peaks"][1:] or [0]) for run in one["two"]) / 1e3
    driver = max(run["peaks"][0] for run in one["two"]) / 1e3
    return (
        f"{one['rows']:,} rows: one worker {middle(one['one'], seconds):.0f} s, two {middle(one['two'], seconds):.0f} s, {times:.2f} times; "
        f"peak {peak:,.0f} MB a worker, {driver:,.0f} MB the driver."
    )


def disk(results):
    """Bytes a row of everything that is written."""
    if "linear20" not in results:
        return ""
    one = results["linear20"]
    return "Bytes a row: " + ", ".join(
        f"{name} {n / one['rows']:.1f}" for name, n in sorted(one["disk"].items())
    )


def arguments():
    """Return what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--keep")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--millions", type=float, default=2)
    parser.add_argument("--snorkel-rows", type=int, default=SNORKEL_ROWS)
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    return parser.parse_args()


if __name__ == "__main__":
    main(arguments())
