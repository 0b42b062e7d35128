"""The settings of a project in sqlpipe.yml."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import blake2b

from sqlpipe.domain.names import TableName
from sqlpipe.load.checks import distinctly
from sqlpipe.load.complaints import TOP, Complaints, Named
from sqlpipe.load.decode import anything, expected, fields, take, text
from sqlpipe.load.document import Entry, Record, Scalar, Value, parse, plain
from sqlpipe.load.facts import Settings, SourceTable
from sqlpipe.load.header import Header, read_header
from sqlpipe.load.kinds import KINDS_OF
from sqlpipe.load.orchestration import KEYS as ORCHESTRATION_KEYS
from sqlpipe.load.orchestration import read_orchestration

_KEYS = ("name", "profile", "vars", "defaults", "sources", "selections", *ORCHESTRATION_KEYS)
_SOURCE_KEYS = ("description", "tags", "columns", "checks")


@dataclass(frozen=True, slots=True)
class Written:
    """The settings together with the defaults of the folders, outermost first."""

    settings: Settings
    defaults: tuple[tuple[str, Header], ...]


def read_settings(written: str, folder: str, complaints: Complaints) -> Written:
    """Read sqlpipe.yml; the project bears the name of its folder unless it says another."""
    value = parse(written, complaints) or Record((), TOP)
    entries = fields(value, _KEYS, complaints, "sqlpipe.yml")
    variables = take(entries, "vars", anything, complaints)
    if "vars" in entries and not isinstance(variables, dict):
        expected("a mapping", entries["vars"].value, complaints, help="such as `vars: {start: 2024-01-01}`")
    folders = [(entry, _folder(entry.key)) for entry in _below(entries.get("defaults"), complaints)]
    running = read_orchestration(entries, complaints)
    settings = Settings(
        name=take(entries, "name", text, complaints) or folder,
        profile=take(entries, "profile", text, complaints) or "",
        variables=variables if isinstance(variables, dict) else {},
        selections=_selections(entries.get("selections"), complaints),
        sources=tuple(_source(entry, complaints) for entry in _below(entries.get("sources"), complaints)),
        folders=tuple((Named(name, entry.place), _digest(entry.value)) for entry, name in folders),
        orchestration=running.orchestration,
        followed=running.followed,
    )
    defaults = [(name, _default(entry.value, name, complaints)) for entry, name in folders]
    return Written(settings, tuple(sorted(defaults, key=lambda each: each[0].count("/"))))


def _below(entry: Entry | None, complaints: Complaints) -> tuple[Entry, ...]:
    if entry is None:
        return ()
    if isinstance(entry.value, Record):
        return entry.value.entries
    expected("a mapping", entry.value, complaints)
    return ()


def _selections(entry: Entry | None, complaints: Complaints) -> dict[str, str]:
    found = {each.key: text(each.value, complaints) for each in _below(entry, complaints)}
    return {key: each for key, each in found.items() if each is not None}


def _folder(written: str) -> str:
    return written.strip("/").removeprefix("./")


def _digest(value: Value) -> str:
    return blake2b(json.dumps(plain(value)).encode(), digest_size=16).hexdigest()


def _default(value: Value, folder: str, complaints: Complaints) -> Header:
    header = read_header(value, complaints, f"the defaults of `{folder}`")
    known = list(dict.fromkeys(word for words in KINDS_OF.values() for word in words))
    if header.kind is not None and header.kind.text not in known:
        listed = ", ".join(f"`{each}`" for each in known)
        said = f"unknown kind `{header.kind.text}`"
        complaints.add("SP105", said, header.kind.place, label="no such kind", help=f"the kinds are {listed}")
        return replace(header, kind=None)
    return header


def _source(entry: Entry, complaints: Complaints) -> SourceTable:
    name = TableName.parse(entry.key)
    if isinstance(entry.value, Scalar):
        said = None if entry.value.value is None else text(entry.value, complaints)
        return SourceTable(name, entry.place, said or "")
    known = fields(entry.value, _SOURCE_KEYS, complaints, "a source")
    header = read_header(Record(tuple(known.values()), entry.place), complaints)
    columns = header.columns
    checks = distinctly((*(columns.checks if columns else ()), *(header.checks or ())))
    return SourceTable(
        name=name,
        place=entry.place,
        description=header.description or "",
        tags=frozenset(header.tags or ()),
        columns=columns.columns if columns else (),
        checks=tuple(each.check for each in checks),
        targets=tuple(each.target for each in checks if each.target),
    )
