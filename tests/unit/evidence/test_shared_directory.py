# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory in which other runs and other users leave their evidence too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import evidence_support
import pytest
from play_support import REPOSITORY
from second_user import FIRST_UID, SECOND_UID, as_user, give_to, needs_second_user

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence

OPTIONS = {"key": None, "public_key": None, "test": None, "tests": None, "title": "Nightly"}
AS_OTHER = """
import json, sys
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence
print(json.dumps([manage_evidence(options, False) for options in json.load(sys.stdin)]))
"""


def leave_a_test(parent: Path, name: str) -> dict[str, str]:
    """Make the evidence of a test that passed; return how it is given to the index."""
    evidence_support.passed(parent / name, host=name)
    bundle.bundle(parent / name, None, None)
    return {"vehicle": name, "path": str(parent / name), "outcome": "PASS", "reason": "", "scenario": ""}


def make_index(path: Path, *tests: dict[str, str]) -> tuple[dict[str, t.Any], str]:
    """Return what the user is told, and the page."""
    result = manage_evidence({**OPTIONS, "state": "bundled", "path": str(path), "tests": list(tests)}, False)
    return result, (path / "index.html").read_text(encoding="utf-8")


def test_an_index_with_tests_of_other_runs_is_titled_by_its_directory(tmp_path: Path) -> None:
    home = tmp_path / "bench 3"
    first = leave_a_test(home, "vehicle_001")
    assert "<h1>Nightly</h1>" in make_index(home, first)[1]

    page = make_index(home, leave_a_test(home, "vehicle_002"))[1]

    assert "<h1>OTA tests in bench 3</h1>" in page and "<title>OTA tests in bench 3" in page
    assert "The last run here: Nightly." in page
    assert 'name="Nightly"' in (home / "junit.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["junit.xml", "index.html"])
def test_a_file_that_cannot_be_replaced_costs_itself_and_nothing_else(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    began = manage_evidence({**OPTIONS, "state": "started", "path": str(tmp_path), "test": {"host": "x"}}, False)
    assert Path(began["path"]).is_dir()
    assert ("junit.xml is of an earlier run" in str(began.get("warnings"))) is (name == "junit.xml")

    options = {**OPTIONS, "state": "bundled", "path": str(tmp_path), "tests": [leave_a_test(tmp_path, "vehicle_001")]}
    result = manage_evidence(options, False)

    (warning,) = result["warnings"]
    assert warning.startswith(f"{tmp_path / name} cannot be written: Is a directory.")
    assert ("report" in result) is (name != "index.html") and result["path"] == str(tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        *({"junit.xml", "junit-4711.xml", "index.html"} - {name})
    }


@needs_second_user
def test_what_another_user_left_where_nobody_may_remove_it_costs_no_evidence(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    for name in ("junit.xml", "index.html"):
        (shared / name).write_text("of the first user")
    give_to(FIRST_UID, shared)
    shared.chmod(0o1777)
    begin = {**OPTIONS, "state": "started", "path": str(shared), "test": {"host": "vehicle_001"}}
    given = {"vehicle": "vehicle_001", "path": "", "outcome": "ERROR", "reason": "", "scenario": ""}
    end = {**OPTIONS, "state": "bundled", "path": str(shared), "tests": [given]}
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / ".cache/collections"), "PYTHONDONTWRITEBYTECODE": "1"}

    done = subprocess.run(
        [*as_user(SECOND_UID), sys.executable, "-c", AS_OTHER],
        input=json.dumps([begin, end]),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    began, ended = json.loads(done.stdout)
    assert (Path(began["path"]) / "journal.jsonl").is_file() and "junit.xml" in began["warnings"][0]
    for warning, name in zip(ended["warnings"], ("index.html", "junit.xml"), strict=True):
        told = f"{shared / name} cannot be written: Operation not permitted. What is there is of an earlier run"
        assert warning.startswith(told)


def test_a_directory_into_which_a_user_may_not_look_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = leave_a_test(tmp_path, "vehicle_001")
    (tmp_path / "private").mkdir()
    is_file = Path.is_file

    def refuse(path: Path) -> bool:
        if path.parent.name == "private":
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refuse)  # root may look everywhere
    result, page = make_index(tmp_path, given)

    assert result["left_out"] == ["Not listed, since this user may not read them: private."]
    assert "private" in page and "vehicle_001" in page
