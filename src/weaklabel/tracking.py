"""The only home of MLflow: runs, sweeps, and the label model as an MLflow model.

Raw text never goes to MLflow, and nothing goes anywhere but to the tracking URI: telemetry is off before the import.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from weaklabel import label_model
from weaklabel.errors import ModelError, WeakLabelError, did_you_mean
from weaklabel.export import probability_columns, write_text
from weaklabel.label_matrix import LabelMatrix
from weaklabel.lf import LFRegistry
from weaklabel.schema import VOTE_PREFIX, LabelSchema
from weaklabel.tags import TagModel, TagVotes, load, outcome

PARAMETER_LENGTH = 6000
MODEL_ARTIFACT = "label_model"
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}
"""MLflow's own 7 doubling waits keep a run waiting for minutes on a server that is not there."""


class TrackingError(WeakLabelError):
    """A run can't be logged: the tracking server can't be reached, or its store is broken."""


@dataclass(frozen=True)
class Store:
    """Where runs are logged.

    Parameters
    ----------
    uri
        MLflow tracking URI.
    experiment
        Name of the MLflow experiment.
    artifacts
        Folder for artifacts of a new experiment; None leaves it to the server.
    """

    uri: str
    experiment: str
    artifacts: str | None = None


@dataclass(frozen=True)
class Dataset:
    """One input of a run, by name and digest, never by content."""

    name: str
    digest: str
    context: str
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Record:
    """All that is logged of one run.

    Parameters
    ----------
    name
        Name of the run.
    parameters, tags, metrics
        Plain mappings; metrics that are None are left out.
    datasets
        Inputs by digest.
    tables
        File name -> frame, logged as table artifacts.
    artifacts
        Files, and the artifact folder that each goes to ("" = the top).
    model
        Folder made by `save_model`, or None.
    """

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    datasets: Sequence[Dataset] = ()
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    artifacts: Sequence[tuple[Path, str]] = ()
    model: Path | None = None


def local_store(project: str | Path, experiment: str) -> Store:
    """Return the store that every project has: SQLite and a folder under .weaklabel.

    Examples
    --------
    >>> local_store("/data/desk", "support").uri
    'sqlite:////data/desk/.weaklabel/mlflow.db'
    """
    home = Path(project).absolute() / ".weaklabel"
    return Store(f"sqlite:///{home}/mlflow.db", experiment, (home / "mlartifacts").as_uri())


def log_run(store: Store, record: Record, *, parent: str | None = None) -> str:
    """Log one run and return its MLflow run id.

    Parameters
    ----------
    store
        Where to.
    record
        What.
    parent
        Run id of the sweep that this run is part of.

    Raises
    ------
    TrackingError
        MLflow can't be reached or refuses.
    """
    with _mlflow(store) as (mlflow, experiment):
        options = {"experiment_id": experiment, "run_name": record.name, "nested": True}
        with mlflow.start_run(**options, parent_run_id=parent, tags=dict(record.tags)) as run:
            mlflow.log_params({k: _shortened(v) for k, v in record.parameters.items()})
            mlflow.log_metrics({metric_name(k): float(v) for k, v in record.metrics.items() if v is not None})
            for dataset in record.datasets:
                mlflow.log_input(_dataset(dataset), context=dataset.context)
            for file, table in record.tables.items():
                mlflow.log_table(_plain_columns(table), file)
            for path, folder in record.artifacts:
                mlflow.log_artifact(str(path), folder or None)
            if record.model is not None:
                _log_model(mlflow, record.model)
            return str(run.info.run_id)


def start_sweep(store: Store, name: str, *, tags: Mapping[str, str]) -> str:
    """Open the parent run of a sweep and return its id; `finish_sweep` closes it."""
    with _mlflow(store) as (mlflow, experiment):
        client = mlflow.MlflowClient()
        return str(client.create_run(experiment, run_name=name, tags=dict(tags)).info.run_id)


