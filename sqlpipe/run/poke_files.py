"""Whether the files that a sensor waits for are there, and complete."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TypeGuard

from sqlpipe.domain.diagnostic import Diagnostic, SqlpipeError
from sqlpipe.domain.held import FileSeen
from sqlpipe.domain.task import FileThere
from sqlpipe.engine.contract import QueryError, Session
from sqlpipe.load.late import Quoting, render
from sqlpipe.run.turn import Poked, Turn
from sqlpipe.source.files import is_remote, list_files

_MOST_PATHS = 1000
_SECOND = 1_000_000_000


def look_for_files(condition: FileThere, turn: Turn, waited: Mapping[str, object], now: datetime) -> Poked:
    """Met when files match, and have been the same, in paths, sizes and times, for `stable` seconds.

    At first sight the times of the files are believed, so that old files are taken at once; later on only what was
    seen between two pokes.
    """
    pattern = render(condition.pattern, turn.values, Quoting.PLAIN).text
    files = _remote(turn.session, pattern) if is_remote(pattern) else _local(turn.root, pattern)
    if not files:
        return Poked(met=False, detail=_nothing(turn.root, pattern))
    digest = _digest(files)
    stable = timedelta(seconds=condition.stable)
    since = now
    if waited.get("digest") == digest:
        since = datetime.fromisoformat(str(waited["since"]))
    elif "digest" not in waited:
        # Of files that were seen to change meanwhile the times are not believed: clocks of servers differ.
        since = min(now, _written(files, now))
    if since <= now - stable:
        return Poked(met=True, facts=_facts(files, digest), detail=_told(files))
    remembered = {"digest": digest, "since": since.isoformat(), "due": (since + stable).isoformat()}
    return Poked(met=False, waited=remembered, detail=f"{_told(files)}, not yet the same for {condition.stable:g} s")


def _local(root: Path, pattern: str) -> list[FileSeen]:
    found = list_files(root, pattern)
    if not found:
        _refuse_unreadable(root / _folder(pattern))
    return found


def _folder(pattern: str) -> str:
    """The part of a pattern before its first wild card: the folder in which is looked."""
    parts: list[str] = []
    for each in PurePosixPath(Path(pattern).as_posix()).parts[:-1]:
        if any(wild in each for wild in "*?["):
            break
        parts.append(each)
    return PurePosixPath(*parts).as_posix()


def _refuse_unreadable(folder: Path) -> None:
    """Raise an OSError if the folder cannot be looked into; a pattern takes that for a folder without files."""
    try:
        with os.scandir(folder):
            pass
    except FileNotFoundError:
        return


def _nothing(root: Path, pattern: str) -> str:
    if is_remote(pattern) or (root / _folder(pattern)).is_dir():
        return f"no file matches {pattern}"
    return f"no file matches {pattern}: the folder {_folder(pattern)} is not there"


def _remote(session: Session | None, pattern: str) -> list[FileSeen]:
    """The files at an address, asked for through the database, which knows their kinds of store and its secrets."""
    if session is None:
        said = f"{pattern} can only be looked for through a database"
        raise SqlpipeError(Diagnostic(code="SP618", message=said, help="let the sensor run on a target"))
    # Without wild cards an address may be listed without being looked for; then reading its size says so.
    if not session.query("select file from glob(?) limit 1", [pattern]):
        return []
    try:
        rows = session.query("select filename, size, last_modified from read_blob(?) order by 1", [pattern])
    except QueryError as error:
        if _is_missing(error):
            return []
        raise
    return [FileSeen(path, size or 0, _nanoseconds(modified)) for path, size, modified in rows]


def _is_missing(error: QueryError) -> bool:
    said = " ".join(each.message for each in error.diagnostics).casefold()
    return "404" in said or "no files found" in said


def _nanoseconds(moment: object) -> int:
    if not _is_moment(moment):
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * _SECOND)


def _is_moment(value: object) -> TypeGuard[datetime]:
    return isinstance(value, datetime)


def _digest(files: Sequence[FileSeen]) -> str:
    told = "\n".join(f"{each.path}\t{each.size}\t{each.modified}" for each in files)
    return sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _written(files: Sequence[FileSeen], now: datetime) -> datetime:
    """When the newest of the files was written to; now, where a store does not tell."""
    if not all(each.modified for each in files):
        return now
    return datetime.fromtimestamp(max(each.modified for each in files) / _SECOND, UTC)


def _facts(files: Sequence[FileSeen], digest: str) -> dict[str, object]:
    """What is known of the files: of the newest its path, size and time, of all their paths (a thousand at most)."""
    newest = max(files, key=lambda each: (each.modified, each.path))
    return {
        "path": newest.path,
        "size": newest.size,
        "modified": datetime.fromtimestamp(newest.modified / _SECOND, UTC).isoformat(),
        "count": len(files),
        "paths": [each.path for each in files[:_MOST_PATHS]],
        "digest": digest,
    }


def _told(files: Sequence[FileSeen]) -> str:
    return files[0].path if len(files) == 1 else f"{len(files)} files"
