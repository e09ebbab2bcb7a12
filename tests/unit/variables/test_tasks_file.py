# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own verification is read before the test, and what is wrong with it is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar


def problem_of(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    loader = DataLoader()
    lookup = lookup_loader.get("hatci.automation.tasks_file", loader=loader, templar=Templar(loader))
    [problem] = lookup.run([str(path)], {}, option="ota_verify_tasks")
    return str(problem)


@pytest.mark.parametrize("what", ["import_tasks", "include_tasks"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, what: str) -> None:
    problem = problem_of(tmp_path / "own.yml", f"- ansible.builtin.{what}: none.yml\n")
    assert problem.startswith(f"ota_verify_tasks names {tmp_path}/own.yml, which cannot be run: ")
    assert "none.yml" in problem and problem.endswith(("does not exist; correct it.", "beside it; correct it."))


@pytest.mark.parametrize("text", ["", "# later\n", "- ansible.builtin.debug: {msg: well}\n"])
def test_what_can_be_run_is_no_problem(tmp_path: Path, text: str) -> None:
    assert problem_of(tmp_path / "own.yml", text) == ""


@pytest.mark.parametrize("where", ["block", "rescue", "always"])
def test_an_early_end_is_found_however_deep_it_stands(tmp_path: Path, where: str) -> None:
    (tmp_path / "deeper.yml").write_text(
        f"- block: [{{ansible.builtin.debug: {{msg: x}}}}]\n  {where}: [{{meta: end_host}}]\n"
        if where != "block"
        else "- block: [{meta: end_host}]\n",
        encoding="utf-8",
    )
    problem = problem_of(tmp_path / "own.yml", "- ansible.builtin.include_tasks: deeper.yml\n")
    assert "meta: end_host would end the test before it has reported" in problem
