# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases that must outlast themselves, their controller or the network."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
from lease_support import (
    ACQUIRE,
    PATIENCE_SECONDS,
    POWER_ON,
    RELEASE,
    WAIT_FOR,
    ControllerDevice,
    StartPlay,
    api_of,
    jmp_seconds,
    wait_for,
)

SHORT = "20s"
STARTS_OF_JMP = 10
"""So often `jmp` must be able to start within a lease that is to be renewed in time."""


def short_seconds() -> int:
    """Return how long a lease lasts that is short, and yet long enough for its renewal as busy as this machine is."""
    return max(20, math.ceil(STARTS_OF_JMP * jmp_seconds()))


def lease_of(device: ControllerDevice) -> str:
    """Return the name of the lease that has the device."""
    holder = device.controller.holder(device.name)
    return str(holder["name"]) if holder and holder["client"] == "alice" else ""


@pytest.mark.slow
def test_a_short_lease_outlasts_a_long_play(leased: ControllerDevice, start: StartPlay) -> None:
    """Slow as it must be: a lease of 20 s is held for 60 s, and nobody else ever had the device."""
    seconds = short_seconds()
    variables = {"pause": 3 * seconds + 2, "jumpstarter_lease_duration": f"{seconds}s"}
    play = start(ACQUIRE + POWER_ON, leased, variables=variables)
    name = play.until(lambda: lease_of(leased))
    assert play.wait(PATIENCE_SECONDS + 6 * seconds) == 0, play.output + play.logs()
    assert "renewed" not in play.output
    play.assert_gives_back(leased)
    lease = leased.controller.lease(name)
    assert lease["state"] == "Released" and lease["end"] - lease["begin"] > 3 * seconds


@pytest.mark.slow
def test_a_lease_outlasts_thirty_seconds_without_the_controller(
    leased: ControllerDevice, start: StartPlay, tmp_path: Path
) -> None:
    variables = {"go_on": str(tmp_path / "go"), "jumpstarter_lease_duration": "90s"}
    play = start(ACQUIRE + WAIT_FOR + POWER_ON + RELEASE, leased, variables=variables)
    name = play.until(lambda: lease_of(leased))
    play.until(lambda: play.results("Keep the name of the lease"))
    leased.controller.wait_until(lambda: leased.controller.serving("sim1"))
    leased.controller.kill()
    wait_for(lambda: "renewal failed" in play.logs(), 100)
    died = time.monotonic()
    wait_for(lambda: time.monotonic() - died > 20 or "could not be renewed" in play.logs())
    leased.controller.start()
    leased.controller.wait_until(lambda: leased.controller.serving("sim1"), 60)
    wait_for(lambda: "renewed: " in play.logs())
    (tmp_path / "go").touch()
    assert play.wait() == 0, play.output + play.logs()
    assert leased.controller.lease(name)["state"] == "Released"
    assert len([lease for lease in leased.controller.leases() if lease["name"] == name]) == 1
    play.assert_gives_back(leased)


@pytest.mark.slow
def test_a_controller_that_never_returns_fails_the_next_task_with_the_reason(
    leased: ControllerDevice, start: StartPlay, tmp_path: Path
) -> None:
    variables = {
        "go_on": str(tmp_path / "go"),
        "jumpstarter_lease_duration": SHORT,
        "jumpstarter_lease_guard_release_timeout": 3,
    }
    always = "        - block:" + (WAIT_FOR + POWER_ON).replace("\n        ", "\n            ")
    always += "          always:" + RELEASE.replace("\n        ", "\n            ")
    play = start(ACQUIRE + always, leased, variables=variables)
    play.until(lambda: play.results("Keep the name of the lease"))
    leased.controller.kill()
    play.until(lambda: "could not be renewed 2 times in a row" in play.logs())
    (tmp_path / "go").touch()
    assert play.wait() == 2
    message = play.result("Switch on")["msg"]
    assert "is not safe any more, so the device was left alone" in message
    assert "could not be renewed" in message and "grpc error" in message
    assert "could not be given back" in play.output and "goes on trying" in play.output
    leased.controller.start()
    wait_for(lambda: leased.is_free() and not play.processes())


def test_a_lease_that_ended_under_the_play_is_not_used_any_more(
    leased: ControllerDevice, start: StartPlay, tmp_path: Path
) -> None:
    """Its renewal finds out, asks no more, and the next task fails with the reason."""
    variables = {"go_on": str(tmp_path / "go"), "jumpstarter_lease_duration": SHORT}
    play = start(ACQUIRE + WAIT_FOR + POWER_ON, leased, variables=variables)
    name = play.until(lambda: lease_of(leased))
    play.until(lambda: play.results("Keep the name of the lease"))
    api_of(leased.controller, "alice").delete_lease(name)
    play.until(lambda: "is not held any more" in play.logs())
    asked = len(leased.controller.calls("ListLeases"))
    (tmp_path / "go").touch()
    assert play.wait() == 2
    assert "is not held any more" in play.result("Switch on")["msg"]
    assert len(leased.controller.calls("ListLeases")) <= asked + 1
    play.assert_gives_back(leased)


@pytest.mark.slow
def test_max_hold_ends_the_renewals(leased: ControllerDevice, start: StartPlay, tmp_path: Path) -> None:
    duration = short_seconds() + 4
    variables = {
        "go_on": str(tmp_path / "go"),
        "jumpstarter_lease_duration": f"{duration}s",
        "jumpstarter_lease_guard_max_hold": f"{duration + 4}s",
    }
    play = start(ACQUIRE + WAIT_FOR + POWER_ON, leased, variables=variables)
    name = play.until(lambda: lease_of(leased))
    play.until(lambda: leased.controller.lease(name)["state"] == "Expired", PATIENCE_SECONDS + 2 * duration)
    lease = leased.controller.lease(name)
    assert lease["end"] - lease["begin"] > duration, "it was renewed up to max_hold"
    wait_for(lambda: f"max_hold, {duration + 4} s" in play.logs())
    (tmp_path / "go").touch()
    assert play.wait() == 2
    assert "It ended since it had reached max_hold" in play.result("Switch on")["msg"]
