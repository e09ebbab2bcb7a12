# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source in fake time: each change once, soon, across restarts and outages; each stall once."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
import typing as t
from pathlib import Path

import pytest
from event_source_simulation import (
    EPOCH,
    HOUR,
    STATES,
    Campaign,
    Recorder,
    in_fake_time,
    load,
    now,
    options,
    spelling,
    watch,
)

SOURCE = load()
Fetch = t.Callable[[str], t.Awaitable[dict[str, t.Any]]]
KEYS = {"deployment_id", "vin", "state", "previous_state", "progress", "reason", "at"}


def told(recorder: Recorder) -> list[tuple[str, str]]:
    """Return the deployment and state of each event that is no stall."""
    return [
        (event["deployment"]["deployment_id"], spelling(event))
        for _moment, event in recorder.events
        if "stalled_for" not in event["deployment"]
    ]


def follow(
    fetch: Fetch,
    seconds: float,
    deployments: list[t.Any] | None = None,
    queue: t.Any = None,
    fetch_test: t.Any = None,
    clock: t.Callable[[], float] = now,
    **given: t.Any,
) -> list[tuple[float, dict[str, t.Any]]]:
    """Watch so many seconds; return the events with their times."""
    recorder = queue or Recorder()
    made = {"base_url": "https://sums.example.com", "token": "t", "poll_interval": 10, **given}
    chosen = SOURCE["options_of"]({**made, "deployments": ["dep-1"] if deployments is None else deployments})

    async def run() -> None:
        running = asyncio.create_task(SOURCE["Watcher"](recorder, chosen, fetch, clock, fetch_test).run())
        done, _pending = await asyncio.wait([running], timeout=seconds)
        running.cancel()
        await asyncio.gather(*done)
        await asyncio.gather(running, return_exceptions=True)

    in_fake_time(run())
    return t.cast("list[tuple[float, dict[str, t.Any]]]", recorder.events)


def by_time(*steps: tuple[float, dict[str, t.Any] | Exception]) -> Fetch:
    """Return how SUMS is asked that says this from these times on."""

    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        moment = now() - EPOCH
        said = [said for begin, said in steps if begin <= moment][-1]
        if isinstance(said, Exception):
            raise said
        return {"deployment_id": deployment_id, **said}

    return fetch


@pytest.mark.slow
def test_a_thousand_deployments_are_followed_for_an_hour() -> None:
    campaign, recorder = Campaign(1000), Recorder()
    interval = 120.0

    slices = in_fake_time(watch(campaign, recorder, HOUR + interval, poll_interval=interval, stall_after=0))

    assert len(told(recorder)) == len(set(told(recorder))), "no change is told twice"
    lasted = {
        (one, STATES[place])
        for one, times in campaign.times.items()
        for place, begin in enumerate(times)
        if place == len(STATES) - 1 or times[place + 1] - begin > interval + 1
    }
    assert lasted <= set(told(recorder)), "none is missed that lasted for a poll"
    delays = recorder.delays(campaign)
    assert delays[int(0.99 * len(delays))] <= interval + 1
    assert delays[-1] <= interval + 1
    assert campaign.most_under_way <= 20
    assert slices[0].looks <= 1000 * (HOUR + interval) / interval + 1000


def test_memory_does_not_grow_with_the_looks() -> None:
    grown = []

    class Forgetful:
        async def put(self, event: dict[str, t.Any]) -> None:
            """Keep nothing."""

    campaign = Campaign(10)
    for times in campaign.times.values():
        times[1:] = [10 * HOUR] * len(times[1:])

    async def measure() -> None:
        running = asyncio.create_task(
            SOURCE["Watcher"](
                Forgetful(), options(SOURCE, campaign, stall_after=600), campaign.fetch(SOURCE["Trouble"]), now
            ).run()
        )
        for _quarter in range(4):
            await asyncio.sleep(HOUR / 4)
            grown.append(tracemalloc.get_traced_memory()[0])
        running.cancel()

    tracemalloc.start()
    try:
        in_fake_time(measure())
    finally:
        tracemalloc.stop()
    assert grown[-1] - grown[0] < 20_000, grown


