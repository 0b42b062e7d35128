"""Writes docs/reference from the code: `python docs/build.py`. What the code has no words for is in wording.yml."""

from __future__ import annotations

import ast
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, fields, is_dataclass
from datetime import UTC, datetime
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click
import yaml

from sqlpipe.cli.main import ENTRIES, Entry, cli
from sqlpipe.domain.check import Check, CheckResult, Rule, Tolerance
from sqlpipe.domain.codes import CODES
from sqlpipe.domain.diagnostic import Diagnostic, Place, Span
from sqlpipe.domain.history import (
    NodeFinished,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    RunStarted,
    RunWaiting,
    State,
    as_json,
)
from sqlpipe.domain.project import KIND_NAMES, Source
from sqlpipe.graph import dag
from sqlpipe.graph.select import Selection, select
from sqlpipe.load.checks import RULES, checks
from sqlpipe.load.complaints import Complaints
from sqlpipe.load.document import Entry as Written
from sqlpipe.load.document import Record, Scalar, Value, parse
from sqlpipe.load.header import KEYS
from sqlpipe.load.kinds import takes
from sqlpipe.load.operators import request_of
from sqlpipe.load.orchestration import ALERT_KEYS, PIPELINE_KEYS
from sqlpipe.load.profile_text import CONNECTION_TYPES, TARGET_TYPES
from sqlpipe.load.project import load
from sqlpipe.load.sensors import CONDITIONS
from sqlpipe.load.settings import _KEYS as SETTINGS_KEYS
from sqlpipe.load.settings import _SOURCE_KEYS as SOURCE_KEYS
from sqlpipe.load.tasks import OF_A_SENSOR, OF_A_TASK, SHARED, WORDS

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
NOTE = "<!-- Written by `python docs/build.py` from the code. Do not edit. -->"
SECTIONS = {
    "1": "Files and settings",
    "2": "SQL",
    "3": "Graph and selection",
    "4": "Checks",
    "5": "Databases and sources",
    "6": "Pipelines and tasks",
    "7": "Dashboards and pages",
}
_HERE = Place(1, 1)

_A_HEADER = """/* sqlpipe
kind: table
checks:
  - unique: order_id
*/
select ..."""
_SOME_CHECKS = """checks:
  - unique: order_id
  - range: {column: amount, min: 0}
    severity: warn
    where: status = 'paid'
    tolerance: 1%"""
_A_TASK = """description: fetch the file of yesterday
bash: |
  python fetch.py --since {{ run.start }}
cwd: scripts
timeout: 10m
retries: 3
before: [raw.flights]"""
_SOME_PIPELINES = """pipelines:
  nightly:
    select: +tag:mart
    schedule: "0 6 * * mon-fri"
    timezone: Europe/Paris
    deadline: "08:00"
  follow:
    select: raw.orders+
    on: raw.orders"""
_BESIDE = ("with", "env", "cwd")
_A_PROFILE = """shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: shop.duckdb}
  connections:
    crm: {type: sqlite, path: crm.db}"""


def main() -> None:
    """Write every page of the reference that is not as the code has it."""
    folder = DOCS / "reference"
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote docs/reference/{name}")


def pages() -> dict[str, str]:
    """The pages of the reference by the names of their files."""
    words = Words(yaml.safe_load((DOCS / "wording.yml").read_text(encoding="utf-8")))
    found = {
        "cli.md": cli_page(),
        "codes.md": codes_page(),
        "header.md": header_page(words),
        "tasks.md": tasks_page(words),
        "settings.md": settings_page(words),
        "selection.md": selection_page(),
        "events.md": events_page(),
        "failures.md": failures_page(),
    }
    words.require_all_used()
    return {name: text.rstrip("\n") + "\n" for name, text in found.items()}


class Words:
    """The wording, with an eye on what has been asked for."""

    def __init__(self, sections: Mapping[str, Mapping[str, str]]) -> None:
        self._sections = sections
        self._used: set[tuple[str, str]] = set()

    def of(self, section: str, key: str) -> str:
        """What is said of a setting; a KeyError tells the author of the setting to say something."""
        self._used.add((section, key))
        return self._sections[section][key]

    def keys(self, section: str) -> Sequence[str]:
        """The settings of a section, for those that no code lists."""
        return tuple(self._sections[section])

    def require_all_used(self) -> None:
        """Raise if something is said of a setting that is no longer there."""
        there = {(section, key) for section, entries in self._sections.items() for key in entries}
        left = sorted(there - self._used)
        if left:
            raise KeyError(f"wording.yml tells of settings that the code does not have: {left}")


