"""Secrets and shell syntax in templates that are rendered during a run."""

from __future__ import annotations

import pytest

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.load.late import Quoting, render
from sqlpipe.load.secret import MASK, hide


def test_the_value_of_an_environment_variable_is_masked_from_then_on() -> None:
    values = {"environ": {"API_TOKEN": "canary-4711"}}
    assert render("Bearer {{ env_var('API_TOKEN') }}", values, Quoting.PLAIN).text == "Bearer canary-4711"
    assert hide("sent canary-4711") == f"sent {MASK}"


def test_one_that_is_not_set_has_a_default_or_is_told() -> None:
    assert render("{{ env_var('NOT_SET', 'x') }}", {"environ": {}}, Quoting.PLAIN).text == "x"
    with pytest.raises(SqlpipeError, match="NOT_SET"):
        render("{{ env_var('NOT_SET') }}", {"environ": {"API_TOKEN": "canary-4711"}}, Quoting.PLAIN)


def test_a_shell_counts_the_items_of_an_array() -> None:
    script = 'a=(1 2); echo "${#a[@]} {{ run.id }}"'
    rendered = render(script, {"run": {"id": "r1"}}, Quoting.SHELL)
    assert "${#a[@]}" in rendered.text
    assert rendered.environ == {"SQLPIPE_VALUE_0": "r1"}
