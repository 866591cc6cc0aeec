"""Which library may be imported where, and what the library must never do."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parent.parent / "src" / "weaklabel"

# Library -> the only files that may import it. Floors are held by import-linter (see pyproject.toml).
HOMES = {
    "numba": ("kernels/",),
    "llvmlite": (),
    "spacy": ("apply/spacy_", "explore/spacy_spans.py", "export/spacy_docs.py"),
    "mlflow": ("tracking.py",),
    "hydra": ("config.py", "config_errors.py", "cli/"),
    "omegaconf": ("config.py", "config_errors.py", "cli/"),
    "torch": ("label_model/snorkel.py",),
    "snorkel": ("label_model/snorkel.py",),
    "matplotlib": ("report/",),
    "sklearn": ("audit/", "evaluate/", "explore/"),
    "datasketch": ("profile/",),
    "sqlalchemy": ("gold/", "tracking.py"),
    "alembic": ("gold/",),
    "pg8000": (),
    "krippendorff": (),
    "deltalake": ("store/",),
    "distributed": ("engines/dask.py",),
    "pyspark": ("engines/spark.py",),
    "duckdb": (),
    "fsspec": ("corpus/", "store/"),
    "s3fs": (),
    "moto": (),
    "py3langid": ("profile/",),
    "pickle": (),
    "cloudpickle": (),
}


def modules():
    return sorted(SRC.rglob("*.py"))


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno


def misplaced(source, name):
    """Return the lines of `source`, a file called `name`, that import a library away from its home."""
    return [
        f"{name}:{line} imports {library}"
        for library, line in imports(ast.parse(source))
        if library in HOMES and not any(name.startswith(home) for home in HOMES[library])
    ]


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SRC)))
def test_libraries_are_imported_at_home_only(path):
    assert misplaced(path.read_text(encoding="utf-8"), path.relative_to(SRC).as_posix()) == []


def test_the_table_can_fail():
    assert misplaced("def f():\n    import numba", "evaluate/rows.py") == ["evaluate/rows.py:2 imports numba"]
    assert misplaced("from numba import njit", "kernels/em.py") == []


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SRC)))
def test_no_work_at_import_and_no_global_random_numbers(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    source = ast.unparse(tree)
    assert "np.random.seed" not in source
    assert "random.seed(" not in source
    calls_eval = [
        n.lineno
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in {"eval", "print"}
    ]
    assert calls_eval == [] or path.parent.name == "cli"
