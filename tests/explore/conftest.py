"""The small task of `explore_tasks`, as fixtures."""

import pytest

import explore_tasks


@pytest.fixture
def registry():
    return explore_tasks.registry()


@pytest.fixture
def view():
    return explore_tasks.view_of()
