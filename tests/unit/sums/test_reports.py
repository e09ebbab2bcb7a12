# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports kept for later: each user's own, each SUMS' own, and nothing that somebody else wrote."""

from __future__ import annotations

import errno
import json
import os
import stat
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._sums import reports
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import (
    forget_report,
    keep_report,
    read_report,
)

URL = "https://sums.example.com"
STAGING = "https://staging.example.com"
FAIL = {"status": "FAIL", "summary": "no power"}
OTHER_UID = 65534

needs_second_user = pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")


@pytest.fixture(autouse=True)
def default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the default directory, below one that every user can enter."""
    for directory in (tmp_path, *tmp_path.parents):
        if not directory.stat().st_mode & stat.S_IXOTH:
            directory.chmod(0o755)
    monkeypatch.setattr(reports, "default_directory", lambda: str(tmp_path / f"default-{os.geteuid()}"))
    return tmp_path / f"default-{os.geteuid()}"


def test_a_kept_report_can_be_read_again_by_its_user_alone(tmp_path: Path) -> None:
    path = keep_report(str(tmp_path / "a/keep"), URL, "te-1", FAIL)
    assert read_report(str(path), f" {URL}/ ") == ("te-1", FAIL)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_ids_and_addresses_that_differ_have_files_that_differ(tmp_path: Path) -> None:
    ids = ("te/1", "te:1", "TE:1", "x" * 200 + "1", "x" * 200 + "2")
    paths = {keep_report(str(tmp_path), url, test_event_id, FAIL) for test_event_id in ids for url in (URL, STAGING)}
    assert len(paths) == 10


def test_success_on_another_sums_removes_nothing(tmp_path: Path) -> None:
    path = keep_report(str(tmp_path), STAGING, "te-1", FAIL)
    forget_report(str(tmp_path), URL, "te-1")
    assert path.exists()
    forget_report(str(tmp_path), f"{STAGING}/", "te-1")
    assert not path.exists()


def test_a_report_for_another_sums_is_refused(tmp_path: Path) -> None:
    path = keep_report(str(tmp_path), STAGING, "te-1", FAIL)
    with pytest.raises(InputError, match=f"it is for the SUMS at {STAGING}, not for the one of hatci_base_url"):
        read_report(str(path), URL)


def test_what_cannot_be_removed_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    forget_report(str(tmp_path / "file"), URL, "te-1")
    forget_report(str(tmp_path / "nowhere"), URL, "te-1")


def test_a_directory_that_others_can_write_to_is_closed_to_them(tmp_path: Path) -> None:
    directory = tmp_path / "open"
    directory.mkdir()
    directory.chmod(0o777)
    keep_report(str(directory), URL, "te-1", FAIL)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o755


def test_a_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    path = keep_report(str(tmp_path), URL, "te-1", FAIL)
    path.chmod(0o666)
    with pytest.raises(InputError, match="another user can have written it"):
        read_report(str(path), URL)


UNUSABLE = {
    "below a file": "Not a directory",
    "a file": "File exists",
    "no path": "no path holds the character U+0000",
    "full": "No space left on device",
    "read-only": "Read-only file system",
    "broken": "Input/output error",
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_report_whose_directory_cannot_be_used_is_kept_in_the_default_one(
    tmp_path: Path, default: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    directory = {"below a file": "file/kept", "a file": "file", "no path": "a\0b"}.get(kind, "kept")
    failing = {"full": errno.ENOSPC, "read-only": errno.EROFS, "broken": errno.EIO}.get(kind)

    def write(path: Path, content: str) -> None:
        if failing and path.parent != default:
            raise OSError(failing, os.strerror(failing))
        path.write_text(content)

    monkeypatch.setattr(reports, "write_atomically", write)
    said: list[str] = []
    path = keep_report(f"{tmp_path}/{directory}", URL, "te-1", FAIL, say=said.append)

    assert path.parent == default and read_report(str(path), URL) == ("te-1", FAIL)
    assert said == [f"The report could not be kept in {tmp_path}/{directory}: {UNUSABLE[kind]}."]
    forget_report(f"{tmp_path}/{directory}", URL, "te-1")
    assert not path.exists()


def test_a_report_that_no_directory_takes_names_the_one_that_was_given(tmp_path: Path, default: Path) -> None:
    (tmp_path / "file").touch()
    default.touch()
    with pytest.raises(NotADirectoryError, match="file/kept"):
        keep_report(f"{tmp_path}/file/kept", URL, "te-1", FAIL)


@needs_second_user
@pytest.mark.parametrize("kind", ["directory", "link to a directory of ours"])
def test_a_directory_of_another_user_is_not_used(tmp_path: Path, default: Path, kind: str) -> None:
    directory = tmp_path / "theirs"
    if kind == "directory":
        directory.mkdir()
    else:
        (tmp_path / "ours").mkdir()
        directory.symlink_to(tmp_path / "ours")
    os.chown(directory, OTHER_UID, OTHER_UID, follow_symlinks=False)
    path = keep_report(str(directory), URL, "te-1", FAIL)
    assert path.parent == default
    forget_report(str(directory), URL, "te-1")
    assert not path.exists()


@needs_second_user
def test_a_file_of_another_user_is_neither_sent_nor_removed(tmp_path: Path) -> None:
    path = keep_report(str(tmp_path), URL, "te-1", FAIL)
    path.write_text(json.dumps({"test_event_id": "te-1", "status": "PASS"}))
    os.chown(path, OTHER_UID, OTHER_UID)
    with pytest.raises(InputError, match="another user can have written it"):
        read_report(str(path), URL)
    forget_report(str(tmp_path), URL, "te-1")
    assert path.exists()


@needs_second_user
def test_each_user_keeps_reports_where_that_user_can_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    directory = str(tmp_path / "shared")
    first = keep_report(directory, URL, "te-1", FAIL)

    def second_user() -> None:
        path = keep_report(directory, URL, "te-1", FAIL)
        assert path.parent.name == f"default-{OTHER_UID}"
        assert read_report(str(path), URL) == ("te-1", FAIL)
        forget_report(directory, URL, "te-1")
        assert not path.exists()

    assert as_other_user(second_user) == 0
    assert first.exists()


def as_other_user(work: t.Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgid(OTHER_UID)
            os.setuid(OTHER_UID)
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