def test_polls_are_spread_over_the_interval() -> None:
    moments: list[float] = []

    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        moments.append(now() - EPOCH)
        return {"state": "PENDING"}

    follow(fetch, 99.0, [f"dep-{number}" for number in range(100)], poll_interval=10)

    for second in range(10, 90):
        assert 8 <= sum(second <= moment < second + 1 for moment in moments) <= 12


def test_an_event_tells_what_changed() -> None:
    events = follow(
        by_time(
            (0, {"state": "in_progress", "progress": 40, "vin": "1HGBH41JXMN109186"}),
            (25, {"status": "Failed", "error_message": "Low\nbattery", "progress": 41}),
        ),
        100,
    )

    assert [event for _moment, event in events] == [
        {
            "deployment": {
                "deployment_id": "dep-1",
                "vin": "1HGBH41JXMN109186",
                "state": "IN_PROGRESS",
                "previous_state": None,
                "progress": 40,
                "reason": "",
                "at": "2023-11-14T22:13:20.000Z",
            }
        },
        {
            "deployment": {
                "deployment_id": "dep-1",
                "vin": "1HGBH41JXMN109186",
                "state": "FAILED",
                "previous_state": "IN_PROGRESS",
                "progress": 41,
                "reason": "Low battery",
                "at": "2023-11-14T22:13:50.000Z",
                "ended": True,
            }
        },
    ]


def test_what_was_given_with_a_deployment_stands_beside_it() -> None:
    given = {"deployment_id": "dep-1", "vin": "1HGBH41JXMN109186", "host": "vehicle_001", "test_event_id": "te-1"}

    ((_moment, event),) = follow(by_time((0, {"state": "PENDING"})), 50, [given])

    assert event["test"] == {"host": "vehicle_001", "test_event_id": "te-1"}
    assert event["deployment"].keys() == KEYS
    assert event["deployment"]["vin"] == "1HGBH41JXMN109186"


def test_a_deployment_that_has_ended_is_left_alone() -> None:
    looks = []

    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        looks.append(deployment_id)
        return {"state": "success"}

    events = follow(fetch, 100)

    assert looks == ["dep-1"] and events[0][1]["deployment"]["state"] == "COMPLETE"


OWN_STATES: dict[str, t.Any] = {"success_states": ["Updated"], "failure_states": "rolled_back, Failed"}


@pytest.mark.parametrize(
    ("state", "is_end"), [(" updated", True), ("Rolled_Back", True), ("failed", True), ("COMPLETE", False)]
)
def test_a_lab_may_have_end_states_of_its_own(state: str, is_end: bool) -> None:
    asked: list[str] = []

    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        asked.append(deployment_id)
        return {"state": "PENDING" if now() - EPOCH < 15 else state}

    async def fetch_test(_given: dict[str, t.Any]) -> dict[str, t.Any]:
        return {"status": "RUNNING" if now() - EPOCH < 80 else "PASS"}

    follows = {"fetch_test": fetch_test, "unfinished_after": 50, "stall_after": 40}
    events = follow(fetch, 300, [OF_TEST], **follows, **OWN_STATES)

    told = [event["deployment"] for _moment, event in events]
    assert {one["state"] for one in told[1:]} == {state.strip().upper()}
    assert ["ended" in one for one in told] == [False, is_end, is_end]
    assert ("unfinished_for" if is_end else "stalled_for") in told[2]
    assert len(asked) == 3 if is_end else len(asked) > 20


@pytest.mark.parametrize("is_of_old_version", [False, True])
def test_a_state_that_counts_as_an_end_since_a_restart_is_told_as_an_end(
    tmp_path: Path, is_of_old_version: bool
) -> None:
    state_file = tmp_path / "state"
    fetch = by_time((0, {"state": "ROLLED_BACK"}))
    ((_at, before),) = follow(fetch, 50, state_file=str(state_file))
    if is_of_old_version:
        forget_that_it_has_ended(state_file)

    ((_at, after),) = follow(fetch, 50, state_file=str(state_file), **OWN_STATES)

    assert ["ended" in event["deployment"] for event in (before, after)] == [False, True]
    assert follow(fetch, 50, state_file=str(state_file), **OWN_STATES) == []


def forget_that_it_has_ended(state_file: Path) -> None:
    """Make the state file one of a version that did not know of other end states."""
    line = json.loads(state_file.read_text())
    del line["has_ended"]
    state_file.write_text(f"{json.dumps(line)}\n")


