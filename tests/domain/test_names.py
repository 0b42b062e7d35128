"""Names of tables as written, looked up and quoted."""

from __future__ import annotations

import pytest

from sqlpipe.domain.names import TableName, literal, quote


@pytest.mark.parametrize(
    ("text", "schema", "name"),
    [
        ("marts.orders", "marts", "orders"),
        ("orders", "main", "orders"),
        ("marts.a.b", "marts", "a.b"),
        ("Marts.Daily Delays", "Marts", "Daily Delays"),
    ],
)
def test_parse(text: str, schema: str, name: str) -> None:
    assert TableName.parse(text) == TableName(schema, name)


def test_letter_case_makes_no_other_table() -> None:
    assert TableName.parse("Marts.ORDERS").key == TableName.parse("marts.orders").key
    assert TableName.parse("marts.STRASSE").key == TableName.parse("marts.straße").key


def test_a_name_is_shown_as_the_project_spells_it() -> None:
    assert str(TableName.parse("Marts.Orders")) == "Marts.Orders"


@pytest.mark.parametrize("text", ['a"b', '"', "", "a.b", "it's", "a;drop table x", "ä\nö"])
def test_what_is_quoted_can_be_unquoted(text: str) -> None:
    assert quote(text)[1:-1].replace('""', '"') == text
    assert quote(text)[1:-1].count('"') % 2 == 0
    assert literal(text)[1:-1].replace("''", "'") == text
    assert literal(text)[1:-1].count("'") % 2 == 0
