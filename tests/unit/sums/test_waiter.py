# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait, in fake time, over random lives of a deployment and a backend that fails at random."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import typing as t
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_report import RunReport
from sums_support import assert_is_sentence

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors, waiter
from ansible_collections.hatci.automation.plugins.module_utils._sums.deployments import describe
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import FAILURE, SUCCESS, Goals
from ansible_collections.hatci.automation.plugins.module_utils._sums.waiter import Point, Wait, WaitPolicy

GOALS = Goals(SUCCESS, FAILURE)
WHERE = {"method": "GET", "path": "/api/v1/deployments/d-1"}
GOOD = ("COMPLETE", "completed", "Success")
BAD = ("FAILED", "error", "Cancelled")
BUSY = ("PENDING", "SCHEDULED", "IN_PROGRESS", "rebooting", "UNHEARD_OF")
SLACK = 0.001
COUNTS: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def _report_counts(run_report: RunReport) -> Iterator[None]:
    COUNTS.clear()
    yield
    for how, number in COUNTS.items():
        run_report.count(f"waits in fake time: {how}", number)


@dataclasses.dataclass
class Answer:
    """What one look meets: an error, or the true state; it takes a part of the time it may take."""

    error: str | None = None
    share: float = 0.0
    retry_after: float | None = None


class World:
    """A clock, a deployment that lives by it, and a backend that answers or fails in turn."""

    what, record_id = "deployment", "d-1"

    def __init__(self, life: list[tuple[str, float]], answers: list[Answer], timeout: float = 30.0) -> None:
        self.now = 1000.0
        self.life = life
        self.answers = iter(answers)
        self.timeout = timeout
        self.looks: list[tuple[float, float]] = []
        self.shown: list[str] = []
        self.said: list[tuple[float, str]] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def say(self, line: str) -> None:
        self.said.append((self.now, line))

    def state(self) -> str:
        age = self.now - 1000.0
        for state, seconds in self.life[:-1]:
            if age < seconds:
                return state
            age -= seconds
        return self.life[-1][0]

    def look(self, within: float) -> dict[str, t.Any]:
        self.looks.append((self.now, within))
        answer = next(self.answers, Answer())
        state = self.state()
        self.now += answer.share * min(within, self.timeout)
        if answer.error:
            raise make_error(answer)
        self.shown.append(state.upper())
        return describe({"state": state, "progress": 7})

    def confirm(self, within: float) -> dict[str, t.Any]:
        return self.look(within)

    def time_of_day(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.now, datetime.UTC)

    def wait(self, timeout: float = 600, interval: float = 30, outage: float = 300, point: Point | None = None) -> Wait:
        policy = WaitPolicy(timeout, interval, outage, GOALS, point)
        return Wait(self, policy, say=self.say, sleep=self.sleep, clock=self.clock, now=self.time_of_day)


def make_error(answer: Answer) -> errors.RequestError:
    details = {} if answer.retry_after is None else {"retry_after": answer.retry_after}
    kinds: dict[str, type[errors.RequestError]] = {
        "lost": errors.ReplyLost,
        "fault": errors.ServerFault,
        "busy": errors.Busy,
        "unreachable": errors.Unreachable,
        "unreadable": errors.UnreadableAnswer,
        "unknown": errors.NotFound,
        "refused": errors.TokenRefused,
        "tls": errors.TlsFailure,
        "redirect": errors.Redirected,
        "rejected": errors.Rejected,
        "contradiction": errors.Contradiction,
        "another": errors.AnotherRecord,
    }
    assert answer.error
    return kinds[answer.error](f"GET /d-1: {answer.error}.", **WHERE, **details)


