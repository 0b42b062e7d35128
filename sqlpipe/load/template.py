"""Jinja in SQL: rendered with the project's variables and macros, and with the way back to the source."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jinja2
from jinja2 import nodes

from sqlpipe.domain.diagnostic import Place, did_you_mean
from sqlpipe.domain.names import quote
from sqlpipe.load.complaints import Complaints
from sqlpipe.load.marking import line_marks, mark_source, read_marks
from sqlpipe.load.positions import Body, Mark


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered body, the way back to its source, and the environment variables it was made with."""

    text: str
    marks: tuple[Mark, ...]
    environment: tuple[str, ...]


class _Missing(Exception):
    """A name that a template asked for and that is not there."""

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message)
        self.code, self.message, self.help = code, message, help


class Templates:
    """Renders the SQL of one project; `macros` are the texts of its macro files by path."""

    def __init__(self, macros: Mapping[str, str], variables: Mapping[str, object], environ: Mapping[str, str]) -> None:
        self._macros = macros
        self._variables = variables
        self._environ = environ
        self._asked: set[str] = set()
        self._texts: dict[str, str] = dict(macros)
        self._jinja = jinja2.Environment(
            loader=jinja2.FunctionLoader(self._source),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701  the output is SQL
            cache_size=0,
        )
        self._jinja.globals |= {"var": self._var, "env_var": self._env_var, "ref": _ref, "source": _source}
        self._jinja.globals |= {"config": _config}
        self._ready = False

    def _source(self, name: str) -> tuple[str, str, Callable[[], bool]]:
        if name not in self._texts:
            raise jinja2.TemplateNotFound(name)
        return self._texts[name], name, lambda: True

    def render(self, path: str, body: str, line: int, complaints: Complaints) -> Rendered | None:
        """Render a body that begins at `line` of its file; None after a complaint."""
        self._asked.clear()
        try:
            self._load_macros()
            text = self._rendered(path, body)
            unmarked, marks = read_marks(self._rendered(path, mark_source(body, line)))
        except Exception as error:  # noqa: BLE001  a template can raise whatever its expressions raise
            self._complain(error, path, line, complaints)
            return None
        if unmarked != text or not marks:
            marks = line_marks(text, Body(unmarked, line, marks).lines(), body, line)
        return Rendered(text, marks, tuple(sorted(self._asked)))

    def _rendered(self, path: str, body: str) -> str:
        self._texts[path] = body
        return self._jinja.get_template(path).render()

    def _load_macros(self) -> None:
        """Make every macro known under its name before any is loaded, so that they may call each other."""
        if self._ready:
            return
        loaded: dict[str, Any] = {}
        for path, text in self._macros.items():
            for macro in self._jinja.parse(text, filename=path).find_all(nodes.Macro):
                if macro.name in self._jinja.globals and macro.name in loaded:
                    said = f"the macro `{macro.name}` is defined in {loaded[macro.name]} and in {path}"
                    raise _Missing("SP110", said, "rename one of them")
                loaded[macro.name] = path
                self._jinja.globals[macro.name] = self._macro(macro.name, path)
        self._ready = True

    def _macro(self, name: str, path: str) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            return getattr(self._jinja.get_template(path).module, name)(*args, **options)

        return call

    def _var(self, name: str, *default: object) -> object:
        if name in self._variables:
            return self._variables[name]
        if default:
            return default[0]
        help = did_you_mean(name, self._variables) or "set it under `vars:` in sqlpipe.yml"
        raise _Missing("SP110", f"the variable `{name}` is not set", help)

    def _env_var(self, name: str, *default: str) -> str:
        self._asked.add(name)
        if name in self._environ:
            return self._environ[name]
        if default:
            return default[0]
        raise _Missing("SP109", f"the environment variable `{name}` is not set", "set it in the shell or in .env")

    def _complain(self, error: Exception, path: str, line: int, complaints: Complaints) -> None:
        file, number = _origin(error, self._texts, path)
        text = complaints.text
        notes: tuple[str, ...] = ()
        if file == path:
            number += line - 1
        else:
            text = self._texts[file]
            caller = _origin(error, {path: ""}, "")
            notes = (f"rendered for {path}, line {caller[1] + line - 1}",) if caller[0] else ()
        said = (text.split("\n")[number - 1 :] or [""])[0]
        place = Place(number, len(said) - len(said.lstrip()) + 1, max(1, len(said.strip())))
        there = Complaints(file, text)
        if isinstance(error, _Missing):
            there.add(error.code, error.message, place, help=error.help, notes=notes)
        else:
            message = re.sub(r"\s+", " ", str(error)).rstrip(".") or type(error).__name__
            help = "a name has to be a macro, or set in this file; see also `var('…')`" if _is_undefined(error) else ""
            there.add("SP110", f"template: {message}", place, help=help, notes=notes)
        complaints.found += there.found


def _is_undefined(error: Exception) -> bool:
    return isinstance(error, jinja2.UndefinedError)


def _origin(error: Exception, texts: Mapping[str, str], otherwise: str) -> tuple[str, int]:
    """The innermost file of the project in which the error came up, and the line there."""
    if isinstance(error, jinja2.TemplateSyntaxError) and (error.filename or error.name) in texts:
        return error.filename or error.name or otherwise, error.lineno
    found = otherwise, 1
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in texts:
            found = trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    return found


def _ref(*names: str) -> str:
    """`ref('x')` and `ref('package', 'x')`, as dbt writes them: the name of a model."""
    return _identifier(names[-1])


def _source(schema: str, table: str) -> str:
    return f"{_identifier(schema)}.{_identifier(table)}"


def _config(*_args: object, **_options: object) -> str:
    raise _Missing("SP110", "`config()` belongs to dbt", "write the settings in a header: `/* sqlpipe … */`")


def _identifier(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else quote(name)
