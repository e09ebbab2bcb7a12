# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-inventory on a file for the plugin, as a user runs it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import typing as t
from pathlib import Path

import yaml

from hatci_lab.sums.process import SumsProcess

if t.TYPE_CHECKING:
    from playbook_runner import AnsiblePlaybook, PlayResult

HUNG_SECONDS = 120


@dataclasses.dataclass(frozen=True)
class Listed:
    """What ansible-inventory gave."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def hosts(self) -> dict[str, dict[str, t.Any]]:
        """Variables by host."""
        assert self.returncode == 0, self.stderr
        listed = json.loads(self.stdout, object_hook=lambda found: found.get("__ansible_unsafe", found))
        hosts: dict[str, dict[str, t.Any]] = listed["_meta"]["hostvars"]
        return hosts

    @property
    def said(self) -> str:
        """What stands on stderr, without the line breaks that Ansible adds."""
        return " ".join(self.stderr.split())


class Inventory:
    """One inventory file and the environment that it is read in."""

    def __init__(self, ansible: AnsiblePlaybook, sums: SumsProcess, directory: Path) -> None:
        self._ansible = ansible
        self._home = ansible.new_home()
        self.file = directory / "vehicles.hatci.yml"
        self.credentials = {"HATCI_BASE_URL": sums.url, "HATCI_TOKEN": sums.token}

    def write(self, text: str = "", **options: t.Any) -> Path:
        """Write the file, from options or with further text."""
        content = yaml.safe_dump({"plugin": "hatci.automation.hatci", "retry_timeout": 0, **options})
        self.file.write_text(content + text, encoding="utf-8")
        return self.file

    def run(self, *arguments: str, **environment: str | None) -> Listed:
        """Run ansible-inventory; a variable given as None is taken out of the environment."""
        merged = {**self._ansible.environment(self._home), **self.credentials, **environment}
        done = subprocess.run(
            [str(self._ansible.binaries / "ansible-inventory"), "-i", str(self.file), *arguments],
            env={name: value for name, value in merged.items() if value is not None},
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=HUNG_SECONDS,
            check=False,
        )
        return Listed(done.returncode, done.stdout, done.stderr)

    def list(self, **environment: str | None) -> Listed:
        """Run ansible-inventory --list."""
        return self.run("--list", **environment)

    def play(self, playbook: str, *arguments: str) -> PlayResult:
        """Run a playbook on these hosts."""
        return self._ansible(playbook, "-i", str(self.file), *arguments, env=self.credentials)
