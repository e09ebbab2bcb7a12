# SPDX-License-Identifier: GPL-3.0-or-later
"""A token that must show nowhere, and the search for it in all that a play says, leaves and starts."""

from __future__ import annotations

import json
import os
import re
import secrets
import typing as t
from pathlib import Path

import psutil
from playbook_runner import read_results
from run_report import RunReport

if t.TYPE_CHECKING:
    from playbook_runner import PlayResult

    from hatci_lab.sums.process import SumsProcess

CANARY = f"canary-{secrets.token_hex(4)}-hatci-token"
"""Another one in each process, since tests beside this one give theirs to plays by the environment."""
PIECE = 12
"""So much of a token is too much already."""

_FACTS = "{{ dict(names | zip(query('ansible.builtin.vars', *names))) }}"
KEEP_FACTS: dict[str, t.Any] = {
    "vars": {"names": "{{ query('ansible.builtin.varnames', '^_*(hatci|jumpstarter|ota|source|target)_(?!token)') }}"},
    "block": [
        {"name": "Keep the facts", "ansible.builtin.set_fact": {"kept": _FACTS, "cacheable": True}},
        {"name": "Hand them on", "ansible.builtin.set_stats": {"data": {"kept": _FACTS}}},
        {"name": "Show them", "ansible.builtin.debug": {"msg": _FACTS}},
    ],
}
"""What users may do with all that roles and playbooks leave in variables."""


class Played(t.Protocol):
    """A play that has ended."""

    @property
    def output(self) -> str: ...

    @property
    def home(self) -> Path: ...


class TokenSearch:
    """Looks for the canary, and for further tokens once it has been told of them.

    :param run_report: is told how much was searched.
    """

    def __init__(self, run_report: RunReport) -> None:
        self._run_report = run_report
        self._pieces = [CANARY[:PIECE]]
        self._traces = self._pattern()

    def watch(self, token: str) -> None:
        """Look from now on for a JSON Web Token too: for pieces of its signature, since others share the rest."""
        signature = token.rpartition(".")[2]
        self._pieces += [signature[start : start + PIECE] for start in range(0, len(signature) - PIECE + 1, PIECE)]
        self._traces = self._pattern()

    def text(self, text: str, where: str) -> None:
        """Assert that a text holds nothing of a token."""
        self.count("bytes", len(text))
        found = self._traces.search(text)
        assert not found, f"{where}: ...{text[max(0, found.start() - 300) : found.end() + 40]}..."

    def files(self, directory: Path) -> None:
        """Assert that no file or name below a directory holds anything of a token."""
        for path in directory.rglob("*"):
            self.text(str(path), "a name")
            if path.is_file() and not path.is_symlink():
                self.count("files")
                self.text(path.read_bytes().decode("utf-8", "replace"), str(path))

    def play(self, play: Played) -> None:
        """Assert that neither the output nor any file of a play holds anything of a token."""
        self.count("plays")
        self.count("results", len(read_results(play.home / "results.jsonl")))
        self.text(play.output, "the output")
        self.files(play.home)

    def processes(self) -> tuple[list[str], list[str]]:
        """Return the command lines of all processes, and of those whose arguments or environment hold a token."""
        seen, found = [], []
        for process in psutil.process_iter():
            try:
                arguments, environment = " ".join(process.cmdline()), json.dumps(process.environ())
            except psutil.Error:
                continue
            if "hatci_lab" in arguments or process.pid == os.getpid():
                continue
            seen.append(arguments)
            if self._traces.search(arguments) or self._traces.search(environment):
                found.append(arguments)
        self.count("processes", len(seen))
        return seen, found

    def count(self, what: str, number: int = 1) -> None:
        """Tell how much was searched."""
        self._run_report.count(f"searched for tokens: {what}", number)

    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self._pieces)), re.IGNORECASE)


def had_to_hide(play: PlayResult) -> bool:
    """Whether a token would have shown in some result, were there no asterisks for it."""
    return any("********" in json.dumps(task.result) for task in play.tasks)


def keep_secrets(directory: Path) -> Path:
    """Write the canary where users keep a token, as ``token`` and ``variables.json``; return the directory."""
    directory.mkdir()
    (directory / "token").write_text(CANARY + "\n")
    (directory / "variables.json").write_text(json.dumps({"secret_token": CANARY}))
    return directory


def echo_in_records(sums: SumsProcess, **states: str) -> None:
    """Let SUMS repeat the token in every record, whole, nested and as a name.

    :param states: what else it says of each deployment.
    """
    echo = {"remark": CANARY, "echo": {"deep": [f"Bearer {CANARY}"], CANARY: 1}, "reason": f"because of {CANARY}"}
    for method, path in (("POST", "/events"), ("POST", "/test_events"), ("PATCH", ".*"), ("GET", "/events/ev-0.*")):
        sums.add_fault(kind="patch", method=method, path=path, body=echo, times=0)
    sums.add_fault(kind="patch", method="GET", path="/deployments/.*", body={**echo, **states}, times=0)


def logging_environment(home: Path) -> dict[str, str]:
    """Return an environment in which Ansible also writes a log and keeps facts."""
    return {
        "ANSIBLE_LOG_PATH": str(home / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(home / "facts"),
    }
