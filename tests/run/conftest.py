"""What the tests of runs share: a project in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)
