# SPDX-License-Identifier: GPL-3.0-or-later
"""How a keeper renews and gives back, over a controller and a clock of the test's own."""

from __future__ import annotations

import contextlib
import os
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import device_lock, keeper_process
from ansible_collections.hatci.automation.plugins.module_utils._watchers import control_socket
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

Answer = bool | errors.JumpstarterError
HOUR = 3600.0


class World:
    """A clock, a controller and an event loop: the play ends at ``play_ends``."""

    has_owner = True

    def __init__(self, *answers: Answer) -> None:
        self.now = 1000.0
        self.play_ends = float("inf")
        self.calls: list[tuple[float, str]] = []
        self.extended: list[float] = []
        self.lines: list[str] = []
        self.messages: list[dict[str, t.Any]] = []
        self.has_given_up = False
        self.kept_at: float | None = None
        self.keep_message: dict[str, t.Any] = {}
        self.lease: tuple[str, float] | None = ("held", 0.0)
        """State and duration of the lease, as the controller shows it."""
        self.tell: t.Callable[[dict[str, t.Any]], None] = lambda _message: None
        self.longest = float("inf")
        """Seconds for which the controller lets a lease last at the most."""
        self._answers = list(answers)

    def delete(self, _name: str) -> bool:
        self.calls.append((self.now, "delete"))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, errors.JumpstarterError):
            raise answer
        return answer

    def extend(self, _name: str, duration: float) -> t.Any:
        self.calls.append((self.now, "extend"))
        self.extended.append(self.now - 1000.0 + duration - (self.now - 1000.0))
        if self.now - 1000.0 >= self.longest:
            raise errors.LeaseLost("Lease hatci-7 is not held any more: it ran out.")
        return types.SimpleNamespace(duration=min(duration, self.longest))

    def find(self, _name: str) -> t.Any:
        self.calls.append((self.now, "find"))
        return self.lease and types.SimpleNamespace(state=self.lease[0], duration=self.lease[1])

    def set_alarm(self, *_all: t.Any) -> None:
        pass

    def forget_owner(self) -> None:
        self.has_owner = False
        self.play_ends = float("inf")

    def until_end(self, moment: float | None = None) -> bool:
        if self.kept_at is not None and (moment is None or self.kept_at <= moment):
            self.now, self.kept_at = max(self.now, self.kept_at), None
            self.tell(self.keep_message)
        ends = moment is None or self.play_ends <= moment
        self.now = max(self.now, self.play_ends if ends else t.cast("float", moment))
        return ends

    def pause(self, seconds: float) -> None:
        self.now += seconds

    def log(self, line: str) -> None:
        self.lines.append(line)

    def read_message(self) -> dict[str, t.Any] | None:
        return self.messages.pop(0) if self.messages else None