# Commands


def cli_page() -> str:
    """Every command with its arguments and options."""
    parts = [
        NOTE,
        "# Commands",
        "Results go to stdout, narration and error frames to stderr. `sqlpipe COMMAND --help` says the same.",
        table(
            ("exit code", "meaning"),
            [
                ("0", "all is well"),
                ("1", "the project or its data has errors: a mistake in a file, a failed check, a failed query"),
                ("2", "wrong usage or settings: an unknown option, node, target or profile"),
                ("3", "a bug in sqlpipe; a traceback tells where"),
                ("130", "interrupted"),
            ],
        ),
    ]
    for name, entry in ENTRIES.items():
        parts += _command(name, entry)
    return "\n\n".join(parts)


def _command(name: str, entry: Entry) -> list[str]:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    options = [each for each in command.params if isinstance(each, click.Option)]
    usage = " ".join(["sqlpipe", name, *(_metavar(each) for each in arguments), "[OPTIONS]"])
    rows = [(_spelled(each), _told(each)) for each in options]
    parts = [f"## sqlpipe {name}", fenced("text", usage), _prose(cleandoc(command.help or entry.summary))]
    return [*parts, table(("option", "meaning"), rows)] if rows else parts


def _metavar(argument: click.Argument) -> str:
    if isinstance(argument.type, click.Choice):
        return "|".join(argument.type.choices)
    said = argument.metavar or (argument.name or "").upper()
    return said if argument.required or said.startswith("[") else f"[{said}]"


def _spelled(option: click.Option) -> str:
    shown = f" {option.metavar}" if option.metavar else ""
    return ", ".join(f"`{each}{shown if each.startswith('--') else ''}`" for each in option.opts)


def _told(option: click.Option) -> str:
    variable = f" Or `{option.envvar}`." if option.envvar else ""
    # What is not shown as a default differs between versions of click, or says nothing.
    default = f" Default: {option.default}." if option.show_default else ""
    several = " May be given several times." if option.multiple else ""
    return f"{option.help or ''}{several}{default}{variable}"


def _prose(text: str) -> str:
    """A command's help with its examples fenced; click marks them with a backspace."""
    paragraphs = []
    for each in text.split("\n\n"):
        example = each.removeprefix("\b\n")
        paragraphs.append(
            each if example == each else "```sh\n" + "\n".join(line.strip() for line in example.split("\n")) + "\n```"
        )
    return "\n\n".join(paragraphs)


# Codes


def codes_page() -> str:
    """Every code of an error."""
    parts = [NOTE, "# Error codes", "`sqlpipe explain SP201` prints the same."]
    for digit, title in SECTIONS.items():
        parts.append(f"## {title}")
        for code in (each for each in CODES.values() if each.code[2] == digit):
            parts += [f"### {code.code}: {code.title}", wrapped(code.cause)]
            parts += [fenced("text", code.example), wrapped(code.remedy)]
    return "\n\n".join(parts)


# Headers


def header_page(words: Words) -> str:
    """Every kind of node, every key of a header, and every check."""
    kinds = {name: kind for kind, name in KIND_NAMES.items()}
    written = [name for name in kinds if name != KIND_NAMES[Source]]
    parts = [
        NOTE,
        "# Headers",
        wrapped(
            "The settings of a model are YAML in a comment at the top of its file. Only blank lines and `--` comments "
            "may stand before it. Without a header a model is a view."
        ),
        fenced("sql", _A_HEADER),
        "Unknown keys are errors. A folder's defaults stand in [sqlpipe.yml](settings.md#sqlpipeyml).",
        "## Kinds",
        table(
            ("kind", "what it is", "how it is written"),
            [(f"`{name}`", _meaning(kind), words.of("kinds", name)) for name, kind in kinds.items()],
        ),
        "## Keys",
        "Which kinds take which keys:",
        table(
            ("key", *written),
            [(f"`{key}`", *("yes" if takes(kind, key) else "" for kind in written)) for key in KEYS],
        ),
    ]
    for key in KEYS:
        parts += _key(key, words)
    return "\n\n".join([*parts, *_checks(words)])


