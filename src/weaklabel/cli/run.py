"""`run`: one run, or a sweep of them, composed by Hydra."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weaklabel.cli.frame import DONE, INPUT, PARTLY, Verb, out_page, print_json, project_of, say
from weaklabel.errors import WeakLabelError

if TYPE_CHECKING:
    from weaklabel.config import SweepPlan
    from weaklabel.pipeline import RunResult
    from weaklabel.pipeline.tagging.result import TagRunResult


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-m",
        "--multirun",
        action="store_true",
        help="run every combination of comma-separated values (a sweep)",
    )
    parser.add_argument("--show-config", action="store_true", help="print the configuration and stop")


def _run(options: argparse.Namespace) -> int:
    from weaklabel.config import check_sweep, load, plain, to_yaml
    from weaklabel.runs import home

    project = project_of(options)
    if options.show_config:
        config = load(project, options.words)
        print_json(plain(config)) if options.json else print(to_yaml(config), end="")
        return DONE
    if options.multirun:
        plan = check_sweep(project, options.words)
        home(project)
        return _sweep(project, options, plan)
    load(project, options.words)
    home(project)
    return _single(project, options)


def _single(project: Path, options: argparse.Namespace) -> int:
    from weaklabel.console import print_summary
    from weaklabel.console_tags import print_tag_summary
    from weaklabel.pipeline import RunResult

    found: list[RunResult | TagRunResult] = []
    errors: list[Exception] = []

    def job(composed: Any) -> None:
        try:
            found.append(_job(composed, project, parent=None))
        except Exception as error:  # noqa: BLE001 - raised below: Hydra would print a line of its own
            errors.append(error)

    folder = _quoted(project / ".weaklabel")
    _hydra(project, job, [*options.words, f"hydra.run.dir={folder}"])
    if errors:
        raise errors[0]
    result = found[0]
    if options.json:
        print_json(result.to_dict())
    else:
        with out_page() as out:
            if isinstance(result, RunResult):
                print_summary(result, project, out)
            else:
                print_tag_summary(result, project, out)
    if result.tracking_error:
        say(f"error: the labels are written, but the run was not logged\n{result.tracking_error}")
        return PARTLY
    return DONE


def _job(composed: Any, project: Path, *, parent: str | None) -> RunResult | TagRunResult:
    """Run one composed configuration; Hydra's own files go into the run's folder with everything else."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from weaklabel import pipeline
    from weaklabel.config import build

    hydra: Any = HydraConfig.get()
    extra = {
        ".hydra/config.yaml": OmegaConf.to_yaml(
            OmegaConf.masked_copy(composed, [name for name in composed if name != "gold"])  # it names people
        ),
        ".hydra/hydra.yaml": OmegaConf.to_yaml(
            {name: hydra[name] for name in ("job", "mode", "overrides", "runtime")}
        ),
        ".hydra/overrides.yaml": OmegaConf.to_yaml(hydra.overrides.task),
    }
    from weaklabel.console import progress

    with progress(sys.stderr) as tell, redirect_stdout(sys.stderr):
        return pipeline.run(build(composed), project=project, observer=tell, parent=parent, extra=extra)


def _hydra(project: Path, job: Callable[[Any], None], words: Sequence[str]) -> None:
    """Give a job to hydra.main, which composes its configuration; Hydra writes and logs nothing of its own."""
    import hydra

    from weaklabel.config import CONFIG_NAME, conf_folder, explained, register

    register()
    folder = conf_folder(project)
    quiet = [
        "hydra.output_subdir=null",
        "hydra.job.chdir=false",
        "hydra/job_logging=none",
        "hydra/hydra_logging=none",
    ]
    entry = hydra.main(config_path=str(folder), config_name=CONFIG_NAME, version_base="1.3")(job)
    before, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["weaklabel", *words, *quiet]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        with explained(folder):
            entry()
    finally:
        sys.argv = before
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full


