# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller is asked through jmp, in the dialect of each version."""

from __future__ import annotations

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import JmpFailed
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp import cli
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import Controller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import CompletedCommand


def answering(monkeypatch: pytest.MonkeyPatch, refusal: str) -> list[list[str]]:
    """Let jmp refuse every call with a tag, and return the list of its calls."""
    calls: list[list[str]] = []

    def run(_jmp: cli.Jmp, *arguments: str, **_options: object) -> CompletedCommand:
        calls.append(list(arguments))
        return CompletedCommand(2, "", refusal) if "--tag" in arguments else CompletedCommand(0, "{}", "")

    monkeypatch.setattr(cli, "find_jmp", lambda: "/bin/jmp")
    monkeypatch.setattr(cli.Jmp, "run", run)
    return calls


@pytest.mark.parametrize("words", ["Error: No such option: --tag", "Error: No such option '--tag'."])
def test_a_jmp_that_knows_no_tags_is_asked_without(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    calls = answering(monkeypatch, words)
    Controller(cli.Jmp(), []).create("hatci-1", ["-n", "sim1"], 90, {"hatci-job": "7"})
    assert ["--tag" in call for call in calls] == [True, False]


@pytest.mark.parametrize("words", ["Error: No such option '--lease-id'.", "Error: unavailable"])
def test_another_refusal_is_told(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    calls = answering(monkeypatch, words)
    with pytest.raises(JmpFailed):
        Controller(cli.Jmp(), []).create("hatci-1", ["-n", "sim1"], 90, {"hatci-job": "7"})
    assert len(calls) == 1
