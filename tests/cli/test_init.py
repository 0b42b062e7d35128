"""`init` writes a project and never over anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.fake_app import invoke


def test_init_writes_a_whole_project(tmp_path: Path) -> None:
    result = invoke("init", str(tmp_path / "My Shop"))
    shop = tmp_path / "My Shop"
    assert result.exit_code == 0
    assert (shop / "sqlpipe.yml").read_text() == "name: my_shop\n"
    assert (shop / "profiles.yml").read_text().startswith("my_shop:\n")
    assert (shop / "profiles.yml.example").read_text().endswith((shop / "profiles.yml").read_text())
    assert "profiles.yml\n" in (shop / ".gitignore").read_text()
    assert len((shop / "AGENTS.md").read_text().splitlines()) == 6
    assert len(list(shop.glob("data/orders/*.csv"))) == 2
    assert {path.parent.name for path in shop.glob("models/*/*.sql")} == {"raw", "staging", "marts"}


def test_init_ends_with_three_commands(tmp_path: Path) -> None:
    lines = invoke("init", str(tmp_path / "shop")).stdout.splitlines()
    assert lines[0].endswith("next:")
    assert [line.split("sqlpipe ")[1].split()[0] for line in lines[2:]] == ["run", "show", "plan"]
    assert invoke("init", str(tmp_path / "other"), "-q").output == ""


def test_init_refuses_a_project(tmp_path: Path) -> None:
    (tmp_path / "sqlpipe.yml").write_text("name: mine\n")
    result = invoke("init", str(tmp_path))
    assert result.exit_code == 2
    assert "holds a project already" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sqlpipe.yml"]


def test_init_leaves_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    monkeypatch.chdir(tmp_path)
    result = invoke("init", "--json")
    document = json.loads(result.stdout)
    assert document["kept"] == [".gitignore"]
    assert "models/marts/revenue.sql" in document["written"]
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert document["written"][-1] == "sqlpipe.yml"


@pytest.mark.parametrize(("folder", "name"), [("null", "project_null"), ("2026", "project_2026"), ("日本", "project")])
def test_the_name_of_a_project_is_a_plain_word(tmp_path: Path, folder: str, name: str) -> None:
    invoke("init", str(tmp_path / folder))
    assert (tmp_path / folder / "sqlpipe.yml").read_text() == f"name: {name}\n"


def test_init_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert invoke("init", str(tmp_path / "file" / "shop")).exit_code == 2
