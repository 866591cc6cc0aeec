"""The command line: verbs, flags and exit codes here; `key=value` words go to Hydra."""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from weaklabel.errors import WeakLabelError, did_you_mean

if TYPE_CHECKING:
    from rich.console import Console

    from weaklabel.config import Config
    from weaklabel.pipeline import RunResult

DONE, INPUT, USAGE, NOTHING, FAILED, PARTLY, BUG, INTERRUPTED, PIPE = 0, 1, 2, 3, 4, 5, 70, 130, 141
"""Exit codes."""

EXIT_CODES = """exit codes:
  0 done   1 something in your input is wrong   2 usage   3 nothing to do
  4 a check failed   5 partly done   70 a bug in weaklabel"""

WORDS = """settings:
  key=value sets anything of the configuration: a choice (task=support, label_model=majority_vote,
  experiment=youtube) or a value (task.threshold=0.9). `weaklabel run --show-config` prints all of it."""

_WORD = re.compile(r"^(\+{0,2}[\w@/.\-]+=.*|~[\w@/.\-]+(=.*)?)$", re.DOTALL)


@dataclass(frozen=True)
class Verb:
    """One verb: its help, an example, its own arguments, and what it does."""

    summary: str
    example: str
    run: Callable[[argparse.Namespace], int]
    arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    in_project: bool = True
    reports: bool = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; never raises but for a bug in argument parsing itself."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _main(words)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE
    return code


def _main(words: list[str]) -> int:
    try:
        verb, rest = _verb(words)
        if verb is None:
            return _overview(rest)
        options = _parser(verb).parse_intermixed_args(rest)
        _check_words(verb, getattr(options, "words", []))
        with _messages():
            return VERBS[verb].run(options)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    except WeakLabelError as error:
        _say(f"error: {error}")
        return INPUT
    except KeyboardInterrupt:
        _say("stopped; nothing half-written was left")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001 - the last line of defence: report it as ours, with the traceback
        _say(traceback.format_exc().rstrip())
        _say("\nThis is a bug in weaklabel, not in your input. Please report it with the lines above.")
        return BUG


# ---- words to verbs ----


def _verb(words: list[str]) -> tuple[str | None, list[str]]:
    """Return the verb that the words begin with, and the rest; no verb: the words that ask for an overview."""
    for length in (2, 1):
        name = " ".join(words[:length])
        if len(words) >= length and name in VERBS:
            return name, words[length:]
    if not words or words[0].startswith("-") or words[0] in _groups():
        return None, words
    hint = did_you_mean(words[0], [*VERBS, *_groups()])
    return _usage(f"no verb {words[0]!r}" + (f"; {hint}" if hint else ""))


def _overview(words: list[str]) -> int:
    """Answer `weaklabel`, `weaklabel --help`, `weaklabel lf`, `weaklabel --version`."""
    group = words[0] if words and words[0] in _groups() else ""
    flags = words[1:] if group else words
    if flags in (["--version"], ["-V"]) and not group:
        from importlib.metadata import version

        print(f"weaklabel {version('weaklabel')}")
        return DONE
    if flags not in ([], ["-h"], ["--help"]):
        near = did_you_mean(" ".join(words[:2]), VERBS)
        _usage(f"can't read {' '.join(words)!r}" + (f"; {near}" if near else ""))
    names = [name for name in VERBS if name.split()[0] == group or not group]
    width = max(map(len, names)) + 2
    lines = [
        f"usage: weaklabel {group or 'VERB'} …",
        "",
        "Rules in, labels out, with their accuracy known.",
        "",
        "verbs:",
    ]
    lines += [f"  {name:{width}}{VERBS[name].summary}" for name in names]
    lines += ["", "`weaklabel VERB --help` says more, with an example.", "", EXIT_CODES]
    print("\n".join(lines))
    return DONE if flags else USAGE


def _groups() -> list[str]:
    return sorted({name.split()[0] for name in VERBS if " " in name})


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _usage(message, self.prog)


def _usage(message: str, prog: str = "weaklabel") -> NoReturn:
    _say(f"usage error: {message}\n`{prog} --help` says more")
    raise SystemExit(USAGE)


