"""Formats say what d3 says: the expected texts are those of d3-format 3 and d3-time-format 4."""

from __future__ import annotations

import pytest

from sqlpipe.web.formats import fitting, is_number, is_of_time, is_time, is_whole, moment, number, shown


@pytest.mark.parametrize(
    ("format", "value", "expected"),
    [
        (",d", 1234.567, "1,235"),
        ("d", -2.5, "-3"),
        (",.1f", 0.25, "0.3"),
        (",.0f", 2.5, "3"),
        (",.0f", 0.5, "1"),
        (",.1f", -1234.55, "-1,234.5"),
        (".0f", -0.4, "0"),
        ("f", 1.5, "1.500000"),
        (",f", 1234567, "1,234,567.000000"),
        ("f", 1e21, "1e+21"),
        (",.2f", 999999.995, "999,999.99"),
        ("%", 0.5, "50.000000%"),
        (".1%", 0.12345, "12.3%"),
        (".0%", 1.005, "100%"),
        (".1%", 0.0005, "0.1%"),
        ("e", 1234.5, "1.234500e+3"),
        (".2e", 1234.5, "1.23e+3"),
        (".0e", 0, "0e+0"),
        (".3e", 9999.9, "1.000e+4"),
        ("g", 1234.5, "1234.50"),
        ("g", 0.00001234, "0.0000123400"),
        ("g", 1e-9, "1.00000e-9"),
        (",g", 123456789.125, "1.23457e+8"),
        (".3g", 1234.567, "1.23e+3"),
        (".0g", 0.4, "0.4"),
        (".2", 1234.5, "1.2e+3"),
        (".3", 12345678, "1.23e+7"),
        (",", 1234567.891, "1,234,567.891"),
        (",", 0.00001, "0.00001"),
        ("", 0.1 + 0.2, "0.3"),
        ("", 123456789012345, "1.23456789012e+14"),
        ("", 1e21, "1e+21"),
        ("", 0.0, "0"),
        ("", 5e-324, "4.94065645841e-324"),
    ],
)
def test_numbers_read_as_in_d3(format: str, value: float, expected: str) -> None:
    found = number(value, format)
    assert found.replace("\u2212", "-") == expected
    assert ("\u2212" in found) == expected.startswith("-"), "a minus is no hyphen"


def test_all_directives_of_times_read_as_in_d3() -> None:
    every = "%a %A %b %B %d %f %G %H %I %j %m %M %p %S %u %U %V %w %W %y %Y %%"
    found = moment("2013-01-06T05:03:02.045", every)
    assert found == "Sun Sunday Jan January 06 045000 2013 05 05 006 01 03 AM 02 7 01 01 0 00 13 2013 %"


@pytest.mark.parametrize(
    ("text", "format", "expected"),
    [
        ("2013-01-06", "", "2013-01-06"),
        ("2013-01-06", ",.1f", "2013-01-06"),
        ("2013-01-06T05:03:00", "", "2013-01-06 05:03"),
        ("2013-01-06T05:03:07", "", "2013-01-06 05:03:07"),
        ("0009-02-03", "%Y", "0009"),
        ("not a day", "%Y", "not a day"),
        ("<b>", "%Y", "<b>"),
    ],
)
def test_times_without_a_format_are_plain(text: str, format: str, expected: str) -> None:
    assert moment(text, format) == expected


def test_values_of_every_sort_are_shown() -> None:
    assert shown(None, ",d") == ""
    assert shown(value=True, format=",d") == "yes"
    assert shown("2013-01-06", "%d %b", "DATE") == "06 Jan"
    assert shown("2013-01-06", "%d %b", "VARCHAR") == "2013-01-06"
    assert shown(12, "") == "12"
    assert shown([1, 2], "") == "[1, 2]"
    assert number(5.0, "0.00") == "5", "a format that is none is as no format"


def test_types_are_told_apart() -> None:
    assert [each for each in ("DATE", "TIMESTAMP WITH TIME ZONE", "DATE[]", "TIME") if is_time(each)] == [
        "DATE",
        "TIMESTAMP WITH TIME ZONE",
    ]
    assert all(map(is_whole, ("TINYINT", "UTINYINT", "INTEGER", "UINTEGER", "BIGINT", "HUGEINT", "UHUGEINT")))
    assert not any(map(is_whole, ("INTERVAL", "DOUBLE", "INTEGER[]", "DECIMAL(10,0)")))
    assert all(map(is_number, ("DECIMAL(10,2)", "DOUBLE", "FLOAT", "BIGINT")))
    assert not any(map(is_number, ("DOUBLE[]", "VARCHAR", "DATE", "STRUCT(a DOUBLE)")))
    assert is_of_time("%b %d")
    assert not any(map(is_of_time, ("", ".1%", "%", ",.0%", "d")))


def test_a_column_without_a_format_gets_one_for_all_its_numbers() -> None:
    assert fitting("n", "DOUBLE", [1.0, 2.0, None]) == ",d"
    assert fitting("n", "DOUBLE", [0.25, None]) == ".3"
    assert fitting("n", "DOUBLE", [2.25]) == ",.2f"
    assert fitting("n", "DECIMAL(9,2)", [150.5]) == ",.1f"
    assert fitting("n", "DOUBLE", [-15000.5]) == ",.0f"
    assert fitting("order_id", "BIGINT", [12345]) == "d"
    assert fitting("name", "VARCHAR", ["a"]) == ""