def _quoted(path: Path | str) -> str:
    """Quote a path or a name for Hydra's grammar."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


# ---- sweeps ----


def _sweep(project: Path, options: argparse.Namespace, plan: SweepPlan) -> int:
    from weaklabel.console import print_sweep
    from weaklabel.runs import new_run_id
    from weaklabel.sweep import Sweep

    sweep = Sweep(project, new_run_id({"words": options.words}))
    total = math.prod(plan.varied.values())

    def job(composed: Any) -> None:
        from hydra.core.hydra_config import HydraConfig

        hydra = HydraConfig.get()
        words = list(hydra.overrides.task)
        number = int(hydra.job.num)
        own = [word for word in words if word.split("=")[0] in plan.varied]
        say(f"run {number + 1} of {total}: {' '.join(own or words)}")
        try:
            result = _job(composed, project, parent=sweep.parent())
        except WeakLabelError as error:
            say(f"error: {error}")
            sweep.put(number, {"words": words, "error": str(error)})
        else:
            sweep.put(number, {"words": words, **result.to_dict()})
            if result.tracking_error:
                say(f"error: the labels are written, but the run was not logged\n{result.tracking_error}")

    callback = (
        "+hydra.callbacks.weaklabel={_target_: weaklabel.cli.run.SweepCallback, "
        f"project: {_quoted(project)}, sweep_id: {sweep.sweep_id}, "
        f"experiments: [{', '.join(map(_quoted, plan.experiments))}]}}"
    )
    where = [f"hydra.sweep.dir={_quoted(sweep.folder)}", "hydra.sweep.subdir='.'"]
    try:
        _hydra(project, job, ["--multirun", *options.words, *where, callback])
    except BaseException:
        sweep.close(failed=True)
        raise
    results = sweep.results()
    if options.json:
        print_json({"sweep": str(sweep.folder), "runs": results})
    else:
        with out_page() as out:
            print_sweep(results, sweep, out)
    failed = sum("error" in r for r in results)
    unlogged = any(r.get("tracking_error") for r in results)
    if failed == len(results):
        return INPUT
    return PARTLY if failed or unlogged else DONE


class SweepCallback:
    """Opens a sweep's parent run in MLflow before its jobs start and closes it after them; Hydra calls it.

    Parameters
    ----------
    project
        The project's folder.
    sweep_id
        The sweep's name.
    experiments
        The MLflow experiments of its runs. The parent goes with them, or, when they are several, into one of its own.
    """

    def __init__(self, project: str, sweep_id: str, experiments: Sequence[str]) -> None:
        from weaklabel.sweep import Sweep

        self._sweep = Sweep(Path(project), sweep_id)
        self._experiments = list(experiments)

    def on_multirun_start(self, config: Any, **_: Any) -> None:
        """Open the parent run."""
        from weaklabel.config import build
        from weaklabel.pipeline import tracking_store

        words = list(config.hydra.overrides.task)
        built = build(config, without=["task.corpus.path", "task.gold.path", "task.rules"])
        store = tracking_store(built, self._sweep.project)
        self._sweep.open(store, words, experiments=self._experiments)

    def on_multirun_end(self, config: Any, **_: Any) -> None:
        """Log the comparison and close the parent run."""
        self._sweep.close()

    def on_run_start(self, config: Any, **_: Any) -> None:
        """Nothing to do: this is not a sweep."""

    def on_run_end(self, config: Any, **_: Any) -> None:
        """Nothing to do: this is not a sweep."""

    def on_job_start(self, config: Any, **_: Any) -> None:
        """Nothing to do: a job finds its parent by the sweep's folder."""

    def on_job_end(self, config: Any, **_: Any) -> None:
        """Nothing to do: a job writes its result into the sweep's folder."""


VERBS = {
    "run": Verb(
        "combine a task's rules into labels, score them, and log the run",
        "weaklabel run task=support\n  weaklabel run -m label_model=majority_vote,dawid_skene",
        _run,
        _run_arguments,
    ),
}
