"""`lf list` and `lf check`: the rules of a task."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout

from weaklabel.cli.frame import DONE, FAILED, Verb, open_config, out_page, print_json

_RULES_ONLY = ("task.corpus.path", "task.gold.path")


def _lf_list(options: argparse.Namespace) -> int:
    from weaklabel.console import print_rules
    from weaklabel.pipeline import label_of, open_registry, relative

    project, config = open_config(options, without=_RULES_ONLY)
    with redirect_stdout(sys.stderr):  # what rules print is no result
        registry = open_registry(config, project)
    rows = [
        {
            "id": rule.id,
            "name": rule.name,
            "label": label_of(registry, rule),
            "kind": rule.kind,
            "state": "muted" if rule.muted and rule.state == "active" else rule.state,
            "valid_from": rule.valid_from,
            "valid_until": rule.valid_until,
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
        print_json(rows)
    else:
        with out_page() as out:
            print_rules(rows, config.task.rules.rstrip("/"), out)
    return DONE


def _lf_check(options: argparse.Namespace) -> int:
    from weaklabel.apply import check_examples
    from weaklabel.pipeline import open_registry

    project, config = open_config(options, without=_RULES_ONLY)
    with redirect_stdout(sys.stderr):
        registry = open_registry(config, project)
        failures = check_examples(registry)
    examples = sum(len(rule.fires_on) + len(rule.abstains_on) for rule in registry.rules)
    bare = [rule.id for rule in registry.rules if not rule.fires_on and not rule.abstains_on]
    if options.json:
        print_json(
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
    return FAILED if failures else DONE


VERBS = {
    "lf list": Verb("list a task's rules", "weaklabel lf list task=support", _lf_list),
    "lf check": Verb(
        "run every rule's own examples and report all failures", "weaklabel lf check task=support", _lf_check
    ),
}