def _parser(name: str) -> argparse.ArgumentParser:
    verb = VERBS[name]
    end = f"example:\n  {verb.example}"
    parser = _Parser(
        prog=f"weaklabel {name}",
        description=verb.summary,
        epilog=f"{end}\n\n{WORDS}" if verb.in_project else end,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verb.arguments(parser)
    if verb.reports:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
    if verb.in_project:
        parser.add_argument(
            "--project",
            metavar="DIR",
            type=Path,
            help="the project (default: the nearest folder above with conf/)",
        )
        parser.add_argument("words", metavar="key=value", nargs="*", help="settings")
    return parser


def _check_words(verb: str, words: Sequence[str]) -> None:
    for word in words:
        if not _WORD.match(word):
            _usage(f"{word!r} is no key=value", f"weaklabel {verb}")


def _project(options: argparse.Namespace) -> Path:
    from weaklabel.config import conf_folder, find_project

    if options.project is None:
        return find_project()
    conf_folder(options.project)
    return Path(options.project).absolute()


def _config(options: argparse.Namespace, *, without: Sequence[str] = ()) -> tuple[Path, Config]:
    from weaklabel.config import load

    project = _project(options)
    return project, load(project, options.words, without=without)


# ---- screen ----


def _out() -> AbstractContextManager[Console]:
    from weaklabel.console import page

    return page(sys.stdout)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _json(data: Any) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2, default=str))


@contextmanager
def _messages() -> Iterator[None]:
    """Show the library's log messages on stderr while a verb runs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("note: %(message)s"))
    logger = logging.getLogger("weaklabel")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


# ---- run ----


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

    project = _project(options)
    if options.show_config:
        config = load(project, options.words)
        _json(plain(config)) if options.json else print(to_yaml(config), end="")
        return DONE
    if options.multirun:
        swept = check_sweep(project, options.words)
        home(project)
        return _sweep(project, options, swept)
    load(project, options.words)
    home(project)
    return _single(project, options)


def _single(project: Path, options: argparse.Namespace) -> int:
    from weaklabel.console import print_summary

    found: list[RunResult] = []
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
        _json(result.to_dict())
    else:
        with _out() as out:
            print_summary(result, project, out)
    if result.tracking_error:
        _say(f"error: the labels are written, but the run was not logged\n{result.tracking_error}")
        return PARTLY
    return DONE


def _job(composed: Any, project: Path, *, parent: str | None) -> RunResult:
    """Run one composed configuration; Hydra's own files go into the run's folder with everything else."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from weaklabel import pipeline
    from weaklabel.config import build

    hydra: Any = HydraConfig.get()
    extra = {
        ".hydra/config.yaml": OmegaConf.to_yaml(composed),
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


def _quoted(path: Path) -> str:
    """Quote a path for Hydra's grammar."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


# ---- sweeps ----


def _sweep(project: Path, options: argparse.Namespace, swept: Mapping[str, int]) -> int:
    from weaklabel.console import print_sweep
    from weaklabel.runs import new_run_id
    from weaklabel.sweep import Sweep

    sweep = Sweep(project, new_run_id({"words": options.words}))
    total = math.prod(swept.values())

    def job(composed: Any) -> None:
        from hydra.core.hydra_config import HydraConfig

        hydra = HydraConfig.get()
        words = list(hydra.overrides.task)
        number = int(hydra.job.num)
        own = [word for word in words if word.split("=")[0] in swept]
        _say(f"run {number + 1} of {total}: {' '.join(own or words)}")
        try:
            result = _job(composed, project, parent=sweep.parent())
        except WeakLabelError as error:
            _say(f"error: {error}")
            sweep.put(number, {"words": words, "error": str(error)})
        else:
            sweep.put(number, {"words": words, **result.to_dict()})
            if result.tracking_error:
                _say(f"error: the labels are written, but the run was not logged\n{result.tracking_error}")

    callback = (
        "+hydra.callbacks.weaklabel={_target_: weaklabel.cli.SweepCallback, "
        f"project: {_quoted(project)}, sweep_id: {sweep.sweep_id}}}"
    )
    where = [f"hydra.sweep.dir={_quoted(sweep.folder)}", "hydra.sweep.subdir='.'"]
    try:
        _hydra(project, job, ["--multirun", *options.words, *where, callback])
    except BaseException:
        sweep.close(failed=True)
        raise
    results = sweep.results()
    if options.json:
        _json({"sweep": str(sweep.folder), "runs": results})
    else:
        with _out() as out:
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
    """

    def __init__(self, project: str, sweep_id: str) -> None:
        from weaklabel.sweep import Sweep

        self._sweep = Sweep(Path(project), sweep_id)

    def on_multirun_start(self, config: Any, **_: Any) -> None:
        """Open the parent run."""
        from weaklabel.config import build
        from weaklabel.pipeline import tracking_store

        words = list(config.hydra.overrides.task)
        built = build(config, without=["task.corpus.path", "task.gold.path", "task.rules"])
        self._sweep.open(tracking_store(built, self._sweep.project), words)

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


# ---- rules ----

_RULES_ONLY = ("task.corpus.path", "task.gold.path")


def _lf_list(options: argparse.Namespace) -> int:
    from weaklabel.console import print_rules
    from weaklabel.pipeline import label_of, open_registry, relative

    project, config = _config(options, without=_RULES_ONLY)
    with redirect_stdout(sys.stderr):  # what rules print is no result
        registry = open_registry(config, project)
    rows = [
        {
            "id": rule.id,
            "name": rule.name,
            "label": label_of(registry, rule),
            "kind": rule.kind,
            "owner": rule.owner,
            "version": rule.version,
            "tags": list(rule.tags),
            "fields": list(rule.fields),
            "where": relative(rule.source, project),
            "description": rule.description,
            "fingerprint": rule.fingerprint,
        }
        for rule in registry.rules
    ]
    if options.json:
        _json(rows)
    else:
        with _out() as out:
            print_rules(rows, config.task.rules.rstrip("/"), out)
    return DONE


def _lf_check(options: argparse.Namespace) -> int:
    from weaklabel.apply import check_examples
    from weaklabel.pipeline import open_registry

    project, config = _config(options, without=_RULES_ONLY)
    with redirect_stdout(sys.stderr):
        registry = open_registry(config, project)
        failures = check_examples(registry)
    examples = sum(len(rule.fires_on) + len(rule.abstains_on) for rule in registry.rules)
    bare = [rule.id for rule in registry.rules if not rule.fires_on and not rule.abstains_on]
    if options.json:
        _json(
            {
                "rules": len(registry),
                "examples": examples,
                "without_examples": bare,
                "failures": [{"what": f.what, "where": f.where, "hint": f.hint} for f in failures],
            }
        )
    else:
        for number, failure in enumerate(failures, 1):
            print(f"{number}. {failure}")
        print(f"{examples} examples of {len(registry)} rules: {len(failures)} fail")
        if bare:
            print(f"without examples: {', '.join(bare)}")
    if failures:
        return FAILED
    return DONE if examples else NOTHING


# ---- corpus ----


def _corpus_show(options: argparse.Namespace) -> int:
    from weaklabel.console import print_profile, progress
    from weaklabel.export import writing
    from weaklabel.pipeline import open_corpus
    from weaklabel.profile import profile
    from weaklabel.report import plot_corpus
    from weaklabel.runs import home

    project, config = _config(options, without=["task.gold.path"])
    corpus = open_corpus(config, project)
    with progress(sys.stderr) as tell:
        found = profile(corpus, text="text" if "text" in corpus.columns else None, progress=tell)
    picture = home(project) / "reports" / f"corpus-{config.task.name}.png"
    with writing(picture):
        picture.parent.mkdir(exist_ok=True)
        plot_corpus(found, picture)
    if options.json:
        _json({**found.to_dict(), "plot": str(picture)})
    else:
        with _out() as out:
            print_profile(found, picture, out)
    return DONE


# ---- init, ui ----


def _init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")


def _init(options: argparse.Namespace) -> int:
    from weaklabel.templates import write_project

    write_project(options.folder)
    print(f"A new project is in {options.folder}: a task `first` with three rules, 30 notes and their gold.")
    print(f"\n  cd {options.folder}\n  weaklabel run\n\nThen read README.md there and change a rule.")
    return DONE


def _ui_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=5000, help="port on this machine (default: 5000)")