def test_an_end_that_an_older_version_told_is_not_told_again(tmp_path: Path) -> None:
    state_file = tmp_path / "state"
    fetch = by_time((0, {"state": "COMPLETE"}))
    follow(fetch, 50, state_file=str(state_file))
    forget_that_it_has_ended(state_file)
    assert follow(fetch, 50, state_file=str(state_file)) == []


@pytest.mark.parametrize("seconds", [95.0, 611.3])
def test_a_restart_repeats_and_loses_nothing(tmp_path: Path, seconds: float) -> None:
    state_file = str(tmp_path / "state")
    campaign, restarted = Campaign(20), Recorder()

    async def in_pieces() -> None:
        begun = 0.0
        while begun < HOUR:
            await watch(campaign, restarted, seconds, stall_after=0, state_file=state_file)
            begun += seconds

    in_fake_time(in_pieces())

    assert len(told(restarted)) == len(set(told(restarted)))
    ended = {one for one, state in told(restarted) if state == "COMPLETED"}
    assert ended == set(campaign.times)
    assert len(Path(state_file).read_text().splitlines()) <= 2 * 20 + 1000


def test_an_event_that_nobody_took_is_told_after_the_restart(tmp_path: Path) -> None:
    class Full:
        events: t.ClassVar[list[t.Any]] = []

        async def put(self, event: dict[str, t.Any]) -> None:
            """Take nothing, as a full queue does."""
            await asyncio.Event().wait()

    fetch = by_time((0, {"state": "PENDING"}))
    state_file = str(tmp_path / "state")

    assert follow(fetch, 50, queue=Full(), state_file=state_file) == []
    assert len(follow(fetch, 50, state_file=state_file)) == 1
    assert follow(fetch, 50, state_file=state_file) == []


def test_a_state_file_whose_last_line_broke_off_can_be_used(tmp_path: Path) -> None:
    fetch = by_time((0, {"state": "PENDING"}))
    state_file = tmp_path / "state"
    follow(fetch, 50, ["dep-1", "dep-2"], state_file=str(state_file))
    lines = state_file.read_text().splitlines(keepends=True)
    state_file.write_text(lines[0] + lines[1][:20])

    events = follow(fetch, 50, ["dep-1", "dep-2"], state_file=str(state_file))

    assert [event["deployment"]["deployment_id"] for _moment, event in events] == [
        json.loads(lines[1])["deployment_id"]
    ]


def test_a_state_file_that_cannot_be_written_is_named() -> None:
    with pytest.raises(ValueError, match="state_file /no/such/place cannot be used: No such file or directory; give"):
        follow(by_time((0, {"state": "PENDING"})), 5, state_file="/no/such/place")


def test_two_processes_do_not_emit_from_one_state_file(tmp_path: Path) -> None:
    campaign, first, second = Campaign(5), Recorder(), Recorder()

    async def both() -> None:
        await asyncio.gather(
            watch(campaign, first, HOUR / 2, stall_after=0, state_file=str(tmp_path / "state")),
            watch(campaign, second, HOUR, stall_after=0, state_file=str(tmp_path / "state")),
        )

    in_fake_time(both())

    together = told(first) + told(second)
    assert told(first) and told(second)
    assert len(together) == len(set(together))
    assert {one for one, state in together if state == "COMPLETED"} == set(campaign.times)


def test_an_outage_of_ten_minutes_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    begin, end = 1200.0, 1800.0
    campaign, recorder = Campaign(50, outages=[(begin, end)]), Recorder()

    in_fake_time(watch(campaign, recorder, HOUR + 60, stall_after=0))

    assert len(told(recorder)) == len(set(told(recorder)))
    assert {one for one, state in told(recorder) if state == "COMPLETED"} == set(campaign.times)
    assert not [moment for moment, _event in recorder.events if begin + 1 < moment < end]
    late = [
        moment - end for moment, event in recorder.events if end <= moment < end + 600 and spelling(event) == STATES[1]
    ]
    assert min(late) <= 35, "it is noticed soon that SUMS answers again"
    assert [record.getMessage().split(":")[0] for record in caplog.records][-2:] == [
        "SUMS gives no usable answer, still trying",
        "SUMS answers again.",
    ]