Run = t.Callable[..., World]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a keeper to its end in such a world."""

    def keep(world: World, *messages: dict[str, t.Any], play: float = 0.0, duration: float = 600.0) -> World:
        world.messages = list(messages)
        world.play_ends = world.now + play
        monkeypatch.setattr("time.monotonic", lambda: world.now)
        monkeypatch.setattr(keeper_process, "since_boot", lambda: world.now)
        monkeypatch.setattr(keeper_process, "end_lease_processes", lambda _name: 0)
        monkeypatch.setattr(keeper_process.Keeper, "_controller", lambda *_all: world)
        order: dict[str, t.Any] = {
            "name": "hatci-7", "owner": None, "config": [], "duration": duration, "max_hold": None, "lock": None,
            "record": str(tmp_path / "record"), "trouble": str(tmp_path / "trouble"), "log": "", "environment": {},
        }  # fmt: skip
        keeper = keeper_process.Keeper(t.cast("t.Any", order), t.cast("t.Any", world))

        def tell(message: dict[str, t.Any]) -> None:
            monkeypatch.setattr(control_socket, "receive", lambda _listening, record: take(record, message))
            keeper._receive(t.cast("t.Any", None))

        def take(record: t.Callable[[dict[str, t.Any]], None], message: dict[str, t.Any]) -> None:
            with contextlib.suppress(OSError):
                record(message)

        world.tell = tell
        keeper._undos.has_given_up = world.has_given_up
        keeper.run()
        return world

    return keep


def refused(words: str) -> errors.JmpFailed:
    """Return what jmp fails with."""
    return errors.JmpFailed(f"jmp delete leases failed: {words}", words=words)


def test_an_hour_with_the_default_lease_takes_five_starts_of_jmp(run: Run) -> None:
    world = run(World(True), {"elapsed": 0.0}, play=HOUR)
    assert [kind for _when, kind in world.calls] == ["extend"] * 4 + ["delete"]


@pytest.mark.parametrize("duration", [5.0, 60.0, 600.0, 7200.0])
def test_a_lease_never_lasts_longer_than_twice_its_duration_and_never_runs_out(run: Run, duration: float) -> None:
    world = run(World(True), {"elapsed": 0.0}, play=duration * 20, duration=duration)
    renewals = [when - 1000.0 for when, kind in world.calls if kind == "extend"]
    ends = [duration, *world.extended]
    assert all(until - when <= 2 * duration + 1 for when, until in zip(renewals, world.extended, strict=True))
    assert all(when < until for when, until in zip(renewals, ends, strict=False))


@pytest.mark.parametrize(
    ("play", "trouble"), [(850.0, "it last for 900 s from its begin only"), (5000.0, "it ran out")]
)
def test_a_keeper_goes_by_the_duration_that_the_controller_answered(
    run: Run, tmp_path: Path, play: float, trouble: str
) -> None:
    """A policy lets a lease last for 900 s, however much is asked for at its first renewal."""
    world = World(True)
    world.longest = 900.0
    run(world, {"elapsed": 0.0, "lasts": 600.0}, play=play)
    renewals = [when - 1000.0 for when, kind in world.calls if kind == "extend"]
    assert 600.0 < renewals[1] < 900.0, "not after what was asked for"
    assert "the controller made 900 s of 1600 s" in world.lines
    assert len(renewals) < 40 and any(trouble in line for line in world.lines)


def test_a_lease_that_was_given_for_less_is_renewed_in_time(run: Run) -> None:
    world = run(World(True), {"elapsed": 0.0, "lasts": 60.0}, play=HOUR)
    assert next(when for when, kind in world.calls if kind == "extend") - 1000.0 < 60.0


@pytest.mark.parametrize(("jitter", "most"), [(0.5, 25), (0.75, 19), (1.0, 16)])
def test_a_keeper_stops_when_the_lease_has_run_out_by_itself(
    run: Run, monkeypatch: pytest.MonkeyPatch, jitter: float, most: int
) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, _high: jitter)
    world = run(World(refused("grpc error: Connection refused")), {"elapsed": 0.0}, play=100.0)
    assert 600.0 <= world.calls[-1][0] - 1000.0 <= 600.0 + 2 * keeper_process.RUN_OUT_SECONDS
    assert len(world.calls) <= most and "has run out by itself" in world.lines[-1]


def test_a_jmp_that_is_away_for_a_moment_loses_nothing(run: Run) -> None:
    world = run(World(errors.JmpMissing("There is no jmp"), True), {"elapsed": 0.0}, play=100.0)
    assert world.lines[-1] == "released the lease"


def test_a_lease_that_comes_minutes_after_it_was_asked_for_finds_its_keeper(run: Run) -> None:
    world = run(World(False, False, False, False, True), {"late": False, "more": True}, {"late": True, "more": True})
    assert world.lines[-1] == "released the lease"
    assert world.now - 1000.0 > 40.0


def test_a_play_that_dies_in_mid_request_does_not_hold_the_keeper_up(run: Run) -> None:
    world = run(World(False), {"late": False, "more": True})
    assert world.now - 1000.0 <= 10.0 and len(world.calls) == 2


def test_a_refusal_ends_the_keeper_only_if_nothing_is_held(run: Run) -> None:
    gone = refused("Error: failed to authenticate token")
    assert len(run(World(gone), {"late": False, "more": True}).calls) == 1
    assert run(World(gone, True), {"elapsed": 0.0}, play=1.0).lines[-1] == "released the lease"


def test_a_lock_whose_directory_is_removed_is_taken_again(tmp_path: Path) -> None:
    path = device_lock.lock_path(str(tmp_path / "locks"), "sim1")
    taken = device_lock.try_lock(path, {"lease": "hatci-7"})
    assert taken
    path.unlink()
    path.parent.rmdir()
    assert not device_lock.is_at(taken[0], path)

    again = device_lock.lock_again(taken[0], path)

    assert again is not None and device_lock.holds(path, "hatci-7")
    os.close(again)
    os.close(taken[0])


def test_a_lock_that_another_job_took_meanwhile_is_not_taken_for_ours(tmp_path: Path) -> None:
    path = device_lock.lock_path(str(tmp_path / "locks"), "sim1")
    taken = device_lock.try_lock(path, {"lease": "hatci-7"})
    path.unlink()
    other = device_lock.try_lock(path, {"lease": "hatci-8"})
    assert taken and other

    assert device_lock.lock_again(taken[0], path) is None
    assert not device_lock.holds(path, "hatci-7") and device_lock.holds(path, "hatci-8")
    os.close(taken[0])
    os.close(other[0])


def test_tasks_of_the_play_find_the_keeper_whatever_the_name_of_its_lease() -> None:
    owner = Owner.of(os.getpid())
    names = {keeper_process.keeper_socket_name(lease, owner) for lease in ("hatci-7", "hatci-" + "x" * 200)}

    assert len(names) == 2
    for name in names:
        control_socket.open_control_socket(name).close()


def kept(run: Run, world: World, *, seconds: float = 900.0, lasts: float = 1000.0) -> World:
    """Have the play leave the device to somebody for a time, and end right after that."""
    world.kept_at, world.keep_message = 1100.0, {"keep": seconds, "lasts": lasts}
    world.lease = world.lease and (world.lease[0], world.lease[1] or lasts)
    return run(world, {"elapsed": 0.0}, play=101.0)


def test_a_device_that_is_kept_outlives_the_play_and_is_given_back_after_its_time(run: Run) -> None:
    world = kept(run, World(True))
    assert [(when, kind) for when, kind in world.calls if kind != "find"] == [(2000.0, "delete")]


def test_a_kept_lease_that_somebody_gave_back_is_noticed_soon(run: Run) -> None:
    world = World(False)
    world.lease = ("ended", 1000.0)
    kept(run, world)
    assert world.now <= 1100.0 + keeper_process.KEPT_LOOK_SECONDS + 10.0
    assert world.lines[-1] == "the lease had ended already"


def test_a_kept_lease_that_somebody_extended_is_theirs(run: Run) -> None:
    world = World(True)
    world.lease = ("held", 9000.0)
    kept(run, world)
    assert not any(kind == "delete" for _when, kind in world.calls)


def test_a_device_whose_state_is_not_known_is_not_kept(run: Run) -> None:
    world = World(True)
    world.has_given_up = True
    kept(run, world)
    assert list(world.calls) == [(1101.0, "delete")]
