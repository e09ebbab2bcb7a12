# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python jmp runs with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import interpreter
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.interpreter import python_of
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import JmpMissing


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return a Python at a path that only a long first line can name."""
    path = tmp_path / "a venv" / "bin" / "python3.11"
    path.parent.mkdir(parents=True)
    path.symlink_to(sys.executable)
    return path


@pytest.mark.parametrize(
    "head",
    [
        "#!{python}\n",
        "#! {python} -s\n",
        "#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n",
        "#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\n",
    ],
)
def test_it_is_named_by_the_first_line(tmp_path: Path, python: Path, head: str) -> None:
    named = python if "exec' \"" in head else tmp_path / "python3"
    if named != python:
        named.symlink_to(sys.executable)
    jmp = tmp_path / "jmp"
    jmp.write_text(head.format(python=named) + "# -*- coding: utf-8 -*-\nimport sys\n", encoding="utf-8")

    assert python_of(str(jmp)) == str(named)


def test_env_finds_it_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "jmp").write_text("#!/usr/bin/env python3\nimport sys\n", encoding="utf-8")

    assert python_of(str(tmp_path / "jmp")) == str(tmp_path / "python3")


@pytest.mark.parametrize("head", [b"#!/bin/sh\nexec /opt/tool/jmp\n", b"\x7fELF\xff\xfe", b"#!/gone/python3\n", b""])
def test_else_it_is_this_one_if_it_has_jumpstarter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    jmp = tmp_path / "jmp"
    jmp.write_bytes(head)

    assert python_of(str(jmp)) == sys.executable
    monkeypatch.setattr(interpreter.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(JmpMissing, match="install jumpstarter-cli"):
        python_of(str(jmp))
