"""`import weaklabel` loads Polars, NumPy and PyYAML, and nothing that takes long."""

import subprocess
import sys

HEAVY = (
    "torch",
    "spacy",
    "mlflow",
    "hydra",
    "snorkel",
    "numba",
    "sklearn",
    "pandas",
    "matplotlib",
    "scipy",
    "pyarrow",
)


def loaded(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_import_is_light():
    assert loaded("import weaklabel") == set()


DECLARED = """
import polars as pl, weaklabel as wl
rules = [wl.keywords("a", ["a"], label="x"), wl.regex("b", "b", label="y"), wl.where("c", "length(text) < 2", label="x")]
registry = wl.LFRegistry(rules, schema=wl.LabelSchema(["x", "y"]))
"""


def test_declarative_rules_are_light():
    assert loaded(DECLARED) == set()


def test_voting_them_loads_what_the_scan_is_compiled_by():
    voting = DECLARED + 'wl.LFApplier(registry).apply(pl.DataFrame({"id": ["1"], "text": ["a b"]}))\n'
    assert loaded(voting) <= {"numba", "pyarrow", "scipy"}


def test_the_check_can_fail():
    assert loaded("import numba") >= {"numba"}


def test_every_public_name_is_there():
    import weaklabel as wl

    assert [name for name in wl.__all__ if not hasattr(wl, name)] == []
    assert set(wl.__all__) <= set(dir(wl))


def test_the_evaluate_function_is_not_hidden_by_its_module():
    code = "import weaklabel.evaluate, weaklabel.label_model, weaklabel as wl; assert callable(wl.evaluate); wl.label_model.create"
    subprocess.run([sys.executable, "-c", code], check=True)
