"""Child processes: what they say is heard, and they end with all that they have started when they are to."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from sqlpipe.domain.task import Bash, Mishap
from sqlpipe.engine.contract import Interrupted
from sqlpipe.load import secret
from sqlpipe.run.log import AttemptLog, read_log
from sqlpipe.run.process import Command, Exited, Lines, born, run_process
from sqlpipe.run.turn import Mischance
from tests.run.turns import Stage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts for a POSIX shell")


def run(stage: Stage, script: str, *, grace: float = 5) -> Exited:
    command = Command(["bash", "-c", script], stage.root, {})
    return run_process(command, stage.turn(Bash(script)), grace=grace)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(file: Path, seconds: float = 5) -> bool:
    pid, until = int(file.read_text()), time.monotonic() + seconds
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_lines_codes_and_signals(stage: Stage) -> None:
    exited = run(stage, "echo a; echo b >&2; printf c; exit 3")
    assert exited == Exited(3, last=("b",))
    assert stage.log.of("stdout") == ["a", "c"]
    assert stage.log.of("stderr") == ["b"]
    killed = run(stage, "kill -SEGV $$")
    assert (killed.signal, killed.how, killed.well) == ("SIGSEGV", "killed by SIGSEGV", False)


def test_the_process_is_noted_with_the_time_of_its_birth(stage: Stage) -> None:
    run(stage, "echo $$; cut -d' ' -f22 /proc/$$/stat")
    assert stage.processes == [":".join(stage.log.of("stdout"))]
    assert born(os.getpid()) > 0
    assert born(2**22 + 1) == 0


def test_it_reads_nothing_and_knows_its_attempt(stage: Stage) -> None:
    stage.environ["SQLPIPE_ATTEMPT"] = "2"
    run(stage, 'cat; echo "$SQLPIPE_ATTEMPT"')
    assert stage.log.of("stdout") == ["2"]


@pytest.mark.catalogue("C1")
def test_a_stopped_process_takes_its_children_with_it(stage: Stage) -> None:
    script = "sleep 60 & echo $! > child; (sleep 60 & echo $! > grandchild; wait) & wait"
    with stage.stopped_after(0.5):
        began = time.monotonic()
        exited = run(stage, script)
    assert exited.stopped
    assert time.monotonic() - began < 4
    assert gone(stage.root / "child")
    assert gone(stage.root / "grandchild")


def test_who_ignores_sigterm_is_killed_after_the_grace(stage: Stage) -> None:
    with stage.stopped_after(0.5, Mishap.TIMEOUT):
        exited = run(stage, "trap '' TERM; echo $$ > child; while true; do sleep 0.1; done", grace=0.5)
    assert (exited.signal, exited.stopped) == ("SIGKILL", True)
    assert gone(stage.root / "child")


def test_a_child_that_ignores_sigterm_dies_when_its_parent_has_obeyed(stage: Stage) -> None:
    script = "(trap '' TERM; echo $BASHPID > child; while true; do sleep 0.1; done) & wait"
    with stage.stopped_after(0.5):
        run(stage, script)
    assert gone(stage.root / "child")


def test_who_tidies_up_on_sigterm_has_the_time_for_it(stage: Stage) -> None:
    with stage.stopped_after(0.5):
        exited = run(stage, "trap 'sleep 0.3; echo tidy; exit 0' TERM; while true; do sleep 0.05; done")
    assert stage.log.of("stdout") == ["tidy"]
    assert exited.stopped
    assert not exited.well


def test_nothing_is_started_after_the_wish_to_stop(stage: Stage) -> None:
    stage.stopper.stop()
    assert run(stage, "touch there").stopped
    assert not (stage.root / "there").exists()


def test_one_who_keeps_the_pipe_open_does_not_hold_us_up(stage: Stage) -> None:
    began = time.monotonic()
    exited = run(stage, "sleep 30 & echo $! > child; echo done")
    assert exited.well
    assert time.monotonic() - began < 5
    assert stage.log.of("stdout") == ["done"]
    # It was not stopped, so what it has started on purpose lives on.
    child = int((stage.root / "child").read_text())
    assert alive(child)
    os.kill(child, 9)


def test_what_is_written_soon_after_the_end_is_heard(stage: Stage) -> None:
    run(stage, "(sleep 0.3; echo late) & echo done")
    assert stage.log.of("stdout") == ["done", "late"]


def test_a_log_that_fails_does_not_leave_the_process_waiting(stage: Stage) -> None:
    def hear(_stream: str, _text: str) -> None:
        raise RuntimeError("no log")

    command = Command(["bash", "-c", "head -c 1000000 /dev/zero | tr '\\0' '\\n'"], stage.root, {})
    with pytest.raises(RuntimeError, match="no log"):
        run_process(command, stage.turn(Bash("")), hear=hear)


def heard(*pieces: bytes) -> list[str]:
    found: list[str] = []
    lines = Lines(found.append)
    for each in pieces:
        lines.feed(each)
    lines.end()
    return found


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([b"a\nb"], ["a", "b"]),
        ([b"a\r", b"\nb\r\n"], ["a", "b"]),
        ([b"10%\r20%\r", b"30%\n"], ["10%", "20%", "30%"]),
        ([b"a\n\nb\n"], ["a", "", "b"]),
        ([b"\xc3", b"\xa9\n"], ["é"]),
        ([b"a\xff\xfeb\n"], ["a��b"]),
        ([b"\xc3"], ["�"]),
        ([b"a\r"], ["a"]),
        ([], []),
    ],
)
def test_lines(pieces: list[bytes], lines: list[str]) -> None:
    assert heard(*pieces) == lines


def test_long_lines_are_cut_and_nothing_is_lost() -> None:
    text = "".join(chr(97 + number % 26) for number in range(100_000))
    for pieces in ([text.encode()], [text.encode()[at : at + 999] for at in range(0, len(text), 999)]):
        found = heard(*pieces)
        assert "".join(found) == text
        assert max(map(len, found)) == 16 * 1024


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(secret, "_given", set())
    secret.keep_secret(["correct-horse-battery"])
    return "correct-horse-battery"


@pytest.mark.parametrize("before", range(16 * 1024 - 22, 16 * 1024 + 2))
def test_a_cut_never_goes_through_a_secret(before: int, password: str) -> None:
    line = b"x" * before + password.encode() + b"y" * 40_000
    for size in (len(line), 4096, 1013):
        shown = "".join(map(secret.hide, heard(*(line[at : at + size] for at in range(0, len(line), size)))))
        assert shown == "x" * before + secret.MASK + "y" * 40_000


def test_a_secret_reaches_neither_the_log_nor_the_complaint(stage: Stage, password: str) -> None:
    path = stage.root / "1.jsonl"
    script = f"echo {password}; printf 'correct-horse' >&2; sleep 0.1; echo '-battery' >&2; exit 1"
    with AttemptLog(path, secret.hide) as log:
        stage.log = log  # type: ignore[assignment]
        with pytest.raises(Mischance) as raised:
            stage.perform(Bash(script))
    assert password not in path.read_text()
    assert sorted(str(line["text"]) for _, line in read_log(path)) == [secret.MASK] * 2
    assert raised.value.diagnostics[0].notes == (secret.MASK,)
    assert password not in str(raised.value)


def test_a_key_of_many_lines_is_hidden_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "_given", set())
    secret.keep_secret(["MIIEvQIBADANBgkqhkiG\nw0BAQEFAASCBKcwggSj\n==\n"])
    found = [secret.hide(each) for each in heard(b"MIIEvQIBADANBgkqhkiG\nw0BAQEFAASCBKcwggSj\n==\n")]
    assert found == [secret.MASK, secret.MASK, "=="]


@pytest.mark.catalogue("Z8")
def test_much_that_is_said_is_bounded_and_holds_nobody_up(stage: Stage) -> None:
    path = stage.root / "1.jsonl"
    began = time.monotonic()
    with AttemptLog(path, secret.hide) as log:
        stage.log = log  # type: ignore[assignment]
        stage.perform(Bash("head -c 20000000 /dev/zero | tr '\\0' x | fold -w 100; echo; echo the end"))
    assert time.monotonic() - began < 30
    assert path.stat().st_size <= 5 * 1024 * 1024 + 1000
    lines = [line for _, line in read_log(path)]
    assert lines[-1]["text"] == "the end"
    assert any(isinstance(line.get("left_out"), int) for line in lines)


def test_bytes_that_are_no_text_are_heard(stage: Stage) -> None:
    path = stage.root / "1.jsonl"
    with AttemptLog(path, secret.hide) as log:
        stage.log = log  # type: ignore[assignment]
        stage.perform(Bash("head -c 300000 /dev/urandom; echo; echo the end"))
    assert [line["text"] for _, line in read_log(path)][-1] == "the end"


def test_a_timeout_and_a_cancellation_are_told_apart(stage: Stage) -> None:
    stage.timeout = 0.3
    with stage.stopped_after(0.3, Mishap.TIMEOUT), pytest.raises(Mischance) as raised:
        stage.perform(Bash("sleep 30"))
    assert raised.value.mishap is Mishap.TIMEOUT
    assert str(raised.value) == "SP616 ops.job took longer than its timeout of 0.3 s and was stopped"
    again = Stage(stage.root)
    with again.stopped_after(0.3), pytest.raises(Interrupted):
        again.perform(Bash("sleep 30"))
