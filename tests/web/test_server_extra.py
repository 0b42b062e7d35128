"""The server is an extra: without its packages the command says what to install, and no other command loads them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.fake_app import invoke

PACKAGES = ("anyio", "h11", "prometheus_client", "starlette", "uvicorn")
WITHOUT = "import sys; sys.modules[sys.argv.pop()] = None; from sqlpipe.cli.main import cli; cli()"


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "prometheus_client"])
def test_what_is_missing_and_how_to_get_it_is_told(package: str) -> None:
    done = python(WITHOUT, "serve", package)
    assert done.returncode == 2
    assert f"SP512: the package `{package}` is missing" in done.stderr.replace("error[SP512]", "SP512")
    assert 'pip install "sqlpipe[serve]"' in done.stderr


def test_something_else_that_is_missing_is_a_bug() -> None:
    done = python(WITHOUT, "serve", "sqlpipe.web.stream")
    assert done.returncode == 3
    assert "sqlpipe[serve]" not in done.stderr


def test_no_command_loads_the_packages_of_the_server_before_it_serves() -> None:
    told = python("import sys, sqlpipe.cli.serve, sqlpipe.cli.do; print(*sys.modules)").stdout.split()
    assert "sqlpipe.cli.serve" in told
    assert not set(PACKAGES) & set(told)


def test_a_time_that_is_none_is_wrong_usage() -> None:
    result = invoke("serve", "--time-lapse", "tomorrow")
    assert result.exit_code == 2
    assert "2013-12-25 x3600" in result.stderr
