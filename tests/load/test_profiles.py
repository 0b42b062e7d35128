"""profiles.yml: which is taken, what it may hold, and what is kept secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.project import Project
from sqlpipe.load.environment import parse_environment
from sqlpipe.load.profile import Profile, read_profile
from sqlpipe.load.secret import Secret, mask

Make = Callable[[Mapping[str, str | bytes]], Path]

SHOP = """
shop:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: ${DB:-data/shop.duckdb}
      threads: ${THREADS:-2}
      memory_limit: 1GB
      block_size: 16384
      settings: {s3_secret_access_key: "${KEY:-none}", preserve_insertion_order: false}
    prod:
      type: duckdb
      path: ${PROD_DB}
  connections:
    crm: {type: sqlite, path: crm.db}
"""


def read(
    root: Path, *, name: str = "shop", profile: str = "", environ: Mapping[str, str] | None = None, **asked: Any
) -> Profile:
    project = Project(name, str(root), {}, profile=profile)
    return read_profile(root, project, environ={"HOME": str(root / "home"), **(environ or {})}, **asked)


def complaint(root: Path, **asked: Any) -> Diagnostic:
    with pytest.raises(SqlpipeError) as raised:
        read(root, **asked)
    (found,) = raised.value.diagnostics
    assert raised.value.exit_code == 2
    return found


def test_a_fresh_project_runs_in_a_file_of_its_own(make: Make) -> None:
    root = make({})
    found = read(root)
    assert (found.name, found.target, found.targets, found.threads) == ("shop", "dev", ("dev",), 4)
    assert found.settings == {"type": "duckdb", "path": str(root / "shop.duckdb"), "threads": 4}
    assert found.origin["path"] == "there is no profiles.yml"


def test_a_target(make: Make) -> None:
    root = make({"profiles.yml": SHOP})
    found = read(root)
    assert found.settings == {
        "type": "duckdb",
        "path": str(root / "data/shop.duckdb"),
        "threads": 2,
        "memory_limit": "1GB",
        "block_size": 16384,
        "settings": {"s3_secret_access_key": "none", "preserve_insertion_order": False},
    }
    assert (found.target, found.targets, found.threads, found.secrets) == ("dev", ("dev", "prod"), 2, ())
    assert found.connections == {"crm": {"type": "sqlite", "path": str(root / "crm.db")}}
    assert found.origin["the target `dev`: path"] == "profiles.yml, line 7"


def test_the_environment_wins_over_defaults_and_the_shell_over_the_file(make: Make) -> None:
    root = make({"profiles.yml": SHOP, ".env": "THREADS=3\nDB=/from/file.duckdb\nKEY='a b'\n"})
    found = read(root, environ={"DB": "/from/shell.duckdb"})
    assert (found.settings["path"], found.threads) == ("/from/shell.duckdb", 3)


def test_values_of_the_environment_are_secret(make: Make) -> None:
    root = make({"profiles.yml": SHOP})
    found = read(root, environ={"KEY": "hunter2"})
    settings = found.settings["settings"]
    assert isinstance(settings, dict)
    assert settings["s3_secret_access_key"] == "hunter2"
    assert "hunter2" not in repr(found) + str(found) + f"{settings}"
    assert mask("wrong key hunter2!", found.secrets) == "wrong key •••!"


def test_a_target_can_be_asked_for(make: Make) -> None:
    root = make({"profiles.yml": SHOP})
    found = read(root, target="prod", environ={"PROD_DB": "/p.duckdb"})
    assert (found.target, found.settings["path"], found.threads) == ("prod", "/p.duckdb", 4)
    assert found.origin["target"] == "asked for"


@pytest.mark.parametrize(("place", "asked"), [("home/.sqlpipe", ""), ("x", "x"), ("x", "x/profiles.yml"), ("x", "env")])
def test_where_a_file_is_found(make: Make, place: str, asked: str) -> None:
    root = make(
        {f"{place}/profiles.yml": SHOP.replace("target: dev", "target: other").replace("    dev:", "    other:")}
    )
    if asked == "env":
        assert read(root, environ={"SQLPIPE_PROFILES": str(root / "x")}).target == "other"
    elif asked:
        assert read(root, profiles=str(root / asked)).target == "other"
    else:
        assert read(root).target == "other"


def test_connections_of_a_target_win(make: Make) -> None:
    settings = (
        "shop: {targets: {one: {type: duckdb, path: a.db, connections: {crm: {type: sqlite, path: b.db}}}}, "
        "connections: {crm: {type: sqlite, path: a.db}, other: {type: sqlite, path: c.db}}}"
    )
    root = make({"profiles.yml": settings})
    found = read(root)
    assert found.target == "one"
    assert {name: each["path"] for name, each in found.connections.items()} == {
        "crm": str(root / "b.db"),
        "other": str(root / "c.db"),
    }


def test_the_project_names_its_profile(make: Make) -> None:
    root = make({"profiles.yml": SHOP})
    assert read(root, name="x", profile="shop").name == "shop"
    found = complaint(root, name="x", profile="shp")
    assert (found.code, found.help) == ("SP108", "did you mean `shop`?")


@pytest.mark.parametrize(
    "asked", [{"target": "dev"}, {"profiles": "nowhere.yml"}, {"environ": {"SQLPIPE_PROFILES": "/no"}}]
)
def test_what_was_asked_for_has_to_be_there(make: Make, asked: dict[str, Any]) -> None:
    found = complaint(make({}), **asked)
    assert (found.code, found.message) == ("SP108", "there is no profiles.yml")
    assert found.notes
    assert all(each.startswith("looked for ") for each in found.notes)


@pytest.mark.parametrize(
    ("old", "new", "code", "message", "place", "help"),
    [
        ("target: dev", "target: dve", "SP108", "there is no target `dve`", (3, 11, 3), "did you mean `dev`?"),
        (
            "path: ${DB:-data/shop.duckdb}",
            "path: ${DB}",
            "SP109",
            "the environment variable `DB` is not set",
            (7, 13, 5),
            "",
        ),
        (
            "threads: ${THREADS:-2}",
            "treads: 2",
            "SP102",
            "unknown key `treads` in the target `dev`",
            (8, 7, 6),
            "did you mean `threads`?",
        ),
        ("${THREADS:-2}", "four", "SP103", "expected a whole number from 1 on, found `four`", (8, 16, 4), ""),
        (
            "type: duckdb\n      path: ${DB",
            "type: duckbd\n      path: ${DB",
            "SP103",
            "unknown type `duckbd`",
            (6, 13, 6),
            "did you mean",
        ),
        ("type: sqlite", "type: oracle", "SP103", "unknown type `oracle`", (16, 17, 6), "the types are `sqlite`"),
        (
            "path: crm.db",
            "pth: crm.db",
            "SP102",
            "unknown key `pth` in the connection `crm`",
            (16, 25, 3),
            "did you mean `path`?",
        ),
        ("path: ${DB:-data/shop.duckdb}", "path: ':memory:'", "SP103", "a database in memory would", (7, 13, 10), ""),
        ("connections:", "conections:", "SP102", "unknown key `conections` in the profile `shop`", (15, 3, 10), ""),
        ("target: dev", "target: [", "SP101", "broken YAML", (5, 8, 1), ""),
        (
            "preserve_insertion_order: false",
            "x: [1]",
            "SP103",
            "expected a single value, found a list",
            (11, 59, 3),
            "",
        ),
    ],
)
def test_complaints(  # noqa: PLR0917
    make: Make, old: str, new: str, code: str, message: str, place: tuple[int, int, int], help: str
) -> None:
    assert old in SHOP
    root = make({"profiles.yml": SHOP.replace(old, new)})
    with pytest.raises(SqlpipeError) as raised:
        read(root)
    found = next(each for each in raised.value.diagnostics if each.code == code)
    assert found.span is not None
    assert (found.code, found.span.file) == (code, "profiles.yml")
    assert found.message.startswith(message)
    assert (found.span.place.line, found.span.place.column, found.span.place.length) == place
    assert found.help.startswith(help)


def test_a_profile_without_targets(make: Make) -> None:
    found = complaint(make({"profiles.yml": "shop: {target: dev}"}))
    assert (found.code, found.message) == ("SP106", "the profile `shop` needs `outputs`")


def test_other_targets_are_not_looked_into(make: Make) -> None:
    assert read(make({"profiles.yml": SHOP})).target == "dev"  # PROD_DB is not set


def test_an_escaped_dollar_stays(make: Make) -> None:
    root = make({"profiles.yml": SHOP.replace("${KEY:-none}", "$${KEY}")})
    settings = read(root).settings["settings"]
    assert isinstance(settings, dict)
    assert settings["s3_secret_access_key"] == "${KEY}"


def test_env_files() -> None:
    text = "# c\nA=1\nexport B = two # c\nC='x # y'\nD=\"q\"\nbad line\nE=\nF=a#b\n"
    assert parse_environment(text) == {"A": "1", "B": "two", "C": "x # y", "D": "q", "E": "", "F": "a#b"}


def test_secrets() -> None:
    secret = Secret("hunter2")
    assert (str(secret), repr(secret), f"{secret}", f"{secret!r:>5}") == ("•••", "•••", "•••", "  •••")
    assert (secret.reveal(), type(secret.reveal()), secret == "hunter2") == ("hunter2", str, True)
    assert mask("abc hunter2hunter22", ["abc", "hunter22", secret]) == "abc ••••••"
