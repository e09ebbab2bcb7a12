# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation names what there is, and its links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[3]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "roles/*/README.md", "companion/*/*.md", "tests/lab/*.md")
    for path in REPOSITORY.glob(pattern)
)
ROLES = sorted(path.name for path in (REPOSITORY / "roles").iterdir())
MODULES = sorted(path.stem for path in (REPOSITORY / "plugins/modules").glob("*.py"))
WITHOUT_GROUP = (
    "hatci_end_check",
    "hatci_evidence",
    "hatci_outcome",
    "hatci_suite",
    "hatci_summary",
    "hatci_variables",
    "hatci_vehicle_check",
    "jumpstarter_exporter",
)
"""They take none of the options that a group has."""

COLUMNS = 80 - len("hatci.automation.hatci_test_event_update") - len(" ") - 5
"""What `ansible-doc --list` shows of a description on a terminal of 80 columns."""


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _hash, anchor = target.partition("#")
        destination = (page.parent / path) if path else page
        assert destination.exists(), f"{name_of(page)} links to {target}"
        if anchor:
            assert anchor in anchors_of(destination), f"{name_of(page)} links to {target}"


@pytest.mark.parametrize("role", ROLES)
def test_role_readme_has_every_option_with_its_default(role: str) -> None:
    readme = (REPOSITORY / "roles" / role / "README.md").read_text(encoding="utf-8")
    specs = yaml.safe_load((REPOSITORY / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    defaults = yaml.safe_load((REPOSITORY / "roles" / role / "defaults/main.yml").read_text(encoding="utf-8"))
    options = {name: option for spec in specs["argument_specs"].values() for name, option in spec["options"].items()}
    for name, option in options.items():
        assert f"`{name}`" in readme
        if "default" in option and name in defaults:
            assert defaults[name] == option["default"], name
        if isinstance(option.get("default"), (int, str)) and option["default"] != "":
            told = json.dumps(option["default"]).strip('"')
            assert re.search(rf"^\| `{name}` \| [^|]+ \|.*`{re.escape(told)}`", readme, re.MULTILINE), name
    assert set(defaults) <= set(options)


@pytest.mark.parametrize("name", [*ROLES, *MODULES])
def test_readme_names_it(name: str) -> None:
    assert name in (REPOSITORY / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("group", ["hatci", "jumpstarter"])
def test_every_module_is_in_its_group_and_has_its_action(group: str) -> None:
    runtime = yaml.safe_load((REPOSITORY / "meta/runtime.yml").read_text(encoding="utf-8"))
    modules = [name for name in MODULES if name.startswith(f"{group}_")]
    assert sorted(runtime["action_groups"][group]) == [name for name in modules if name not in WITHOUT_GROUP]
    for name in modules:
        assert (REPOSITORY / f"plugins/action/{name}.py").is_file()


@pytest.fixture(scope="module")
def shown() -> dict[str, t.Any]:
    """Return what ansible-doc shows of each module."""
    ansible_doc = Path(sys.executable).with_name("ansible-doc")
    command = [ansible_doc, "--json", *(f"hatci.automation.{name}" for name in MODULES)]
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".cache/collections")}
    return t.cast("dict[str, t.Any]", json.loads(subprocess.check_output(command, env=env)))


def without_sample(values: dict[str, t.Any]) -> list[str]:
    """Return the names of return values that neither have a sample nor consist of values that have one."""
    lacking = []
    for name, value in values.items():
        lacking += without_sample(value["contains"]) if "contains" in value else [name] if "sample" not in value else []
    return lacking


@pytest.mark.parametrize("name", MODULES)
def test_ansible_doc_says_all_of_a_module_that_a_reader_looks_for(name: str, shown: dict[str, t.Any]) -> None:
    module = shown[f"hatci.automation.{name}"]
    groups = [] if name in WITHOUT_GROUP else ["action_group"]
    assert sorted(module["doc"]["attributes"]) == [*groups, "check_mode", "diff_mode", "idempotent"]
    assert module["doc"]["seealso"]
    assert module["examples"]
    assert module["return"] and not without_sample(module["return"])


@pytest.mark.parametrize("name", MODULES)
def test_ansible_doc_lists_a_module_without_cutting_its_description(name: str, shown: dict[str, t.Any]) -> None:
    assert len(shown[f"hatci.automation.{name}"]["doc"]["short_description"]) <= COLUMNS


@pytest.mark.parametrize("name", MODULES)
def test_the_changelog_announces_it(name: str) -> None:
    changelog = yaml.safe_load((REPOSITORY / "changelogs/changelog.yaml").read_text(encoding="utf-8"))
    told = [module["name"] for release in changelog["releases"].values() for module in release.get("modules", [])]
    assert name in told, "make changelog"
