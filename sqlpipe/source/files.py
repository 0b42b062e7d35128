"""Files as a source: which are there, and how DuckDB reads them."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.held import FileSeen
from sqlpipe.domain.names import literal

_READERS: Mapping[str, str] = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
}


# What a reader calls the path that a row was read from; a column `filename` may well be in the file itself.
ORIGIN = "_sqlpipe_origin"
# A path is listed by now, but DuckDB would take it for a pattern once more.
_WILD = re.compile(r"[*?\[]")


def is_remote(pattern: str) -> bool:
    """Whether the pattern is an address rather than a path of this machine."""
    return "://" in pattern


def is_text(files: Iterable[FileSeen]) -> bool:
    """Whether the files are of a kind whose types are guessed from what is in them."""
    return any(_suffix(each) != ".parquet" for each in files)


def _suffix(file: FileSeen) -> str:
    return Path(file.path.removesuffix(".gz")).suffix.lower()


def list_files(root: Path, pattern: str) -> list[FileSeen]:
    """The files that match a pattern, by name; paths are relative to the project where they lie in it."""
    # Path.glob takes relative patterns only; the root is no pattern, whatever characters it has.
    found = glob.glob(pattern, root_dir=root, recursive=True)  # noqa: PTH207
    return [seen for path in sorted(found) if (seen := _look(root, root / path)) is not None]


def _look(root: Path, path: Path) -> FileSeen | None:
    try:
        stat = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SqlpipeError(
            Diagnostic(code="SP506", message=f"{path} cannot be read: {error.strerror}", notes=("nothing was loaded",))
        ) from error
    if not path.is_file():
        return None
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    return FileSeen(name, stat.st_size, stat.st_mtime_ns)


def new_or_changed(present: Iterable[FileSeen], seen: Mapping[str, FileSeen]) -> list[FileSeen]:
    """The files that were not read before, or differ in size or modification time from when they were."""
    return [each for each in present if seen.get(each.path) != each]


def reader(root: Path, files: Sequence[FileSeen], *, lineage: bool, texts: Sequence[str] = ()) -> str:
    """The table function that reads the files; with `lineage` the column ORIGIN says which file a row is from.

    `texts` are columns of CSV files that are text whatever their values look like. Raises SP506 when the kind of
    file is not known.
    """
    suffixes = {_suffix(each) for each in files}
    functions = {_READERS.get(suffix) for suffix in suffixes}
    function = functions.pop() if len(functions) == 1 else None
    if function is None:
        raise SqlpipeError(
            Diagnostic(
                code="SP506",
                message=f"cannot tell how to read files that end in {', '.join(sorted(suffixes))} together",
                help=f"one ingest reads files of one kind: {', '.join(_READERS)}",
            )
        )
    paths = ", ".join(literal(_WILD.sub(r"[\g<0>]", str(root / each.path))) for each in files)
    options = ["union_by_name = true"]
    if lineage:
        options.append(f"filename = {literal(ORIGIN)}")
    if texts and function == "read_csv":
        types = ", ".join(f"{literal(each)}: 'VARCHAR'" for each in texts)
        options.append(f"types = {{{types}}}")
    return f"{function}([{paths}], {', '.join(options)})"


def refuse_changed(root: Path, files: Iterable[FileSeen]) -> None:
    """Raise SP506 if a file is not as it was when it was listed, which means that it changed while it was read."""
    changed = [each.path for each in files if _look(root, root / each.path) != each]
    if changed:
        raise SqlpipeError(
            Diagnostic(
                code="SP506",
                message=f"{changed[0]} changed while it was read"
                + (f" (and {len(changed) - 1} more)" if changed[1:] else ""),
                notes=("nothing was loaded",),
                help="run again; let files land under another name and rename them when they are complete",
            )
        )
