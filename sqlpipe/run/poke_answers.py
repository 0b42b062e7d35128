"""Whether an HTTP answer is the one that a sensor waits for."""

from __future__ import annotations

import json

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.task import Answer
from sqlpipe.load.late import render_values
from sqlpipe.run.fact_file import MOST
from sqlpipe.run.http import Answered, ask, expected
from sqlpipe.run.poke_truth import is_true
from sqlpipe.run.turn import Poked, Turn

# Not there yet, not in that state yet, too early, too often, not up yet. Any other status that is not expected is a
# mistake of this side or that one, which no patience mends.
_LATER = frozenset({404, 409, 425, 429, 503})
_NAMED_HEADERS = ("etag", "last-modified")


def look_at_answer(condition: Answer, turn: Turn, timeout: float) -> Poked:
    """Met when the status is as expected, and at the path `at` of the JSON is what is waited for.

    The statuses 404, 409, 425, 429 and 503 mean that it is too early. Raises SP618 on any other that is not expected,
    and where there should be JSON and is none.
    """
    answered = ask(condition.request, turn, timeout)
    if not expected(condition.request, answered):
        if answered.status in _LATER:
            return Poked(met=False, detail=f"the answer is {answered.status}")
        raise SqlpipeError(
            Diagnostic(
                code="SP618",
                message=f"the answer is {answered.status}",
                notes=(answered.text[:200],) if answered.text else (),
                help="if that is well, list it under `status:`",
            )
        )
    headers = {name.casefold(): value for name, value in answered.headers.items()}
    told = {name.replace("-", "_"): headers[name] for name in _NAMED_HEADERS if name in headers}
    facts: dict[str, object] = {"status": answered.status, **told}
    if not condition.at and condition.equals is None:
        return Poked(met=True, facts=facts | _body(answered), detail=f"the answer is {answered.status}")
    return _part(condition, turn, answered, facts)


def _body(answered: Answered) -> dict[str, object]:
    known = answered.json is not None and len(answered.text) <= MOST // 2
    return {"value": answered.json} if known else {}


def _part(condition: Answer, turn: Turn, answered: Answered, facts: dict[str, object]) -> Poked:
    if answered.json is None and answered.text.strip() != "null":
        said = f"the answer has no JSON to look for `{condition.at}` in"
        raise SqlpipeError(
            Diagnostic(code="SP618", message=said, notes=(answered.text[:200],) if answered.text else ())
        )
    name = condition.at or "the answer"
    try:
        found = _at(answered.json, condition.at)
    except LookupError:
        return Poked(met=False, detail=f"{name} is not there")
    wanted = condition.equals if condition.equals is None else render_values(condition.equals, turn.values)
    met = is_true(found) if wanted is None else _is_same(found, wanted)
    detail = f"{name} is {json.dumps(found, ensure_ascii=False, default=str)[:60]}"
    return Poked(met=met, facts=facts | {"value": found} if met else {}, detail=detail)


def _at(value: object, path: str) -> object:
    """The part of a JSON value at a path such as `a.b.0.c`; raises LookupError if it is not there."""
    for step in path.removeprefix("$").removeprefix(".").split(".") if path else ():
        match value:
            case dict() if step in value:
                value = value[step]
            case list() if step.lstrip("-").isdecimal():
                value = value[int(step)]
            case _:
                raise LookupError(step)
    return value


def _is_same(found: object, wanted: object) -> bool:
    """Whether two values of JSON are the same: 1 is 1.0 and is not true."""
    return found == wanted and isinstance(found, bool) is isinstance(wanted, bool)
