"""Files of the gold room: gold that is added, the experts' queue, what they decided, and suggestions from a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import yaml

from weaklabel.errors import GoldError, did_you_mean
from weaklabel.export import writing
from weaklabel.gold import load_gold
from weaklabel.gold.files import read_table
from weaklabel.runs import HOME
from weaklabel.schema import LabelSchema


def gold_records(
    path: Path, schema: LabelSchema, *, role: str, origin: str = "expert", experts: Sequence[str] = ()
) -> pl.DataFrame:
    """Return gold records from a table with `id` and, unless items are removed, `label`.

    A column `inclusion` is the probability with which a row was drawn; `counter` names the label that it is easily
    mistaken for, several with a bar between them.

    Raises
    ------
    GoldError
        A probability is no number above 0 up to 1.
    SchemaError
        A label is unknown.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "gold.csv"
    >>> written = path.write_text("id,label,inclusion\\na,ham,0.5\\n")
    >>> found = gold_records(path, LabelSchema(["ham", "spam"]), role="check", origin="random")
    >>> found.select("item", "labels", "role", "inclusion").rows()
    [('a', ['ham'], 'check', 0.5)]
    """
    if role == "removed":
        frame = read_table(path, ["id"], texts=["id"])
        return frame.select(item=pl.col("id"), role=pl.lit(role))
    gold = load_gold(path, schema=schema)
    records = gold.frame.select(
        item="id",
        labels=pl.concat_list("label"),
        role=pl.lit(role),
        origin=pl.lit(origin),
        experts=pl.lit(list(experts), dtype=pl.List(pl.String)),
    )
    table = read_table(path, ["id", "label"], texts=["id", "label", "counter"])
    rows = table.with_columns(item=pl.col("id").cast(pl.String)).unique("item", keep="last")
    if "inclusion" in rows.columns:
        records = records.join(_inclusion(rows, path), on="item", how="left", maintain_order="left")
    if "counter" in rows.columns:
        records = records.join(_counter(rows, schema, path), on="item", how="left", maintain_order="left")
    return records


def _inclusion(rows: pl.DataFrame, path: Path) -> pl.DataFrame:
    given = rows.select("item", "inclusion", number=pl.col("inclusion").cast(pl.Float64, strict=False))
    wrong = given.filter(
        pl.col("inclusion").is_not_null()
        & ~((pl.col("number") > 0) & (pl.col("number") <= 1)).fill_null(False)
    )
    if wrong.height:
        item, value, _ = wrong.sort("item").row(0)
        raise GoldError(
            f"{value!r} is no probability of inclusion",
            where=f"{path}, item {item!r}",
            hint="a number above 0, at most 1; empty where it is not known",
        )
    return given.select("item", inclusion="number")


def _counter(rows: pl.DataFrame, schema: LabelSchema, path: Path) -> pl.DataFrame:
    found = []
    for item, given in rows.select("item", pl.col("counter").cast(pl.String)).iter_rows():
        names = [word.strip() for word in (given or "").split("|") if word.strip()]
        where = f"{path}, item {item!r}, column counter"
        found.append((item, [schema.label(schema.code(word, where=where)) for word in names]))
    form = pl.Schema([("item", pl.String()), ("counter", pl.List(pl.String))])
    return pl.DataFrame(found, schema=form, orient="row")


def suggestions_of(project: Path, task: str, run: str) -> pl.DataFrame:
    """Return the labels of a run as suggestions: `item` and `suggestion`; rows without a label have none.

    Parameters
    ----------
    project, task
        Where the run was made, and for which task.
    run
        Its id, or `last`.

    Raises
    ------
    GoldError
        There is no such run of the task.

    Examples
    --------
    >>> suggestions_of(Path("desk"), "spam", "last")
    Traceback (most recent call last):
    ...
    weaklabel.errors.GoldError: there is no run of task 'spam' to take suggestions from
      hint: weaklabel run task=spam
    """
    folders = sorted((project / HOME / "runs").glob("[0-9]*/labels.parquet"))
    mine = [path for path in folders if _task_of(path.parent) == task]
    names = [path.parent.name for path in mine]
    if not mine:
        raise GoldError(
            f"there is no run of task {task!r} to take suggestions from", hint=f"weaklabel run task={task}"
        )
    if run != "last" and run not in names:
        raise GoldError(
            f"no run {run!r} of task {task!r}", available=names[-5:], hint=did_you_mean(run, names)
        )
    labels = pl.read_parquet(mine[-1] if run == "last" else mine[names.index(run)], columns=["id", "label"])
    return labels.drop_nulls().select(item="id", suggestion="label")


def _task_of(folder: Path) -> str | None:
    path = folder / "config.yaml"
    if not path.is_file():
        return None
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    return str(told["task"]["name"]) if isinstance(told, dict) and "task" in told else None


def answers_side_by_side(answers: pl.DataFrame) -> dict[str, str]:
    """Return what people said of each item, without their names: how often what, then their comments.

    Examples
    --------
    >>> said = pl.DataFrame({"item": ["a"] * 3, "kind": ["label", "label", "skip"], "labels": [["ham"], ["ham"], []],
    ...                      "comment": [None, "or spam?", None]})
    >>> answers_side_by_side(said)
    {'a': '2 ham, 1 skip; "or spam?"'}
    """
    found: dict[str, str] = {}
    for (item,), rows in answers.group_by("item"):
        what = [
            ", ".join(labels) if kind == "label" else kind
            for kind, labels in rows.select("kind", "labels").iter_rows()
        ]
        counts = sorted(Counter(what).items(), key=lambda pair: (-pair[1], pair[0]))
        comments = [f'"{text}"' for text in sorted(rows["comment"].drop_nulls())]
        found[str(item)] = "; ".join([", ".join(f"{n} {name}" for name, n in counts), *comments])
    return found


def write_queue(
    queue: pl.DataFrame, texts: Mapping[str, str], path: Path, *, answers: Mapping[str, str] | None = None
) -> None:
    """Write the experts' queue as CSV to fill in; `answers` are those of `answers_side_by_side`."""
    said = dict(answers or {})
    frame = queue.select(
        "item",
        "batch",
        "why",
        pl.Series("text", [texts.get(item, "") for item in queue["item"]], dtype=pl.String),
        pl.Series("answers", [said.get(item) for item in queue["item"]], dtype=pl.String),
        *(pl.lit(None, dtype=pl.String).alias(name) for name in ("label", "expert", "reason", "case")),
    )
    with writing(path):
        frame.write_csv(path)


def decisions(path: Path) -> pl.DataFrame:
    """Read what experts decided: rows of `write_queue` with a label.

    Several labels stand with a bar between them; `none` is none of the labels; `case` is yes where the item is a case
    for the guideline.
    """
    names = ["item", "label", "expert", "reason", "case"]
    frame = read_table(path, ["item", "label", "expert"], texts=names)
    for name in names:
        if name not in frame.columns:
            frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name))
    label = pl.col("label").str.strip_chars()
    named = (
        pl.when(label == "none").then(pl.lit([], dtype=pl.List(pl.String))).otherwise(label.str.split("|"))
    )
    return frame.filter(label.is_not_null() & (label != "")).select(
        "item",
        "expert",
        "reason",
        labels=named,
        case=pl.col("case").str.to_lowercase().is_in(["yes", "y", "true", "1"]).fill_null(False),
    )
