"""The command line: verbs, flags and exit codes here; `key=value` words go to Hydra."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from weaklabel.cli import (
    audit,
    audit_over_time,
    audit_report,
    cache,
    diff,
    drift,
    gold,
    gold_report,
    gold_sync,
    guideline,
    labels,
    lf_explore,
    project,
    relabel,
    rules,
    run,
    schema,
    select,
)
from weaklabel.cli.frame import BUG, DONE, FAILED, INPUT, INTERRUPTED, NOTHING, PARTLY, PIPE, USAGE, say
from weaklabel.errors import WeakLabelError, did_you_mean

EXIT_CODES = """exit codes:
  0 done   1 something in your input is wrong   2 usage   3 nothing to do
  4 a check failed   5 partly done   70 a bug in weaklabel"""

WORDS = """settings:
  key=value sets anything of the configuration: a choice (task=support, label_model=majority_vote,
  experiment=youtube) or a value (task.threshold=0.9). `weaklabel run --show-config` prints all of it."""

_WORD = re.compile(r"^(\+{0,2}[\w@/.\-]+=.*|~[\w@/.\-]+(=.*)?)$", re.DOTALL)


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
        say(f"error: {error}")
        return INPUT
    except KeyboardInterrupt:
        say("stopped; nothing half-written was left")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001 - the last line of defence: report it as ours, with the traceback
        say(traceback.format_exc().rstrip())
        say("\nThis is a bug in weaklabel, not in your input. Please report it with the lines above.")
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
    say(f"usage error: {message}\n`{prog} --help` says more")
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


VERBS = {
    **run.VERBS,
    **relabel.VERBS,
    **diff.VERBS,
    **labels.VERBS,
    **rules.VERBS,
    **lf_explore.VERBS,
    **gold.VERBS,
    **gold_report.VERBS,
    **gold_sync.VERBS,
    **guideline.VERBS,
    **audit.VERBS,
    **audit_report.VERBS,
    **audit_over_time.VERBS,
    **drift.VERBS,
    **select.VERBS,
    **schema.VERBS,
    **cache.VERBS,
    **project.VERBS,
}

__all__ = [
    "BUG",
    "DONE",
    "FAILED",
    "INPUT",
    "INTERRUPTED",
    "NOTHING",
    "PARTLY",
    "PIPE",
    "USAGE",
    "VERBS",
    "main",
]
