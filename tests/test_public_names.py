"""Every public class and function shows, in its docstring, an example that runs."""

import importlib
import inspect
from types import SimpleNamespace

import pytest

from weaklabel.errors import SchemaError, WeakLabelError

PACKAGES = (
    "weaklabel",
    "weaklabel.corpus",
    "weaklabel.profile",
    "weaklabel.lf",
    "weaklabel.apply",
    "weaklabel.label_matrix",
    "weaklabel.label_model",
    "weaklabel.evaluate",
    "weaklabel.tags",
    "weaklabel.taxonomy",
    "weaklabel.export",
    "weaklabel.gold",
    "weaklabel.report",
    "weaklabel.engines",
    "weaklabel.explore",
    "weaklabel.pipeline",
)


def tells_when_raised(thing):
    """Say whether a thing is an error described in one line; its base shows how such errors read."""
    error = inspect.isclass(thing) and issubclass(thing, WeakLabelError) and thing is not WeakLabelError
    return error and len((thing.__dict__.get("__doc__") or "").splitlines()) == 1


def without_example(package):
    """Return the classes and functions of `__all__` whose own docstring shows no example."""
    found = {name: getattr(package, name) for name in package.__all__}
    kinds = {n: t for n, t in found.items() if inspect.isclass(t) or inspect.isroutine(t)}
    return [
        name
        for name, thing in kinds.items()
        if ">>>" not in (thing.__doc__ or "") and not tells_when_raised(thing)
    ]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_shows_an_example(name):
    package = importlib.import_module(name)
    assert len(set(package.__all__)) == len(package.__all__) > 0
    assert without_example(package) == []


def test_the_check_can_fail():
    def shown():
        """Do it.

        >>> 1
        1
        """

    def silent():
        """Do it."""

    class Undocumented:
        pass

    class WordyError(WeakLabelError):
        """Raised now and then.

        And for more reasons.
        """

    package = SimpleNamespace(
        shown=shown,
        silent=silent,
        Undocumented=Undocumented,
        WordyError=WordyError,
        SchemaError=SchemaError,
        ABSTAIN=-1,
    )
    package.__all__ = list(vars(package))
    assert without_example(package) == ["silent", "Undocumented", "WordyError"]
