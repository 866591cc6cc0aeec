"""What all tests share."""

import importlib.util
import os
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
os.environ.setdefault("MPLBACKEND", "Agg")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `snorkel` where Snorkel or torch is not installed, and say which."""
    missing = [name for name in ("snorkel", "torch") if importlib.util.find_spec(name) is None]
    if missing:
        skip = pytest.mark.skip(reason=f"needs Snorkel and torch; not installed: {', '.join(missing)}")
        for item in items:
            if item.get_closest_marker("snorkel"):
                item.add_marker(skip)


def pytest_configure(config) -> None:
    """Let tables be as wide as where they are piped to; workers of pytest-xdist are given the width of its terminal."""
    os.environ.pop("COLUMNS", None)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the public data sets; tests that use it are marked `data`."""
    folder = os.environ.get("WEAKLABEL_DATA")
    if not folder:
        pytest.skip("WEAKLABEL_DATA is not set: it names the folder with the public data sets")
    return Path(folder)
