"""Compile once, before three workers of the suite do it at the same time: `python tests/warm.py files` and `kernels`.

`files` lets pytest read all tests, so that they and the libraries that they import lie compiled beside their sources;
`kernels` calls the kernels that most tests run. Both change nothing but how long the suite takes.
"""

import contextlib
import io
import sys


def read_all_tests() -> int:
    """Collect the suite and return pytest's exit code; what it says is shown when that is not 0."""
    import pytest

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = pytest.main(["--collect-only", "-qq", "-m", "not slow"])
    if code:
        print(said.getvalue())
    return int(code)


def call_kernels() -> int:
    """Fit the default model to votes by patterns, and vote with rules that are scanned for."""
    import polars as pl

    import relabel_warm  # noqa: F401 - its import calls the kernels of models and patterns
    from weaklabel.apply import LFApplier
    from weaklabel.lf import LFRegistry, keywords, regex
    from weaklabel.schema import LabelSchema

    rules = [
        regex("link", "https?://[a-z]+", label="spam"),
        keywords("thanks", ["thanks", "hello"], label="ham"),
    ]
    rows = pl.DataFrame({"id": ["a", "b"], "text": ["see http://x", "thanks"]})
    LFApplier(LFRegistry(rules, schema=LabelSchema(["ham", "spam"]))).apply(rows)
    return 0


if __name__ == "__main__":
    sys.exit({"files": read_all_tests, "kernels": call_kernels}[sys.argv[1]]())
