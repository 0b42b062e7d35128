"""The selection grammar."""

from __future__ import annotations

import pytest

from sqlpipe.domain.diagnostic import SqlpipeError
from sqlpipe.domain.project import Embedded, View
from sqlpipe.graph.select import Selection, select
from tests.hand import graph, node

_GRAPH = graph(
    node("raw.orders"),
    node("raw.customers"),
    node("staging.orders", "select * from raw.orders", View(), tags=["nightly"]),
    node("staging.customers", "select * from raw.customers", View(), tags=["nightly", "pii"]),
    node("marts.revenue", "select * from staging.orders", tags=["finance"], path="models/marts/money/revenue.sql"),
    node("marts.Churn", "select * from staging.orders join staging.customers using (id)", tags=["finance"]),
    node("marts.board", "select * from marts.revenue, marts.churn"),
    node("marts.alone", "select 1"),
)
_NAMED = {
    "morning": "tag:nightly marts.board",
    "all_money": "morning,path:models/marts money",
    "money": "path:models/marts/money",
    "narcissus": "marts.alone narcissus",
    "left": "right",
    "right": "+left",
}


def _chosen(*words: str, exclude: tuple[str, ...] = ()) -> set[str]:
    return set(select(_GRAPH, Selection(words, exclude), named=_NAMED, marks=lambda _word: {"marts.churn", "gone.x"}))


def _complaint(*words: str) -> SqlpipeError:
    with pytest.raises(SqlpipeError) as caught:
        _chosen(*words)
    assert {each.code for each in caught.value.diagnostics} == {"SP302"}
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("marts.board", "marts.board"),
        ("board", "marts.board"),
        ("MARTS.Board", "marts.board"),
        ("churn", "marts.churn"),
        ("orders", "raw.orders staging.orders"),
        ("marts.*", "marts.revenue marts.churn marts.board marts.alone"),
        ("*.orders", "raw.orders staging.orders"),
        ("ord*", "raw.orders staging.orders"),
        ("marts.?????", "marts.churn marts.board marts.alone"),
        ("+marts.revenue", "marts.revenue staging.orders raw.orders"),
        ("1+marts.revenue", "marts.revenue staging.orders"),
        ("0+marts.revenue", "marts.revenue"),
        ("raw.customers+", "raw.customers staging.customers marts.churn marts.board"),
        ("raw.customers+1", "raw.customers staging.customers"),
        ("2+marts.revenue+1", "raw.orders staging.orders marts.revenue marts.board"),
        ("+staging.orders+", "raw.orders staging.orders marts.revenue marts.churn marts.board"),
        (
            "@raw.customers",
            "raw.customers staging.customers marts.churn marts.board staging.orders raw.orders marts.revenue",
        ),
        ("@marts.alone", "marts.alone"),
        ("tag:finance", "marts.revenue marts.churn"),
        ("tag:*", "staging.orders staging.customers marts.revenue marts.churn"),
        ("kind:view", "staging.orders staging.customers"),
        ("kind:source", "raw.orders raw.customers"),
        ("kind:embedded", ""),
        ("path:models/marts", "marts.revenue marts.churn marts.board marts.alone"),
        ("path:models/marts/money", "marts.revenue"),
        ("path:models/marts/money/", "marts.revenue"),
        ("path:./models/marts/money/", "marts.revenue"),
        ("models/marts/money/revenue.sql", "marts.revenue"),
        ("models/marts/money/", "marts.revenue"),
        ("./models/marts/money", "marts.revenue"),
        ("models/*/orders.sql", "raw.orders staging.orders"),
        ("+models/marts/money/", "marts.revenue staging.orders raw.orders"),
        ("tag:nightly,tag:pii", "staging.customers"),
        ("tag:nightly,marts.*", ""),
        ("+marts.revenue,kind:view", "staging.orders"),
        ("+tag:pii", "staging.customers raw.customers"),
        ("marts.alone tag:pii", "marts.alone staging.customers"),
        ("failed", "marts.churn"),
        ("failed+", "marts.churn marts.board"),
        ("morning", "staging.orders staging.customers marts.board"),
        ("money+", "marts.revenue marts.board"),
        ("all_money", "marts.board marts.revenue"),
        ("*", " ".join(_GRAPH.nodes)),
    ],
)
def test_words(words: str, expected: str) -> None:
    assert _chosen(words) == set(expected.split())


def test_words_of_several_options_are_joined() -> None:
    assert _chosen("marts.alone", "tag:pii") == {"marts.alone", "staging.customers"}


def test_the_order_is_that_of_the_graph() -> None:
    assert select(_GRAPH, Selection(("marts.board raw.orders staging.orders",))) == (
        "raw.orders",
        "staging.orders",
        "marts.board",
    )


def test_nothing_selected_is_everything() -> None:
    assert _chosen() == set(_GRAPH.nodes)


def test_what_is_excluded_is_left_out() -> None:
    assert _chosen("marts.*", exclude=("tag:finance", "board")) == {"marts.alone"}
    assert _chosen(exclude=("+marts.board",)) == {"marts.alone"}
    assert _chosen("marts.alone", exclude=("",)) == {"marts.alone"}


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("marts.revnue", "marts.revenue"),
        ("revnue", "revenue"),
        ("Chrun", "Churn"),
        ("mornin", "morning"),
        ("tag:finanze", "finance"),
        ("kind:veiw", "view"),
        ("path:models/mart", "models/marts"),
        ("tga:finance", "tag"),
    ],
)
def test_an_unknown_name_is_an_error_with_near_misses(word: str, near: str) -> None:
    assert near in _complaint(word).diagnostics[0].help


def test_an_unknown_name_without_near_misses_says_where_to_look() -> None:
    assert "sqlpipe list" in _complaint("zzzzz").diagnostics[0].help


@pytest.mark.parametrize("word", ["+", "a+b", "++x", "x++", "a,", ",", "@", "a@b", "+,marts.board", "x+y+z"])
def test_what_is_not_in_the_grammar_is_an_error(word: str) -> None:
    assert _complaint(word).diagnostics


def test_all_that_is_wrong_is_told_at_once() -> None:
    error = _complaint("zzz", "marts.board,yyy", "tag:xxx")
    assert [each.message.split("`")[1] for each in error.diagnostics] == ["zzz", "yyy", "tag:xxx"]


def test_an_unknown_name_to_exclude_is_an_error_too() -> None:
    with pytest.raises(SqlpipeError, match="nothing in this project is called `zzz`"):
        _chosen("marts.*", exclude=("zzz",))


@pytest.mark.parametrize("words", [("",), ("  ", "")])
def test_a_selection_of_blanks_is_an_error_and_not_success_with_nothing(words: tuple[str, ...]) -> None:
    assert "empty" in _complaint(*words).diagnostics[0].message


def test_a_selection_made_of_itself_is_an_error_that_tells_the_way() -> None:
    assert "narcissus → narcissus" in _complaint("narcissus").diagnostics[0].message
    assert "left → right → left" in _complaint("left").diagnostics[0].message


def test_a_named_selection_can_be_used_twice_in_one() -> None:
    assert _chosen("money money+") == {"marts.revenue", "marts.board"}


def test_an_embedded_query_is_found_by_its_kind() -> None:
    found = graph(node("m.e", "select 1 as a", Embedded()), node("m.t", "select * from m.e"))
    assert select(found, Selection(("kind:embedded+",))) == ("m.e", "m.t")