TRANSIENT = ("lost", "fault", "busy", "unreachable", "unreadable", "contradiction")
REFUSALS = ("refused", "tls", "redirect", "unknown", "rejected")
shares = st.sampled_from([0.0, 0.0, 0.01, 0.5, 1.0])
good_answers = st.builds(Answer, share=shares)
transient = st.builds(
    Answer,
    error=st.sampled_from(TRANSIENT),
    share=shares,
    retry_after=st.one_of(st.none(), st.floats(0, 21600)),
)
lives = st.lists(st.tuples(st.sampled_from(BUSY), st.floats(0, 2000)), max_size=6)
ends = st.sampled_from([*GOOD, *BAD, *BUSY])
timings = st.builds(
    lambda timeout, share, outage: {"timeout": timeout, "interval": timeout * share, "outage": outage},
    st.floats(0.1, 5000),
    st.floats(0.005, 1.5),
    st.floats(0, 1000),
)
"""At most some two hundred looks each, lest the test itself take for ever."""


def run(world: World, **timing: t.Any) -> tuple[str, dict[str, t.Any] | errors.SumsError]:
    """Return how a wait ended, and with what."""
    try:
        result: t.Any = world.wait(**timing).run()
        how = "success"
    except errors.SumsError as error:
        result, how = error, type(error).__name__
        assert_is_sentence(error.message)
        assert error.details["deployment_id"] == "d-1"
        assert "d-1" in error.message
    COUNTS[how] += 1
    return how, result


@given(lives, ends, st.lists(st.one_of(good_answers, transient), max_size=60), timings)
def test_it_ends_by_its_deadline_and_tells_the_truth(
    life: list[tuple[str, float]], end: str, answers: list[Answer], timing: dict[str, float]
) -> None:
    world = World([*life, (end, 0)], answers)

    how, result = run(world, **timing)

    assert world.now <= 1000 + timing["timeout"] + SLACK
    assert (how == "success") == (len(world.shown) > 1 and {*world.shown[-2:]} <= {*SUCCESS})
    assert (how == "DeploymentFailed") == bool(world.shown and world.shown[-1] in FAILURE)
    assert not any(state in FAILURE for state in world.shown[:-1])
    assert not any(state in SUCCESS for state in world.shown[:-2])
    if how == "success":
        assert isinstance(result, dict) and result["state"] == "COMPLETE"
    else:
        assert how in ("DeploymentFailed", "WaitTimeout", "OutageTooLong")


@given(
    lives,
    st.sampled_from([*GOOD, *BAD]),
    st.lists(st.one_of(good_answers, transient), max_size=30),
    st.lists(shares, min_size=1, max_size=5),
    timings,
)
def test_it_never_misses_an_end_that_lasts(
    life: list[tuple[str, float]],
    end: str,
    trouble: list[Answer],
    later: list[float],
    timing: dict[str, float],
) -> None:
    """Once the trouble is over the backend answers in the time a look may take, so an end is seen, even the latest."""
    world = World([*life, (end, 0)], [*trouble, *(Answer(share=share * 0.9) for share in later)])
    timing = {**timing, "outage": 1e9}
    settled = sum(seconds for _unused, seconds in life)

    how, _result = run(world, **timing)

    troubled_until = world.looks[len(trouble)][0] if len(world.looks) > len(trouble) else None
    last_chance = world.looks[-1][0] - 1000
    if troubled_until is not None and settled <= last_chance:
        assert how == ("success" if end in GOOD else "DeploymentFailed")
    assert world.now - 1000 >= timing["timeout"] * 0.85 - 0.2 or how in ("success", "DeploymentFailed")


@pytest.mark.parametrize("takes", [0.3, 1.0])
def test_the_last_look_has_time_for_an_answer_from_far_away(takes: float) -> None:
    """A new connection over a wide network takes most of a second, also 0.1 s before the deadline."""
    world = World([("IN_PROGRESS", 595), ("COMPLETE", 0)], [])

    def look(within: float) -> dict[str, t.Any]:
        world.looks.append((world.now, within))
        world.now += min(within, takes)
        if within < takes:
            raise errors.ReplyLost("GET: timed out.", **WHERE)
        return describe({"state": world.state()})

    world.look = look  # type: ignore[method-assign]
    result = world.wait(600, 30, 300).run()

    assert result["state"] == "COMPLETE"
    assert world.now <= 1600


