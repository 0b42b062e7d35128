"""What the tokens of a query tell by themselves: its placeholders, the files it reads, whether it is volatile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot.tokenizer_core import Token, TokenType

from sqlpipe.domain.diagnostic import did_you_mean
from sqlpipe.domain.query import FileRead, Placeholder
from sqlpipe.sql.problem import SqlProblem, SqlProblems

# The placeholders of a model.
BOUNDS = ("start", "end")
_VOLATILE_WORDS = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"})
_VOLATILE_FUNCTIONS = frozenset(
    """
    current_localtime current_localtimestamp currval gen_random_uuid get_current_time get_current_timestamp nextval
    now random setseed today transaction_timestamp uuid uuidv4 uuidv7
    """.split()  # noqa: SIM905  words read better without quotes
)
_FILE_FUNCTIONS = frozenset(
    """
    glob parquet_scan read_blob read_csv read_csv_auto read_json read_json_auto read_json_objects
    read_json_objects_auto read_ndjson read_ndjson_auto read_ndjson_objects read_parquet read_text read_xlsx
    sniff_csv
    """.split()  # noqa: SIM905  words read better without quotes
)
_BEFORE_RELATION = frozenset({TokenType.FROM, TokenType.JOIN, TokenType.COMMA, TokenType.LATERAL, TokenType.L_PAREN})
_OPERAND_ENDS = frozenset(
    {
        TokenType.VAR,
        TokenType.IDENTIFIER,
        TokenType.STRING,
        TokenType.NUMBER,
        TokenType.R_PAREN,
        TokenType.R_BRACKET,
        TokenType.R_BRACE,
        TokenType.NULL,
        TokenType.TRUE,
        TokenType.FALSE,
        TokenType.COLON,
    }
)
_OPERATORS = frozenset(
    {
        TokenType.L_PAREN,
        TokenType.COMMA,
        TokenType.PLUS,
        TokenType.DASH,
        TokenType.STAR,
        TokenType.SLASH,
    }
)


def words_of(text: str, tokens: Sequence[Token]) -> list[str]:
    """The tokens as they are written, in lower case; quoted ones with their quotes."""
    return [text[token.start : token.end + 1].lower() for token in tokens]


def placeholders(
    text: str, tokens: Sequence[Token], words: Sequence[str], *, known: Sequence[str] = BOUNDS
) -> tuple[Placeholder, ...]:
    """The placeholders among the tokens; raises `SqlProblems` for unknown ones."""
    found: list[Placeholder] = []
    problems: list[SqlProblem] = []
    for index in _marks(tokens, words):
        last = index if words[index] == "?" else index + 1
        placeholder = Placeholder(words[last], tokens[index].start, tokens[last].end + 1)
        found.append(placeholder)
        if words[index] != ":" or placeholder.name not in known:
            problems.append(_unknown(text, placeholder, known))
    if problems:
        raise SqlProblems(*problems)
    return tuple(found)


def _marks(tokens: Sequence[Token], words: Sequence[str]) -> Iterator[int]:
    subscripts: list[bool] = []
    for index, word in enumerate(words):
        if word in {"[", "(", "{"}:
            subscripts.append(word == "[" and index > 0 and tokens[index - 1].token_type in _OPERAND_ENDS)
        elif word in {"]", ")", "}"} and subscripts:
            subscripts.pop()
        elif word == "?":
            yield index
        elif word in {":", "$"} and index + 1 < len(words) and tokens[index + 1].start == tokens[index].end + 1:
            first = words[index + 1][0]
            if word == "$" or (
                (first.isalpha() or first == "_")
                and not _follows_operand(tokens, index, subscript=bool(subscripts) and subscripts[-1])
            ):
                yield index


def _follows_operand(tokens: Sequence[Token], index: int, *, subscript: bool) -> bool:
    # `arr[:start]` and `arr[year:start]` are slices of a list, `[:start, :end]` a list of two placeholders
    if not index:
        return False
    before = tokens[index - 1].token_type
    return before not in _OPERATORS if subscript else before in _OPERAND_ENDS


def _unknown(text: str, placeholder: Placeholder, known: Sequence[str]) -> SqlProblem:
    message = f"unknown placeholder `{text[placeholder.start : placeholder.end]}`"
    return SqlProblem("SP206", message, placeholder.start, placeholder.end, help=_remedy(placeholder, known))


def _remedy(placeholder: Placeholder, known: Sequence[str]) -> str:
    if not known:
        return "a condition cannot have placeholders"
    if tuple(known) == BOUNDS:
        return "`:start` and `:end` are the bounds of the time that is computed; there are no other placeholders"
    return did_you_mean(f":{placeholder.name}", [f":{name}" for name in known])


def is_volatile(words: Sequence[str]) -> bool:
    """Whether the query holds a function that may give something else each time."""
    if _VOLATILE_WORDS.isdisjoint(words) and _VOLATILE_FUNCTIONS.isdisjoint(words):
        return False
    behind = [*words[1:], ""]
    return any(
        (word in _VOLATILE_WORDS or (word in _VOLATILE_FUNCTIONS and behind[index] == "("))
        and (not index or words[index - 1] != ".")
        for index, word in enumerate(words)
    )


def file_reads(tokens: Sequence[Token], words: Sequence[str]) -> list[FileRead]:
    """The table functions among the tokens that read files."""
    found: list[FileRead] = []
    if _FILE_FUNCTIONS.isdisjoint(words):
        return found
    for index in range(1, len(tokens) - 1):
        # `x glob (...)` is an operator
        called = words[index] in _FILE_FUNCTIONS and words[index + 1] == "("
        if called and tokens[index - 1].token_type in _BEFORE_RELATION:
            last = _closing(tokens, index + 1)
            patterns = _literals(tokens[index + 2 : last])
            found.append(FileRead(words[index], patterns, tokens[index].start, tokens[last].end + 1))
    return found


def _closing(tokens: Sequence[Token], opening: int) -> int:
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].token_type is TokenType.L_PAREN:
            depth += 1
        elif tokens[index].token_type is TokenType.R_PAREN:
            depth -= 1
            if not depth:
                return index
    return len(tokens) - 1


def _literals(arguments: Sequence[Token]) -> tuple[str, ...]:
    """The strings of the first argument if it is a string or a list of strings."""
    if not arguments:
        return ()
    if arguments[0].token_type is TokenType.STRING:
        alone = len(arguments) == 1 or arguments[1].token_type is TokenType.COMMA
        return (arguments[0].text,) if alone else ()
    if arguments[0].token_type is not TokenType.L_BRACKET:
        return ()
    strings: list[str] = []
    for index, token in enumerate(arguments[1:]):
        if token.token_type is TokenType.R_BRACKET:
            behind = arguments[index + 2] if index + 2 < len(arguments) else None
            return tuple(strings) if behind is None or behind.token_type is TokenType.COMMA else ()
        if token.token_type is not (TokenType.COMMA if index % 2 else TokenType.STRING):
            return ()
        if not index % 2:
            strings.append(token.text)
    return ()
