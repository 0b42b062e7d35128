"""The documentation says what is so: its pages run, its links lead somewhere, its reference is that of the code."""

from __future__ import annotations

import difflib
import re
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest

from sqlpipe.cli.main import ENTRIES, cli
from sqlpipe.domain.codes import CODES
from sqlpipe.domain.history import NodeFinished, NodeStarted, NodeWaiting, RunFinished, RunStarted, RunWaiting
from sqlpipe.domain.project import KIND_NAMES
from sqlpipe.load.checks import RULES
from sqlpipe.load.header import KEYS
from sqlpipe.load.profile_text import CONNECTION_TYPES, TARGET_TYPES
from tests.pages import Command, alike, commands, fences, rewritten, run

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md")) if not path.name.startswith("."))
REFERENCE = DOCS / "reference"
# What the code has no words for: a language that people write.
BY_HAND = ("dashboards.md",)
GUIDES = [ROOT / "README.md", DOCS / "tutorial.md", *sorted((DOCS / "how-to").glob("*.md"))]
DEMO = ("sqlpipe.yml", "profiles.yml.example", "models", "macros", "seeds", "checks", "demo", "data")

_LINK = re.compile(r"\[[^\]]*\]\((?P<to>[^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_WIDTH = 120


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# Pages that are run


def folder_for(page: Path, folder: Path) -> Path:
    """The folder in which a page begins: an empty one, a copy of the demo, or a new project."""
    if page.name == "README.md":
        return folder
    if page.name == "tutorial.md":
        for part in DEMO:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        return folder
    subprocess.run([sys.executable, "-m", "sqlpipe", "init", "-q", str(folder / "shop")], cwd=ROOT, check=True)
    return folder / "shop"


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_a_page_does_what_it_shows(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = page.read_text(encoding="utf-8")
    if request.config.getoption("--update-golden"):
        page.write_text(rewritten(text, folder_for(page, tmp_path)), encoding="utf-8", newline="\n")
        return
    done = [each for _, consoles in run(text, folder_for(page, tmp_path)) for each in consoles]
    assert done, "a guide without a command shows nothing"
    for command, real in done:
        shown, got = command.shown.splitlines(), real.splitlines()
        assert alike(command.shown, real), "\n".join([f"$ {command.typed}", *difflib.ndiff(shown, got)])


@pytest.mark.parametrize("page", GUIDES, ids=name_of)
def test_no_page_shows_a_bug(page: Path) -> None:
    shown = "".join(fence.text for fence in fences(page.read_text(encoding="utf-8")) if fence.language == "console")
    assert "Traceback" not in shown
    assert "command not found" not in shown


def test_commands_of_a_console_are_told_from_their_output() -> None:
    assert commands("$ one\n> two\nout\n> not typed\n$ three\n") == [
        Command("one\ntwo", "out\n> not typed\n"),
        Command("three", ""),
    ]


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [
        ("b  0.1s\na\n", "a\nb    12.3s\n", True),
        ("...\nb\n", "a\nb\nc\n", True),
        ("...\nd\n", "a\nb\nc\n", False),
        ("a\n", "a\na\n", False),
        ("4 rows\n", "5 rows\n", False),
    ],
)
def test_output_is_alike_but_for_times_and_order(shown: str, real: str, same: bool) -> None:
    assert alike(shown, real) is same


def test_a_page_runs_in_one_shell_and_writes_its_files(tmp_path: Path) -> None:
    page = "```sql a/b.sql\nselect 1;\n```\ntext\n```console\n$ cd a\n$ cat b.sql\nold\n$ false\n$ echo $?\n0\n```\n"
    assert rewritten(page, tmp_path).endswith("$ cd a\n$ cat b.sql\nselect 1;\n$ false\n$ echo $?\n1\n```\n")


def lines_of(text: str) -> set[str]:
    """The lines of output, times masked and blanks evened out."""
    return {re.sub(r"  +", "  ", re.sub(r"\b\d+\.\d+s", "0.0s", line.strip())) for line in text.splitlines()}


def test_what_the_readme_quotes_is_shown_by_a_guide() -> None:
    shown = lines_of("".join(page.read_text(encoding="utf-8") for page in GUIDES[1:]))
    quoted = [each for each in fences(GUIDES[0].read_text(encoding="utf-8")) if each.language == "text"]
    results = {line for each in quoted for line in lines_of(each.text) if line.startswith(("✓", "!", "warns:"))}
    assert results
    assert sorted(results - shown) == []


# Links and prose


def anchors(text: str) -> set[str]:
    """The anchors that a host of repositories gives to headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for found in _LINK.finditer(_FENCED.sub("", page.read_text(encoding="utf-8"))):
        if "://" in found["to"]:
            continue
        path, _, anchor = found["to"].partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)} links to {found['to']}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{name_of(page)} links to {found['to']}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_prose_fits_the_width(page: Path) -> None:
    prose = _FENCED.sub("", page.read_text(encoding="utf-8"))
    long = [line for line in prose.splitlines() if len(line) > _WIDTH and not line.startswith("|")]
    assert long == []


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = {(DOCS / found["to"].partition("#")[0]).resolve() for found in _LINK.finditer(index)}
    linked |= {page for folder in linked if folder.is_dir() for page in folder.glob("*.md")}
    missing = [name_of(path) for path in DOCS.rglob("*.md") if path not in linked and path != DOCS / "README.md"]
    assert missing == []


# The reference


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = util.spec_from_file_location("docs_build", DOCS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_that_of_the_code(generator: ModuleType) -> None:
    stale: list[str] = []
    for name, text in generator.pages().items():
        path = REFERENCE / name
        there = path.read_text(encoding="utf-8") if path.exists() else ""
        stale += difflib.unified_diff(there.splitlines(), text.splitlines(), f"docs/reference/{name}", "from the code")
    assert stale == [], "run `python docs/build.py`:\n" + "\n".join(stale)


def test_no_page_of_the_reference_is_left_over(generator: ModuleType) -> None:
    assert {path.name for path in REFERENCE.glob("*.md")} == {*generator.pages(), *BY_HAND}


def reference(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_every_command_and_option_is_told() -> None:
    text = reference("cli.md")
    for name in ENTRIES:
        assert f"## sqlpipe {name}\n" in text
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        for parameter in command.params:
            for spelling in (each for each in parameter.opts if each.startswith("-")):
                assert f"`{spelling}" in text, f"{name} {spelling}"


def test_every_failure_of_others_that_can_happen_has_a_test_that_it_does_not(generator: ModuleType) -> None:
    tests = generator.tests_of_the_catalogue()
    rows = {id: row for each in generator.catalogue().values() for id, row in each.items()}
    assert sorted(tests.keys() - rows.keys()) == [], "tests bear rows that are not in docs/catalogue.yml"
    assert sorted(id for id, row in rows.items() if id not in tests and not row.get("apart")) == []
    assert sorted(id for id, row in rows.items() if id in tests and row.get("apart")) == []
    known = {
        *(f"D{number}" for number in range(1, 14)), *(f"M{number}" for number in range(1, 12)), "M4b",
        *(f"Z{number}" for number in range(1, 16)), *(f"T{number}" for number in range(1, 9)),
        *(f"E{number}" for number in range(1, 12)), "F1", "F2", "F3", "C1", *(f"A{number}" for number in range(1, 5)),
        *(f"R{number}" for number in range(1, 5)),
    }  # fmt: skip
    assert rows.keys() == known


def test_a_mark_is_found_wherever_it_may_stand(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text(
        "import pytest\npytestmark = [pytest.mark.slow, pytest.mark.catalogue('A1')]\n"
        "@pytest.mark.catalogue('A2', 'A3')\nclass TestX:\n"
        "    @pytest.mark.slow\n    @pytest.mark.catalogue('A2')\n    def test_one(self): ...\n"
    )
    monkeypatch.setattr(generator, "ROOT", tmp_path)
    path = "tests/test_x.py"
    assert generator.tests_of_the_catalogue() == {
        "A1": [(path, "")],
        "A2": [(path, "TestX"), (path, "test_one")],
        "A3": [(path, "TestX")],
    }


def test_every_code_is_told() -> None:
    for code in CODES.values():
        assert f"### {code.code}: {code.title}\n" in reference("codes.md")


def test_every_key_kind_and_rule_of_a_header_is_told() -> None:
    text = reference("header.md")
    for word in (*KEYS, *KIND_NAMES.values()):
        assert f"| `{word}` |" in text, word
    for word in (*KEYS, *RULES):
        assert f"### {word}\n" in text, word


def test_every_setting_and_variable_is_told() -> None:
    text = reference("settings.md")
    for settings in (*TARGET_TYPES.values(), *CONNECTION_TYPES.values()):
        for key in settings:
            assert f"`{key}`" in text, key
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "sqlpipe").rglob("*.py"))
    # One has the process killed in tests of recovery, one is click's for completion, two begin what scripts read.
    hidden = {"SQLPIPE_KILL_AT", "SQLPIPE_COMPLETE", "SQLPIPE_VALUE_", "SQLPIPE_ALERT_"}
    for variable in set(re.findall(r"SQLPIPE_[A-Z_]+", code)) - hidden:
        assert f"`{variable}`" in text, variable


def test_every_event_is_told() -> None:
    text = reference("events.md")
    for event in (RunStarted, RunWaiting, NodeStarted, NodeWaiting, NodeFinished, RunFinished):
        assert f"## {event.__name__}\n" in text
        for name in event.__dataclass_fields__:
            assert f"`{name}`" in text
