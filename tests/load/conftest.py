"""Projects made of a few texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Make = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write files below a project folder, which gets a sqlpipe.yml if none is given."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        for path, content in {"sqlpipe.yml": "name: shop\n", **files}.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path

    return write
