"""Facts of files kept from one start to the next, each under the hash of all that it was made from."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlpipe import __version__
from sqlpipe.load.codec import decode, encode
from sqlpipe.load.facts import Facts, Settings
from sqlpipe.load.surroundings import Surroundings

FOLDER = ".sqlpipe"
FILE = "cache.json"


@dataclass(slots=True)
class Cache:
    """What was known at the last start, and what is to be known at the next."""

    version: str
    held: dict[str, Any] = field(default_factory=dict)
    held_settings: list[Any] = field(default_factory=list)
    facts: dict[str, tuple[str, str, Facts]] = field(default_factory=dict)
    settings: tuple[str, Settings] | None = None
    changed: bool = False

    def find(self, path: str, content: str, surroundings: Surroundings) -> Facts | None:
        """The facts of a file whose text has this hash, if they still hold."""
        entry = self.held.get(path)
        try:
            if entry is None or entry[0] != content:
                return None
            raw = entry[2]
            around = surroundings.hash(path, raw[_TEMPLATED], tuple(raw[_ENVIRONMENT]), tuple(raw[_MODULES]))
            if entry[1] != around:
                return None
            facts: Facts = decode(Facts, _unveiled(raw, surroundings.environ) if raw[_ENVIRONMENT] else raw)
        except (LookupError, TypeError, ValueError, AttributeError):
            return None
        self.facts[path] = content, around, facts
        return facts

    def keep(self, path: str, content: str, surroundings: Surroundings, facts: Facts) -> None:
        """Keep the facts of a file for the next start."""
        around = surroundings.hash(path, facts.templated, facts.environment, facts.modules)
        self.facts[path] = content, around, facts
        self.changed = True

    def find_settings(self, content: str) -> Settings | None:
        """The settings of a sqlpipe.yml whose text has this hash."""
        try:
            if self.held_settings[0] != content:
                return None
            found: Settings = decode(Settings, self.held_settings[1])
        except (LookupError, TypeError, ValueError, AttributeError):
            return None
        self.settings = content, found
        return found

    def keep_settings(self, content: str, settings: Settings) -> None:
        """Keep the settings for the next start."""
        self.settings = content, settings
        self.changed = True


_VEIL = re.compile("\0(\\w+)\0")
_NAMES = tuple(Facts.__dataclass_fields__)
_TEMPLATED, _ENVIRONMENT, _MODULES = (_NAMES.index(each) for each in ("templated", "environment", "modules"))


def open_cache(root: Path) -> Cache:
    """The cache of a project; an empty one if there is none that this program can read."""
    version = _version()
    try:
        found = json.loads((root / FOLDER / FILE).read_bytes())
        if found["version"] == version:
            return Cache(version, dict(found["files"]), list(found["settings"]))
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return Cache(version, changed=True)


def save_cache(cache: Cache, root: Path, environ: Mapping[str, str]) -> None:
    """Write what is to be known at the next start, at once or not at all; without a cache it is only slower."""
    if not cache.changed and cache.held.keys() == cache.facts.keys():
        return
    settings = [cache.settings[0], encode(Settings, cache.settings[1])] if cache.settings else []
    files = {
        path: [content, around, _veiled(encode(Facts, facts), facts.environment, environ)]
        for path, (content, around, facts) in cache.facts.items()
    }
    try:
        text = json.dumps({"version": cache.version, "settings": settings, "files": files}, separators=(",", ":"))
        _replace(own_folder(root), text)
    except (OSError, TypeError, ValueError):
        return


def _veiled(raw: Any, names: Sequence[str], environ: Mapping[str, str]) -> Any:
    """Raw facts with the names of variables in place of their values, which are not for a file."""
    values = {environ[name]: name for name in names if environ.get(name)}
    if not values:
        return raw
    found = re.compile("|".join(re.escape(each) for each in sorted(values, key=len, reverse=True)))
    spared = _NAMES.index("environment")
    put = [_in_texts(each, found, lambda match: f"\0{values[match[0]]}\0") for each in raw]
    return [*put[:spared], raw[spared], *put[spared + 1 :]]


def _unveiled(raw: Any, environ: Mapping[str, str]) -> Any:
    return _in_texts(raw, _VEIL, lambda match: environ[match[1]])


def _in_texts(value: Any, found: re.Pattern[str], instead: Callable[[re.Match[str]], str]) -> Any:
    match value:
        case str():
            return found.sub(instead, value)
        case list() | tuple():
            return [_in_texts(each, found, instead) for each in value]
        case dict():
            return {key: _in_texts(each, found, instead) for key, each in value.items()}
        case _:
            return value


def own_folder(root: Path) -> Path:
    """The folder of a project for what is not written by people; made, and hidden from git, if it is not there."""
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder


def _replace(folder: Path, text: str) -> None:
    # Created readable by its owner only: a rendered template holds whatever its variables do.
    beside = folder / f"{FILE}.{os.getpid()}.{time.monotonic_ns()}"
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(folder / FILE)
    finally:
        beside.unlink(missing_ok=True)


def _version() -> str:
    """The hash of the program that reads the files: with another one their facts may be others."""
    digest = blake2b(__version__.encode(), digest_size=16)
    package = Path(__file__).parent.parent
    parser = find_spec("sqlglot")
    for folder in (
        package / "load",
        package / "sql",
        package / "domain",
        Path(parser.origin or "").parent if parser else None,
    ):
        try:
            entries = sorted(os.scandir(folder), key=lambda each: each.name) if folder else []
        except OSError:
            continue
        for entry in entries:
            if entry.name.endswith(".py"):
                seen = entry.stat()
                digest.update(f"{entry.name} {seen.st_size} {seen.st_mtime_ns}\n".encode())
    return digest.hexdigest()
