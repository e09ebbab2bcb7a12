# SPDX-License-Identifier: GPL-3.0-or-later
"""A ``jmp shell`` that did nothing but renew its token is started once more, one in which something began is not."""

from __future__ import annotations

import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import command_runner, session
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import CompletedCommand

RENEWED = CompletedCommand(1, "", "Error: Token is expired, triggering re-authentication. Please try again now")
DONE = CompletedCommand(0, "", "")


def test_what_jmp_says_holds_no_token_of_the_client_config_that_it_was_given(tmp_path: Path) -> None:
    config = tmp_path / "client.yaml"
    config.write_text("token: first-secret-7\nrefresh_token: second-secret-8\n", encoding="utf-8")
    target = ["--client-config", str(config), "--lease", "hatci-7"]
    route = t.cast("t.Any", types.SimpleNamespace(lease_name="hatci-7", target=target, lock=None))
    device = session.Device(t.cast("t.Any", types.SimpleNamespace(owner=None)), route, tmp_path)
    said = device.last_words(CompletedCommand(1, "", "Error: first-secret-7 and second-secret-8 were refused"))
    assert "secret" not in said and "were refused" in said


@pytest.mark.parametrize(
    ("answers", "has_begun", "starts"),
    [
        ([RENEWED, DONE], False, 2),
        ([RENEWED, RENEWED, DONE], False, 2),
        ([RENEWED, DONE], True, 1),
        ([CompletedCommand(1, "", "Error: permission denied"), DONE], False, 1),
        ([CompletedCommand(0, "please try again now", ""), DONE], False, 1),
    ],
    ids=["renewed", "for ever", "a command says so", "another failure", "a success"],
)
def test_a_shell_is_started_once_more(
    tmp_path: Path, answers: list[CompletedCommand], has_begun: bool, starts: int
) -> None:
    begun = []

    def run(*arguments: str, **_options: t.Any) -> CompletedCommand:
        begun.append(arguments)
        if has_begun:
            (tmp_path / command_runner.STARTED).touch()
        return answers[len(begun) - 1]

    route = t.cast("t.Any", types.SimpleNamespace(lease_name="hatci-7", target=["--lease", "hatci-7"], lock=None))
    device = session.Device(t.cast("t.Any", types.SimpleNamespace(owner=None)), route, tmp_path)
    device.jmp = t.cast("t.Any", types.SimpleNamespace(run=run))
    assert device.run(["true"], timeout=5.0) is answers[starts - 1]
    assert len(begun) == starts