@given(lives, st.lists(st.one_of(good_answers, transient), max_size=40), timings, st.sampled_from(BUSY))
def test_a_line_on_every_change_and_at_least_one_a_minute(
    life: list[tuple[str, float]], answers: list[Answer], timing: dict[str, float], end: str
) -> None:
    world = World([*life, (end, 0)], answers, timeout=5)

    run(world, **timing)

    changes = [state for state, _unused in itertools.groupby(world.shown)]
    lines = iter(line for _unused, line in world.said)
    for state in changes:
        assert any(state in line for line in lines), f"nobody was told of {state}"
    times = [1000.0, *(moment for moment, _unused in world.said), world.now]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 60 + 5 + SLACK
    for _time_of, line in world.said:
        assert "d-1" in line and "\n" not in line


def test_quiet_waits_are_not_chatty() -> None:
    world = World([("IN_PROGRESS", 0)], [])

    run(world, timeout=3600, interval=1)

    assert 60 <= len(world.said) <= 75


@pytest.mark.parametrize("interval", [30, 45, 60, 120, 700])
def test_a_long_interval_still_tells_once_a_minute(interval: float) -> None:
    world = World([("IN_PROGRESS", 0)], [])

    run(world, timeout=3600, interval=interval)

    times = [1000.0, *(moment for moment, _unused in world.said), world.now]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 60 + SLACK
    assert len(world.looks) <= 3600 / (interval * 0.9) + 2


@given(st.floats(1, 2000), st.floats(5, 300), st.floats(0, 1500), st.sampled_from(TRANSIENT))
def test_an_outage_is_survived_up_to_its_budget(out: float, interval: float, budget: float, kind: str) -> None:
    """SUMS is away from the start for some time, then the deployment turns out complete."""
    world = World([("COMPLETE", 0)], [])

    def look(within: float) -> dict[str, t.Any]:
        if world.now - 1000 < out:
            raise make_error(Answer(kind))
        return describe({"state": "COMPLETE"})

    world.look = look  # type: ignore[method-assign]
    how, result = run(world, timeout=1e6, interval=interval, outage=budget)

    if out < budget:
        assert how == "success"
    if out > budget + SLACK:
        assert how == "OutageTooLong"
        assert world.now - 1000 <= budget + SLACK
        assert isinstance(result, errors.SumsError)
        assert kind in result.message and "hatci_deployment_id=d-1" in result.message


def test_the_budget_begins_anew_with_each_answer() -> None:
    down = [Answer("lost")] * 9
    world = World([("IN_PROGRESS", 3000), ("COMPLETE", 0)], [Answer(), *down, Answer(), *down, Answer()])

    assert run(world, timeout=9000, interval=30, outage=300)[0] == "success"
    assert [line for _unused, line in world.said if "answers again" in line]


@pytest.mark.parametrize("kind", [*TRANSIENT, *REFUSALS])
def test_one_blip_is_borne_whatever_it_is_once_the_deployment_was_seen(kind: str) -> None:
    """Also where the outage budget is shorter than the interval."""
    world = World([("IN_PROGRESS", 100), ("COMPLETE", 0)], [Answer(), Answer(kind)])

    assert run(world, interval=30, outage=5)[0] == "success"
    blip, next_look = world.looks[1][0], world.looks[2][0]
    assert next_look - blip <= 5 + SLACK


@pytest.mark.parametrize("kind", [kind for kind in REFUSALS if kind != "unknown"])
def test_a_refusal_that_lasts_ends_the_wait_with_its_budget_and_the_last_state(kind: str) -> None:
    world = World([("IN_PROGRESS", 0)], [Answer(), *[Answer(kind)] * 100])

    how, error = run(world, timeout=6000, interval=30, outage=300)

    assert how == "OutageTooLong" and isinstance(error, errors.SumsError)
    assert "IN_PROGRESS 7 %" in error.message and error.details["state"] == "IN_PROGRESS" and kind in error.message
    assert world.now <= world.looks[1][0] + 300 + SLACK


