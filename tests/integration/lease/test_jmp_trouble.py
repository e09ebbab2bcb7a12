# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller, a token or a jmp that misbehaves: an error by name in bounded time, or no error at all."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from lease_support import ACQUIRE, JMP, RELEASE, ControllerDevice, StartPlay, assert_soon, fake_jmp

QUIETLY = """
import json, subprocess, sys
done = subprocess.run(["REAL", *sys.argv[2:]], capture_output=True, text=True)
text = done.stdout
if "json" in sys.argv:
    text = HOW[sys.argv[1]](text)
sys.stdout.write(text)
sys.stderr.write(done.stderr)
sys.exit(done.returncode)
"""

HOW = {
    "junk": 'lambda text: "[1] warning: {this} is no\\n[2026] JSON\\n" + text + "\\nbye {\\n"',
    "colours": 'lambda text: "\\x1b[1m" + text.replace("{", "\\x1b[1m{\\x1b[0m").replace(":", "\\x1b[34m:\\x1b[0m")',
    "JSON in JSON": "json.dumps",
}


@pytest.mark.parametrize("habit", HOW)
def test_a_jmp_with_strange_habits_is_understood(
    leased: ControllerDevice, run: StartPlay, habit: str, tmp_path: Path
) -> None:
    script = tmp_path / "habit.py"
    text = QUIETLY.replace("HOW[sys.argv[1]]", f"({HOW[habit]})")
    path = fake_jmp(tmp_path / "bin", f'exec python3 {script} habit "$@"\n')
    script.write_text(text.replace("REAL", JMP), encoding="utf-8")
    play = run(ACQUIRE + RELEASE, leased, path_first=path)
    assert play.process.returncode == 0, play.output
    assert play.result("Acquire the device")["lease"]["client"] == "alice"
    play.assert_gives_back(leased)


@pytest.mark.parametrize(
    ("habit", "complaint"),
    [
        ("echo this is not the jmp you know", "printed no JSON but: this is not the jmp you know"),
        ("echo '{\"leases\": 5}'", "printed JSON without leases"),
        ("echo 'Error: the moon is in the way' >&2; exit 1", "jmp get leases failed: Error: the moon is in the way"),
    ],
)
@pytest.mark.slow
def test_a_jmp_that_cannot_be_understood_is_an_error_that_names_it(
    leased: ControllerDevice, run: StartPlay, habit: str, complaint: str, tmp_path: Path
) -> None:
    path = fake_jmp(tmp_path / "bin", f'case "$*" in *get*) {habit};; *) exec REAL "$@";; esac\n')
    play = run(ACQUIRE, leased, path_first=path, variables={"jumpstarter_lease_guard_timeout": 1})
    assert play.process.returncode == 2
    assert complaint in play.result("Acquire the device")["msg"]
    play.assert_gives_back(leased)


@pytest.mark.slow
def test_a_jmp_that_hangs_is_ended_and_its_lease_taken_back(
    leased: ControllerDevice, run: StartPlay, tmp_path: Path
) -> None:
    path = fake_jmp(tmp_path / "bin", 'case "$*" in *get*) sleep 600;; *) exec REAL "$@";; esac\n')
    play = run(ACQUIRE, leased, path_first=path, variables={"jumpstarter_lease_guard_timeout": 1})
    assert "jmp get leases gave no answer within 30 s and was ended" in play.result("Acquire the device")["msg"]
    play.assert_gives_back(leased)


