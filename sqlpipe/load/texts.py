"""The texts of a project's files, read once and hashed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

from sqlpipe.domain.diagnostic import Diagnostic, Place, Span, place_of, span_of
from sqlpipe.load.complaints import TOP


@dataclass(slots=True)
class Texts:
    """Texts and hashes of files by path relative to the project, and what was wrong with reading them."""

    root: Path
    found: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    complaints: list[Diagnostic] = field(default_factory=list)

    def read(self, path: str) -> str | None:
        """The text of a file, which must be UTF-8; None after a complaint."""
        content = self._content(path)
        text = None if content is None else self._decoded(path, content)
        if text is not None:
            self.found[path] = text
        return text

    def inspect(self, path: str) -> bool:
        """Whether the data of a seed can be read as far as its file goes; only its hash is kept."""
        content = self._content(path)
        if content is None:
            return False
        if not content.strip():
            self._complain("the seed is empty", path, help="give it a line with the names of its columns")
            return False
        return path.lower().endswith(".parquet") or self._decoded(path, content) is not None

    def digest(self, path: str) -> str:
        """The hash of a file; empty if it cannot be read, which is the same as not being there."""
        if path not in self.digests:
            try:
                self.digests[path] = blake2b((self.root / path).read_bytes(), digest_size=16).hexdigest()
            except OSError:
                self.digests[path] = ""
        return self.digests[path]

    def _content(self, path: str) -> bytes | None:
        try:
            # `open` on a string is noticeably faster than a Path when there are a thousand files.
            with open(f"{self.root}/{path}", "rb") as file:  # noqa: PTH123
                content = file.read()
        except OSError as error:
            self._complain(f"cannot be read: {(error.strerror or str(error)).lower()}", path)
            return None
        self.digests[path] = blake2b(content, digest_size=16).hexdigest()
        return content

    def _decoded(self, path: str, content: bytes) -> str | None:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            bad = error.start + (3 if content.startswith(b"\xef\xbb\xbf") else 0)
            line_start = content.rfind(b"\n", 0, bad) + 1
            column = len(content[line_start:bad].decode("utf-8-sig", "replace")) + 1
            place = Place(content.count(b"\n", 0, bad) + 1, column)
            self._complain("the file is not UTF-8", path, place, "save it in the encoding UTF-8")
            return None
        if "\0" in text:
            place = place_of(text, text.index("\0"))
            self._complain("the file has a zero byte in it", path, place, "save it as text in the encoding UTF-8")
            return None
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    def _complain(self, message: str, path: str, place: Place = TOP, help: str = "") -> None:
        self.complaints.append(Diagnostic(code="SP113", message=message, span=Span(path, place), help=help))


def with_lines(root: Path, diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic with the lines of the file of the project that it points at, where it came without them."""
    span = diagnostic.span
    if span is None or span.context:
        return diagnostic
    try:
        text = (root / span.file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return diagnostic
    return replace(diagnostic, span=span_of(span.file, text, span.place))