def finish_sweep(
    store: Store,
    run_id: str,
    *,
    failed: bool = False,
    metrics: Mapping[str, float | None],
    table: pl.DataFrame,
) -> None:
    """Log a sweep's comparison to its parent run and close it."""
    with _mlflow(store) as (mlflow, _):
        client = mlflow.MlflowClient()
        for key, value in metrics.items():
            if value is not None:
                client.log_metric(run_id, metric_name(key), float(value))
        if table.height:
            client.log_table(run_id, _plain_columns(table), "comparison.json")
        client.set_terminated(run_id, "FAILED" if failed else "FINISHED")


def log_steps(store: Store, run_id: str, steps: Sequence[tuple[int, Mapping[str, float]]]) -> None:
    """Log what a run that goes on has measured so far: a step's number and its metrics.

    Raises
    ------
    TrackingError
        MLflow can't be reached or refuses.
    """
    with _mlflow(store) as (mlflow, _):
        now = int(time.time() * 1000)
        metrics = [
            mlflow.entities.Metric(metric_name(name), float(value), now, step)
            for step, own in steps
            for name, value in own.items()
        ]
        client = mlflow.MlflowClient()
        for start in range(0, len(metrics), 1000):
            client.log_batch(run_id, metrics=metrics[start : start + 1000])


def finish_run(
    store: Store,
    run_id: str,
    *,
    failed: bool = False,
    parameters: Mapping[str, object],
    tags: Mapping[str, str],
    metrics: Mapping[str, float | None],
    datasets: Sequence[Dataset] = (),
    artifacts: Sequence[Path] = (),
) -> None:
    """Log what is known at the end of a run that `start_sweep` opened, and close it.

    Raises
    ------
    TrackingError
        MLflow can't be reached or refuses.
    """
    with _mlflow(store) as (mlflow, _):
        with mlflow.start_run(run_id=run_id):
            mlflow.log_params({k: _shortened(v) for k, v in parameters.items()})
            mlflow.set_tags(dict(tags))
            mlflow.log_metrics({metric_name(k): float(v) for k, v in metrics.items() if v is not None})
            for dataset in datasets:
                mlflow.log_input(_dataset(dataset), context=dataset.context)
            for path in artifacts:
                mlflow.log_artifact(str(path))
        mlflow.MlflowClient().set_terminated(run_id, "FAILED" if failed else "FINISHED")


def make_champion(store: Store, run_id: str, folder: Path, *, name: str, version: str) -> str | None:
    """Register a model that `save_model` wrote and give it the alias `champion`, unless it has it already.

    Parameters
    ----------
    store, run_id
        The run that it belongs to.
    folder
        The model's files.
    name
        Of the registered model.
    version
        What stands for the model; kept as its tag.

    Returns
    -------
    str or None
        The number of the new version; None: it is the champion already.

    Raises
    ------
    TrackingError
        MLflow can't be reached or refuses.
    """
    from mlflow.exceptions import MlflowException

    with _mlflow(store) as (mlflow, _):
        client = mlflow.MlflowClient()
        try:
            if client.get_model_version_by_alias(name, "champion").tags.get("weaklabel.model") == version:
                return None
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
        with mlflow.start_run(run_id=run_id):
            info = _log_model(mlflow, folder, registered=name)
        number = str(info.registered_model_version)
        client.set_model_version_tag(name, number, "weaklabel.model", version)
        client.set_registered_model_alias(name, "champion", number)
        client.set_terminated(run_id, "FINISHED")
        return number


def metric_name(name: str) -> str:
    """Return a name that MLflow accepts for a metric.

    Examples
    --------
    >>> metric_name("slice/große Bestellungen?/accuracy")
    'slice/große Bestellungen_/accuracy'
    """
    return re.sub(r"[^\w\-. :/]", "_", name)