@pytest.mark.slow
def test_a_silent_controller_is_an_error_by_name_and_its_lease_goes_when_it_speaks(
    leased: ControllerDevice, run: StartPlay
) -> None:
    leased.controller.fault("silent")
    play = run(ACQUIRE, leased, variables={"jumpstarter_lease_guard_timeout": 1})
    message = play.result("Acquire the device")["msg"]
    assert "jmp create lease gave no answer within 30 s" in message and "could not be taken back yet" in message
    calls, since = len(leased.controller.calls()), time.monotonic()
    leased.controller.clear_faults()

    def is_asked_to_end_it() -> bool:
        return any(call["method"].endswith("/DeleteLease") for call in leased.controller.calls()[calls:])

    # A keeper stays on guard for minutes where the request was never carried out, since it may come late.
    assert_soon(lambda: is_asked_to_end_it() and leased.is_free(), since, play.logs)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ("expired_token_config", "expired at 20"),
        ("garbage_token_config", "failed to authenticate token"),
        ("forged_token_config", "jmp create lease failed"),
    ],
)
def test_a_bad_token_is_an_error_at_once(leased: ControllerDevice, run: StartPlay, config: str, complaint: str) -> None:
    path = getattr(leased.controller, config)("alice")
    play = run(ACQUIRE, leased, variables={"jumpstarter_client_config": str(path)})
    assert play.process.returncode == 2
    message = play.result("Acquire the device")["msg"]
    assert complaint in message and "taken back" not in message
    play.assert_gives_back(leased)


def test_an_expired_token_opens_no_browser(leased: ControllerDevice, run: StartPlay) -> None:
    path = leased.controller.expired_token_config("alice", issuer_answers=True)
    calls = len(leased.controller.calls())
    play = run(ACQUIRE, leased, variables={"jumpstarter_client_config": str(path)})
    assert f"The Jumpstarter token in {path} expired at 20" in play.result("Acquire the device")["msg"]
    assert [call for call in leased.controller.calls()[calls:] if call["method"].startswith("ClientService")] == []


def test_a_lease_whose_reply_was_lost_is_adopted_not_doubled(leased: ControllerDevice, run: StartPlay) -> None:
    before = len(leased.controller.leases())
    leased.controller.fault("lose_reply", methods=["CreateLease"])
    play = run(ACQUIRE + RELEASE, leased)
    assert play.process.returncode == 0, play.output
    (made,) = leased.controller.leases()[before:]
    assert made["name"] == play.result("Acquire the device")["lease_name"]
    play.assert_gives_back(leased)


def test_a_controller_that_is_away_for_a_while_is_waited_for(leased: ControllerDevice, run: StartPlay) -> None:
    for method in ("CreateLease", "ListLeases", "DeleteLease"):
        leased.controller.fault("unavailable", methods=[method], times=1, message="in a moment")
        play = run(ACQUIRE + RELEASE, leased)
        assert play.process.returncode == 0, play.output
        play.assert_gives_back(leased)
        leased.controller.clear_faults()


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"jumpstarter_exporter_name": "nowhere"}, "Requested exporter nowhere was not found"),
        ({"jumpstarter_exporter_selector": "exporter=nobody"}, "can't be leased: "),
        ({"jumpstarter_exporter_selector": " , "}, "failed to parse label selector"),
    ],
)
def test_a_request_that_can_never_be_met_fails_at_once_with_the_reason(
    leased: ControllerDevice, run: StartPlay, variables: dict[str, str], complaint: str
) -> None:
    before = len(leased.controller.calls("CreateLease"))
    play = run(ACQUIRE, leased, variables=variables)
    assert play.process.returncode == 2
    assert complaint in play.result("Acquire the device")["msg"]
    assert len(leased.controller.calls("CreateLease")) == before + 1 and "Traceback" not in play.output
    play.assert_gives_back(leased)


def test_another_device_than_expected_is_an_error_before_anything_is_done_with_it(
    leased: ControllerDevice, run: StartPlay
) -> None:
    play = run(ACQUIRE, leased, variables={"jumpstarter_lease_guard_expected_exporter": "sim2"})
    assert "The lease brought exporter sim1, but sim2 was expected" in play.result("Acquire the device")["msg"]
    assert leased.controller.leases()[-1]["state"] == "Released"
    play.assert_gives_back(leased)
