"""What sensors can learn of tables: when their rows moved last, here or in another project."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.load.cache import FOLDER
from sqlpipe.store import attempts, happenings
from sqlpipe.store.book import Book
from sqlpipe.store.door import open_book


@dataclass(frozen=True, slots=True)
class Outlook:
    """The journal of this project, and the way to those of others."""

    root: Path
    target: str
    book: Book

    def moved(self, table: str, project: str, target: str) -> tuple[str, datetime] | None:
        """The data version of a table and when it came to be, or None if its rows never moved.

        Another project is asked by its journal, which is a file in its folder; raises SP618 if there is none.
        """
        if not project:
            return _latest(self.book, table)
        path = self.root / Path(project).expanduser() / FOLDER / f"journal-{target or self.target}.db"
        if not path.is_file():
            said = f"{project} has no journal for the target `{target or self.target}`: nothing was run there yet"
            help = f"it was looked for as {path}; name another target with `target:`"
            raise SqlpipeError(Diagnostic(code="SP618", message=said, help=help))
        with closing(open_book(str(path), "")) as book:
            return _latest(book, table)


def _latest(book: Book, table: str) -> tuple[str, datetime] | None:
    found = happenings.latest(book, table.casefold())
    well = attempts.last_well(book, table.casefold())
    if found is None:
        return ("", well) if well else None
    return found.version, max(found.at, well or found.at)