def _key(key: str, words: Words) -> list[str]:
    rows = [(f"`{option}`", words.of("header", f"{key}.{option}")) for option in _options_of(key)]
    takers = [name for name in KIND_NAMES.values() if name != "source" and takes(name, key)]
    everywhere = len(takers) == len(KIND_NAMES) - 1
    taken = "Every kind." if everywhere else f"Kinds: {', '.join(f'`{name}`' for name in takers)}."
    allowed = _choices(KEYS[key])
    values = f" Values: {allowed}." if allowed else ""
    parts = [f"### {key}", wrapped(f"{words.of('header', key)}{values} {taken}")]
    return [*parts, table(("in the mapping", "meaning"), rows)] if rows else parts


def _options_of(key: str) -> Sequence[str]:
    """The keys that a mapping under a key can have, as the decoder itself tells when it is given a wrong one."""
    match key:
        case "checks":
            return ()  # each is told in a section of its own
        case "columns":
            column = Written("c", _HERE, _wrong())
            return _known(KEYS[key], Record((column,), _HERE))
        case _:
            return _known(KEYS[key], _wrong())


def _wrong() -> Record:
    return Record((Written("?", _HERE, Scalar("x", "x", _HERE)),), _HERE)


def _known(decode: Callable[[Value, Complaints], object], value: Value) -> Sequence[str]:
    complaints = Complaints("", "")
    decode(value, complaints)
    help = next((each.help for each in complaints.found if each.message.startswith("unknown key")), "")
    return re.findall(r"`([^`]+)`", help.partition(" takes ")[2])


def _choices(decode: Callable[[Value, Complaints], object]) -> str:
    """The words that a key can have, as its decoder tells when it finds none of them."""
    complaints = Complaints("", "")
    decode(Scalar(None, "", _HERE), complaints)
    told = complaints.found[0].message.removeprefix("expected ").removesuffix(", found nothing")
    return told if told.startswith("`") else ""


def _checks(words: Words) -> list[str]:
    parts = [
        "## Rules of checks",
        wrapped(
            "Each item of `checks` is one rule with its options beside it. All checks of a table that can be are one "
            "scan. A failed check keeps the rows from being published, unless its severity is `warn`."
        ),
        fenced("yaml", _SOME_CHECKS),
    ]
    rules = {_rule_word(each): each for each in Rule.__args__}
    for word in RULES:
        own = _known(lambda value, complaints, word=word: RULES[word](  # type: ignore[misc]
            Written(word, _HERE, value), None, complaints), _wrong())  # fmt: skip
        rows = [(f"`{option}`", words.of("rules", f"{word}.{option}")) for option in own]
        parts += [f"### {word}", wrapped(_meaning(rules[word])), fenced("yaml", _example(words.of("rules", word)))]
        parts += [table(("in the mapping", "meaning"), rows)] if rows else []
    options = [each for each in _known(checks, Record((*_wrong().entries,), _HERE)) if each not in RULES]
    rows = [(f"`{option}`", words.of("options", option)) for option in options]
    return [*parts, "### Options of every check", table(("option", "meaning"), rows)]


def _example(text: str) -> str:
    """An example of a check, which has to be one."""
    complaints = Complaints("", text)
    value = parse(text, complaints)
    assert value is not None
    checks(value, complaints)
    assert not complaints.found, complaints.found
    return text


def _rule_word(rule: type) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", rule.__name__).lower()


# Tasks


def tasks_page(words: Words) -> str:
    """Every key of a task and of a sensor."""
    conditions = [(word, key) for word, (keys, _) in CONDITIONS.items() for key in ("", *keys)]
    return "\n\n".join(
        [
            NOTE,
            "# Tasks and sensors",
            wrapped(
                "A file in `tasks/` is one task or one sensor, and the file is its name: `tasks/fetch/download.yml` is "
                "`tasks.download`. It is YAML, or Python whose docstring is the header after a line `sqlpipe`, with a "
                "function `task`. Python files that begin with `_` are there to be called or imported by others."
            ),
            fenced("yaml", _A_TASK),
            "## What it does",
            "One of these keys is in every file in YAML:",
            _keyed(WORDS, "tasks", words),
            "## Templates",
            wrapped(
                "Texts may hold `{{ ... }}`, which are put in when the task runs: `facts.NAME` are what the task "
                "`tasks.NAME` told (which then comes before this one without being named), `run` tells of the run, "
                "`item` is that of `for_each`, and `var('name')` a variable of sqlpipe.yml."
            ),
            "## Keys of all",
            _keyed(SHARED, "tasks", words),
            "## Keys of tasks",
            _keyed((*OF_A_TASK, *_BESIDE), "tasks", words),
            wrapped(f"`with` stands beside `python` only, `env` and `cwd` beside `bash` and `python`. {_told_http()}"),
            "## Sensors",
            "`sensor` is a mapping with one of these:",
            _keyed_below(conditions, words),
            "Beside it:",
            _keyed(OF_A_SENSOR, "tasks", words),
        ]
    )


