# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own verification is read before the test, and what is wrong with it is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible import template
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar


def problem_of(path: Path, text: str, hosts: int = 1) -> str:
    path.write_text(text, encoding="utf-8")
    loader = DataLoader()
    lookup = lookup_loader.get("hatci.automation.tasks_file", loader=loader, templar=Templar(loader))
    variables = {"ansible_play_hosts_all": ["vehicle"] * hosts, "once": True}
    [problem] = lookup.run([str(path)], variables, option="ota_verify_tasks")
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


def problem_in(path: Path, text: str, handlers: list[str] | None, strategy: str = "linear", **known: object) -> str:
    path.write_text(text, encoding="utf-8")
    loader = DataLoader()
    lookup = lookup_loader.get("hatci.automation.tasks_file", loader=loader, templar=Templar(loader))
    variables = {"__hatci_play": {"handlers": handlers, "strategy": strategy}, **known}
    [problem] = lookup.run([str(path)], variables, option="ota_verify_tasks")
    return str(problem)


NOTIFIES = "- name: look\n  debug: {{msg: x}}\n  notify: {}\n"


@pytest.mark.parametrize("name", ["no such handler", "'{{ who }}'", "[told, nobody]"])
def test_a_handler_that_does_not_exist_is_refused_since_it_would_end_the_whole_play(tmp_path: Path, name: str) -> None:
    problem = problem_in(tmp_path / "own.yml", NOTIFIES.format(name), ["told"], who="nobody")
    assert "'look' notifies 'no" in problem and "but there is no such handler; correct it" in problem
    assert problem_in(tmp_path / "own.yml", NOTIFIES.format(name), None, who="nobody") == "", "nobody can know"


@pytest.mark.parametrize("name", ["told", "'{{ who }}'", "'lab : told'", "called now"])
def test_a_handler_of_the_play_is_no_problem(tmp_path: Path, name: str) -> None:
    trust = getattr(template, "trust_as_template", str)
    handlers = ["told", "lab : told", trust("called {{ when }}")]
    assert problem_in(tmp_path / "own.yml", NOTIFIES.format(name), handlers, who="told", when="now") == ""


def test_a_handler_that_fails_unseen_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(NOTIFIES.format("told"), encoding="utf-8")
    loader = DataLoader()
    lookup = lookup_loader.get("hatci.automation.tasks_file", loader=loader, templar=Templar(loader))
    play = {"handlers": ["told"], "unseen": ["told"], "strategy": "linear"}
    [problem] = lookup.run([str(tmp_path / "own.yml")], {"__hatci_play": play}, option="ota_verify_tasks")
    assert "'look' notifies 'told', whose failure would not be seen, since the play has ignore_errors" in problem


def test_a_handler_that_is_named_later_is_told_as_that(tmp_path: Path) -> None:
    problem = problem_in(tmp_path / "own.yml", NOTIFIES.format("'{{ later }}'"), ["told"])
    assert "notifies '{{ later }}', which is not known before the test; write the name as it is" in problem


@pytest.mark.parametrize("how", ["include_role", "import_role"])
@pytest.mark.parametrize("name", ["look again", "heard"])
def test_a_handler_of_a_role_that_the_file_names_is_no_problem(tmp_path: Path, how: str, name: str) -> None:
    role = tmp_path / "lab_check"
    for part in ("tasks", "handlers"):
        (role / part).mkdir(parents=True)
    (role / "tasks" / "main.yml").write_text("- debug: {msg: x}\n  notify: look again\n", encoding="utf-8")
    (role / "handlers" / "main.yml").write_text(
        "- name: look again\n  listen: heard\n  debug: {msg: x}\n", encoding="utf-8"
    )
    assert problem_in(tmp_path / "own.yml", f"- {how}: {{name: {role}}}\n{NOTIFIES.format(name)}", []) == ""


@pytest.mark.parametrize(
    ("keyword", "says"),
    [
        ("run_once: '{{ later }}'", "run_once of 'look' is '{{ later }}', which is not known before the test"),
        ("throttle: '{{ later }}'", "throttle of 'look' is '{{ later }}', which is not known before the test"),
        ("throttle: many", "throttle of 'look' is not a whole number"),
    ],
)
def test_a_keyword_that_would_end_the_whole_play_is_refused(tmp_path: Path, keyword: str, says: str) -> None:
    assert says in problem_of(tmp_path / "own.yml", f"- name: look\n  debug: {{msg: x}}\n  {keyword}\n")


def test_a_keyword_that_is_known_is_no_problem(tmp_path: Path) -> None:
    text = "- name: look\n  debug: {msg: x}\n  run_once: '{{ once }}'\n  throttle: '{{ many }}'\n"
    assert problem_in(tmp_path / "own.yml", text, [], once=True, many=2) == ""


def test_a_keyword_that_the_task_its_block_or_its_include_sets_is_no_problem(tmp_path: Path) -> None:
    notifies = NOTIFIES.format("'{{ whom }}'")
    (tmp_path / "more.yml").write_text(f"{notifies}  throttle: '{{{{ many }}}}'\n", encoding="utf-8")
    text = (
        f"- include_tasks: more.yml\n  vars: {{many: 2, whom: told}}\n{notifies}"
        "  vars: {whom: told, once: false}\n  run_once: '{{ once }}'\n"
        "- vars: {many: 3}\n  block: [{debug: {msg: x}, throttle: '{{ many }}'}]\n"
    )
    assert problem_in(tmp_path / "own.yml", text, ["told"]) == ""


def test_a_keyword_that_the_defaults_of_a_role_set_is_no_problem(tmp_path: Path) -> None:
    role = tmp_path / "lab_check"
    for part, content in (
        ("tasks", "- debug: {msg: x}\n  throttle: '{{ lab_many }}'\n"),
        ("defaults", "lab_many: 2\n"),
    ):
        (role / part).mkdir(parents=True)
        (role / part / "main.yml").write_text(content, encoding="utf-8")
    assert problem_of(tmp_path / "own.yml", f"- include_role: {{name: {role}}}\n") == ""


def test_what_a_loop_notifies_is_not_taken_from_a_loop_around_it(tmp_path: Path) -> None:
    text = NOTIFIES.format("'{{ item }}'") + "  loop: [told]\n"
    assert "which is not known before the test" in problem_in(tmp_path / "own.yml", text, ["told"], item="2024.02.01")


def test_a_meta_task_that_ansible_does_not_know_is_refused(tmp_path: Path) -> None:
    assert "meta: end_car is not known to Ansible" in problem_of(tmp_path / "own.yml", "- meta: end_car\n")
    assert problem_of(tmp_path / "own.yml", "- meta: flush_handlers\n") == ""


@pytest.mark.parametrize("task", ["pause: {seconds: 1}", "ansible.builtin.add_host: {name: other}"])
def test_what_the_strategy_free_cannot_run_is_refused(tmp_path: Path, task: str) -> None:
    problem = problem_in(tmp_path / "own.yml", f"- {task}\n", [], strategy="ansible.builtin.free")
    assert "would end the whole play, whose strategy is ansible.builtin.free; leave it out" in problem
    assert problem_in(tmp_path / "own.yml", f"- {task}\n", []) == ""
