"""Values as JSON, without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite

from sqlpipe.domain.history import as_json
from sqlpipe.load.secret import MASK, Secret, hide


def spelled(value: object) -> str:
    """A value of the domain as JSON, with dots in place of secrets, wherever in it they are."""
    return json.dumps(_veiled(as_json(value)), ensure_ascii=False, default=_text)


def _veiled(value: object) -> object:
    match value:
        case Secret():
            return MASK
        case str():
            return hide(value)
        case Mapping():
            return {hide(str(key)): _veiled(each) for key, each in value.items()}
        case list() | tuple():
            return [_veiled(each) for each in value]
        case float() if not isfinite(value):
            return str(value)
        case _:
            return value


def _text(value: object) -> str:
    """A value of a database that JSON has no word for, as text."""
    return hide(str(value))