def test_an_outage_is_not_answered_with_a_storm() -> None:
    moments: list[float] = []

    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        moments.append(now() - EPOCH)
        if now() - EPOCH < 600:
            raise SOURCE["Trouble"]("SUMS answered 502")
        return {"state": "PENDING"}

    follow(fetch, 700, [f"dep-{number}" for number in range(600)], poll_interval=30)

    during = [moment for moment in moments if 60 <= moment < 600]
    assert len(during) < 540 / 15 * 22, "one try of 20 requests every 15 to 30 s, instead of 20 a second"
    for second in range(600, 690):
        assert sum(second <= moment < second + 1 for moment in moments) <= 41, "twice the usual pace at most"


def test_sums_is_left_alone_for_as_long_as_it_says() -> None:
    moments: list[float] = []

    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        moments.append(now() - EPOCH)
        if len(moments) == 5:
            raise SOURCE["refusal"](429, "120")
        return {"state": "PENDING"}

    follow(fetch, 400, ["dep-1", "dep-2"], poll_interval=10)

    assert moments[5] - moments[4] >= 120
    assert moments[5] - moments[4] < 135


def test_one_deployment_in_trouble_does_not_keep_the_others_waiting() -> None:
    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        if deployment_id == "dep-0":
            raise SOURCE["refusal"](500, "")
        return {"state": "COMPLETE" if now() - EPOCH > 100 else "PENDING"}

    events = follow(fetch, 200, [f"dep-{number}" for number in range(10)], poll_interval=10)

    assert len(events) == 18
    assert max(moment for moment, _event in events) <= 111


def test_a_progress_that_is_given_as_text_is_progress() -> None:
    events = follow(
        by_time(*((500 * step, {"state": "DOWNLOADING", "progress": f"{step}.5 %"}) for step in range(8))),
        4000,
        stall_after=600,
    )
    assert [(event["deployment"]["progress"], "stalled_for" in event["deployment"]) for _moment, event in events] == [
        (0.5, False)
    ]


def test_each_stall_is_told_once() -> None:
    events = follow(
        by_time(
            (0, {"state": "DOWNLOADING", "progress": 10}),
            (1000, {"state": "DOWNLOADING", "progress": 11}),
            (3000, {"state": "INSTALLING", "progress": 12}),
            (3100, {"state": "COMPLETE"}),
        ),
        4000,
        stall_after=600,
    )

    shown = [
        (round(moment), event["deployment"]["state"], event["deployment"].get("stalled_for"))
        for moment, event in events
    ]
    assert shown == [
        (0, "DOWNLOADING", None),
        (600, "DOWNLOADING", 600),
        (1600, "DOWNLOADING", 600),
        (3000, "INSTALLING", None),
        (3100, "COMPLETE", None),
    ]
    assert events[1][1]["deployment"].keys() == KEYS | {"stalled_for"}


def test_a_stall_is_not_told_again_after_a_restart(tmp_path: Path) -> None:
    fetch = by_time((0, {"state": "DOWNLOADING", "progress": 10}))
    state_file = str(tmp_path / "state")

    assert len(follow(fetch, 700, stall_after=600, state_file=state_file)) == 2
    assert follow(fetch, 1000, stall_after=600, state_file=state_file) == []


def test_a_deployment_that_sums_does_not_know_is_told_as_a_stall() -> None:
    ((moment, event),) = follow(by_time((0, SOURCE["refusal"](404, ""))), 1000, stall_after=600)

    assert round(moment) == 600
    assert event["deployment"]["state"] == "UNKNOWN"
    assert event["deployment"]["reason"] == "SUMS does not know it; check the id and base_url"


def test_deployments_are_found_in_a_file_that_grows(tmp_path: Path) -> None:
    listed = tmp_path / "deployments"

    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        moment = now() - EPOCH
        if moment >= 100 and not listed.exists():
            listed.write_text('# ours\ndep-2\n{"deployment_id": "dep-3", "vin": "V"}\ndep-4')
        if moment >= 200:
            listed.write_text("dep-2\ndep-4\n")
        return {"state": "PENDING"}

    events = follow(fetch, 400, deployments_file=str(listed))

    found = {event["deployment"]["deployment_id"]: moment for moment, event in events}
    assert found["dep-1"] == 0 and 100 <= found["dep-2"] <= 115 and found["dep-3"] <= 120 and found["dep-4"] >= 200
    assert len(events) == 4


