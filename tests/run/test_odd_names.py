"""Names with spaces, quotes, capitals and reserved words, through every kind."""

from __future__ import annotations

import pytest

from sqlpipe.domain.diagnostic import SqlpipeError
from tests.shop import Shop

ODD = ["Mixed Case", 'a "quoted" one', "it's", "select", "a where b", "öß 日本", "t", "n", "_parent"]


@pytest.mark.parametrize("odd", ODD)
def test_odd_names_of_tables_and_columns(shop: Shop, odd: str) -> None:
    name = '"' + odd.replace('"', '""') + '"'
    yaml = "'" + odd.replace("'", "''") + "'"
    csv = '"' + odd.replace('"', '""') + '"'
    schema = "Odd Schema"
    shop.land("in/1.csv", f"id,{csv},day\n1,1,2024-01-01\n")
    shop.crm(f"create table src (id integer, {name} integer)", "insert into src values (1, 1)")
    checks = f"checks: [{{not_null: [{yaml}]}}, {{unique: [{yaml}]}}, {{range: {{column: {yaml}, min: 0}}}}]"

    def model(table: str, header: str, body: str) -> None:
        shop.write(f"models/{schema}/{table}.sql", f"/* sqlpipe\n{header}\n{checks}\n*/\n{body}\n")

    model(f"files {odd}", "kind: ingest\nfrom: in/*.csv\ntime: day", "")
    model(f"merged {odd}", f"kind: ingest\nfrom: in/*.csv\nkey: [{yaml}]\ntime: day", "")
    model(f"full {odd}", f"kind: ingest\nfrom: crm\nkey: [{yaml}]", "select * from src")
    model(f"cursor {odd}", f"kind: ingest\nfrom: crm\ncursor: {{column: {yaml}}}", "select * from src")
    source = f'"{schema}"."files {odd.replace(chr(34), chr(34) * 2)}"'
    model(f"view {odd}", "kind: view", f"select {name}, day from {source}")
    view = f'"{schema}"."view {odd.replace(chr(34), chr(34) * 2)}"'
    model(f"table {odd}", "kind: table", f"select {name} from {view}")
    model(f"inc {odd}", "kind: incremental\ntime: day", f"select {name}, day from {view}")
    shop.well()
    shop.land("in/2.csv", f"id,{csv},day\n2,2,2024-01-02\n")
    shop.crm("insert into src values (2, 2)")
    shop.well()
    shop.land("in/2.csv", f"id,{csv},day\n2,2,2024-01-03\n")
    shop.crm(f"update src set id = 5 where {name} = 2")
    shop.well()
    for kind in ("files", "merged", "full", "cursor", "view", "table", "inc"):
        table = f'"{schema}"."{kind} {odd.replace(chr(34), chr(34) * 2)}"'
        assert shop.rows(f"select {name} from {table}") == [(1,), (2,)], kind
    assert shop.well() == set()


TIMES = {
    "date": ("date '2024-01-0{}'", "day"),
    "timestamp": ("timestamp '2024-01-0{} 10:30:00'", "hour"),
    "timestamptz": ("timestamptz '2024-01-0{} 10:30:00+02:00'", "hour"),
    "timestamp_ns": ("timestamp_ns '2024-01-0{} 10:30:00'", "day"),
}


@pytest.mark.parametrize("type_", TIMES)
@pytest.mark.parametrize("bounds", ["", " where day >= :start and day < :end"])
def test_time_columns_of_every_type(shop: Shop, type_: str, bounds: str) -> None:
    value, grain = TIMES[type_]
    time = f"time: {{column: day, grain: {grain}}}"
    moment = f"case id when 1 then {value.format(1)} when 2 then {value.format(2)} else {value.format(3)} end"
    shop.land("in/1.csv", "id\n1\n2\n")
    shop.model("raw.it", f"kind: ingest\nfrom: in/*.csv\n{time}", f"select id, {moment} as day from source")
    shop.model("marts.it", f"kind: incremental\n{time}", f"select id, day from raw.it{bounds}")
    shop.model("marts.next", f"kind: incremental\n{time}", "select id, day from marts.it")
    shop.well()
    shop.land("in/2.csv", "id\n3\n2\n")
    ran = shop.run()
    assert ran.end.well
    assert ran.nodes["marts.it"].rows == ran.nodes["marts.next"].rows == 3
    assert shop.rows("select id from marts.next") == [(1,), (2,), (2,), (3,)]


def test_a_database_that_is_called_like_a_schema(tmp_path_factory: pytest.TempPathFactory) -> None:
    shop = Shop(tmp_path_factory.mktemp("same"), database="marts.duckdb")
    shop.write("seeds/people.csv", "id\n1\n")
    shop.model("marts.it", "kind: table", "select id from seeds.people")
    shop.model("marts.view", "", "select id from marts.it")
    shop.model("marts.last", "kind: table", "select id from marts.view")
    with pytest.raises(SqlpipeError) as raised:
        shop.run()
    assert [each.code for each in raised.value.diagnostics] == ["SP501"]
    assert "marts.duckdb" in raised.value.diagnostics[0].message
