"""Tasks in a run: facts, items, conditions, rules of starting, and tries after failures."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from sqlpipe.domain.journal import AttemptState
from sqlpipe.domain.task import Mishap
from tests.run.plant import last_run, log_of, nodes, task, text_of, tries
from tests.shop import Ran, Shop

EXTRACT = """
bash: |
  echo rows=3 >> $SQLPIPE_FACTS
  echo "path=land/it's \\"here\\"; \\$(touch injected)" >> $SQLPIPE_FACTS
  echo 'names=["a","b b","c\\"; touch injected; \\""]' >> $SQLPIPE_FACTS
"""
PATH = 'land/it\'s "here"; $(touch injected)'


def codes(ran: Ran, node: str) -> list[str]:
    return [each.code for each in ran.problems(node)]


def test_facts_go_from_a_script_to_all_kinds_of_tasks_and_are_never_code(shop: Shop) -> None:
    task(shop, "extract", EXTRACT)
    task(
        shop,
        "tell",
        "bash: |\n  printf '%s' {{ facts.extract.path }} > bare\n  echo \"<{{ facts.extract.path }}>\" > quoted\n",
    )
    shop.write("tasks/take.py", '"""sqlpipe\n"""\ndef task(extract):\n    return {"double": extract["rows"] * 2}\n')
    task(
        shop,
        "store",
        "sql: create or replace table kept as select {{ facts.extract.path }} as path, {{ facts.take.double }} as n\n",
    )
    task(shop, "few", "bash: touch few\nif: facts.extract.rows > 3\n")
    task(shop, "many", "bash: touch many\nif: facts.extract.rows == 3\n")
    task(shop, "each", "bash: echo {{ item }} > each\nfor_each: facts.extract.names[:1]\n")
    ran = shop.run()
    assert ran.end.well, ran.nodes
    # With quotes and without, a value stays one word.
    assert text_of(shop.root / "bare") == PATH
    assert text_of(shop.root / "quoted") == f"<{PATH}>\n"
    assert shop.rows("kept") == [(PATH, 6)]
    assert ran.states["tasks.few"] == "unchanged"
    assert (shop.root / "many").exists()
    assert not (shop.root / "few").exists()
    assert not list(shop.root.glob("**/injected"))
    assert nodes(shop, ran.end.run)["tasks.extract", -1].facts["rows"] == 3


def test_a_fact_that_is_not_there_is_told_with_what_there_is(shop: Shop) -> None:
    task(shop, "extract", EXTRACT)
    task(shop, "tell", "bash: echo {{ facts.extract.pth }}\n")
    task(shop, "maybe", "bash: 'true'\nif: facts.extract.row > 3\n")
    task(shop, "each", "bash: 'true'\nfor_each: facts.extract.file\n")
    ran = shop.run()
    for node, missing, meant in (("tell", "pth", "path"), ("maybe", "row", "rows"), ("each", "file", "")):
        (problem,) = ran.problems(f"tasks.{node}")
        assert (problem.code, ran.states[f"tasks.{node}"]) == ("SP610", "failed")
        assert f"`facts.extract.{missing}` is not there" in problem.message
        assert meant in problem.help
    assert [each.number for each in tries(shop, "tasks.tell")] == [1]


def test_items_run_in_parallel_as_far_as_they_may(shop: Shop) -> None:
    script = "bash: |\n  date +%s.%N >> began\n  sleep 0.3\n  date +%s.%N >> ended\n"
    task(shop, "each", f"{script}for_each: [1, 2, 3, 4, 5, 6]\nparallel: 2\n")
    ran = shop.run()
    assert ran.end.well
    assert ran.nodes["tasks.each"].detail == "6 items"
    moments = [(float(each), 1) for each in text_of(shop.root / "began").split()]
    moments += [(float(each), -1) for each in text_of(shop.root / "ended").split()]
    at_once, most = 0, 0
    for _, step in sorted(moments):
        at_once += step
        most = max(most, at_once)
    assert (len(moments), most) == (12, 2)
    record = nodes(shop, ran.end.run)
    assert {record["tasks.each", each].state for each in range(6)} == {"done"}


def test_items_hand_their_facts_on_in_order(shop: Shop) -> None:
    task(
        shop,
        "each",
        "bash: |\n  sleep 0.{{ 3 - item }}\n  echo n={{ item * 10 }} >> $SQLPIPE_FACTS\nfor_each: [1, 2, 3]\n",
    )
    task(shop, "sum", "bash: echo {{ facts.each['items'] | map(attribute='n') | sum }} > sum\n")
    assert shop.run().end.well
    assert text_of(shop.root / "sum") == "60\n"


@pytest.mark.parametrize(
    ("list_", "state", "said"),
    [
        ("range(5)", "failed", "gave more than 4 items"),
        ("[]", "unchanged", ""),
        ("range(0)", "unchanged", ""),
        ("{'a': 1}", "failed", "is to give a list, and gave dict"),
        ("'text'", "failed", "is to give a list, and gave str"),
        ("4", "failed", "is to give a list, and gave int"),
    ],
)
def test_what_is_no_list_or_too_long_is_refused_and_an_empty_one_is_nothing_to_do(
    shop: Shop, list_: str, state: str, said: str
) -> None:
    task(shop, "each", f"bash: touch it\nfor_each: {json.dumps(list_)}\nmost: 4\n")
    task(shop, "after", "bash: touch after\nafter: [each]\n")
    ran = shop.run()
    assert ran.states == {"tasks.each": state, "tasks.after": "blocked" if said else "done"}
    assert [said in each.message for each in ran.problems("tasks.each")] == [True] * bool(said)
    assert not (shop.root / "it").exists()


def test_an_item_that_fails_lets_the_others_go_on_and_fails_its_node(shop: Shop) -> None:
    task(shop, "each", "bash: test {{ item }} != b && echo {{ item }} >> done\nfor_each: [a, b, c, d]\nparallel: 1\n")
    task(shop, "after", "bash: touch after\nafter: [each]\n")
    ran = shop.run()
    assert ran.states == {"tasks.each": "failed", "tasks.after": "blocked"}
    assert text_of(shop.root / "done") == "a\nc\nd\n"
    assert ran.nodes["tasks.each"].detail == "3 of 4 items"
    assert codes(ran, "tasks.each") == ["SP630"]


def test_an_item_is_tried_again_by_itself(shop: Shop) -> None:
    script = "bash: |\n  echo {{ item }} >> tried\n  test {{ item }} != b || test $(grep -c b tried) -ge 3\n"
    task(shop, "each", f"{script}for_each: [a, b, c]\nretries: {{transient: 3, delay: 0.05s}}\n")
    ran = shop.run()
    assert ran.end.well
    assert sorted(text_of(shop.root / "tried").split()) == ["a", "b", "b", "b", "c"]
    assert sorted((each.item, each.number) for each in tries(shop, "tasks.each")) == [
        (0, 1),
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 1),
    ]


def test_fail_fast_leaves_out_items_that_have_not_begun(shop: Shop) -> None:
    task(shop, "bad", "bash: sleep 0.2; false\n")
    task(shop, "each", "bash: |\n  echo {{ item }} >> done\n  sleep 0.5\nfor_each: [a, b, c, d]\nparallel: 2\n")
    ran = shop.run(fail_fast=True)
    assert ran.states == {"tasks.bad": "failed", "tasks.each": "blocked"}
    assert sorted(text_of(shop.root / "done").split()) == ["a", "b"]
    assert sum(1 for each in ran.events if getattr(each, "node", "") == "tasks.each" and hasattr(each, "state")) == 1


@pytest.mark.catalogue("E11")
def test_rules_and_soft_edges_decide_what_runs_after_failures_and_skips(shop: Shop) -> None:
    task(shop, "good", "bash: 'true'\n")
    task(shop, "bad", "bash: 'false'\n")
    task(shop, "skipped", "sensor: {sql: select false}\ninterval: 0.1s\ntimeout: 0.2s\non_timeout: skip\n")
    for name, lines in {
        "usual": "after: [good, bad]",
        "always": "after: [good, bad, skipped]\ntrigger: all_done",
        "any": "after: [good, bad]\ntrigger: any_ok",
        "none": "after: [bad]\ntrigger: any_ok",
        "soft": "after: [good, {node: bad, soft: true}]",
        "over": "after: [good, skipped]",
        "over2": "after: [over]",
        "softly": "after: [{node: skipped, soft: true}]",
    }.items():
        task(shop, name, f"bash: touch ran.{name}\n{lines}\n")
    ran = shop.run()
    assert {name.partition(".")[2]: state for name, state in ran.states.items()} == {
        "good": "done", "bad": "failed", "skipped": "skipped", "usual": "blocked", "always": "done", "any": "done",
        "none": "blocked", "soft": "done", "over": "skipped", "over2": "skipped", "softly": "done",
    }  # fmt: skip
    assert {each.name[4:] for each in shop.root.glob("ran.*")} == {"always", "any", "soft", "softly"}


def test_what_comes_after_a_task_that_had_nothing_to_do_runs(shop: Shop) -> None:
    task(shop, "never", "bash: touch never\nif: {sql: select 1 = 2}\n")
    task(shop, "over", "run: {select: [tasks.never]}\nif: false\n")
    task(shop, "after", "bash: touch after\nafter: [never, over]\n")
    ran = shop.run()
    assert ran.states == {"tasks.never": "unchanged", "tasks.over": "unchanged", "tasks.after": "done"}
    assert not (shop.root / "never").exists()


def test_a_passing_failure_is_tried_again_after_a_growing_pause(shop: Shop) -> None:
    task(shop, "flaky", "bash: echo x >> n; test $(wc -l < n) -ge 4\nretries: {transient: 3, delay: 0.2s}\n")
    ran = shop.run()
    assert ran.end.well
    made = tries(shop, "tasks.flaky")
    assert [(each.number, each.state, each.mishap) for each in made] == [
        *((number, AttemptState.FAILED, Mishap.TRANSIENT) for number in (1, 2, 3)),
        (4, AttemptState.DONE, None),
    ]
    for number, (before, after) in enumerate(pairwise(made)):
        assert before.finished is not None
        assert (after.started - before.finished).total_seconds() < 0.2 * 2**number + 0.3
    assert nodes(shop, ran.end.run)["tasks.flaky", -1].tries == {"transient": 3}


def test_a_budget_that_is_spent_is_a_failure(shop: Shop) -> None:
    task(shop, "flaky", "bash: exit 7\nretries: {transient: 2, delay: 0.02s}\n")
    ran = shop.run()
    assert ran.states == {"tasks.flaky": "failed"}
    assert "exit code 7" in ran.problems("tasks.flaky")[0].message
    assert len(tries(shop, "tasks.flaky")) == 3


def test_what_no_second_try_mends_has_none(shop: Shop) -> None:
    shop.write("tasks/typo.py", '"""sqlpipe\nretries: 5\n"""\ndef task():\n    return undefined\n')
    task(shop, "sql", "sql: select * from nowhere.at_all\nretries: 5\n")
    ran = shop.run()
    assert set(ran.states.values()) == {"failed"}
    for node in ("tasks.typo", "tasks.sql"):
        assert [(each.number, each.mishap) for each in tries(shop, node)] == [(1, Mishap.PERMANENT)]


def test_logs_tell_what_tables_and_tasks_did(shop: Shop) -> None:
    shop.model("a.one", "kind: table\nchecks: [{expression: id > 1}]", "select 1 as id")
    shop.model("b.one", "kind: table", "select 2 as id")
    shop.model("c.one", "kind: table\nchecks: [{expression: id > 2, severity: warn}]", "select 2 as id")
    task(shop, "say", "bash: echo hello; echo oops >&2; exit 3\n")
    ran = shop.run()
    assert {name for name, state in ran.states.items() if state == "failed"} == {"a.one", "tasks.say"}
    told = log_of(shop, "a.one")
    assert "select 1 as id" in told[1]
    assert any("1 of 1 rows" in line for line in told)
    assert any("SP40" in line for line in told)
    assert told[-1].startswith("failed in ")
    assert log_of(shop, "b.one") == [], "the journal says all there is of what went well"
    assert log_of(shop, "c.one")[-1].startswith("done, 1 rows in ")
    assert any("expression(id > 2): 1 of 1 rows" in line for line in log_of(shop, "c.one"))
    said = log_of(shop, "tasks.say")
    assert said[:2] in (["hello", "oops"], ["oops", "hello"])
    shop.run("b.one")
    folder = shop.root / ".sqlpipe/logs" / last_run(shop).id
    assert not folder.exists(), "nothing was done, so nothing is told"