def save_model(
    model: Any, folder: str | Path, *, labelers: Sequence[str], schema: LabelSchema, rules: Any = None
) -> Path:
    """Write a fitted label model with what is needed to predict from a frame of votes.

    Parameters
    ----------
    model
        Any fitted label model.
    folder
        New folder; holds the model's own files and votes.json (rule ids in order, schema).
    labelers
        Ids of the rules, in the order of the votes.
    schema
        The labels.
    rules
        The rules behind the votes, as in `LabelModel.save`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    model.save(folder / "model", schema=schema, rules=rules)
    meta = {"format": 1, "labelers": list(labelers), "schema": schema.to_dict()}
    write_text(json.dumps(meta, ensure_ascii=False, indent=1), folder / "votes.json")
    return folder


def save_tag_model(
    model: TagModel, folder: str | Path, *, registry: LFRegistry, labelers: Sequence[str]
) -> Path:
    """Write a fitted model of tags with what is needed to predict from a frame of votes; see `save_model`.

    Parameters
    ----------
    model
        Fitted.
    folder
        New folder.
    registry
        The rules behind the votes: what the codes of each stand for is written too.
    labelers
        Ids of those that counted, in the order of the votes.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)
    model.save(folder / "model")
    alphabets = {id: [outcome.to_dict() for outcome in registry.alphabet(registry[id])] for id in labelers}
    meta = {
        "format": 1,
        "labelers": list(labelers),
        "schema": registry.schema.to_dict(),
        "alphabets": alphabets,
    }
    write_text(json.dumps(meta, ensure_ascii=False, indent=1), folder / "votes.json")
    return folder


class VoteModel:
    """A label model that predicts from a frame of votes; what `mlflow.pyfunc.load_model` gives.

    Parameters
    ----------
    folder
        Made by `save_model`.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        meta = json.loads((folder / "votes.json").read_text(encoding="utf-8"))
        self.labelers: tuple[str, ...] = tuple(meta["labelers"])
        self.schema = LabelSchema.from_dict(meta["schema"])
        self.model = label_model.load(folder / "model", schema=self.schema)

    def predict(self, votes: Any, params: Mapping[str, object] | None = None) -> Any:
        """Return a pandas frame: id (where given), label (None for ties and rows without votes), p_<class>.

        Parameters
        ----------
        votes
            Columns `lf:<rule id>`, in any order, others ignored; a Polars or pandas frame, or an (n, m) array in the
            order of the rules.
        params
            Not used; MLflow passes it.
        """
        frame = self._frame(votes)
        matrix = LabelMatrix.from_frame(frame)
        chosen = self.model.predict(matrix)
        names = np.array([*self.schema.names, None], dtype=object)
        columns = dict(zip(probability_columns(self.schema), self.model.predict_proba(matrix).T, strict=True))
        import pandas as pd

        label = pd.Series(names[chosen], dtype=object)
        return pd.DataFrame({"id": frame["id"].to_list(), "label": label, **columns})

    def _frame(self, votes: Any) -> pl.DataFrame:
        return _vote_frame(votes, self.labelers)


class TagVoteModel:
    """A model of tags that predicts from a frame of votes; what `mlflow.pyfunc.load_model` gives for such a run.

    Parameters
    ----------
    folder
        Made by `save_tag_model`.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        meta = json.loads((folder / "votes.json").read_text(encoding="utf-8"))
        self.labelers: tuple[str, ...] = tuple(meta["labelers"])
        self.schema = LabelSchema.from_dict(meta["schema"])
        self.alphabets = {id: [outcome(each) for each in own] for id, own in meta["alphabets"].items()}
        self.model = load(folder / "model", schema=self.schema)

    def predict(self, votes: Any, params: Mapping[str, object] | None = None) -> Any:
        """Return a pandas frame: id (where given), labels, status, candidates, probabilities; see `TagScores.table`.

        Parameters
        ----------
        votes, params
            As in `VoteModel.predict`.
        """
        matrix = LabelMatrix.from_frame(_vote_frame(votes, self.labelers))
        scores = self.model.predict(TagVotes.of_alphabets(matrix, self.schema, self.alphabets))
        table = scores.table().select("id", "labels", "status", "candidates", "probabilities")
        import pandas as pd

        return pd.DataFrame(table.to_dict(as_series=False))


