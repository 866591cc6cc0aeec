"""What all tests share."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the public data sets; tests that use it are marked `data`."""
    folder = os.environ.get("WEAKLABEL_DATA")
    if not folder:
        pytest.skip("WEAKLABEL_DATA is not set: it names the folder with the public data sets")
    return Path(folder)
