"""What all tests share: golden files, rewritten with `--update-golden`, and a PostgreSQL server."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.postgres import postgres_server as postgres_server  # noqa: PLC0414 - a fixture for whoever asks for it

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what comes out as what is expected")


def pytest_report_header() -> str:
    """Name the DuckDB that is tested, and refuse another than the one that was asked for."""
    found, wanted = version("duckdb"), os.environ.get("SQLPIPE_TEST_DUCKDB")
    if wanted and wanted != found:
        pytest.exit(f"these tests were to run on DuckDB {wanted}; installed is {found}", returncode=3)
    return f"DuckDB {found}"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with tests/golden/NAME; with `--update-golden` write it there instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        assert path.exists(), f"{path} is missing: run pytest with --update-golden, then read it"
        assert text == path.read_text(encoding="utf-8")

    return compare
