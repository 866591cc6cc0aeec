"""Rules as tests: pytest collects each folder of rules and runs one test per rule.

Switch it on where your rules are tested::

    pytest -p weaklabel.pytest_plugin labeling_functions/

or with ``pytest_plugins = ["weaklabel.pytest_plugin"]`` in the topmost conftest.py. A folder of rules is one that
holds a schema.yaml; every rule in it is a test, which runs the rule's `fires_on` and `abstains_on` examples, and every
problem of the folder (broken YAML, unknown label, doubled id) is a failing test. A rule without examples is skipped,
so that the report says which rules nothing checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import pytest

from weaklabel.apply import check_examples
from weaklabel.errors import Problems, WeakLabelError
from weaklabel.lf.base import LabelingFunction
from weaklabel.lf.folder import SCHEMA_FILE
from weaklabel.lf.registry import LFRegistry


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> RulesFolder | None:
    """Collect a folder of rules by its schema; pytest calls this."""
    return RulesFolder.from_parent(parent, path=file_path) if file_path.name == SCHEMA_FILE else None


class RulesFolder(pytest.File):
    """A folder of rules: one test per rule, or one failing test per problem."""

    def collect(self) -> Iterator[pytest.Item]:
        """Read the folder's rules."""
        try:
            registry = LFRegistry.from_folder(self.path.parent)
        except Problems as error:
            for number, problem in enumerate(error.problems, 1):
                yield ProblemTest.from_parent(self, name=f"problem {number}", problem=problem)
            return
        except WeakLabelError as error:
            yield ProblemTest.from_parent(self, name="problem", problem=error)
            return
        for rule in registry:
            yield RuleTest.from_parent(self, name=rule.id, rule=rule, registry=registry)


class _Test(pytest.Item):
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show what is wrong and where, without a traceback through this package."""
        error = excinfo.value
        return str(error) if isinstance(error, WeakLabelError) else super().repr_failure(excinfo, style)


class ProblemTest(_Test):
    """A problem of a folder of rules, as a test that fails."""

    def __init__(self, *, problem: WeakLabelError, **options: Any) -> None:
        super().__init__(**options)
        self.problem = problem

    def runtest(self) -> None:
        """Fail."""
        raise self.problem


class RuleTest(_Test):
    """The examples of one rule."""

    def __init__(self, *, rule: LabelingFunction, registry: LFRegistry, **options: Any) -> None:
        super().__init__(**options)
        self.rule, self.registry = rule, registry

    def runtest(self) -> None:
        """Run the rule's examples."""
        failures = check_examples(self.registry.subset([self.rule.id]))
        if failures:
            raise failures[0] if len(failures) == 1 else Problems(self.rule.where, failures)
        if not (self.rule.fires_on or self.rule.abstains_on):
            pytest.skip("the rule has no examples")

    def reportinfo(self) -> tuple[PathLike[str] | str, int | None, str]:
        """Return the rule's own file and line."""
        source = self.rule.source
        place = (source.file, source.line - 1) if source else (str(self.path), None)
        return (*place, f"{self.path.parent.name}:{self.rule.id}")