def test_a_line_that_cannot_be_read_is_told_once_and_hides_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    listed = tmp_path / "deployments"
    listed.write_bytes(b"{broken\n\xff\xfe\ndep-2\n\xff")

    events = follow(by_time((0, {"state": "PENDING"})), 100, deployments_file=str(listed))

    told = [message for record in caplog.records if str(listed) in (message := record.getMessage())]
    assert [" in line 1, " in told[0], " in line 2, " in told[1]] == [True, True] and len(told) == 2, told
    assert "dep-2" in {event["deployment"]["deployment_id"] for _at, event in events}


@pytest.mark.parametrize("name", ["test_event_id", "target_event_id"])
@pytest.mark.parametrize("value", ["\ud800", "..", ".", "a\nb", "x" * 257, True, 1.5, ["te-1"]])
def test_a_line_with_an_id_that_cannot_be_asked_for_is_told_once_and_hides_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, value: t.Any
) -> None:
    listed = tmp_path / "deployments"
    wrong = {"deployment_id": "dep-2", "test_event_id": "te-2", name: value}
    listed.write_text(f"{json.dumps(wrong)}\n{json.dumps(TEST)}\n")

    events = follow(by_time((0, {"state": "PENDING"})), 100, deployments=[], deployments_file=str(listed))

    assert [event["deployment"]["deployment_id"] for _at, event in events] == ["dep-1"]
    (line,) = [message for record in caplog.records if "dep-2" in (message := record.getMessage())]
    assert line.startswith(f"deployments has dep-2 with the {name} ") and line.endswith("; give an id of SUMS.")