def _ui(options: argparse.Namespace) -> int:
    import subprocess

    from weaklabel.pipeline import tracking_store
    from weaklabel.tracking import ui_command

    project, config = _config(options, without=["task.corpus.path", "task.gold.path", "task.rules"])
    store = tracking_store(config, project)
    if store is None or not (store.uri.startswith("http") or (project / ".weaklabel" / "mlflow.db").exists()):
        _say("nothing to show: no run was logged yet (weaklabel run)")
        return NOTHING
    if store.uri.startswith("http"):
        print(store.uri)
        return DONE
    command, environment = ui_command(store, port=options.port)
    _say(f"MLflow starts at http://127.0.0.1:{options.port} (stop it with Ctrl-C)")
    try:
        return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode
    except KeyboardInterrupt:
        return DONE


VERBS = {
    "run": Verb(
        "combine a task's rules into labels, score them, and log the run",
        "weaklabel run task=support\n  weaklabel run -m label_model=majority_vote,dawid_skene",
        _run,
        _run_arguments,
    ),
    "lf list": Verb("list a task's rules", "weaklabel lf list task=support", _lf_list),
    "lf check": Verb(
        "run every rule's own examples and report all failures", "weaklabel lf check task=support", _lf_check
    ),
    "corpus show": Verb(
        "know your data: rows, columns, lengths, nulls, duplicates, languages",
        "weaklabel corpus show task=support",
        _corpus_show,
    ),
    "init": Verb(
        "make a new project: a task, three rules and a configuration that runs",
        "weaklabel init my-project",
        _init,
        _init_arguments,
        in_project=False,
        reports=False,
    ),
    "ui": Verb("open MLflow on this machine", "weaklabel ui --port 5001", _ui, _ui_arguments, reports=False),
}
