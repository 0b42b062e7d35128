"""The canonical form of a query: what stays when white space, comments and the letter case of keywords do not count."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

# The keywords of DuckDB (`duckdb_keywords()`) that a query can hold. A word that the tree takes for a name is never
# looked up here, so that words which are keywords only in places (`over`, `rows`, `day`) can be listed too.
_KEYWORDS = frozenset(
    """
    all analyse analyze and anti any array as asc asof asymmetric at between bigint boolean both by case cast char
    coalesce collate columns cross cube current day days dec decade decades decimal desc describe distinct else end
    escape except exclude exists extract false fetch filter first float following for from full generated glob group
    grouping grouping_id groups having hour hours ignore ilike in inner int integer intersect interval into is
    isnull join lambda last lateral leading left like limit map materialized microsecond microseconds millisecond
    milliseconds minute minutes month months natural no not notnull null nullif nulls numeric of offset on only or
    order ordinality others outer over overlaps overlay partition percent pivot pivot_longer pivot_wider placing
    position positional preceding precision qualify quarter quarters range real recursive rename repeatable replace
    respect right rollup row rows sample second seconds select semi sets show similar smallint some struct substring
    summarize symmetric table tablesample then ties time timestamp to trailing trim true try_cast unbounded union
    unpivot using values varchar varying week weeks when where window with within without year years zone
    """.split()  # noqa: SIM905  words read better without quotes
)


def digest(text: str, tokens: Sequence[Token], words: Sequence[str], names: set[int]) -> str:
    """Hash the tokens of a query; `words` are they in lower case, `names` the offsets at which identifiers begin."""
    parts: list[str] = []
    for token, word, behind in zip(tokens, words, [*words[1:], ""], strict=True):
        start = token.start
        if word in _KEYWORDS:
            # the tree does not tell where the keys of `{year: 1}` stand
            named = start in names or behind in {":", ":="}
            parts.append(text[start : token.end + 1] if named else word)
        elif " " in token.text and _KEYWORDS.issuperset(several := word.split()):
            # `group  by` is one token; what is quoted is never found here, since it holds its quotes
            parts += several
        else:
            parts.append(text[start : token.end + 1])
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
