"""The group itself: overview, unknown commands, what it imports, what it explains and completes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import sqlpipe
from sqlpipe import __version__
from sqlpipe.cli.look import measure
from sqlpipe.cli.main import ENTRIES, cli
from sqlpipe.domain.codes import CODES
from tests.cli.fake_app import FakeApp, invoke

IMPORTED = """
import sys
before = set(sys.modules)
from sqlpipe.cli.main import cli
try:
    cli(["--help"])
except SystemExit:
    pass
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def test_help_imports_click_and_nothing_else_of_weight() -> None:
    told = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    outside = {name.split(".")[0] for name in told.stderr.split()} - set(sys.stdlib_module_names)
    assert outside <= {"click", "sqlpipe", "colorama"}
    ours = {name for name in told.stderr.split() if name.startswith("sqlpipe")}
    assert ours == {"sqlpipe", "sqlpipe.cli", "sqlpipe.cli.main"}


@pytest.mark.parametrize("name", ENTRIES)
def test_every_command_has_help_and_the_overview_says_the_same(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert (command.name, command.short_help) == (name, ENTRIES[name].summary)
    result = invoke(name, "--help")
    assert result.exit_code == 0
    assert "--" in result.stdout
    assert ENTRIES[name].summary in invoke("--help").stdout


def test_version() -> None:
    assert invoke("--version").stdout == f"sqlpipe {__version__}\n"


def test_unknown_command_gets_near_misses() -> None:
    result = invoke("plna")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such command 'plna'. Did you mean plan?" in result.stderr


@pytest.mark.parametrize("arguments", [("run", "--treads", "4"), ("run", "--threads", "0"), ("list", "-C", "/no/such")])
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    assert invoke(*arguments).exit_code == 2


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_explained(code: str) -> None:
    told = CODES[code]
    assert re.fullmatch(r"SP[1-7]\d\d", code)
    assert told.title == told.title.rstrip(".")
    assert told.cause.endswith(".")
    assert told.remedy.endswith(".")
    assert told.example
    result = invoke("explain", code.lower())
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{code}: {told.title}\n")
    assert max(map(measure, result.stdout.splitlines())) <= 110


def test_every_code_that_is_used_is_in_the_table() -> None:
    package = Path(sqlpipe.__file__).parent
    used = {code for path in package.rglob("*.py") for code in re.findall(r"\bSP[1-6]\d\d\b", path.read_text("utf-8"))}
    assert used <= set(CODES)


def test_explain_lists_guesses_and_speaks_json() -> None:
    assert invoke("explain").stdout.count("\n") == len(CODES)
    assert invoke("explain", "[201]").stdout == invoke("explain", "SP201").stdout
    assert json.loads(invoke("explain", "SP201", "--json").stdout)["title"] == "unknown column"
    result = invoke("explain", "SP299")
    assert result.exit_code == 2
    assert "There is no code SP299" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    result = invoke("completion", shell)
    assert result.exit_code == 0
    assert "_SQLPIPE_COMPLETE" in result.stdout


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for path in (
        "sqlpipe.yml",
        "models/marts/orders.sql",
        "models/marts/deep/revenue.sql",
        "models/marts/_shared.py",
        "models/loose.sql",
        "models/.hidden/x.sql",
        "seeds/countries.csv",
        "seeds/countries.yml",
        "checks/balance.sql",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    return tmp_path


def complete(place: Path, *words: str) -> list[str]:
    environment = {"_SQLPIPE_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("sqlpipe", *words))}
    result = invoke(**environment, COMP_CWORD=str(len(words)), SQLPIPE_PROJECT=str(place))
    return [line.partition(",")[2] for line in result.stdout.splitlines() if line]


def test_names_of_nodes_are_completed(fake: FakeApp, shop: Path) -> None:
    names = ["checks.balance", "main.loose", "marts.orders", "marts.revenue", "seeds.countries"]
    assert complete(shop, "render", "''") == names
    assert complete(shop, "lineage", "MARTS.o") == ["marts.orders"]
    assert complete(shop, "run", "-s", "+marts.") == ["+marts.orders", "+marts.revenue"]
    assert complete(shop, "run", "-s", "tag:x,2+marts.r") == ["tag:x,2+marts.revenue"]
    assert complete(shop / "models", "plan", "--why", "see") == ["seeds.countries"]
    assert complete(shop.parent, "render", "''") == []
    assert fake.asked == {}


def test_commands_are_completed() -> None:
    assert complete(Path.cwd(), "co") == ["completion"]


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "sqlpipe", "explain"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    assert process.stdout is not None
    process.stdout.close()
    _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (0, b"")
