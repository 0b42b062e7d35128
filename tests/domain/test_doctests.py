"""The examples in docstrings are right."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import sqlpipe

_MODULES = sorted(
    each.name for each in pkgutil.walk_packages(sqlpipe.__path__, "sqlpipe.") if not each.name.endswith("__main__")
)


@pytest.mark.parametrize("name", _MODULES)
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.failed == 0, f"{found.failed} of {found.attempted} examples of {name} fail"


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(name) for name in _MODULES if name.startswith("sqlpipe.domain")]
    assert sum(len(each.examples) for module in modules for each in finder.find(module)) >= 5
