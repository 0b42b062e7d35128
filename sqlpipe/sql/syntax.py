"""From the text of one query to its tokens and its tree, or to what is wrong with its syntax."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from sqlpipe.domain.diagnostic import did_you_mean, near_misses
from sqlpipe.domain.query import Placeholder
from sqlpipe.sql.problem import SqlProblem, SqlProblems
from sqlpipe.sql.words import BOUNDS, placeholders, words_of

_SQL_WORDS = """
    all between case cross distinct else end exists from full group having inner join left limit order outer partition
    qualify right select then union using values when where window with
    """.split()  # noqa: SIM905  words read better without quotes
QUERY_WORDS = ("select", "with", "from", "values", "pivot", "unpivot", "table", "pivot_wider", "pivot_longer")
STATEMENT_WORDS = frozenset(
    """
    alter analyze attach begin call checkpoint comment commit copy create delete describe detach drop execute
    explain export grant import insert install load merge pragma prepare reset revoke rollback set show summarize
    truncate update use vacuum
    """.split()  # noqa: SIM905  words read better without quotes
)
_MARKS = frozenset({":", "?", "$"})
_OPENING = {TokenType.L_PAREN: "(", TokenType.L_BRACKET: "[", TokenType.L_BRACE: "{"}
_CLOSING = {TokenType.R_PAREN: "(", TokenType.R_BRACKET: "[", TokenType.R_BRACE: "{"}
_QUOTED = re.compile(
    r"""
    --[^\n]* | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(\w*)\$.*?\$\1\$
    | (?P<open> /\* | ' | " | \$[A-Za-z_]*\$ )
    """,
    re.VERBOSE | re.DOTALL,
)
_UNCLOSED = {"'": "the string", '"': "the quoted name", "/": "the comment", "$": "the dollar-quoted string"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One query: its text, its tokens without those behind it, the same as `words_of` gives them, and its tree."""

    text: str
    tokens: list[Token]
    words: list[str]
    tree: exp.Expr
    placeholders: tuple[Placeholder, ...]

    @property
    def start(self) -> int:
        """The offset of its first token."""
        return self.tokens[0].start

    @property
    def end(self) -> int:
        """The offset behind its last token."""
        return self.tokens[-1].end + 1


def read(text: str, dialect: str, known: Sequence[str] = BOUNDS) -> Statement:
    """Parse exactly one query whose placeholders have names that are known; raises `SqlProblems`."""
    language = Dialect.get_or_raise(dialect)
    tokens = tokenise(text, language)
    words = words_of(text, tokens)
    if not words or ";" in words:
        tokens = _single(text, tokens)
        words = words_of(text, tokens)
    _must_be_query(tokens)
    found = placeholders(text, tokens, words, known=known) if _MARKS.intersection(words) else ()
    tree = parse(text, _joined(tokens, found) if found else tokens, language)
    if ",," in "".join(words):
        _no_double_comma(tokens)
    return Statement(text, tokens, words, tree, found)


def tokenise(text: str, language: Dialect) -> list[Token]:
    """The tokens of a text; raises `SqlProblems` if a string, a quoted name or a comment is not closed."""
    try:
        return language.tokenize(text)
    except TokenError as error:
        raise SqlProblems(_unclosed(text, error)) from None


def parse(text: str, tokens: list[Token], language: Dialect) -> exp.Expr:
    """The tree of the tokens of one statement; raises `SqlProblems` if the syntax is wrong."""
    try:
        trees = language.parser().parse(tokens, text)
    except ParseError as error:
        raise SqlProblems(syntax_problem(tokens, error)) from None
    except RecursionError:
        message = "the query is nested too deeply"
        raise SqlProblems(SqlProblem("SP202", message, tokens[0].start, tokens[-1].end + 1)) from None
    tree = trees[0] if trees else None
    if tree is None or not isinstance(tree, (exp.Query, exp.Values, exp.Pivot)):
        raise SqlProblems(_not_a_query(tokens[0]))
    return tree


def _single(text: str, tokens: list[Token]) -> list[Token]:
    first = next((index for index, token in enumerate(tokens) if token.token_type is not TokenType.SEMICOLON), None)
    if first is None:
        help_ = "write a `select` below the header"
        raise SqlProblems(SqlProblem("SP205", "there is no query here", 0, len(text), help=help_))
    for index in range(first, len(tokens)):
        if tokens[index].token_type is TokenType.SEMICOLON:
            for token in tokens[index:]:
                if token.token_type is not TokenType.SEMICOLON:
                    raise SqlProblems(_second_statement(token))
            return tokens[first:index]
    return tokens[first:] if first else tokens


def _no_double_comma(tokens: list[Token]) -> None:
    # The parser reads over it, but no database does.
    before = None
    for token in tokens:
        kind = token.token_type
        if kind is TokenType.COMMA and before is kind:
            raise SqlProblems(SqlProblem("SP202", "`,` is not expected here", token.start, token.end + 1))
        before = kind


def _second_statement(token: Token) -> SqlProblem:
    message, help_ = "there is more than one statement here", "a file holds one query; put each into a file of its own"
    return SqlProblem("SP205", message, token.start, token.end + 1, "the second begins here", help_)


def _joined(tokens: list[Token], found: Sequence[Placeholder]) -> list[Token]:
    # The parser takes `:start` in some places only. As one word it is a column to it, and the walk knows better.
    starts = {placeholder.start for placeholder in found}
    joined: list[Token] = []
    for token in tokens:
        if joined and joined[-1].start in starts and joined[-1].text == ":":
            colon = joined.pop()
            text = f":{token.text.lower()}"
            joined.append(Token(TokenType.VAR, text, token.line, token.col, colon.start, token.end, token.comments))
        else:
            joined.append(token)
    return joined


def _must_be_query(tokens: list[Token]) -> None:
    # Told before parsing: the parser takes many statements, and warns on stderr of those it does not know.
    first = tokens[0]
    if first.token_type is not TokenType.L_PAREN and first.text.casefold() not in QUERY_WORDS:
        raise SqlProblems(_not_a_query(first))


def _not_a_query(first: Token) -> SqlProblem:
    word = first.text
    if word.casefold() in STATEMENT_WORDS or first.token_type is TokenType.L_PAREN:
        message = f"`{word}` does not begin a query"
        help_ = "a file holds one query (`select`, `with`, `from`, `values`, `pivot`); tables are created by the run"
        return SqlProblem("SP205", message, first.start, first.end + 1, help=help_)
    help_ = did_you_mean(word, QUERY_WORDS) or "a query begins with `select`, `with` or `from`"
    return SqlProblem("SP202", f"`{word}` does not begin a query", first.start, first.end + 1, help=help_)


def _unclosed(text: str, error: TokenError) -> SqlProblem:
    position = 0
    while (match := _QUOTED.search(text, position)) is not None:
        position = _comment_end(text, match.start()) if match["open"] == "/*" else match.end()
        if match["open"] and (match["open"] != "/*" or not position):
            message = f"{_UNCLOSED[match['open'][0]]} is never closed"
            help_ = "comments nest: each `/*` needs a `*/`" if match["open"] == "/*" else ""
            return SqlProblem("SP202", message, match.start(), match.end(), "it begins here", help_)
    start = error.start or 0
    end = max(start + 1, error.end or len(text))
    return SqlProblem("SP202", "this cannot be read as SQL", start, end)


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(text, start):
        depth += 1 if match[0] == "/*" else -1
        if not depth:
            return match.end()
    return 0


def unbalanced(tokens: list[Token]) -> SqlProblem | None:
    """The first bracket that closes nothing, or the last that is never closed."""
    opened: list[tuple[str, Token]] = []
    for token in tokens:
        if (bracket := _OPENING.get(token.token_type)) is not None:
            opened.append((bracket, token))
        elif (bracket := _CLOSING.get(token.token_type)) is not None:
            if not opened or opened[-1][0] != bracket:
                return SqlProblem("SP202", f"`{token.text}` closes nothing", token.start, token.end + 1)
            opened.pop()
    if not opened:
        return None
    bracket, token = opened[-1]
    return SqlProblem("SP202", f"`{bracket}` is never closed", token.start, token.end + 1, "it is opened here")


def syntax_problem(tokens: list[Token], error: ParseError) -> SqlProblem:
    """What the parser could not read, in words of ours."""
    return unbalanced(tokens) or _syntax_error(tokens, error)


def _syntax_error(tokens: list[Token], error: ParseError) -> SqlProblem:
    first: dict[str, Any] = error.errors[0] if error.errors else {}
    where = (first.get("line"), first.get("col"))
    index = next((index for index, token in enumerate(tokens) if (token.line, token.col) == where), len(tokens) - 1)
    token = tokens[index]
    message = _wording(str(first.get("description") or ""), token, last=index == len(tokens) - 1)
    typo = tokens[index - 1].text if index else ""
    known = typo.casefold() in _SQL_WORDS or tokens[max(index - 1, 0)].token_type is not TokenType.VAR
    meant = [] if known else near_misses(typo, _SQL_WORDS, most=1)
    help_ = f"did you mean `{meant[0]}` where it says `{typo}`?" if meant else ""
    return SqlProblem("SP202", message, token.start, token.end + 1, help=help_)


def _wording(description: str, token: Token, *, last: bool) -> str:
    found = f"`{token.text}`"
    if description.startswith("Expected table name"):
        last = "SENTINEL" in description
        return f"the name of a table is missing after {found}" if last else f"expected a table name, found {found}"
    if description.startswith("Required keyword"):
        return f"something is missing after {found}" if last else f"something is missing at {found}"
    if expected := re.fullmatch(r"Expect(?:ing|ed) (\S+?)\.?", description):
        return f"expected `{expected[1].lower()}` after {found}" if last else f"expected `{expected[1]}` at {found}"
    if description == "Expected END after CASE":
        return "`case` is never closed by `end`"
    if description.startswith("Invalid expression") or "<" in description or not description:
        return f"{found} is not expected here"
    return f"{description[0].lower()}{description[1:]} (at {found})"