def _keyed_below(keys: Iterable[tuple[str, str]], words: Words) -> str:
    rows = [
        (f"`{word}`", f"`{key}`" if key else "", words.of("conditions", f"{word}.{key}" if key else word))
        for word, key in keys
    ]
    return table(("key", "beside it", "meaning"), rows)


def _told_http() -> str:
    known = _known(request_of, Record((*_wrong().entries,), _HERE))
    return f"The mapping of `http` takes {', '.join(f'`{each}`' for each in known)}."


# Settings


def settings_page(words: Words) -> str:
    """The keys of sqlpipe.yml and profiles.yml, and the variables of the environment."""
    targets = [(kind, key) for kind, settings in TARGET_TYPES.items() for key in settings]
    connections = [(kind, key) for kind, settings in CONNECTION_TYPES.items() for key in settings]
    return "\n\n".join(
        [
            NOTE,
            "# Settings",
            wrapped(
                "An option on the command line wins over the environment, which wins over the files. `sqlpipe doctor` "
                "tells where each setting came from."
            ),
            "## sqlpipe.yml",
            "It marks the folder of a project. All keys may be left out.",
            _keyed(SETTINGS_KEYS, "settings", words),
            "Keys of a table under `sources`:",
            _keyed(SOURCE_KEYS, "source", words),
            "### Pipelines",
            "Keys of a pipeline under `pipelines`; without `schedule`, `every` or `on` it is only started by hand:",
            fenced("yaml", _SOME_PIPELINES),
            _keyed(PIPELINE_KEYS, "pipeline", words),
            "### Alerts",
            wrapped(
                "Keys of an alert under `alerts`, one of the first three. As in profiles.yml values may hold `${VAR}` "
                "or `${VAR:-default}`; one whose address is empty then tells nobody."
            ),
            _keyed(ALERT_KEYS, "alert", words),
            "## profiles.yml",
            wrapped(
                "Looked for at `--profiles` or `SQLPIPE_PROFILES` if given; else in the project, then in "
                "`~/.sqlpipe/`. Without any, the project runs on a DuckDB file named after it. Keep the file out of "
                "version control and commit `profiles.yml.example`."
            ),
            fenced("yaml", _A_PROFILE),
            _keyed(words.keys("profile"), "profile", words),
            wrapped(
                "Values may hold `${VAR}` or `${VAR:-default}`, from the shell or from a file `.env` in the project; "
                "the shell wins. `$${` is a plain `${`. What came from the environment is hidden in output."
            ),
            "### Targets",
            _typed(targets, "targets", words),
            "### Connections",
            _typed(connections, "connections", words),
            "## Environment variables",
            table(("variable", "meaning"), [*_variables(), *_others(words)]),
        ]
    )


def _keyed(keys: Iterable[str], section: str, words: Words) -> str:
    return table(("key", "meaning"), [(f"`{key}`", words.of(section, key)) for key in keys])


def _typed(settings: Iterable[tuple[str, str]], section: str, words: Words) -> str:
    rows = [(f"`{kind}`", f"`{key}`", words.of(section, f"{kind}.{key}")) for kind, key in settings]
    return table(("type", "key", "meaning"), rows)


def _variables() -> list[tuple[str, str]]:
    found: dict[str, tuple[str, list[str]]] = {}
    for name in ENTRIES:
        command = cli.get_command(click.Context(cli), name)
        for option in command.params if command else ():
            if isinstance(option, click.Option) and option.envvar:
                spelled = f"as `{max(option.opts, key=len)}`: {option.help}"
                found.setdefault(str(option.envvar), (spelled, []))[1].append(name)
    return [(f"`{variable}`", said) for variable, (said, _) in found.items()]


