"""What all tests share."""

import importlib.util
import os
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
os.environ.setdefault("MPLBACKEND", "Agg")
LONG = (
    "gold/ledger/test_ledger_kill.py",
    "test_relabel_kill.py",
    "test_cli_audit.py",
    "test_docs_audit.py",
    "test_cli.py",
    "test_cli_drift.py",
    "test_pipeline.py",
    "test_sync.py",
    "test_erase.py",
    "test_demo.py",
    "apply/test_spacy_twin.py",
    "test_relabel_places.py",
    "test_audit_page.py",
    "audit/test_choosing.py",
    "audit/test_estimates.py",
    "gold/ledger/test_ledger.py",
    "label_model/test_contract.py",
    "label_model/test_beliefs.py",
    "test_pytest_plugin.py",
    "test_cli_gold.py",
    "engines/test_parity.py",
    "label_model/test_correction.py",
    "audit/test_regions.py",
    "audit/test_sequential.py",
    "test_tracking.py",
    "test_support.py",
    "test_cli_relabel.py",
    "test_cli_select.py",
    "gold/gold_set/test_standard.py",
    "gold/trends/test_agreed.py",
    "gold/judging/test_anchoring.py",
    "store/test_tables_in_object_store.py",
    "gold/gold_set/test_health.py",
    "gold/test_loop.py",
    "apply/test_scan.py",
    "kernels/test_scanning.py",
    "test_pipeline_gold.py",
    "test_corpus.py",
    "test_gold_report.py",
    "store/test_label_table.py",
)
"""Files that take longest run first: with `--dist loadfile`, one that comes last keeps a single worker busy."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `snorkel` where Snorkel or torch is not installed, and say which; long files come first."""
    place = {Path(__file__).parent / name: at for at, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path, len(LONG)))
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
