"""Python nodes: a function of the project called with the tables that its parameters name."""

from __future__ import annotations

import importlib.util
import sys
import threading
import traceback
from pathlib import Path
from types import ModuleType

from sqlpipe.domain.diagnostic import Diagnostic, Place, SqlpipeError, span_of
from sqlpipe.domain.project import Python
from sqlpipe.engine.contract import NoTable, Session
from sqlpipe.run.blame import source_text
from sqlpipe.run.job import Job

_importing = threading.Lock()


def call(job: Job, session: Session) -> None:
    """Call the node's function and stage what it returns under the job's name for it.

    Each parameter is a lazy relation over the node that it names. Raises SP511 with the line of the file that failed.
    """
    kind, node = job.node.kind, job.node
    assert isinstance(kind, Python)
    try:
        function = getattr(_module(job.root, node.path), kind.function)
        arguments = {
            parameter: session.relation(f"select * from {job.graph.nodes[key].name.quoted}")
            for parameter, key in kind.inputs
        }
        result = function(**arguments)
    except SqlpipeError:
        raise
    except (Exception, SystemExit) as error:
        raise SqlpipeError(_failed(job, error)) from error
    if result is None:
        raise SqlpipeError(
            Diagnostic(
                code="SP511",
                message=f"{node.name}: `{kind.function}` returned nothing",
                help="return an Arrow table, a dataframe or a DuckDB relation",
            )
        )
    try:
        session.stage(job.staged, result)
    except NoTable as error:
        raise SqlpipeError(
            Diagnostic(
                code="SP511",
                message=f"{node.name}: `{kind.function}` returned {_a(type(result).__name__)}, which is not a table",
                help="return an Arrow table, a dataframe or a DuckDB relation",
            )
        ) from error


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _module(root: Path, path: str) -> ModuleType:
    """Import the file afresh; modules of the project can be imported by it."""
    with _importing:
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        name = "sqlpipe_node_" + path.removesuffix(".py").replace("/", "_").replace("-", "_")
        spec = importlib.util.spec_from_file_location(name, root / path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module


def _failed(job: Job, error: BaseException) -> Diagnostic:
    path = job.root / job.node.path
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    line = frames[-1].lineno if frames else getattr(error, "lineno", None)
    text = source_text(path)
    span = None
    if line:
        source = text.split("\n")[line - 1]
        place = Place(line, len(source) - len(source.lstrip()) + 1, max(1, len(source.strip())))
        span = span_of(job.node.path, text, place)
    return Diagnostic(
        code="SP511",
        message=f"{job.node.name} failed: {type(error).__name__}: {error}",
        span=span,
        notes=("the live table was left as it was",) if job.exists else (),
    )
