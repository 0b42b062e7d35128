"""Measure sqlpipe and its floors, print the table, and keep the figures under `benchmarks/results`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.cases import CASES, SQLPIPE, Session
from benchmarks.measure import CommandFailed
from benchmarks.report import Report, as_markdown, as_text, write_json

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Measure from the command line; gives 1 if a command failed, whatever the figures are."""
    arguments = _arguments()
    models, rows = (100, 200_000) if arguments.quick else (arguments.models, arguments.rows)
    measured = []
    with tempfile.TemporaryDirectory(prefix="sqlpipe-bench-", dir=arguments.folder) as folder:
        session = Session(Path(folder).resolve(), models, rows, 1 if arguments.quick else arguments.repeat)
        for name in arguments.only or CASES:
            print(f"measuring {name}", file=sys.stderr)
            try:
                measured += CASES[name](session)
            except CommandFailed as failure:
                print(failure, file=sys.stderr)
                return 1
    report = Report(models, rows, session.repeat, measured)
    print(as_text(report))
    stem = "kept" if arguments.keep else f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}"
    write_json(report, RESULTS / f"{stem}.json")
    (RESULTS / f"{stem}.md").write_text(as_markdown(report), encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--models", type=int, default=1000, help="models in the synthetic project (1000)")
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows in the first file of the ingest (10000000)")
    parser.add_argument("--repeat", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--quick", action="store_true", help="100 models, 200000 rows, once: does it run at all?")
    parser.add_argument("--only", nargs="+", choices=CASES, metavar="CASE", help=f"some of {', '.join(CASES)}")
    parser.add_argument("--folder", type=Path, help="where to work (the system's folder for temporary files)")
    parser.add_argument("--keep", action="store_true", help="write `results/kept.*`, which is under version control")
    if not Path(SQLPIPE).exists():
        parser.error(f"sqlpipe is not installed in this environment: there is no {SQLPIPE}")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