def _others(words: Words) -> list[tuple[str, str]]:
    return [(f"`{name}`", words.of("variables", name)) for name in words.keys("variables")]


# Selections

_EXAMPLES = (
    ("staging.airports", "one node"),
    ("airlines", "the nodes of that name in any schema"),
    ("marts.*", "a pattern, over `schema.name` or else over names"),
    ("staging.airports+", "it and everything that reads it"),
    ("+staging.airports", "it and everything it reads"),
    ("1+marts.aircraft_age", "at most one step up"),
    ("staging.planes+1", "at most one step down"),
    ("@seeds.carrier_groups", "everything below it, with all that those need"),
    ("tag:mart", "by tag"),
    ("kind:ingest", "by kind"),
    ("path:models/staging", "by file or folder; a word with `/` is a path too"),
    ("tag:mart,kind:table", "both: a comma intersects"),
    ("kind:seed kind:check", "either: a space joins"),
)


def selection_page() -> str:
    """The selection grammar by examples, each tried on the project of this repository."""
    with tempfile.TemporaryDirectory() as scratch:
        for part in ("sqlpipe.yml", "models", "macros", "seeds", "checks"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, Path(scratch, part))
        graph = dag.build(load(Path(scratch), environ={}))
    rows = []
    for words, meaning in _EXAMPLES:
        found = sorted(str(graph.nodes[key].name) for key in select(graph, Selection((words,))))
        shown = ", ".join(f"`{each}`" for each in found[:4]) + (f" and {len(found) - 4} more" if found[4:] else "")
        rows.append((f"`{words}`", meaning, shown))
    return "\n\n".join(
        [
            NOTE,
            "# Selections",
            wrapped(
                "`--select` (`-s`) and `--exclude` (`-x`) of `run`, `plan` and `list` take these words. Both may be "
                "given several times. Nothing selected means everything. What is excluded wins. A name that "
                "matches nothing is an error, never an empty selection."
            ),
            "On the flights project of this repository:",
            table(("selection", "meaning", "selects"), rows),
            wrapped(
                "`failed` stands for the nodes whose last attempt failed, was skipped or was cancelled, as the "
                "database remembers; `failed+` takes a broken run up again. A name under `selections:` in sqlpipe.yml "
                "stands for what is written there. Letter case does not matter in names."
            ),
        ]
    )


# Events


def events_page() -> str:
    """The events of `run --json`."""
    moment = datetime(2026, 1, 31, 6, 0, tzinfo=UTC)
    example = NodeFinished(
        run="20260131T060000000000-1a2b3c", at=moment, node="marts.revenue", kind="table", state=State.DONE,
        action="table", rows=28, seconds=0.01, reason="new rows in staging.orders",
    )  # fmt: skip
    parts = [
        NOTE,
        "# Events",
        wrapped(
            "`sqlpipe run --json` writes one JSON object a line to stdout as things happen. `event` names its class; "
            "the other fields are these. Times are in UTC."
        ),
        fenced("json", json.dumps(as_json(example), indent=2)),
    ]
    for event in (RunStarted, RunWaiting, NodeStarted, NodeWaiting, NodeFinished, RunFinished):
        parts += [f"## {event.__name__}", wrapped(_docstring(event)), _fields(event)]
    states = ", ".join(f"`{each}`" for each in State)
    parts += [
        "## Inside events",
        wrapped(f"A node is in one of these states: {states}. All but `waiting` and `running` are ends."),
    ]
    for value in (CheckResult, Check, Tolerance, Diagnostic, Span, Place):
        parts += [f"### {value.__name__}", wrapped(_docstring(value)), _fields(value)]
    return "\n\n".join(parts)


# Failures of others


def failures_page() -> str:
    """What has gone wrong in other orchestrators, and the tests that bear that it does not happen here."""
    parts = [
        NOTE,
        "# Failures of other orchestrators",
        wrapped(
            "What users of other tools have reported, in one line each with the reports, and the tests of this "
            "repository that fail if it happens here. A test bears the mark `catalogue` with the number of the row."
        ),
    ]
    tests = tests_of_the_catalogue()
    for title, rows in catalogue().items():
        cells = [
            (f"**{id}**", row["gist"], ", ".join(map(_report, row["seen"])), _borne_by(row, tests.get(id, [])))
            for id, row in rows.items()
        ]
        parts += [f"## {title}", table(("", "What goes wrong", "Seen in", "Shown not to happen by"), cells)]
    return "\n\n".join(parts)


