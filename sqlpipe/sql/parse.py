"""From the text of a query to what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import Token, TokenType

from sqlpipe.domain.query import Placeholder, Query
from sqlpipe.sql.canonical import digest
from sqlpipe.sql.problem import SqlProblem, SqlProblems
from sqlpipe.sql.slices import slices
from sqlpipe.sql.syntax import parse, read, tokenise, unbalanced
from sqlpipe.sql.uses import column_uses, schema_qualifiers
from sqlpipe.sql.walk import Walk
from sqlpipe.sql.words import BOUNDS, file_reads, is_volatile, placeholders, words_of

__all__ = ["SqlProblem", "SqlProblems", "analyse", "check_condition"]


def analyse(text: str, *, dialect: str = "duckdb", known: Sequence[str] = BOUNDS) -> Query:
    """Find out what there is to know about a query; raises `SqlProblems` if it is not exactly one query.

    `text[:query.end]` is the query without a trailing semicolon and comments, and can be put in brackets. `known` are
    the names that placeholders can have, in lower case.
    """
    statement = read(text, dialect, known)
    tokens, words = statement.tokens, statement.words
    walk = Walk(text, statement.tree)
    if lost := [each for each in statement.placeholders if each.start not in walk.placeholders]:
        raise SqlProblems(*map(_misplaced, lost))
    has_with = tokens[0].token_type is TokenType.WITH
    recursive = has_with and tokens[1].token_type is TokenType.RECURSIVE
    references = sorted(walk.references, key=lambda each: each.start)
    return Query(
        digest=digest(text, tokens, words, walk.names),
        references=tuple(references),
        files=tuple(sorted([*walk.files, *file_reads(tokens, words)], key=lambda each: each.start)),
        placeholders=statement.placeholders,
        with_at=tokens[has_with + recursive].start,
        has_with=has_with,
        columns=walk.whole.columns,
        slices=slices(walk.whole, walk.scopes, references, bounded=bool(statement.placeholders)),
        uses=column_uses(walk.scopes),
        volatile=is_volatile(words),
        end=statement.end,
        qualifiers=schema_qualifiers(walk.scopes),
    )


def _misplaced(placeholder: Placeholder) -> SqlProblem:
    message = f"`:{placeholder.name}` cannot stand here"
    return SqlProblem("SP202", message, placeholder.start, placeholder.end, help="a placeholder stands for a value")


def check_condition(text: str, *, dialect: str = "duckdb") -> SqlProblem | None:
    """What is wrong with the syntax of a condition such as that of a check, if anything is."""
    language = Dialect.get_or_raise(dialect)
    try:
        # On its own first, so that quotes and brackets cannot reach beyond its end.
        if (problem := _unlike_condition(text, tokenise(text, language))) is not None:
            return problem
    except SqlProblems as problems:
        return problems.problems[0]
    before = "select 1 where (\n"
    query = f"{before}{text}\n)"
    try:
        tokens = tokenise(query, language)
        placeholders(query, tokens, words_of(query, tokens), known=())
        _no_alias(parse(query, tokens, language))
    except SqlProblems as problems:
        problem = problems.problems[0]
        if problem.start > len(before) + len(text):
            last = tokenise(text, language)[-1]
            return replace(
                problem, message=f"something is missing after `{last.text}`", start=last.start, end=last.end + 1
            )
        end = min(max(problem.end - len(before), 1), len(text))
        start = min(max(problem.start - len(before), 0), end - 1)
        return replace(problem, start=start, end=end)
    return None


def _no_alias(tree: exp.Expr) -> None:
    # The parser lets `(a > 1 b)` pass.
    condition = tree.args["where"].this.this
    if isinstance(condition, exp.Alias):
        start, end = (condition.args["alias"].meta_get(key, 0) for key in ("start", "end"))
        raise SqlProblems(SqlProblem("SP202", f"`{condition.alias}` is not expected here", start, end + 1))


def _unlike_condition(text: str, tokens: list[Token]) -> SqlProblem | None:
    if not tokens:
        return SqlProblem("SP202", "there is no condition here", 0, len(text))
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            return SqlProblem("SP202", "`;` is not expected here", token.start, token.end + 1)
    return unbalanced(tokens)