def _vote_frame(votes: Any, labelers: Sequence[str]) -> pl.DataFrame:
    """Return `id` and the votes of these rules, in their order."""
    columns = [VOTE_PREFIX + rule for rule in labelers]
    if isinstance(votes, np.ndarray):
        votes = pl.DataFrame(votes, schema=columns, orient="row")
    elif not isinstance(votes, pl.DataFrame):
        votes = pl.DataFrame({str(name): votes[name].to_numpy() for name in votes.columns})
    missing = [c for c in columns if c not in votes.columns]
    if missing:
        raise ModelError(
            f"the votes lack the column {missing[0]!r}",
            available=votes.columns,
            hint=did_you_mean(missing[0], votes.columns),
        )
    if "id" not in votes.columns:
        votes = votes.with_columns(id=pl.int_range(pl.len()))
    return votes.select(pl.col("id").cast(pl.String), pl.col(columns).cast(pl.Int8))


def _load_pyfunc(path: str) -> VoteModel | TagVoteModel:
    """Load the model that `save_model` or `save_tag_model` wrote; MLflow calls this by its name."""
    folder = Path(path)
    if not (folder / "votes.json").exists():
        folder = folder / MODEL_ARTIFACT
    several = "alphabets" in json.loads((folder / "votes.json").read_text(encoding="utf-8"))
    return (TagVoteModel if several else VoteModel)(folder)


def _log_model(mlflow: Any, folder: Path, *, registered: str | None = None) -> Any:
    """Log a saved model; its requirements are stated, so that MLflow neither guesses nor asks the network."""
    from importlib.metadata import version

    needed = ("weaklabel", "numpy", "polars", "numba", "pandas")
    return mlflow.pyfunc.log_model(
        name=MODEL_ARTIFACT,
        registered_model_name=registered,
        loader_module="weaklabel.tracking",
        data_path=str(folder),
        pip_requirements=[f"{name}=={version(name)}" for name in needed],
    )


def _dataset(dataset: Dataset) -> Any:
    from mlflow.data.code_dataset_source import CodeDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    source = CodeDatasetSource(tags={"location": dataset.source})
    return MetaDataset(  # type: ignore[abstract]
        source=source, name=dataset.name, digest=dataset.digest[:36]
    )


@dataclass(frozen=True)
class LoggedRun:
    """A run as it is logged; given by `logged_runs`, and of use as long as that is open.

    Parameters
    ----------
    run_id, name
        MLflow's.
    words
        What it says of itself in a line each: parameters, tags and datasets.
    client
        MLflow's client.
    """

    run_id: str
    name: str
    words: tuple[str, ...]
    client: Any

    def files(self, folder: str = "") -> Iterator[str]:
        """Give the paths of its artifacts."""
        for one in self.client.list_artifacts(self.run_id, folder or None):
            if one.is_dir:
                yield from self.files(one.path)
            else:
                yield one.path

    def fetch(self, path: str, folder: Path) -> Path:
        """Copy an artifact into a folder and return where it is."""
        import shutil

        found = Path(self.client.download_artifacts(self.run_id, path))
        return Path(shutil.copy(found, folder / found.name))

    def put(self, file: Path, path: str) -> None:
        """Write an artifact again, from a file of the same name."""
        self.client.log_artifact(self.run_id, str(file), str(Path(path).parent) if "/" in path else None)