@pytest.mark.parametrize("error", [UnicodeError("surrogates not allowed"), ValueError("x"), RecursionError("deep")])
def test_what_cannot_be_asked_for_one_deployment_does_not_end_the_source(
    caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        if deployment_id == "dep-2":
            raise error
        return {"state": "COMPLETE"}

    async def fetch_test(_given: dict[str, t.Any]) -> dict[str, t.Any]:
        raise error

    tests = [{"deployment_id": f"dep-{number}", "test_event_id": f"te-{number}"} for number in (1, 2, 3)]
    events = follow(fetch, 2 * HOUR, tests, fetch_test=fetch_test, unfinished_after=600, stall_after=1800)

    told = [(event["deployment"]["deployment_id"], event["deployment"]["state"]) for _at, event in events]
    assert told == [("dep-1", "COMPLETE"), ("dep-3", "COMPLETE"), ("dep-2", "UNKNOWN")]
    assert f"Deployment dep-2: there was an unexpected error ({type(error).__name__}: {error})." in caplog.text
    assert "The test event of deployment dep-1 cannot be looked at: there was an unexpected error (" in caplog.text


def test_ids_that_a_line_has_as_numbers_are_text_in_its_events() -> None:
    numbers = {"deployment_id": 7, "test_event_id": 12, "target_event_id": 0}
    ((_at, event),) = follow(by_time((0, {"state": "PENDING"})), 5, [numbers])
    assert (event["deployment"]["deployment_id"], event["test"]) == (
        "7",
        {"test_event_id": "12", "target_event_id": "0"},
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"base_url": "sums"}, "base_url is not a valid address"),
        ({"base_url": "https://u:p@sums"}, "base_url is not a valid address"),
        ({"poll_interval": "often"}, "poll_interval is 'often'; give a number."),
        ({"poll_interval": 0}, "poll_interval is 0; give at least 0.01"),
        ({"stall_after": float("nan")}, "stall_after is nan; give at least 0"),
        ({"deployments": []}, "There is nothing to watch; give deployments or deployments_file."),
        ({"deployments": [{"vin": "V"}]}, "which names no deployment"),
        ({"deployments": ["../events"], "token": "a b"}, "token is empty or holds characters"),
        ({"token": ""}, "token is empty"),
        (
            {"success_states": []},
            "success_states is empty or holds an empty state; give those of hatci_success_states.",
        ),
        ({"failure_states": "FAILED,"}, "failure_states is empty or holds an empty state"),
        ({"failure_states": ["unknown"]}, "failure_states is empty or holds an empty state"),
        ({"failure_states": ["FAILED", False]}, r"failure_states is .*FAILED.*; give a list of states."),
        ({"failure_states": {"FAILED": 1}}, r"failure_states is .*; give a list of states."),
        ({"failure_states": ["Success"]}, "COMPLETE is in success_states and in failure_states; it cannot be both."),
        ({"interval": 3}, "interval is not an option of sums_deployments; it has base_url, token"),
    ],
)
def test_a_wrong_option_is_named(given: dict[str, t.Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        SOURCE["options_of"]({"base_url": "https://sums", "token": "t", "deployments": ["dep-1"], **given})
    assert "\n" not in str(caught.value)


def test_deployments_of_a_variable_may_be_text() -> None:
    chosen = SOURCE["options_of"]({"base_url": "https://sums/", "token": "t", "deployments": "dep-1, dep-2"})
    assert (chosen["deployments"], chosen["base_url"]) == (["dep-1", "dep-2"], "https://sums")


TEST = {"deployment_id": "dep-1", "test_event_id": "te-1", "host": "vehicle_001"}


def reminders(events: list[tuple[float, dict[str, t.Any]]]) -> list[tuple[int, int]]:
    """Return of each end that was told again when that was, and for how long its test was open, in minutes."""
    ends = [(moment, event["deployment"].get("unfinished_for")) for moment, event in events]
    return [(round(moment / 60), round(seconds / 60)) for moment, seconds in ends if seconds is not None]


def test_an_end_is_told_again_while_its_test_event_is_open_and_only_so_often() -> None:
    asked: list[t.Any] = []

    async def fetch_test(given: dict[str, t.Any]) -> dict[str, t.Any]:
        asked.append(given["test_event_id"])
        return {"test_event_id": "te-1", "status": "RUNNING"}

    done = by_time((0, {"state": "COMPLETE"}))
    events = follow(done, 100 * HOUR, [TEST], fetch_test=fetch_test, unfinished_after=1800)

    assert reminders(events) == [(30 * 2**n, 30 * 2**n) for n in range(6)]
    assert set(asked) == {"te-1"} and len(asked) == 6
    first, *again = (event for _moment, event in events)
    assert all(event["deployment"]["state"] == first["deployment"]["state"] == "COMPLETE" for event in again)
    assert all(event["test"] == first["test"] for event in again), "the rulebook launches the same job again"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"status": "FAIL", "metadata": {"outcome": "ERROR"}}, []),
        ({"status": "RUNNING", "metadata": {"resumed": {"job": "52", "until": EPOCH + 2 * HOUR}}}, [(120, 120)]),
        (SOURCE["Trouble"]("SUMS does not know it", about_one=True), []),
    ],
    ids=["has its outcome", "somebody goes on until then", "unknown"],
)
def test_an_end_is_not_told_again_where_nobody_is_needed(said: t.Any, expected: list[tuple[int, int]]) -> None:
    async def fetch_test(_given: dict[str, t.Any]) -> dict[str, t.Any]:
        if isinstance(said, Exception):
            raise said
        return t.cast("dict[str, t.Any]", said)

    done = by_time((0, {"state": "FAILED"}))
    events = follow(done, 2.2 * HOUR, [TEST], fetch_test=fetch_test, unfinished_after=1800)
    assert reminders(events) == expected


def test_a_restart_neither_forgets_nor_repeats_that_an_end_was_told_again(tmp_path: Path) -> None:
    asked: list[float] = []
    status = ["RUNNING"]

    async def fetch_test(_given: dict[str, t.Any]) -> dict[str, t.Any]:
        asked.append(now())
        return {"status": status[0]}

    given = {"state_file": str(tmp_path / "state"), "fetch_test": fetch_test, "unfinished_after": 1800}
    done = by_time((0, {"state": "COMPLETE"}))
    assert reminders(follow(done, 2000, [TEST], **given)) == [(30, 30)]
    assert [len(follow(done, seconds, [TEST], **given)) for seconds in (1000, 1000)] == [0, 0]
    assert reminders(follow(done, 4000, [TEST], **given)) == [(60, 60)]
    status[0] = "PASS"
    assert follow(done, 3 * HOUR, [TEST], **given) == []
    before = len(asked)
    assert follow(done, 30 * HOUR, [TEST], **given) == []
    assert len(asked) == before, "once it has its outcome, it is not looked at again"


