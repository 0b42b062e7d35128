"""The commands that help: `doctor`, `explain`, `completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from sqlpipe import app
from sqlpipe.cli.asked import Where, face, located
from sqlpipe.cli.look import Look, align, measure, pad, tame
from sqlpipe.cli.terminal import Terminal
from sqlpipe.domain.code import Code
from sqlpipe.domain.codes import CODES
from sqlpipe.domain.diagnostic import did_you_mean

_SIGNS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "error": ("✗", "red")}
_WIDEST = 32


@click.command("doctor", short_help="Examine settings and connection, and tell where each came from.")
@located
@face
def doctor(terminal: Terminal, where: Where) -> int:
    """Examine settings and connection, and tell where each came from.

    Exit code 1 if something is wrong that would keep `run` from working.
    """
    findings = app.doctor(app.find_root(where.project), target=where.target, profiles=where.profiles)
    bad = any(each.state == "error" for each in findings)
    if terminal.as_json:
        terminal.document(findings)
        return 1 if bad else 0
    told = [each for each in findings if not terminal.quiet or each.state != "ok"]
    for line in _finding_lines(told, terminal.out):
        terminal.put(line)
    if bad:
        terminal.say("\nmend what is marked, then run `sqlpipe doctor` again")
    return 1 if bad else 0


def _finding_lines(findings: list[app.Finding], look: Look) -> list[str]:
    if not findings:
        return []
    width = look.symbols(sign for sign, _ in _SIGNS.values())
    widest = max((measure(each.text) for each in findings if each.origin and measure(each.text) <= _WIDEST), default=0)
    cells = [(tame(each.topic), _beside(tame(each.text), tame(each.origin), widest)) for each in findings]
    lines = []
    for finding, line in zip(findings, align(cells), strict=True):
        sign, colour = _SIGNS[finding.state]
        mark = look.symbol(sign)
        lines.append(f"  {look.paint(mark, colour)}{' ' * (width - len(mark))}  {line}")
    return lines


def _beside(text: str, origin: str, width: int) -> str:
    """The text with its origin in a column of its own, or right behind it where it is long."""
    return f"{pad(text, width)}   {origin}" if origin else text


@click.command("explain", short_help="Explain the code of an error.")
@click.argument("code", required=False)
@face
def explain(terminal: Terminal, code: str | None) -> int:
    """Explain the code of an error, as `SP201`; without a code, list them all."""
    if code is None:
        return _list_codes(terminal)
    wanted = code.strip("[]").upper()
    found = CODES.get(wanted if wanted.startswith("SP") else f"SP{wanted}")
    if found is None:
        hint = did_you_mean(wanted, CODES) or "`sqlpipe explain` lists them all"
        raise click.UsageError(f"There is no code {code}: {hint}")
    if terminal.as_json:
        terminal.document(found)
        return 0
    for line in _code_lines(found, terminal.out):
        terminal.put(line)
    return 0


def _list_codes(terminal: Terminal) -> int:
    if terminal.as_json:
        terminal.document(list(CODES.values()))
        return 0
    for each in CODES.values():
        terminal.put(f"{terminal.out.paint(each.code, 'bold')}  {each.title}")
    return 0


def _code_lines(code: Code, look: Look) -> list[str]:
    width = min(look.width or 88, 88)
    example = [f"    {line}" for line in code.example.split("\n")]
    return [
        f"{look.paint(code.code, 'bold')}: {code.title}",
        "",
        click.wrap_text(code.cause, width),
        "",
        *(look.paint(line, "dim") for line in example),
        "",
        click.wrap_text(code.remedy, width),
    ]


@click.command("completion", short_help="Print a script that teaches your shell to complete.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print a script that teaches your shell to complete commands, options and names of nodes.

    \b
      bash   eval "$(sqlpipe completion bash)"      in ~/.bashrc
      zsh    eval "$(sqlpipe completion zsh)"       in ~/.zshrc
      fish   sqlpipe completion fish | source       in ~/.config/fish/config.fish
    """  # noqa: D301 - click reads the backspace
    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"This version of click cannot complete in {shell}.")
    everything = click.get_current_context().find_root().command
    click.echo(script(everything, {}, "sqlpipe", "_SQLPIPE_COMPLETE").source())
    return 0


COMMANDS = {"doctor": doctor, "explain": explain, "completion": completion}
