"""One suite for every engine: a test asks for `engine` or `opener` and runs once for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sqlpipe.engine.contract import Engine, Session
from sqlpipe.engine.door import TYPES, open_engine

Opener = Callable[..., Engine]


@pytest.fixture(params=TYPES)
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Open the engine's database of this test, for writing unless told; everything is closed at the end."""
    opened: list[Engine] = []

    def open_here(*, read_only: bool = False, **settings: object) -> Engine:
        engine = open_engine(
            {"type": request.param, "path": str(tmp_path / "shop.db"), **settings}, read_only=read_only
        )
        opened.append(engine)
        return engine

    yield open_here
    for engine in opened:
        engine.close()


@pytest.fixture
def engine(opener: Opener) -> Engine:
    return opener()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with engine.session() as opened:
        yield opened
