"""The table of codes knows every code that the program can say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import sqlpipe
from sqlpipe.domain.codes import CODES

_ROOT = Path(sqlpipe.__file__).parent
_CODE = re.compile(r"SP\d{3}")


def _said() -> set[str]:
    texts = (
        each.value
        for path in _ROOT.rglob("*.py")
        if path.name != "codes.py"
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )
    return {text for text in texts if _CODE.fullmatch(text)}


def test_every_code_that_is_said_can_be_explained() -> None:
    assert _said() - set(CODES) == set()


def test_every_code_that_can_be_explained_is_said() -> None:
    assert set(CODES) - _said() == set()


@pytest.mark.parametrize("code", CODES.values(), ids=lambda code: code.code)
def test_a_code_is_told_in_full(code: object) -> None:
    assert all(getattr(code, name) for name in ("title", "cause", "example", "remedy"))


def test_codes_are_in_order() -> None:
    assert list(CODES) == sorted(CODES)