def catalogue() -> dict[str, dict[str, dict[str, Any]]]:
    """The rows of the catalogue by their numbers, by the headings under which they stand."""
    found: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((DOCS / "catalogue.yml").read_text(encoding="utf-8"))
    return found


def tests_of_the_catalogue() -> dict[str, list[tuple[str, str]]]:
    """The files and the names of the tests that bear each row; the tests are read, not run."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.catalogue" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            name, marks = "", list[ast.expr]()
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                name, marks = node.name, node.decorator_list
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
                marks = list(ast.walk(node.value))  # type: ignore[arg-type]  # those that are no calls are left out
            for id in _rows_of(marks):
                found.setdefault(id, []).append((path.relative_to(ROOT).as_posix(), name))
    return found


def _rows_of(marks: Iterable[ast.expr]) -> list[str]:
    calls = [each for each in marks if isinstance(each, ast.Call)]
    wanted = [each for each in calls if ast.unparse(each.func) == "pytest.mark.catalogue"]
    return [ast.literal_eval(word) for each in wanted for word in each.args]


def _borne_by(row: Mapping[str, Any], tests: Sequence[tuple[str, str]]) -> str:
    if row.get("apart"):
        return f"does not apply: {row['apart']}"
    files: dict[str, list[str]] = {}
    for path, name in tests:
        files.setdefault(path, []).append(name.removeprefix("test_").replace("_", " "))
    return "; ".join(
        f"[{Path(path).stem.removeprefix('test_')}](../../{path})" + (f": {', '.join(names)}" if any(names) else "")
        for path, names in sorted(files.items())
    )


# The places of those projects that are not the ones of their names.
_PLACES = {
    "airflow": "apache/airflow", "dagster": "dagster-io/dagster", "prefect": "PrefectHQ/prefect",
    "kestra": "kestra-io/kestra", "luigi": "spotify/luigi", "argo": "argoproj/argo-workflows",
    "sqlmesh": "TobikoData/sqlmesh", "temporal": "temporalio/temporal", "dagu": "dagucloud/dagu",
    "sentry": "getsentry/sentry", "home-assistant": "home-assistant/core", "infrahub": "opsmill/infrahub",
    "dagster-prometheus-exporter": "HirofumiTsuda/dagster-prometheus-exporter",
    "kestra-plugin-jdbc": "kestra-io/plugin-jdbc", "openverse-catalog": "WordPress/openverse-catalog",
    "telemetry-airflow": "mozilla/telemetry-airflow",
}  # fmt: skip


def _report(seen: str) -> str:
    project, hash, number = seen.partition("#")
    return f"[{seen}](https://github.com/{_PLACES[project]}/issues/{number})" if hash else seen


def _fields(value: type) -> str:
    assert is_dataclass(value)
    return table(("field", "type"), [(f"`{each.name}`", _type(each)) for each in fields(value)])


def _type(field: Field[Any]) -> str:
    """The type as JSON has it."""
    said = str(field.type)
    names = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "datetime": "time"}
    names |= {"Rule": "object", "Severity": "`error` or `warn`"}
    said = re.sub(r"tuple\[(.+), \.\.\.\]", r"list of \1", said).replace("tuple[", "[")
    said = re.sub(r"Mapping\[str, (\w+)\]", r"object of \1", said).replace(" | None", " or null")
    return re.sub(r"\w+", lambda match: names.get(match[0], match[0]), said)


# Markdown


def _docstring(value: type) -> str:
    return " ".join(cleandoc(value.__doc__ or "").split())


def _meaning(value: type) -> str:
    """The first paragraph of a docstring, in the words of a header instead of those of the code."""
    first = " ".join(cleandoc(value.__doc__ or "").partition("\n\n")[0].split())
    said = re.sub(r"; `(inputs|check)` .*", ".", first)
    return said.replace("`null_passes`", "`null: pass`").replace("`within` seconds old", "`within` old")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what would end a cell is escaped."""
    lines = [head, ["---"] * len(head), *([" ".join(cell.replace("|", "\\|").split()) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def fenced(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{text}\n```"


def wrapped(text: str, width: int = 118) -> str:
    """A paragraph in lines that fit."""
    return click.wrap_text(text, width)


if __name__ == "__main__":
    main()