def test_one_that_sums_does_not_have_any_more_is_not_waited_for_as_long_as_for_an_outage() -> None:
    world = World([("IN_PROGRESS", 0)], [Answer(), *[Answer("lost")] * 8, *[Answer("unknown")] * 100])

    how, error = run(world, timeout=6000, interval=30, outage=3000)

    gone = world.looks[9][0]
    assert how == "NotFound" and isinstance(error, errors.SumsError)
    assert "was last seen IN_PROGRESS 7 %" in error.message and error.details["state"] == "IN_PROGRESS"
    assert waiter.GONE_SECONDS <= world.now - gone <= waiter.GONE_SECONDS + 33 + SLACK


def test_it_may_be_away_again_and_again() -> None:
    away = [Answer("unknown")] * 3
    world = World([("IN_PROGRESS", 500), ("COMPLETE", 0)], [Answer(), *away, Answer(), *away, Answer("lost"), *away])

    assert run(world, interval=30, timeout=6000, outage=3000)[0] == "success"


@pytest.mark.parametrize("kind", ["refused", "tls", "redirect", "rejected", "another"])
def test_what_no_waiting_helps_fails_at_once_at_the_beginning(kind: str) -> None:
    world = World([("IN_PROGRESS", 0)], [Answer(kind)] * 100)

    how, error = run(world)

    assert how == make_error(Answer(kind)).__class__.__name__ and isinstance(error, errors.SumsError)
    assert "last seen never" in error.message and error.details["state"] == ""
    assert len(world.looks) == 1


def test_an_answer_about_another_one_ends_the_wait_at_once() -> None:
    world = World([("IN_PROGRESS", 0)], [Answer(), Answer("another")])

    how, error = run(world)

    assert how == "AnotherRecord" and isinstance(error, errors.SumsError)
    assert "IN_PROGRESS 7 %" in error.message and len(world.looks) == 2


@given(st.integers(0, 40), st.floats(0.05, 10))
def test_a_newborn_may_be_unknown_for_a_short_time(unknown: int, interval: float) -> None:
    world = World([("COMPLETE", 0)], [Answer("unknown")] * unknown)

    how, _error = run(world, interval=interval)

    last_unknown = unknown * interval
    if last_unknown * 1.1 < waiter.CREATE_GRACE_SECONDS:
        assert how == "success"
    if (unknown - 1) * interval * 0.9 >= waiter.CREATE_GRACE_SECONDS:
        assert how == "NotFound"
        assert world.now - 1000 <= waiter.CREATE_GRACE_SECONDS + 1.1 * interval + SLACK


@given(st.floats(0, 21600), st.floats(1, 60), st.floats(10, 3000))
def test_retry_after_is_honoured_within_the_deadline(retry_after: float, interval: float, timeout: float) -> None:
    world = World([("IN_PROGRESS", 0)], [Answer("busy", retry_after=retry_after)])

    run(world, timeout=timeout, interval=interval, outage=1e9)

    gap = world.looks[1][0] - world.looks[0][0]
    assert world.now <= 1000 + timeout + SLACK
    assert gap >= min(0.9 * max(retry_after, interval), 0.85 * timeout - 0.2)


@pytest.mark.parametrize("first", [[], [Answer()]], ids=["at the beginning", "later"])
def test_no_retry_after_is_slept_beyond_the_outage_budget(first: list[Answer]) -> None:
    """A proxy that says 'in a day' must not hide that SUMS is back in a minute."""
    world = World([("IN_PROGRESS", 400), ("COMPLETE", 0)], [*first, Answer("busy", retry_after=86400.0)])

    assert run(world, timeout=1e6, interval=30, outage=60)[0] == "success"
    times = [look[0] for look in world.looks]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(gaps) <= 60 + SLACK


def test_a_success_that_a_second_look_does_not_confirm_is_none() -> None:
    """One wrong answer, from a cache or of another instance of SUMS, writes no PASS."""
    world = World([("FAILED", 0)], [])
    states = iter(["COMPLETE", "FAILED"])
    world.state = lambda: next(states)  # type: ignore[method-assign]

    how, error = run(world)

    assert how == "DeploymentFailed" and isinstance(error, errors.SumsError)
    assert world.now == 1000, "the second look comes at once"


