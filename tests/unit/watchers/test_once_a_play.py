# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host of a play finds out, the others do not ask again; a trouble is nobody's but its own."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._watchers import files
from ansible_collections.hatci.automation.plugins.module_utils._watchers import once_a_play as module
from ansible_collections.hatci.automation.plugins.module_utils._watchers.once_a_play import once_a_play
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner


class Question:
    """Counts how often it was asked."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path / f"hatci-automation-{os.getuid()}"


@pytest.fixture
def play() -> Owner:
    return Owner.of(os.getpid())


def test_the_second_host_gets_the_answer_of_the_first(play: Owner) -> None:
    question = Question("version 1", "version 2")
    assert [once_a_play(play, ["jmp", 1], question) for _host in range(3)] == ["version 1"] * 3
    assert question.asked == 1


def test_another_subject_and_another_play_are_asked_about_anew(play: Owner) -> None:
    question = Question("1", "2", "3")
    assert once_a_play(play, ["jmp", 1], question) == "1"
    assert once_a_play(play, ["jmp", 2], question) == "2"
    with subprocess.Popen(["sleep", "60"]) as other:
        assert once_a_play(Owner.of(other.pid), ["jmp", 1], question) == "3"
        other.kill()


def test_hosts_that_ask_meanwhile_wait_for_the_answer(play: Owner) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        may_end.wait()
        return "version 1"

    answers: list[str] = []
    hosts = [threading.Thread(target=lambda: answers.append(once_a_play(play, ["jmp"], slow)))]
    hosts[0].start()
    begun.wait()
    hosts += [
        threading.Thread(target=lambda: answers.append(once_a_play(play, ["jmp"], Question()))) for _host in range(3)
    ]
    for host in hosts[1:]:
        host.start()
    may_end.set()
    for host in hosts:
        host.join()
    assert answers == ["version 1"] * 4


def test_after_a_failure_each_host_asks_for_itself(play: Owner) -> None:
    question = Question(OSError("not there"), "version 1", OSError("gone again"))
    with pytest.raises(OSError, match="not there"):
        once_a_play(play, ["jmp"], question)
    assert once_a_play(play, ["jmp"], question) == "version 1"
    with pytest.raises(OSError, match="gone again"):
        once_a_play(play, ["jmp"], question)


@pytest.mark.parametrize("noted", ["{", "null", "[1", "[]", "7", '["x", "y"]', "[1, 2, 3]"])
def test_a_note_that_cannot_be_read_is_no_answer(play: Owner, directory: Path, noted: str) -> None:
    once_a_play(play, ["jmp"], Question("version 1"))
    [note] = directory.iterdir()
    note.write_text(noted)
    assert once_a_play(play, ["jmp"], Question("version 2")) == "version 2"


def test_an_answer_that_is_too_old_is_asked_for_anew(play: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module, "since_boot", lambda: now)
    question = Question("1", "2", OSError("away"), "3", "4")
    assert once_a_play(play, ["x"], question, 60) == "1"
    now += 59
    assert once_a_play(play, ["x"], question, 60) == "1"
    now += 1
    assert [once_a_play(play, ["x"], question, 60) for _host in range(2)] == ["2", "2"]
    now += 61
    with pytest.raises(OSError, match="away"):
        once_a_play(play, ["x"], question, 60)
    assert once_a_play(play, ["x"], question, 60) == "3"
    now += 61
    assert [once_a_play(play, ["x"], question, 60) for _host in range(2)] == ["4", "4"]


def test_without_a_play_or_a_directory_each_asks_for_itself(play: Owner, directory: Path) -> None:
    directory.write_text("in the way")
    question = Question("1", "2", "3")
    assert once_a_play(None, ["jmp"], question) == "1"
    assert [once_a_play(play, ["jmp"], question) for _host in range(2)] == ["2", "3"]


def test_what_ended_plays_left_is_removed(play: Owner, directory: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as ended:
        once_a_play(Owner.of(ended.pid), ["jmp"], Question("1"))
        ended.kill()
    once_a_play(play, ["jmp"], Question("2"))
    assert [path.name.startswith(f"once-{play.identity}-") for path in directory.iterdir()] == [True]
