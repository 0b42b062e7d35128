"""Frozen dataclasses as JSON by position: small, quick to read back, and safe to read from any file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

# Made once for each type from its annotations; None stands for "as it is".
_Change = Callable[[Any], Any] | None


class Codec(NamedTuple):
    """How values of a type are written as what JSON knows, and how they are read back."""

    encode: _Change
    decode: _Change


_AS_IS = Codec(None, None)


def encode(kind: Any, value: Any) -> Any:
    """The value, which is of type `kind`, as what JSON knows."""
    change = codec(kind).encode
    return change(value) if change else value


def decode(kind: Any, value: Any) -> Any:
    """The value of type `kind` that was encoded so; raises TypeError or LookupError if it was not."""
    change = codec(kind).decode
    return change(value) if change else value


@cache
def codec(kind: Any) -> Codec:
    """The codec of a dataclass, or of a type that its fields may have."""
    origin = get_origin(kind)
    if is_dataclass(kind):
        return _of_dataclass(kind)
    if origin in (UnionType, Union):
        return _of_union(get_args(kind))
    if origin is tuple:
        return _of_tuple(get_args(kind))
    if kind == frozenset[str]:
        return Codec(sorted, frozenset)
    if kind in (date, datetime, time):
        return Codec(kind.isoformat, kind.fromisoformat)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Codec(lambda value: value.value, kind)
    if origin is not None and issubclass(origin, Mapping):
        return _of_mapping(get_args(kind)[1])
    if kind in (str, int, float, bool, NoneType, object):
        return _AS_IS
    raise TypeError(f"no codec for {kind}")


def _of_dataclass(kind: Any) -> Codec:
    hints = get_type_hints(kind)
    inner = [(each.name, codec(hints[each.name])) for each in fields(kind)]

    def write(value: Any) -> list[Any]:
        found = [(each.encode, getattr(value, name)) for name, each in inner]
        return [change(each) if change else each for change, each in found]

    return Codec(write, _reader(kind, [each.decode for _, each in inner]))


def _reader(kind: Any, changes: list[_Change]) -> Callable[[list[Any]], Any]:
    """A function that was written for this dataclass: with thousands of files loops over its fields can be felt."""
    arguments = [f"_{number}(v[{number}])" if change else f"v[{number}]" for number, change in enumerate(changes)]
    names: dict[str, Any] = {"kind": kind, **{f"_{number}": change for number, change in enumerate(changes)}}
    source = f"lambda v: kind({', '.join(arguments)})" if any(changes) else "lambda v: kind(*v)"
    made: Callable[[list[Any]], Any] = eval(source, names)  # noqa: S307  only numbers go into the text
    return made


def _of_union(kinds: tuple[Any, ...]) -> Codec:
    """Dataclasses are written with their names, unless there is only one; other values stand for themselves."""
    classes: dict[str, Any] = {each.__name__: each for each in kinds if isinstance(each, type) and is_dataclass(each)}
    rest = [each for each in kinds if each is not NoneType and each not in classes.values()]
    if len(classes) + len(rest) == 1:
        only = codec([*classes.values(), *rest][0])
        return Codec(_or_none(only.encode), _or_none(only.decode))
    if not classes:
        return _AS_IS

    # Codecs are made when they are needed: no project has every kind of node in it.
    def write(value: Any) -> Any:
        name = type(value).__name__
        change = codec(classes[name]).encode if name in classes else None
        return [name, change(value)] if change else value

    def read(value: Any) -> Any:
        change = codec(classes[value[0]]).decode if value is not None else None
        return change(value[1]) if change else value

    return Codec(write, read)


def _or_none(change: _Change) -> _Change:
    if change is None:
        return None
    return lambda value: None if value is None else change(value)


def _of_mapping(kind: Any) -> Codec:
    """Keys are texts."""
    write_one, read_one = codec(kind)
    if write_one is None or read_one is None:
        return _AS_IS
    return Codec(
        lambda value: {key: write_one(each) for key, each in value.items()},
        lambda value: {key: read_one(each) for key, each in value.items()},
    )


def _of_tuple(kinds: tuple[Any, ...]) -> Codec:
    if kinds[-1] is Ellipsis:
        write_one, read_one = codec(kinds[0])
        if write_one is None or read_one is None:
            return Codec(list, tuple)
        return Codec(
            lambda value: [write_one(each) for each in value],
            lambda value: tuple([read_one(each) for each in value]) if value else (),
        )
    several = [codec(each) for each in kinds]

    def write(value: Any) -> list[Any]:
        return [each.encode(item) if each.encode else item for each, item in zip(several, value, strict=True)]

    def read(value: Any) -> tuple[Any, ...]:
        return tuple([each.decode(item) if each.decode else item for each, item in zip(several, value, strict=True)])

    return Codec(write, read)
