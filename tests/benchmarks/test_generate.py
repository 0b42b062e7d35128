"""The synthetic projects that benchmarks run on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.floors import build, digest, parse
from benchmarks.generate import append_column, compose, generate, read_order

if TYPE_CHECKING:
    import duckdb


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def columns(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [name for name, *_ in connection.execute(query).description or ()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    generate(folder, 60)
    return folder


def test_same_seed_same_bytes(project: Path, tmp_path: Path) -> None:
    generate(tmp_path, 60)
    assert contents(tmp_path) == contents(project)


def test_another_seed_is_another_project(project: Path, tmp_path: Path) -> None:
    generate(tmp_path, 60, seed=2)
    assert contents(tmp_path) != contents(project)


@pytest.mark.parametrize("n", [10, 11, 60, 100, 999, 1000])
def test_as_many_models_as_asked_for(n: int) -> None:
    models = compose(n, seed=1)
    assert len({model.name for model in models}) == n


def test_fewer_than_ten_models_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        compose(9, seed=1)


def test_shares_of_the_layers() -> None:
    schemas = [model.schema for model in compose(1000, seed=1)]
    shares = {schema: schemas.count(schema) for schema in dict.fromkeys(schemas)}
    assert shares == {"sources": 100, "staging": 200, "intermediate": 500, "marts": 200}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_model_has_20_to_60_lines(seed: int) -> None:
    lines = [model.sql.count("\n") for model in compose(500, seed)]
    assert min(lines) >= 20
    assert max(lines) <= 60


def test_edges_per_model() -> None:
    models = compose(1000, seed=1)
    assert 1.2 <= sum(len(model.parents) for model in models) / len(models) <= 1.7
    assert all(1 <= len(model.parents) <= 3 for model in models if model.schema != "sources")


def test_a_table_stands_below_those_it_reads() -> None:
    seen: set[str] = set()
    for model in compose(500, seed=1):
        assert seen.issuperset(model.parents)
        seen.add(model.name)


def test_parents_are_what_the_sql_reads() -> None:
    for model in compose(300, seed=1):
        read = re.findall(r"from ((?:sources|staging|intermediate|marts)\.\w+)", model.sql)
        assert set(read) == set(model.parents)


def test_order_file_has_the_models_and_their_parents(project: Path) -> None:
    assert read_order(project) == {model.name: model.parents for model in compose(60, seed=1)}


def test_all_statements_build_small_tables(project: Path, tmp_path: Path) -> None:
    with build.create(tmp_path / "floor.duckdb", None) as connection:
        build.create_schemas(connection, project)
        build.build_in_order(connection, project)
        for name in read_order(project):
            ((rows,),) = connection.execute(f"select count(*) from {name}").fetchall()
            assert 1 <= rows <= 20, name


def test_building_at_once_gives_the_same_rows(project: Path, tmp_path: Path) -> None:
    def rows(connection: duckdb.DuckDBPyConnection) -> dict[str, object]:
        query = "select sum(hash(t)) from {} as t"
        return {name: connection.execute(query.format(name)).fetchall() for name in read_order(project)}

    with build.create(tmp_path / "one.duckdb", 16384) as connection:
        build.create_schemas(connection, project)
        build.build_in_order(connection, project)
        one_by_one = rows(connection)
    with build.create(tmp_path / "many.duckdb", None) as connection:
        build.create_schemas(connection, project)
        build.build_at_once(connection, project, workers=3)
        assert rows(connection) == one_by_one


def test_an_appended_column_comes_last(project: Path) -> None:
    staging = [model for model in compose(60, seed=1) if model.schema == "staging"]
    with build.create(project.parent / "edited.duckdb", None) as connection:
        build.create_schemas(connection, project)
        build.build_in_order(connection, project)
        for model in staging:
            before = columns(connection, model.sql)
            assert columns(connection, append_column(model.sql, "further")) == [*before, "further"]


def test_the_floors_read_every_model(project: Path) -> None:
    assert parse.parse(project) == digest.digest(project) == 60