def test_a_success_is_confirmed_after_a_blip_too_and_only_by_the_next_success() -> None:
    world = World([("COMPLETE", 0)], [Answer(), Answer("lost"), Answer()])
    assert run(world)[0] == "success"
    assert len(world.looks) == 3

    world = World([("COMPLETE", 0)], [])
    states = iter(["COMPLETE", "IN_PROGRESS", "COMPLETE", "COMPLETE"])
    world.state = lambda: next(states)  # type: ignore[method-assign]
    assert run(world)[0] == "success"
    assert len(world.looks) == 4


def test_a_success_without_time_to_confirm_it_is_a_timeout_that_says_so() -> None:
    world = World([("COMPLETE", 0)], [Answer(), *[Answer("lost")] * 1000])

    how, error = run(world, timeout=100, interval=1, outage=1e9)

    assert how == "WaitTimeout" and isinstance(error, errors.SumsError)
    assert "last seen COMPLETE 7 %, which could not be confirmed by a second look" in error.message


def test_the_confirming_look_is_the_one_that_proves_more() -> None:
    world = World([("COMPLETE", 0)], [])

    def confirm(within: float) -> dict[str, t.Any]:
        raise make_error(Answer("another"))

    world.confirm = confirm  # type: ignore[method-assign]
    assert run(world)[0] == "AnotherRecord"


def test_each_line_says_the_time_and_the_limit() -> None:
    world = World([("IN_PROGRESS", 70), ("COMPLETE", 0)], [])

    run(world, timeout=3600, interval=200)

    first, *_others, last = [line for _moment, line in world.said]
    assert first == "deployment d-1: IN_PROGRESS 7 %, 0:00 of 60:00 min, 00:16:40"
    assert last.startswith("deployment d-1: COMPLETE 7 %, 3:") and " of 60:00 min, 00:" in last


class Update(World):
    """A deployment whose progress grows by one percent in ten seconds."""

    def look(self, within: float) -> dict[str, t.Any]:
        described = super().look(within)
        described["status"]["progress"] = min(100.0, (self.now - 1000) / 10)
        return described


@given(st.floats(1, 99), st.floats(1, 60))
def test_a_progress_is_waited_for(progress: float, interval: float) -> None:
    world = Update([("IN_PROGRESS", 1000), ("COMPLETE", 0)], [])

    how, result = run(world, timeout=5000, interval=interval, point=Point(progress=progress))

    assert how == "success" and isinstance(result, dict)
    if result["reached"]:
        assert progress <= result["progress"] <= progress + 1.1 * interval / 10 + 0.1
        assert result["state"] == "IN_PROGRESS"
    else:
        assert progress > 100 - 1.1 * interval / 10


@pytest.mark.parametrize("end", [*GOOD, *BAD])
@pytest.mark.parametrize("point", [Point(progress=40), Point(state="INSTALLING"), Point("INSTALLING", 40)])
def test_a_deployment_that_ends_before_the_point_did_not_reach_it(end: str, point: Point) -> None:
    """Also where its progress is 100 by then: nobody can act at 40 percent any more."""
    world = Update([("PENDING", 2000), (end, 0)], [])
    world.life = [("PENDING", 100), (end, 0)]

    how, result = run(world, timeout=5000, interval=1500, point=point)

    assert how == "success" and isinstance(result, dict)
    assert result["reached"] is False and result["state"] in ("COMPLETE", *FAILURE)
    assert result["progress"] == 100 and result["seen_at"].startswith("1970-01-01T00:")


@pytest.mark.parametrize("wanted", ["REBOOTING", "rebooting", " Rebooting "])
def test_a_state_is_waited_for(wanted: str) -> None:
    world = World([("PENDING", 100), ("rebooting", 100), ("COMPLETE", 0)], [])

    how, result = run(world, interval=10, point=Point(state=wanted))

    assert how == "success" and isinstance(result, dict)
    assert (result["reached"], result["state"], result["progress"]) == (True, "REBOOTING", 7)
    assert 1100 <= world.now <= 1111
    assert result["seen_at"] == f"1970-01-01T00:18:{int(world.now) - 1080:02d}Z"


