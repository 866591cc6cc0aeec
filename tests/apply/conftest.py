import polars as pl
import pytest

import weaklabel as wl


@pytest.fixture(scope="session", autouse=True)
def _compiled_scan():
    """Compile the kernels before tests with a deadline run."""
    rules = [wl.keywords("k", ["a"], label="x"), wl.regex("r", r"\w\w+ing", label="x")]
    frame = pl.DataFrame({"id": ["a"], "text": ["ſ doing"]})
    wl.LFApplier(wl.LFRegistry(rules, schema=wl.LabelSchema(["x", "y"]))).apply(frame)
