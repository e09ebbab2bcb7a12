# SPDX-License-Identifier: GPL-3.0-or-later
"""What maintainers are told to run and to edit exists."""

from __future__ import annotations

import re
import subprocess
import tomllib
import typing as t
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[3]
PAGES = ("CONTRIBUTING.md", "RELEASING.md", "SECURITY.md", ".github/PULL_REQUEST_TEMPLATE.md")
PATH = re.compile(r"(?<![\w./-])((?:\.?[\w-]+/)+[\w.-]*|\.?[\w-]+\.(?:md|yml|txt))(?![\w/])")
PROGRAM = re.compile(r"\.venvs/([\w.-]+)/bin/([\w-]+)")
WRITTEN = (".cache", ".venvs")
"""What is made when it is needed."""

TOPS = ("dev", "docs", "extensions", "meta", "playbooks", "plugins", "requirements", "roles", "tests")
FILES = [f"/{path.relative_to(REPOSITORY)}" for top in TOPS for path in (REPOSITORY / top).rglob("*.*")]


def commands_of(page: str) -> str:
    """Return what a page says in code: between backticks, and indented."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return "\n".join([*re.findall(r"`([^`]+)`", text), *re.findall(r"^    (.*)$", text, re.MULTILINE)])


@pytest.mark.parametrize("page", PAGES)
def test_paths_and_targets_that_a_page_names_exist(page: str) -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    commands = commands_of(page)
    assert set(re.findall(r"\bmake ([a-z-]+)", commands)) <= set(targets)
    paths = [path for path in PATH.findall(commands) if not path.startswith(WRITTEN)]
    assert not [path for path in paths if not exists(re.sub(r"\bNAME\.\w+$", "", path))]


def exists(path: str) -> bool:
    """Whether there is such a path, or one that ends like this."""
    return (REPOSITORY / path).exists() or any(file.endswith(f"/{path}") for file in FILES)


def test_the_table_of_where_to_change_what_names_files_that_exist() -> None:
    page = (REPOSITORY / "docs/ARCHITECTURE.md").read_text(encoding="utf-8")
    table = page.partition("## Where to change what")[2].partition("\n## ")[0]
    named = re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|yml|toml|txt))`", table)
    assert len(named) > 100
    assert not [path for path in named if not exists(path)]


def test_contributing_names_programs_of_environments_that_make_sets_up() -> None:
    programs = PROGRAM.findall(commands_of("CONTRIBUTING.md"))
    assert programs and {name for name, _program in programs} <= {"core-2.16", "core-2.19", "lint"}


def test_hooks_run_the_tools_that_lint_has_and_fetch_nothing() -> None:
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    tools = (REPOSITORY / "requirements/lint.txt").read_text(encoding="utf-8")
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    for hook in config["repos"][0]["hooks"]:
        found = PROGRAM.match(hook["entry"])
        assert found and found[1] == "lint" and f"\n{found[2]}==" in tools
        assert hook["language"] == "system"


def test_lint_makes_what_the_hook_of_mypy_reads(tmp_path: Path) -> None:
    config = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert ".cache/collections" in config["tool"]["mypy"]["mypy_path"].split(":")
    make = ["make", "--dry-run", "lint", f"COLLECTIONS={tmp_path}"]
    steps = subprocess.run(make, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    assert f"touch {tmp_path}/.ready" in steps


def test_the_workflow_runs_what_maintainers_run() -> None:
    workflow: t.Any = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert (REPOSITORY / ".ci/run").stat().st_mode & 0o111


def test_the_changelog_says_what_the_fragments_say() -> None:
    released = yaml.safe_load((REPOSITORY / "changelogs/changelog.yaml").read_text(encoding="utf-8"))["releases"]
    told = {line for release in released.values() for lines in release["changes"].values() for line in lines}
    for fragment in (REPOSITORY / "changelogs/fragments").glob("*.yml"):
        sections: t.Any = yaml.safe_load(fragment.read_text(encoding="utf-8"))
        lines = [line for lines in sections.values() if isinstance(lines, list) for line in lines]
        assert not [line for line in lines if line not in told], f"{fragment.name}: run make changelog"
