"""The statements of a task: whether they can be read, and which tables they read and do not make themselves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError
from sqlglot.tokenizer_core import Token, TokenType

from sqlpipe.domain.diagnostic import did_you_mean
from sqlpipe.domain.query import Reference
from sqlpipe.sql.problem import SqlProblem, SqlProblems
from sqlpipe.sql.syntax import QUERY_WORDS, STATEMENT_WORDS, syntax_problem, tokenise

# The statements whose tables are looked at; the parser knows little of the others, and warns of some.
_READ = frozenset({*QUERY_WORDS, "insert", "update", "delete", "merge", "create", "copy"})
_OTHERS = STATEMENT_WORDS | {"abort", "analyse", "commit", "deallocate", "force", "start"}


def tables_read(text: str, *, dialect: str = "duckdb") -> tuple[Reference, ...]:
    """The tables that the statements read, but for those that they write; raises `SqlProblems`.

    Any number of statements, divided by semicolons. A name may mean a table of the project or any other.
    """
    language = Dialect.get_or_raise(dialect)
    problems: list[SqlProblem] = []
    read: dict[str, Reference] = {}
    written: set[str] = set()
    statements = list(_divided(tokenise(text, language)))
    if not statements:
        raise SqlProblems(SqlProblem("SP205", "there is no statement here", 0, len(text)))
    for tokens in statements:
        try:
            tree = _parsed(text, tokens, language)
        except SqlProblems as found:
            problems += found.problems
            continue
        if tree is not None:
            written |= {_reference(each).text.casefold() for each in _targets(tree)}
            read |= {each.text.casefold(): each for each in _sources(tree)}
    if problems:
        raise SqlProblems(*problems)
    return tuple(sorted((each for key, each in read.items() if key not in written), key=lambda each: each.start))


def _divided(tokens: list[Token]) -> Iterator[list[Token]]:
    statement: list[Token] = []
    for token in tokens:
        if token.token_type is not TokenType.SEMICOLON:
            statement.append(token)
        elif statement:
            yield statement
            statement = []
    if statement:
        yield statement


def _parsed(text: str, tokens: list[Token], language: Dialect) -> exp.Expr | None:
    first = tokens[0]
    word = first.text.casefold()
    if word not in _READ and first.token_type is not TokenType.L_PAREN:
        if word in _OTHERS:
            return None
        help_ = did_you_mean(word, _READ | _OTHERS)
        message = f"`{first.text}` does not begin a statement"
        raise SqlProblems(SqlProblem("SP202", message, first.start, first.end + 1, help=help_))
    try:
        with _in_silence():
            trees = language.parser().parse(tokens, text)
    except ParseError as error:
        raise SqlProblems(syntax_problem(tokens, error)) from None
    except RecursionError:
        message = "the statement is nested too deeply"
        raise SqlProblems(SqlProblem("SP202", message, first.start, tokens[-1].end + 1)) from None
    return trees[0] if trees else None


@contextmanager
def _in_silence() -> Iterator[None]:
    """The parser warns on stderr of statements that it keeps as they are."""
    log = logging.getLogger("sqlglot")
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


def _targets(tree: exp.Expr) -> Iterator[exp.Table]:
    """The table that a statement writes or makes."""
    if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge | exp.Create) or (
        isinstance(tree, exp.Copy) and tree.args.get("kind")
    ):
        target = tree.this.this if isinstance(tree.this, exp.Schema | exp.UserDefinedFunction) else tree.this
        if isinstance(target, exp.Table):
            yield target


def _sources(tree: exp.Expr) -> Iterator[Reference]:
    own = {each.alias_or_name.casefold() for each in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier):
            found = _reference(table)
            if len(found.parts) > 1 or found.text.casefold() not in own:
                yield found


def _reference(table: exp.Table) -> Reference:
    parts = [each for each in table.parts if isinstance(each, exp.Identifier)]
    start = parts[0].meta_get("start", 0) if parts else 0
    end = parts[-1].meta_get("end", 0) if parts else 0
    return Reference(tuple(each.name for each in parts), start, end + 1)
