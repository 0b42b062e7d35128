"""Where a project runs: the target of profiles.yml and the connections that rows come from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, Place, SqlpipeError, did_you_mean
from sqlpipe.domain.project import Project
from sqlpipe.load.complaints import TOP, Complaints, by_place
from sqlpipe.load.decode import Decode, expected, fields, listed, need, take, text, unknown_key, whole
from sqlpipe.load.document import Entry, Record, Scalar, Series, Value, atom, parse
from sqlpipe.load.environment import read_environment
from sqlpipe.load.secret import Secret

FILE = "profiles.yml"
_THREADS = 4
_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Profile:
    """A target with its settings, the connections, and where each of them came from.

    `settings` are those that the engine takes, with `type` and an absolute `path`. `origin` tells in words where
    the profile, the target and each setting were found. `secrets` are what `mask` has to hide.
    """

    name: str
    target: str
    targets: tuple[str, ...]
    settings: Mapping[str, object]
    connections: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    threads: int = _THREADS
    secrets: tuple[Secret, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)


def read_profile(
    root: Path,
    project: Project,
    *,
    target: str | None = None,
    profiles: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Profile:
    """The profile of a project; raises every complaint at once.

    Without any profiles.yml, and with none asked for, a project runs in a DuckDB file of its own.
    """
    name = project.profile or project.name
    asked = profiles or environ.get("SQLPIPE_PROFILES") or None
    places = _places(root, asked, environ)
    path = next((each for each in places if each.is_file()), None)
    if path is None:
        if asked is None and target is None:
            return _own_file(root, name, project)
        raise _nowhere(places, asked)
    try:
        written = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SqlpipeError(Diagnostic(code="SP113", message=f"cannot read {path}: {error}"), exit_code=2) from error
    complaints = Complaints(_shown(path, root), written)
    reading = _Reading(root, path, _Variables(root, environ, complaints), complaints)
    profile = reading.profile(name, target, named_in="sqlpipe.yml" if project.profile else "the project's name")
    if complaints.found or profile is None:
        raise SqlpipeError(*by_place(_without_echoes(complaints.found)), exit_code=2)
    return profile


def _without_echoes(found: list[Diagnostic]) -> list[Diagnostic]:
    """The complaints without those about a value that is only missing because its variable is."""
    unset = {each.span for each in found if each.code == "SP109"}
    return [each for each in found if each.code == "SP109" or each.span not in unset]


def _places(root: Path, asked: str | None, environ: Mapping[str, str]) -> list[Path]:
    if asked:
        path = Path(asked).expanduser()
        return [path / FILE if path.is_dir() else path]
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return [root / FILE, home / ".sqlpipe" / FILE]


def _nowhere(places: list[Path], asked: str | None) -> SqlpipeError:
    notes = tuple(f"looked for {each}" for each in places)
    help = "give the path of a file or of its folder" if asked else "copy profiles.yml.example to profiles.yml"
    return SqlpipeError(
        Diagnostic(code="SP108", message="there is no profiles.yml", help=help, notes=notes), exit_code=2
    )


def _own_file(root: Path, name: str, project: Project) -> Profile:
    path = str(root / f"{project.name}.duckdb")
    settings = {"type": "duckdb", "path": path, "threads": _THREADS}
    origin = dict.fromkeys(("profile", "target", *settings), "there is no profiles.yml")
    return Profile(name, "dev", ("dev",), settings, origin=origin)


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


@dataclass(slots=True)
class _Variables:
    """Puts the environment into values; what came from there is secret until a setting says otherwise."""

    root: Path
    environ: Mapping[str, str]
    complaints: Complaints
    both: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.both = read_environment(self.root, self.environ)

    def fill(self, value: Value) -> Value:
        """The value with every `${NAME}` replaced; complains of variables that are not set."""
        match value:
            case Scalar():
                return self._scalar(value)
            case Series():
                return replace(value, items=tuple(self.fill(each) for each in value.items))
            case Record():
                return replace(
                    value, entries=tuple(replace(each, value=self.fill(each.value)) for each in value.entries)
                )

    def _scalar(self, value: Scalar) -> Scalar:
        if "${" not in value.text:
            return value
        used: list[str] = []

        def put(match: re.Match[str]) -> str:
            name, default = match[1], match[2]
            if name is None:
                return "${"
            if self.both.get(name):
                used.append(name)
                return self.both[name]
            if default is not None:
                return default
            self._complain(name, value)
            return ""

        filled = _VARIABLE.sub(put, value.text)
        return Scalar(atom(filled), filled, value.place, secret=bool(used))

    def _complain(self, name: str, value: Scalar) -> None:
        said = f"the environment variable `{name}` is not set"
        help = did_you_mean(name, self.both) or f"set it in the shell or in .env, or write `${{{name}:-default}}`"
        self.complaints.add("SP109", said, value.place, label="needed here", help=help)


@dataclass(slots=True)
class _Reading:
    """One reading of a profiles.yml."""

    root: Path
    path: Path
    variables: _Variables
    complaints: Complaints
    secrets: list[Secret] = field(default_factory=list)
    origin: dict[str, str] = field(default_factory=dict)

    def profile(self, name: str, target: str | None, *, named_in: str) -> Profile | None:
        """The profile of this name; None after a complaint."""
        value = parse(self.complaints.text, self.complaints)
        if self.complaints.found:
            return None
        if value is not None and not isinstance(value, Record):
            expected("a mapping of profiles", value, self.complaints)
            return None
        profiles = {each.key: each for each in value.entries} if value else {}
        if name not in profiles:
            help = did_you_mean(name, profiles) or f"the file has {listed(tuple(profiles)) or 'no profile at all'}"
            where = (f"looked in {self.path}", f"the profile is named by {named_in}")
            self.complaints.add("SP108", f"there is no profile `{name}`", TOP, help=help, notes=where)
            return None
        self.origin["profile"] = f"{self.complaints.file}, as {named_in} says"
        known = ("target", "outputs", "targets", "connections")
        entries = fields(profiles[name].value, known, self.complaints, f"the profile `{name}`")
        outputs = self._outputs(entries, profiles[name])
        chosen = self._target(target, entries, outputs, profiles[name].place)
        return self._chosen(name, chosen, outputs, entries) if chosen else None

    def _outputs(self, entries: Mapping[str, Entry], profile: Entry) -> dict[str, Entry]:
        given = [entries[key] for key in ("outputs", "targets") if key in entries]
        if not given:
            said = f"the profile `{profile.key}` needs `outputs`"
            self.complaints.add("SP106", said, profile.place, label="`outputs` is missing")
            return {}
        if len(given) > 1:
            self.complaints.add("SP103", "`outputs` and `targets` are the same thing", given[1].place, label="again")
        if not isinstance(given[0].value, Record):
            expected("a mapping of targets", given[0].value, self.complaints)
            return {}
        return {each.key: each for each in given[0].value.entries}

    def _target(
        self, asked: str | None, entries: Mapping[str, Entry], outputs: Mapping[str, Entry], place: Place
    ) -> str | None:
        """The target that was asked for, or the one the profile names, or the only one."""
        if not outputs:
            if not self.complaints.found:
                self.complaints.add("SP106", "the profile has no targets", place, label="nothing to run on")
            return None
        named = None
        if "target" in entries:
            named = take(
                {"target": replace(entries["target"], value=self._filled(entries["target"]))},
                "target",
                text,
                self.complaints,
            )
        chosen = asked or named or ("dev" if "dev" in outputs else next(iter(outputs)))
        self.origin["target"] = "asked for" if asked else f"{self.complaints.file}"
        if chosen in outputs:
            return chosen
        at = entries["target"].value.place if "target" in entries and not asked else place
        help = did_you_mean(chosen, outputs) or f"the profile has {listed(tuple(outputs))}"
        notes = (f"looked in {self.path}",)
        self.complaints.add("SP108", f"there is no target `{chosen}`", at, label="not in it", help=help, notes=notes)
        return None

    def _filled(self, entry: Entry) -> Value:
        return self.variables.fill(entry.value)

    def _chosen(
        self, name: str, target: str, outputs: Mapping[str, Entry], entries: Mapping[str, Entry]
    ) -> Profile | None:
        output = outputs[target]
        own = output.value if isinstance(output.value, Record) else Record((), output.place)
        inner = [each for each in own.entries if each.key == "connections"]
        rest = Record(tuple(each for each in own.entries if each.key != "connections"), output.place)
        settings = self._settings(rest, output.place, TARGET_TYPES, f"the target `{target}`")
        connections = {}
        for entry in [*([entries["connections"]] if "connections" in entries else []), *inner]:
            for each in self._below(entry):
                what = f"the connection `{each.key}`"
                connections[each.key] = self._settings(each.value, each.place, CONNECTION_TYPES, what)
        threads = settings.get("threads", _THREADS)
        assert isinstance(threads, int)
        settings = {**settings, "threads": threads}
        return Profile(
            name,
            target,
            tuple(outputs),
            settings,
            connections,
            threads,
            tuple(dict.fromkeys(self.secrets)),
            self.origin,
        )

    def _below(self, entry: Entry) -> tuple[Entry, ...]:
        if isinstance(entry.value, Record):
            return entry.value.entries
        expected("a mapping of connections", entry.value, self.complaints)
        return ()

    def _settings(
        self, value: Value, place: Place, types: Mapping[str, Mapping[str, Decode[object]]], what: str
    ) -> dict[str, object]:
        """The settings of a target or a connection, whose `type` tells which there can be."""
        if not isinstance(value, Record):
            expected("a mapping", value, self.complaints)
            return {}
        entries = {each.key: replace(each, value=self._filled(each)) for each in value.entries}
        kind = need(entries, "type", self.complaints, place, what)
        word = take(entries, "type", text, self.complaints)
        if kind is None or word is None:
            return {}
        if word not in types:
            help = did_you_mean(word, types) or f"the types are {listed(tuple(types))}"
            said = f"unknown type `{word}`"
            self.complaints.add("SP103", said, kind.value.place, label=f"not {listed(tuple(types))}", help=help)
            return {}
        known = types[word]
        for key, entry in entries.items():
            if key not in known:
                unknown_key(key, entry.place, tuple(known), self.complaints, what)
        need(entries, "path", self.complaints, place, what)
        found = {key: take(entries, key, decode, self.complaints) for key, decode in known.items()}
        return {key: self._finished(key, each, entries[key], what) for key, each in found.items() if each is not None}

    def _finished(self, key: str, value: object, entry: Entry, what: str) -> object:
        self.origin[f"{what}: {key}"] = f"{self.complaints.file}, line {entry.place.line}"
        if key == "path" and isinstance(value, str):
            return str(self.root / Path(value).expanduser())
        for each in value.values() if isinstance(value, dict) else ():
            if isinstance(each, Secret):
                self.secrets.append(each)
        return value


def _path(value: Value, complaints: Complaints) -> str | None:
    found = text(value, complaints)
    if found == ":memory:":
        said = "a database in memory would be gone after each command"
        complaints.add("SP103", said, value.place, label="not a file", help="name a file, such as `path: shop.duckdb`")
        return None
    return found


def _database_settings(value: Value, complaints: Complaints) -> dict[str, object] | None:
    """What is passed on to the database as it is."""
    if not isinstance(value, Record):
        expected("a mapping", value, complaints)
        return None
    found: dict[str, object] = {}
    for entry in value.entries:
        if not isinstance(entry.value, Scalar):
            expected("a single value", entry.value, complaints)
        elif entry.value.value is not None:
            found[entry.key] = Secret(entry.value.text) if entry.value.secret else entry.value.value
    return found


TARGET_TYPES: Mapping[str, Mapping[str, Decode[object]]] = {
    "duckdb": {
        "type": text,
        "path": _path,
        "threads": whole(1),
        "memory_limit": text,
        "settings": _database_settings,
        "block_size": whole(1),
    },
}
CONNECTION_TYPES: Mapping[str, Mapping[str, Decode[object]]] = {"sqlite": {"type": text, "path": text}}
