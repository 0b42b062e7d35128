"""Parse every model of a project with sqlglot, in one process."""

from __future__ import annotations

import sys
from pathlib import Path

import sqlglot
import sqlglot.parser


def parse(folder: Path) -> int:
    """Parse all models; gives how many there were."""
    count = 0
    for path in folder.glob("models/**/*.sql"):
        sqlglot.parse_one(path.read_text(encoding="utf-8"), read="duckdb")
        count += 1
    return count


def compiled() -> bool:
    """Whether sqlglot's compiled parser is the one in use."""
    return not str(sqlglot.parser.__file__).endswith(".py")


if __name__ == "__main__":
    print(f"{parse(Path(sys.argv[1]))} files, {'compiled' if compiled() else 'pure Python'} parser")
