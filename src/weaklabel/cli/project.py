"""`corpus show`, `init` and `ui`: the data, a new project, and MLflow's pages."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from weaklabel.cli.frame import DONE, NOTHING, Verb, open_config, out_page, print_json, say


def _corpus_show(options: argparse.Namespace) -> int:
    from weaklabel.console import print_profile, progress
    from weaklabel.export import writing
    from weaklabel.pipeline import open_corpus
    from weaklabel.profile import profile
    from weaklabel.report import plot_corpus
    from weaklabel.runs import home

    project, config = open_config(options, without=["task.gold.path"])
    corpus = open_corpus(config, project)
    with progress(sys.stderr) as tell:
        found = profile(corpus, text="text" if "text" in corpus.columns else None, progress=tell)
    picture = home(project) / "reports" / f"corpus-{config.task.name}.png"
    with writing(picture):
        picture.parent.mkdir(exist_ok=True)
        plot_corpus(found, picture)
    if options.json:
        print_json({**found.to_dict(), "plot": str(picture)})
    else:
        with out_page() as out:
            print_profile(found, picture, out)
    return DONE


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

    project, config = open_config(options, without=["task.corpus.path", "task.gold.path", "task.rules"])
    store = tracking_store(config, project)
    if store is None or not (store.uri.startswith("http") or (project / ".weaklabel" / "mlflow.db").exists()):
        say("nothing to show: no run was logged yet (weaklabel run)")
        return NOTHING
    if store.uri.startswith("http"):
        print(store.uri)
        return DONE
    command, environment = ui_command(store, port=options.port)
    say(f"MLflow starts at http://127.0.0.1:{options.port} (stop it with Ctrl-C)")
    try:
        return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode
    except KeyboardInterrupt:
        return DONE


VERBS = {
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
