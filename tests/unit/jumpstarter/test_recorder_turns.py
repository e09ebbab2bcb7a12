# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder of a serial console, with a shell script in place of jmp."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from play_support import wait_until

from ansible_collections.hatci.automation.plugins.module_utils._evidence.console import (
    LINE,
    MARK,
    MAX_BYTES,
    MAX_END,
    MAX_GAPS,
    MAX_MARKS,
    TIME,
    Transcript,
    summarize,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import (
    companion,
    recorder,
    recorder_process,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import BOOTSTRAP
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

LEASE = "lease-of-the-recorder"
TALKS = "echo 'Reading from serial port' >&2; while :; do echo booting; sleep 0.02; done"
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> recorder.RecorderFiles:
    """Return the files of a recorder whose lease is held."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    found = recorder.RecorderFiles(LEASE)
    found.lease.touch()
    return found


@pytest.fixture
def start(files: recorder.RecorderFiles, tmp_path: Path) -> Iterator[Start]:
    """Start a recorder that reads what a shell script prints; it must end by itself, or when it is told."""
    started = []

    def run(script: str, **given: t.Any) -> subprocess.Popen[str]:
        root = str(recorder_process.__file__).rpartition("/ansible_collections/")[0]
        program = BOOTSTRAP.format(module=recorder_process.__name__)
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", program, root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        order = {
            "argv": ["/bin/sh", "-c", script],
            "environment": dict(os.environ),
            "path": str(tmp_path / "console.log"),
            "turn": str(files.turn),
            "lease": str(files.lease),
            "lock": None,
            "owner": None,
            "shared": False,
            **given,
        }
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "recording\n"
        identity = Owner.of(process.pid)
        known = {"pid": identity.pid, "start": identity.start, "driver": "serial", "shared": order["shared"]}
        files.record.write_text(json.dumps(known), encoding="utf-8")
        return process

    yield run
    for process in started:
        process.terminate()
        process.wait(30)


@pytest.fixture
def told(tmp_path: Path) -> Callable[[str], int]:
    """Return how often the transcript says something."""
    return lambda text: (tmp_path / "console.log").read_text(encoding="utf-8").count(text)


def test_each_line_has_its_time_and_the_end_is_marked(start: Start, told: Callable[[str], int], tmp_path: Path) -> None:
    process = start(TALKS)
    wait_until(lambda: told("booting") > 3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0

    lines = (tmp_path / "console.log").read_text(encoding="utf-8").splitlines()
    assert [line[TIME:] for line in (*lines[:2], lines[-1])] == [
        f"{MARK}recording began",
        f"{MARK}reading",
        f"{MARK}recording ended",
    ]
    assert {line[TIME:] for line in lines[2:-1]} == {f"{LINE}booting"}
    times = [line[:TIME] for line in lines]
    assert times == sorted(times), "times do not go back"


def test_nobody_reads_while_a_task_uses_the_port_and_the_gap_is_marked(
    start: Start, told: Callable[[str], int], tmp_path: Path
) -> None:
    start(f"echo > {tmp_path}/open.$$; trap 'rm {tmp_path}/open.$$; exit' TERM; {TALKS}")
    wait_until(lambda: told("booting") > 3)

    with recorder.port_for(LEASE, ["j serial read --timeout 1"]):
        assert not list(tmp_path.glob("open.*"))
        wait_until(lambda: told("gap: a task of this test uses the port") == 1)
        assert told("reading") == 1

    wait_until(lambda: told("reading") == 2)
    found = summarize(tmp_path / "console.log")
    assert found and [gap["reason"] for gap in found["gaps"]] == ["a task of this test uses the port"]


@pytest.mark.parametrize(
    ("command", "steps_aside"),
    [
        ("j power cycle", False),
        ("j power cycle --wait 2", False),
        ("j bench power off", False),
        ("j storage flash image.bin", True),
        ("j ssh -- cat /etc/os-release", True),
        ("j serial read", True),
        ("j power cycle; j serial read", True),
        ("./look.sh", True),
        ("j power on && ./look.sh", True),
    ],
)
def test_only_a_command_that_switches_power_leaves_the_port_alone(
    command: str, steps_aside: bool, start: Start, told: Callable[[str], int]
) -> None:
    start(TALKS)
    wait_until(lambda: told("booting"))
    with recorder.port_for(LEASE, ["j power on", command]):
        before = told("booting")
        if not steps_aside:
            wait_until(lambda: told("booting") > before)
    assert told("gap: ") == int(steps_aside)


def test_a_port_that_several_may_read_is_recorded_through(start: Start, told: Callable[[str], int]) -> None:
    process = start(TALKS, shared=True)
    wait_until(lambda: told("booting"))
    process.send_signal(signal.SIGUSR1)
    with recorder.port_for(LEASE, ["j serial read"]):
        before = told("booting")
        wait_until(lambda: told("booting") > before)
    assert told("gap: ") == 0


def test_a_stream_that_breaks_is_opened_again(start: Start, told: Callable[[str], int]) -> None:
    start("echo 'Reading from serial port' >&2; echo booting; echo 'Serial connection lost.' >&2")
    wait_until(lambda: told("booting") > 1)
    assert told("gap: the console could not be read: Serial connection lost\n") >= 1


def test_a_port_that_closes_at_once_is_opened_after_growing_pauses(
    start: Start, told: Callable[[str], int], tmp_path: Path
) -> None:
    """As that of ser2net does while somebody else is connected."""
    start(f"date +%s.%N >> {tmp_path}/starts; echo 'Reading from serial port' >&2; echo Port already in use")
    starts = tmp_path / "starts"
    wait_until(lambda: starts.exists() and len(starts.read_text().split()) == 4)
    moments = [float(moment) for moment in starts.read_text().split()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert [pause >= least for pause, least in zip(pauses, (2, 4, 8), strict=True)] == [True] * 3


def test_a_console_that_is_not_there_is_not_tried_for_ever(start: Start, told: Callable[[str], int]) -> None:
    process = start("printf '\\033[31mError: No such\\tcommand serial.\\033[0m\\n' >&2; exit 2")
    assert process.wait(30) == 0
    assert told("gap: the console could not be read: Error: No such command serial\n") == recorder_process.VAIN_STARTS


def test_a_console_that_comes_late_is_recorded(start: Start, told: Callable[[str], int], tmp_path: Path) -> None:
    start(f"[ -e {tmp_path}/powered ] || {{ echo 'could not open port' >&2; exit 1; }}; {TALKS}")
    wait_until(lambda: told("gap: the console could not be read") == recorder_process.VAIN_STARTS)
    (tmp_path / "powered").touch()
    wait_until(lambda: told("booting") > 3)


@pytest.mark.parametrize("ends", ["lease", "play"])
def test_it_ends_with_the_lease_and_with_the_play(
    ends: str, start: Start, files: recorder.RecorderFiles, told: Callable[[str], int]
) -> None:
    with subprocess.Popen(["sleep", "600"]) as play:
        process = start("echo 'Reading from serial port' >&2; echo booting; sleep 0.1", owner=play.pid)
        wait_until(lambda: told("booting"))
        if ends == "lease":
            files.lease.unlink()
            assert process.wait(30) == 0
        play.kill()
    assert process.wait(30) == 0 and told("recording ended") == 1


def test_a_recorder_that_hangs_is_ended_since_the_test_comes_first(
    start: Start, told: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "STEP_ASIDE_SECONDS", 0.2)
    monkeypatch.setattr(companion, "END_SECONDS", 0.2)
    process = start(TALKS)
    wait_until(lambda: told("booting"))
    process.send_signal(signal.SIGSTOP)
    with recorder.port_for(LEASE, ["j serial read"]):
        assert process.wait(30) == -signal.SIGKILL


def test_a_transcript_does_not_grow_for_ever_and_says_so(tmp_path: Path) -> None:
    transcript = Transcript(str(tmp_path / "console.log"))
    for _unused in range(200):
        transcript.feed(b"x" * 4000 + b"\r\n\x1b[31m\n")
    transcript.end()
    size = (tmp_path / "console.log").stat().st_size
    assert MAX_BYTES - 5000 < size < MAX_BYTES + 1000
    lines = (tmp_path / "console.log").read_text(encoding="utf-8").splitlines()
    assert [line[TIME:] for line in lines[-2:]] == [f"{MARK}gap: the file is full", f"{MARK}recording ended"]
    assert lines[1][TIME:] == f"{LINE}\ufffd[31m"


def test_what_is_said_of_a_recording_that_flaps_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    transcript = Transcript(str(path))
    for number in range(20_000):
        transcript.mark("reading")
        transcript.mark(f"gap: the console could not be read: it is gone, {number}")
    transcript.end()
    sizes = [each.stat().st_size for each in (path, tmp_path / "console-end.log")]
    assert sizes[0] < MAX_BYTES + MAX_MARKS + 1000 and sizes[1] < MAX_END + 1000
    for each in (path, tmp_path / "console-end.log"):
        assert each.read_text(encoding="utf-8").splitlines()[-1][TIME:] == f"{MARK}recording ended"
    found = summarize(path)
    assert found and len(found["gaps"]) < MAX_GAPS
    assert found["gaps"][-1]["reason"].endswith("more gaps, as the transcript shows")


def test_a_recorder_that_dies_leaves_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    transcript = Transcript(str(path))
    transcript.mark("reading")
    transcript.feed(b"booting\n")
    del transcript
    lines = path.read_text(encoding="utf-8").splitlines()
    found = summarize(path)
    assert found and found["gaps"] == [{"time": lines[-1][:TIME], "reason": "the recorder had died"}]


def test_lines_that_could_not_be_written_are_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "console.log"
    transcript = Transcript(str(path))
    write = os.write
    transcript.feed(b"one\n")

    def write_nothing(*_arguments: t.Any) -> int:
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as full:
        full.setattr(os, "write", write_nothing)
        transcript.feed(b"two\nthree\n")
    assert os.write is write
    transcript.feed(b"four\n")
    transcript.end()
    told = [line[TIME:] for line in path.read_text(encoding="utf-8").splitlines()]
    assert told == [" | one", " -- gap: 2 lines could not be written", " | four", " -- recording ended"]


def test_the_latest_lines_of_a_console_that_talks_much_are_there(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    transcript = Transcript(str(path))
    for number in range(20_000):
        transcript.feed(b"line %d\n" % number)
        if number in (8_000, 19_990):
            transcript.mark(f"gap: the port was used at {number}")
    transcript.end()
    end = (tmp_path / "console-end.log").read_text(encoding="utf-8").splitlines()
    assert path.stat().st_size + (tmp_path / "console-end.log").stat().st_size < MAX_BYTES + MAX_END + 1000
    assert [line[TIME:] for line in end[-2:]] == [f"{LINE}line 19999", f"{MARK}recording ended"]
    first, last = (int(line.rpartition(" ")[2]) for line in (path.read_text().splitlines()[-5], end[-2]))
    left_out = int(end[0][TIME + len(f"{MARK}gap: ") :].split(" ")[0])
    printed = [line for line in end if line[TIME:].startswith(LINE)]
    assert left_out == last - first - len(printed) > 0

    found = summarize(path)
    assert found is not None and found["end_file"] == "console-end.log"
    assert found["lines"] == 20_000 - left_out and "line 19999\n" in found["excerpt"]
    assert sorted(gap["reason"] for gap in found["gaps"]) == [
        f"{left_out} lines were left out here",
        "the file is full",
        "the port was used at 19990",
        "the port was used at 8000",
    ]


def test_a_line_that_is_too_long_goes_on_in_the_next_one_without_a_gap(tmp_path: Path) -> None:
    printed = "".join(chr(ord("a") + number % 26) for number in range(10_000))
    transcript = Transcript(str(tmp_path / "console.log"))
    transcript.feed(printed.encode() + b"\n" + b"y" * 4096 + b"\nend\n")
    lines = (tmp_path / "console.log").read_text(encoding="utf-8").splitlines()
    told = [line[TIME + len(LINE) :] for line in lines]
    assert "".join(told[:3]) == printed and told[3:] == ["y" * 4096, "end"]


def test_a_summary_waits_for_whoever_is_about_to_end(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    with contextlib.closing(path.open("ab")) as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        found: list[t.Any] = []
        reader = threading.Thread(target=lambda: found.append(summarize(path)))
        reader.start()
        writer.write(f"2026-03-01T12:00:00.000Z{LINE}last words\n".encode())
    reader.join()
    assert found[0]["lines"] == 1 and "last words" in found[0]["excerpt"]
