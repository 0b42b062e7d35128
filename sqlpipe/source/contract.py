"""What a database must be able to do for rows to be read from it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

SPECIMEN = "_sqlpipe_specimen"
"""The column that tells the first row of a stream, which is there to show the types, from the others."""


class Reader(Protocol):
    """A connection that queries are sent to; rows come back as a stream of Arrow batches."""

    def read(self, query: str) -> AbstractContextManager[object]:
        """Run a query; the stream is valid inside the `with` block. All of it is from one moment.

        The stream begins with a row that is not the source's: a specimen of every type, 1 in the column SPECIMEN.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
