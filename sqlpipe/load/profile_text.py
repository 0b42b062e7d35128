"""The text of a profiles.yml: variables put in, the target and the connections decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, Place, SqlpipeError, did_you_mean
from sqlpipe.load.complaints import TOP, Complaints, by_place
from sqlpipe.load.decode import Decode, expected, fields, listed, need, take, text, unknown_key, whole
from sqlpipe.load.document import Entry, Record, Scalar, Series, Value, atom, parse
from sqlpipe.load.environment import read_environment
from sqlpipe.load.profile import THREADS, Profile, ProfileAsked
from sqlpipe.load.secret import Secret
from sqlpipe.load.variables import fill


def read_text(written: str, asked: ProfileAsked, environ: Mapping[str, str]) -> Profile:
    """The profile that is asked for; raises every complaint at once."""
    complaints = Complaints(asked.shown, written)
    reading = _Reading(asked.root, asked.path, _Variables(asked.root, environ, complaints), complaints)
    profile = reading.profile(asked.name, asked.target, named_in=asked.named_in)
    if complaints.found or profile is None:
        raise SqlpipeError(*by_place(_without_echoes(complaints.found)), exit_code=2)
    return profile


def _without_echoes(found: list[Diagnostic]) -> list[Diagnostic]:
    """The complaints without those about a value that is only missing because its variable is."""
    unset = {each.span for each in found if each.code == "SP109"}
    return [each for each in found if each.code == "SP109" or each.span not in unset]


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
        filled = fill(value.text, self.both)
        for name in filled.missing:
            self._complain(name, value)
        return Scalar(atom(filled.text), filled.text, value.place, secret=bool(filled.used))

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
        threads = settings.get("threads", THREADS)
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
        for each in value.values() if isinstance(value, dict) else (value,):
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


def _journal(value: Value, complaints: Complaints) -> Secret | None:
    """Where the journal is: a file, or the address of a PostgreSQL database, which may hold a password."""
    found = text(value, complaints)
    return Secret(found) if found else None


TARGET_TYPES: Mapping[str, Mapping[str, Decode[object]]] = {
    "duckdb": {
        "type": text,
        "path": _path,
        "threads": whole(1),
        "memory_limit": text,
        "settings": _database_settings,
        "block_size": whole(1),
        "journal": _journal,
    },
}
CONNECTION_TYPES: Mapping[str, Mapping[str, Decode[object]]] = {"sqlite": {"type": text, "path": text}}
