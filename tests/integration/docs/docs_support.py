# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of a page that readers copy, and a reader who does what they say."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import typing as t
from pathlib import Path

from play_support import REPOSITORY

if t.TYPE_CHECKING:
    from playbook_runner import AnsiblePlaybook

BLOCK = re.compile(r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.M)
RUNNABLE = "runnable"
FILE = "file: "
HUNG_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block, and the mark on the line before it, which readers do not see."""

    page: Path
    line: int
    language: str
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["language"], found["mark"] or "", found["text"])
        for found in BLOCK.finditer(text)
    ]


class Reader:
    """Somebody with an empty home, an empty directory and no checkout.

    :param ansible: whose programs are on PATH.
    :param in_this_lab: what is replaced in all that is copied from a page.
    """

    def __init__(self, ansible: AnsiblePlaybook, in_this_lab: t.Callable[[str], str]) -> None:
        self._binaries = ansible.binaries
        self._in_this_lab = in_this_lab
        self.home = ansible.new_home()
        self.directory = self.home / "empty"
        self.directory.mkdir()
        environment = ansible.environment(self.home)
        ours = ("ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_HOME")
        self._environment = {name: value for name, value in environment.items() if name not in ours}
        self._environment["ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"] = "true"
        self._environment["PATH"] = f"{self._pip_that_only_checks()}:{environment['PATH']}"

    def save(self, block: Block) -> None:
        """Save a block under the name that its mark gives."""
        path = self.directory / block.mark.removeprefix(FILE)
        path.write_text(self._in_this_lab(block.text), encoding="utf-8")

    def run(self, commands: str, **environment: str) -> None:
        """Run commands that must succeed."""
        done = subprocess.run(
            ["sh", "-eu", "-c", self._in_this_lab(commands)],
            cwd=self.directory,
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=HUNG_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    def install(self, tarball: Path) -> None:
        """Install a collection without asking Galaxy for anything."""
        collections = self.home / ".ansible/collections"
        self.run(f"ansible-galaxy collection install --offline -p {collections} {tarball}")

    def _pip_that_only_checks(self) -> Path:
        """Return a directory with a pip that fails unless the Python under test has what is to be installed."""
        pip = self.home / "bin/pip"
        pip.parent.mkdir()
        check = f'exec {self._binaries / "python"} -m pip --disable-pip-version-check "$@" --dry-run --no-index'
        pip.write_text(f"#!/bin/sh\n{check}\n", encoding="utf-8")
        pip.chmod(0o755)
        return pip.parent
