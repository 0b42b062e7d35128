"""What can be wrong in a piece of SQL, by offsets, before it is known where the piece stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SqlProblem:
    """Something wrong in a piece of SQL, by its offsets in the text; `code` is that of the diagnostic it becomes."""

    code: str
    message: str
    start: int
    end: int
    label: str = ""
    help: str = ""


class SqlProblems(Exception):
    """Everything that was found wrong in a piece of SQL."""

    def __init__(self, *problems: SqlProblem) -> None:
        super().__init__("; ".join(f"{each.code} {each.message}" for each in problems))
        self.problems = problems