@contextmanager
def logged_runs(store: Store) -> Iterator[Iterator[LoggedRun]]:
    """Give the runs of a store, deleted ones too: all of a project's own store, on a server those of the experiment.

    Nothing is made where nothing is.

    Raises
    ------
    TrackingError
        MLflow can't be reached or refuses.
    """
    own = store.uri.startswith("sqlite:///")
    if own and not Path(store.uri.removeprefix("sqlite:///")).exists():
        yield iter(())
        return
    with _mlflow(store, make=False) as (mlflow, experiment):
        client = mlflow.MlflowClient()
        everything: Any = mlflow.entities.ViewType.ALL
        wanted = [e.experiment_id for e in client.search_experiments(everything)] if own else [experiment]
        yield _logged_runs(client, [one for one in wanted if one], everything)


def _logged_runs(client: Any, experiments: list[str], view: Any) -> Iterator[LoggedRun]:
    token = None
    while experiments:
        page = client.search_runs(experiments, run_view_type=view, page_token=token)
        for run in page:
            given = {**run.data.params, **run.data.tags}
            words = [f"{name}={value}" for name, value in given.items()]
            words += [one.dataset.source for one in run.inputs.dataset_inputs]
            yield LoggedRun(run.info.run_id, run.info.run_name, tuple(words), client)
        token = page.token
        if not token:
            return


@contextmanager
def _mlflow(store: Store, *, make: bool = True) -> Iterator[tuple[Any, str]]:
    """Yield (mlflow, experiment id) with the store in use; put the caller's own settings back afterwards.

    Without `make` an experiment that is not there is not made; its id is then empty.
    """
    before = os.environ.pop("MLFLOW_TRACKING_URI", None)  # so that `had` is what was set in MLflow itself
    os.environ.update(_QUIET)
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    with _no_warnings():
        import mlflow  # sets the levels of its loggers: they are quieted after it
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    with _no_warnings(), _quiet_logs():
        had: Any = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
        try:
            mlflow.set_tracking_uri(store.uri)
            with _alone(store):
                experiment = _experiment(mlflow, store, make)
            yield mlflow, experiment
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise TrackingError(
                f"MLflow can't log this: {' '.join(str(error).split('[SQL:')[0].split())}",
                where=store.uri,
                hint="tracking.uri=… names another store; tracking=none does without",
            ) from error
        finally:
            mlflow.set_tracking_uri(had)
            if before is None:
                os.environ.pop("MLFLOW_TRACKING_URI", None)
            else:
                os.environ["MLFLOW_TRACKING_URI"] = before


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """Let one process at a time set up a store of SQLite: two that make its tables at once break it."""
    if not store.uri.startswith("sqlite:///"):
        yield
        return
    import fcntl

    with Path(store.uri.removeprefix("sqlite:///") + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _experiment(mlflow: Any, store: Store, make: bool) -> str:
    client = mlflow.MlflowClient()
    found = client.get_experiment_by_name(store.experiment)
    if not make:
        return "" if found is None else str(found.experiment_id)
    if found is None:
        return str(client.create_experiment(store.experiment, artifact_location=store.artifacts))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep the warnings of MLflow's dependencies at each other away from the screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Keep the notes on a new store's tables away from the screen; warnings and errors stay."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _plain_columns(frame: pl.DataFrame) -> dict[str, list[Any]]:
    return {name: frame[name].to_list() for name in frame.columns}


def _shortened(value: object) -> str:
    text = str(value)
    return text if len(text) <= PARAMETER_LENGTH else text[: PARAMETER_LENGTH - 1] + "…"


def ui_command(store: Store, *, port: int) -> tuple[list[str], dict[str, str]]:
    """Return the command that serves MLflow's pages on loopback, and the environment that keeps it quiet.

    Examples
    --------
    >>> command, environment = ui_command(local_store("/data/desk", "support"), port=5001)
    >>> command[1:4], environment["MLFLOW_DISABLE_TELEMETRY"]
    (['-m', 'mlflow', 'ui'], 'true')
    """
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store.uri]
    return [*command, "--host", "127.0.0.1", "--port", str(port)], dict(_QUIET)