@pytest.mark.parametrize("end", ["COMPLETE", "FAILED"])
def test_an_end_can_be_the_point(end: str) -> None:
    world = World([("IN_PROGRESS", 100), (end, 0)], [])

    how, result = run(world, point=Point(state=end))

    assert how == "success" and isinstance(result, dict) and result["reached"] is True and result["state"] == end


def test_whichever_point_comes_first() -> None:
    for state, progress, seen in (("IN_PROGRESS", 90.0, "IN_PROGRESS"), ("NEVER", 3.0, "PENDING")):
        world = Update([("PENDING", 300), ("IN_PROGRESS", 1000), ("COMPLETE", 0)], [])
        _how, result = run(world, timeout=5000, interval=10, point=Point(state, progress))
        assert isinstance(result, dict) and result["reached"] and result["state"] == seen


def test_a_point_that_does_not_come_is_a_timeout_that_names_it() -> None:
    world = World([("PENDING", 0)], [])

    how, error = run(world, point=Point("INSTALLING", 40))

    assert how == "WaitTimeout" and isinstance(error, errors.SumsError)
    assert "did not come to INSTALLING or 40 % within 600 s; it was last seen PENDING 7 %" in error.message


def test_a_timeout_says_how_to_go_on() -> None:
    world = World([("PENDING", 100), ("IN_PROGRESS", 0)], [])

    how, error = run(world, timeout=600)

    assert how == "WaitTimeout" and isinstance(error, errors.SumsError)
    assert "did not end within 600 s" in error.message and "IN_PROGRESS 7 %" in error.message
    assert "hatci_wait_for_update" in error.message and "hatci_deployment_id=d-1" in error.message
    assert error.details["state"] == "IN_PROGRESS" and error.details["status"]["progress"] == 7


def test_a_timeout_without_any_answer_tells_the_trouble() -> None:
    world = World([("PENDING", 0)], [Answer("unreachable")] * 1000)

    how, error = run(world, timeout=100, interval=1, outage=1e9)

    assert how == "WaitTimeout" and isinstance(error, errors.SumsError)
    assert "GET /d-1: unreachable." in error.message and "last seen never" in error.message
    assert error.details["state"] == ""


def test_a_failure_tells_the_reason_and_the_state() -> None:
    world = World([("FAILED", 0)], [])
    world.look = lambda within: describe(  # type: ignore[method-assign]
        {"state": "failed", "error_message": "ECU said\nno", "timestamps": {"a": "b"}}
    )

    how, error = run(world)

    assert how == "DeploymentFailed" and isinstance(error, errors.SumsError)
    assert "FAILED" in error.message and "ECU said no" in error.message
    assert error.details["timestamps"] == {"a": "b"} and error.details["state"] == "FAILED"


def test_a_state_that_goes_backwards_is_told_and_is_no_end() -> None:
    world = World([("IN_PROGRESS", 60), ("PENDING", 60), ("IN_PROGRESS", 60), ("COMPLETE", 0)], [])

    assert run(world, interval=20)[0] == "success"
    told = [state for state, _unused in itertools.groupby(line.split()[2] for _unused, line in world.said)]
    assert told == ["IN_PROGRESS", "PENDING", "IN_PROGRESS", "COMPLETE"]


def test_pauses_differ() -> None:
    world = World([("IN_PROGRESS", 0)], [])

    run(world, timeout=3000, interval=30)

    gaps = [later - earlier for (earlier, _unused), (later, _unused) in itertools.pairwise(world.looks)][:-1]
    assert len(set(gaps)) > 10
    assert all(27 <= gap <= 33 + SLACK for gap in gaps[:-2])


@given(st.lists(st.sampled_from([*GOOD, *BAD, *BUSY]), min_size=1), st.text(min_size=1, max_size=10))
def test_states_of_ones_own(states: list[str], own: str) -> None:
    """Success is what the list says, in any letter case, and nothing else."""
    try:
        goals = Goals([own], ["never"])
    except errors.InputError:
        return
    for state in states:
        same = {own.strip().upper(), state.strip().upper()}
        alike = len(same) == 1 or same <= set(SUCCESS)
        assert goals.is_success(state) is alike