def test_an_outage_when_a_test_event_is_looked_at_is_survived() -> None:
    async def fetch_test(_given: dict[str, t.Any]) -> dict[str, t.Any]:
        if now() < EPOCH + 2400:
            raise SOURCE["Trouble"]("no connection")
        return {"status": "RUNNING"}

    done = by_time((0, {"state": "COMPLETE"}))
    assert reminders(follow(done, 3000, [TEST], fetch_test=fetch_test, unfinished_after=1800)) == [(40, 40)]


def test_without_being_asked_for_it_no_end_is_told_again() -> None:
    done = by_time((0, {"state": "COMPLETE"}))
    assert len(follow(done, 100 * HOUR, [TEST], fetch_test=lambda _given: pytest.fail("looked"))) == 1


def test_of_one_deployment_that_sums_never_shows_people_are_told_while_others_are_followed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = SOURCE["Trouble"]("SUMS answered 500")

    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        if deployment_id == "dep-1":
            raise broken
        return {"deployment_id": deployment_id, "state": "PENDING", "progress": now() // 60 % 100}

    events = follow(fetch, HOUR, ["dep-1", "dep-2", "dep-3"], stall_after=1800)
    stalls = [event["deployment"] for _moment, event in events if "stalled_for" in event["deployment"]]
    assert [(one["deployment_id"], one["reason"]) for one in stalls] == [("dep-1", "SUMS answered 500")]
    assert caplog.text.count("Deployment dep-1: SUMS answered 500.") == 1


def test_while_sums_answers_nobody_no_stall_is_told() -> None:
    away = by_time((0, {"state": "PENDING"}), (10, SOURCE["Trouble"]("SUMS answered 500")))
    events = follow(away, HOUR, ["dep-1", "dep-2", "dep-3"], stall_after=600)
    assert [event for _moment, event in events if "stalled_for" in event["deployment"]] == []


OF_TEST = {"deployment_id": "dep-1", "test_event_id": "te-1"}
ANEW = (
    "Deployment dep-1 is given again, with test event te-2 instead of te-1; it is watched anew for that one.",
    "Deployment dep-1 is given again with other fields, which are left out.",
)


def of_tests(events: list[tuple[float, dict[str, t.Any]]]) -> list[tuple[str, str]]:
    return [(event["test"]["test_event_id"], spelling(event)) for _moment, event in events]


@pytest.mark.parametrize(
    ("again", "is_new"),
    [
        ({}, False),
        ({"deployments": ["dep-1"]}, False),
        ({"deployments": [{**OF_TEST, "host": "x"}]}, False),
        ({"base_url": "https://other.example.com"}, True),
        ({"deployments": [{**OF_TEST, "test_event_id": "te-2"}]}, True),
    ],
)
def test_an_id_that_sums_has_given_again_is_a_deployment_of_its_own(
    tmp_path: Path, again: dict[str, t.Any], is_new: bool
) -> None:
    fetch, given = (
        by_time((0, {"state": "COMPLETE"})),
        {"deployments": [OF_TEST], "state_file": str(tmp_path / "state")},
    )
    assert len(follow(fetch, 50, **given)) == 1
    assert len(follow(fetch, 50, **{**given, **again})) == is_new
    assert follow(fetch, 50, **{**given, **again}) == []


def test_an_id_that_comes_again_with_another_test_is_watched_for_that_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    listed = tmp_path / "deployments"
    second, other = {**OF_TEST, "test_event_id": "te-2"}, {**OF_TEST, "test_event_id": "te-2", "host": "vehicle_001"}
    listed.write_text(f"{json.dumps(OF_TEST)}\n")
    given = {"deployments": [], "deployments_file": str(listed), "state_file": str(tmp_path / "state")}

    async def fetch(deployment_id: str) -> dict[str, t.Any]:
        moment = now() - EPOCH
        if 50 <= moment < 61:
            lines = "".join(f"{json.dumps(line)}\n" for line in (OF_TEST, second, other))
            listed.write_text(f"{lines}dep-1\n")
        return {"state": "PENDING" if moment < 100 else "COMPLETE"}

    events = follow(fetch, 200, **given)

    assert of_tests(events) == [("te-1", "PENDING"), ("te-2", "PENDING"), ("te-2", "COMPLETED")]
    assert [record.getMessage() for record in caplog.records if "again" in record.getMessage()] == list(ANEW)
    assert follow(fetch, 50, **given) == [], "it knows after a restart that the latest one has ended"


@pytest.mark.parametrize("slow", ["fetch", "fetch_test", "queue"])
def test_a_deployment_that_is_replaced_while_it_is_looked_at_is_forgotten(tmp_path: Path, slow: str) -> None:
    listed = tmp_path / "deployments"
    listed.write_text(f"{json.dumps(OF_TEST)}\n")
    second = {**OF_TEST, "test_event_id": "te-2"}

    async def replace(what: str, test_event_id: str) -> None:
        if what == slow and test_event_id == "te-1":
            with listed.open("a") as file:
                file.write(f"{json.dumps(second)}\n")
            await asyncio.sleep(60)

    class Slow(Recorder):
        async def put(self, event: dict[str, t.Any]) -> None:
            await super().put(event)
            await replace("queue", event["test"]["test_event_id"])

    async def fetch(_deployment_id: str) -> dict[str, t.Any]:
        await replace("fetch", "te-1" if now() - EPOCH < 5 else "te-2")
        return {"state": "COMPLETE"}

    async def fetch_test(given: dict[str, t.Any]) -> dict[str, t.Any]:
        await replace("fetch_test", given["test_event_id"])
        return {"status": "RUNNING" if given["test_event_id"] == "te-1" else "PASS"}

    given = {
        "deployments": [],
        "deployments_file": str(listed),
        "state_file": str(tmp_path / "state"),
        "fetch_test": fetch_test,
        "unfinished_after": 20,
    }
    events = follow(fetch, 200, queue=Slow(), **given)

    assert of_tests(events) == [("te-1", "COMPLETED")] * (slow != "fetch") + [("te-2", "COMPLETED")]
    last = json.loads(Path(given["state_file"]).read_text().splitlines()[-1])
    assert last["test_event_id"] == "te-2"
    assert follow(fetch, 50, **given) == [], "it knows after a restart that the latest one has ended"


def test_an_id_alone_whose_test_is_given_later_is_watched_for_that_test(caplog: pytest.LogCaptureFixture) -> None:
    events = follow(by_time((0, {"state": "COMPLETE"})), 50, ["dep-1", OF_TEST])
    assert of_tests(events) == [("te-1", "COMPLETED")]
    assert "with test event te-1 instead of none" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: "x"} for name in ("changed_at", "seen_open_at", "reminders", "is_stalled", "is_finished", "progress")),
        *({name: 7} for name in ("state", "previous_state", "vin", "reason", "event_id", "deployment_id")),
        {"changed_at": float("inf")},
        {"changed_at": True},
        [],
        "dep-1",
    ],
)
def test_a_line_of_the_state_file_that_cannot_be_is_told_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, wrong: t.Any
) -> None:
    state_file = tmp_path / "state"
    given = {"state_file": str(state_file), "stall_after": 20}
    follow(by_time((0, {"state": "PENDING"})), 10, **given)
    held = json.loads(state_file.read_text())
    state_file.write_text(json.dumps({**held, **wrong} if isinstance(wrong, dict) else wrong) + "\n")

    events = follow(by_time((0, {"state": "COMPLETE"})), 50, **given)

    assert [spelling(event) for _moment, event in events] == ["COMPLETED"]
    assert [record.getMessage() for record in caplog.records] == [
        f"state_file {state_file} cannot be read in line 1, which is left out."
    ]


@pytest.mark.parametrize("step", [90 * HOUR, -90 * HOUR])
def test_a_clock_that_is_set_makes_no_stall_and_hides_none(step: float) -> None:
    events = follow(
        by_time((0, {"state": "PENDING"})),
        4000,
        stall_after=1800,
        clock=lambda: now() + (step if now() - EPOCH > 100 else 0),
    )
    assert [round(moment, -2) for moment, event in events if "stalled_for" in event["deployment"]] == [1800]
    stall = events[-1][1]["deployment"]
    assert stall["stalled_for"] in range(1800, 1812)
