# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own verification is read before the test, and what is wrong with it is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar


def problem_of(path: Path, text: str, hosts: int = 1) -> str:
    path.write_text(text, encoding="utf-8")
    loader = DataLoader()
    lookup = lookup_loader.get("hatci.automation.tasks_file", loader=loader, templar=Templar(loader))
    [problem] = lookup.run([str(path)], {"ansible_play_hosts_all": ["vehicle"] * hosts}, option="ota_verify_tasks")
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


@pytest.mark.parametrize(
    ("how", "part"),
    [("include_role", "tasks"), ("include_role", "handlers"), ("include_role", "deeper"), ("import_role", "deeper")],
)
def test_an_early_end_inside_a_role_is_found(tmp_path: Path, how: str, part: str) -> None:
    role = tmp_path / "lab_check"
    (role / "tasks").mkdir(parents=True)
    (role / "handlers").mkdir()
    end = "- meta: end_host\n"
    for name, text in (
        ("tasks/main.yml", end if part == "tasks" else "- include_tasks: more.yml\n"),
        ("tasks/more.yml", end if part == "deeper" else "- debug: {msg: well}\n"),
        ("handlers/main.yml", end if part == "handlers" else "- name: look\n  debug: {msg: well}\n"),
    ):
        (role / name).write_text(text, encoding="utf-8")
    problem = problem_of(tmp_path / "own.yml", f"- {how}: {{name: {role}}}\n")
    assert "meta: end_host would end the test before it has reported" in problem


def test_a_role_that_includes_itself_is_read_to_an_end(tmp_path: Path) -> None:
    role = tmp_path / "again" / "tasks"
    role.mkdir(parents=True)
    (role / "main.yml").write_text(f"- include_role: {{name: {tmp_path}/again}}\n  when: false\n", encoding="utf-8")
    assert problem_of(tmp_path / "own.yml", f"- include_role: {{name: {tmp_path}/again}}\n") == ""


@pytest.mark.parametrize(
    "text",
    [
        "- name: look\n  debug: {msg: x}\n  run_once: true\n",
        "- run_once: yes\n  block: [{name: look, debug: {msg: x}}]\n",
        "- name: look\n  debug: {msg: x}\n  run_once: '{{ once }}'\n",
    ],
)
def test_a_verification_for_one_of_several_vehicles_is_refused(tmp_path: Path, text: str) -> None:
    problem = problem_of(tmp_path / "own.yml", text, hosts=2)
    assert "run_once of 'look' would leave it out for all vehicles but one" in problem
    assert problem_of(tmp_path / "own.yml", text) == "", "one vehicle alone has it"
    assert problem_of(tmp_path / "own.yml", "- debug: {msg: x}\n  run_once: false\n", hosts=2) == ""
