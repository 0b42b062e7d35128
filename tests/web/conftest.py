"""Projects that are built once for all tests of pages, which only read them."""

from __future__ import annotations

import pytest

from tests.web.gallery import Gallery, failing, hostile, well_built


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """The pages of a project that is well."""
    return Gallery(well_built(tmp_path_factory.mktemp("well")))


@pytest.fixture(scope="session")
def failing_gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """The pages of a project in which a check fails."""
    return Gallery(failing(tmp_path_factory.mktemp("failing")))


@pytest.fixture(scope="session")
def hostile_gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """The pages of a project whose names and texts try to get out of the pages."""
    return Gallery(hostile(tmp_path_factory.mktemp("hostile")))
