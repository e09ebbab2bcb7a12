# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal survives what kills a play, stays small and holds no secret."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from play_support import wait_until

from ansible_collections.hatci.automation.plugins.module_utils._evidence import journal
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import make_record
from ansible_collections.hatci.automation.plugins.module_utils._evidence.report import make_report
from ansible_collections.hatci.automation.plugins.module_utils._evidence.values import HIDDEN, shorten

ENDLESS = """
import sys
from ansible_collections.hatci.automation.plugins.module_utils._evidence import journal
number = 0
while True:
    journal.append(sys.argv[1], "begin", {"number": number, "padding": "x" * 300})
    number += 1
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    journal.create(tmp_path)
    return tmp_path


def test_a_killed_writer_leaves_only_whole_lines(directory: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", ENDLESS, str(directory)], env=environment) as writer:
        wait_until(lambda: len(journal.read(directory).lines) > 20)
        writer.send_signal(signal.SIGKILL)
    kept = journal.read(directory)
    assert [line["number"] for line in kept.lines] == list(range(len(kept.lines)))
    assert kept.torn == 0


def test_a_torn_line_is_counted_and_spoils_no_other(directory: Path) -> None:
    journal.append(directory, "begin", {"step": "one"})
    with (directory / journal.JOURNAL).open("ab") as file:
        file.write(b'{"time": "2026-03-01T12:00:00.000Z", "event": "beg')
    assert [line["step"] for line in journal.read(directory).lines] == ["one"]
    journal.append(directory, "begin", {"step": "two"})
    kept = journal.read(directory)
    assert [line["step"] for line in kept.lines] == ["one", "two"]
    assert kept.torn == 1


def test_a_long_test_fills_no_disk_and_keeps_its_outcome(directory: Path) -> None:
    for _unused in range(200):
        journal.append(directory, "end", {"msg": "x" * 4000})
    journal.append(directory, "result", {"outcome": "PASS"})
    kept = journal.read(directory)
    assert (directory / journal.JOURNAL).stat().st_size < journal.MAX_BYTES + journal.MAX_LINE
    assert kept.is_full
    assert kept.lines[-1]["outcome"] == "PASS"


def test_a_line_that_is_too_long_keeps_what_is_short(directory: Path) -> None:
    ecus = [{"name": f"ECU {n}", "codes": [{"code": "U0123-00", "status": 47}] * 100} for n in range(100)]
    journal.append(directory, "end", {"step": "Look", "result": {"vin": "1HG", "ecus": ecus}})
    line = journal.read(directory).lines[0]
    assert len(json.dumps(line)) < journal.MAX_LINE
    assert line["result"]["vin"] == "1HG"
    assert line["result"]["ecus"]


def test_a_line_of_which_not_all_is_kept_says_so(directory: Path) -> None:
    journal.append(directory, "end", {"step": "Look", "result": {"ecus": [{"name": f"ECU {n}"} for n in range(70)]}})
    assert journal.read(directory).shortened == 0
    journal.append(directory, "end", {"step": "Look", "result": {"ecus": [{"name": "E" * 3000}] * 70}})
    kept = journal.read(directory)
    assert kept.shortened == 1 and len(kept.lines[1]["result"]["ecus"]) < 70
    assert "were too long" in make_report(make_record(kept), is_signed=False)


@settings(max_examples=30, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_every_value_can_be_kept(value: object) -> None:
    json.dumps(shorten(value), allow_nan=False).encode("utf-8", "replace")


def test_secrets_are_hidden_wherever_they_stand() -> None:
    value = {"msg": "Bearer s3cr3t refused", "s3cr3t": ["s3cr3t"], "api_token": "other", "url": "https://me:pw@host/x"}
    kept = shorten(value, {"s3cr3t"})
    assert kept == {
        "msg": f"Bearer {HIDDEN} refused",
        HIDDEN: [HIDDEN],
        "api_token": HIDDEN,
        "url": f"https://{HIDDEN}@host/x",
    }
