"""The project of the soak: the flights of one month, what delivers them, and tasks that go wrong now and then."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from demo.source import make_database
from tests.soak.timetable import BEGIN, Line

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("models", "macros", "seeds", "checks")
SETTINGS = """
name: flights
defaults:
  models/raw: {tags: [raw]}
  models/staging: {tags: [staging]}
  models/marts: {tags: [mart]}
"""
NO_JUNK = shutil.ignore_patterns("__pycache__")

# One try in so many of a task with luck goes wrong, by what is the same for each repetition of the month.
LUCK = """
luck() {
  [ -e calm ] && return 0
  number=$(printf %s "$SQLPIPE_NODE $SQLPIPE_END $SQLPIPE_ATTEMPT" | cksum | cut -d" " -f1)
  [ $((number % $1)) -ne 0 ] || { echo "out of luck" >&2; exit 1; }
}
"""
# What has been delivered stays as it is; half a file is never seen.
LAND = f"""{LUCK}
luck 9
day="${{SQLPIPE_END%%T*}}"
for topic in flights weather; do
  mkdir -p landing/$topic
  for file in store/$topic/*.parquet; do
    name="${{file##*/}}"
    [ -z "$day" ] || [ "${{name%.parquet}}" \\< "$day" ] || break
    [ -e "landing/$topic/$name" ] && continue
    scratch="landing/$topic/.$name.$SQLPIPE_RUN"
    cp "$file" "$scratch" && mv "$scratch" "landing/$topic/$name"
  done
done
"""
_MOVABLE = "dep_delay < 200 and dep_time % 100 between 1 and 58"
STAMP = 'echo "{{ run.pipeline }} $SQLPIPE_START $SQLPIPE_END" >> stamps.txt'
ODD = "tags: odd\n"


def tasks(port: int) -> dict[str, str]:
    """The files in `tasks/`."""
    found = {
        "land": f"bash: |\n{_indented(LAND)}\nretries: 3\nbefore: [raw.flights, raw.weather]\n",
        "flaky": f"bash: |\n{_indented(LUCK + 'luck 3')}\nretries: 1\n",
        "stamp": f"bash: |\n{_indented(LUCK + 'luck 7')}\n  {STAMP}\nretries: 2\n",
        "stamp_kolkata": f"bash: |\n  {STAMP}\n",
        "slow": "bash: sleep 0.4\n",
        "slower": "bash: sleep $(( $$ % 3 ))\ntimeout: 12h\n",
        "arrival": "sensor: {file: arrivals/*.txt}\ninterval: 10m\ntimeout: 1d\non_timeout: skip\n",
        "take": "bash: rm -f arrivals/*.txt\nafter: [tasks.arrival]\n",
        "ask": f"http: http://127.0.0.1:{port}/ask\neffects: none\nretries: 3\n",
        "asked": "sql: create or replace table odd_answers as select current_timestamp as at\nafter: [tasks.ask]\n",
        "tell": "bash: echo told >> told.txt\n",
        "fan": "bash: echo {{ item }}\nfor_each: '[1, 2, 3, 4]'\nparallel: 2\npool: few\n",
        "count": "python: tasks/_counting.py:count\n",
        "counted": "bash: echo {{ facts.count.number }}\nif: facts.count.number > 0\n",
        "launch": "run: launched\n",
        **dict.fromkeys(("quick", "quick_too", "quick_three", "quick_four", "quick_five"), "bash: 'true'\n"),
    }
    files = {f"tasks/{name}.yml": text + ("" if name == "land" else ODD) for name, text in found.items()}
    return files | {"tasks/_counting.py": "def count() -> dict[str, int]:\n    return {'number': 1}\n"}


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip("\n").split("\n"))


@dataclass
class Estate:
    """The folder of the project."""

    folder: Path
    end: datetime

    @property
    def journal(self) -> Path:
        return self.folder / ".sqlpipe" / "journal-dev.db"

    @property
    def warehouse(self) -> Path:
        return self.folder / "flights.duckdb"

    def lay_out(self, lines: Iterable[Line], port: int) -> None:
        """Write the project, and what is going to be delivered into `store/`."""
        self.folder.mkdir(parents=True)
        copy_project(ROOT, self.folder)
        self.write("profiles.yml", (ROOT / "profiles.yml.example").read_text(encoding="utf-8"))
        self.schedule(lines)
        for path, text in tasks(port).items():
            self.write(path, text)
        (self.folder / "arrivals").mkdir()
        (self.folder / "landing").mkdir()
        with duckdb.connect(config={"threads": 1}) as connection:
            make_database(connection, ROOT / "data", self.folder / "landing" / "airports.db")
            for topic in ("flights", "weather"):
                self._store(connection, topic)

    def _store(self, connection: duckdb.DuckDBPyConnection, topic: str) -> None:
        folder = self.folder / "store" / topic
        folder.mkdir(parents=True)
        day, last = BEGIN.date(), min(self.end.date() - timedelta(days=1), date(2013, 12, 31))
        while day <= last:
            relation = connection.read_parquet(str(ROOT / "data" / f"{topic}.parquet"))
            relation.filter(f"make_date(year, month, day) = '{day}'").write_parquet(str(folder / f"{day}.parquet"))
            day += timedelta(days=1)
        # The first day is there from the beginning.
        (self.folder / "landing" / topic).mkdir()
        shutil.copy(folder / f"{BEGIN.date()}.parquet", self.folder / "landing" / topic)

    def schedule(self, lines: Iterable[Line]) -> None:
        """Write the settings with these pipelines."""
        pipelines = "".join(each.text(self.end) for each in lines)
        self.write("sqlpipe.yml", f"{SETTINGS}pools: {{few: 3}}\npipelines:\n{pipelines}")

    def write(self, path: str, text: str) -> None:
        """Write a file, all at once."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_name(f".{file.name}.new")
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(file)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def retrofit(self, plane: str) -> None:
        """Change a row of the database that planes come from."""
        with closing(sqlite3.connect(self.folder / "landing" / "airports.db")) as database, database:
            database.execute("update planes set seats = seats % 400 + 1 where tailnum = ?", (plane,))

    def correct(self, day: date) -> None:
        """Deliver a day again that had been delivered, with other delays."""
        file = self.folder / "landing" / "flights" / f"{day}.parquet"
        scratch = file.with_name(f".{day}.corrected")
        with duckdb.connect(config={"threads": 1}) as connection:
            found = connection.read_parquet(str(file))
            changed = found.project(
                f"* replace (if({_MOVABLE}, dep_delay + 1, dep_delay) as dep_delay,"
                f" if({_MOVABLE}, dep_time + 1, dep_time) as dep_time)"
            )
            changed.write_parquet(str(scratch))
        scratch.replace(file)


def copy_project(source: Path, target: Path) -> None:
    """Copy what the flights project builds its tables of."""
    for part in PARTS:
        shutil.copytree(source / part, target / part, ignore=NO_JUNK)
