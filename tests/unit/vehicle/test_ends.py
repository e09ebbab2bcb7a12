# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end of a scenario makes of its test, by SUMS and by the vehicle together."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.ends import (
    ENDS,
    End,
    check_end,
    is_refusal,
    is_refused,
    judge,
    mixed_software,
)

Ecu = dict[str, t.Any]
NAMES = ("Gateway", "Radio")
OLD, NEW, ODD = "1.0.0", "2.0.0", "9.9.9"


def event(version: str, *names: str) -> list[Ecu]:
    """Return the ECUs of an event."""
    return [{"ecu_name": name, "part_number": f"{name}-1", "sw_version": version} for name in names or NAMES]


def look(*versions: str | None) -> list[Ecu]:
    """Return the ECUs of a look, one version each; None for one that does not answer."""
    return [
        {"name": name, "reachable": version is not None, "part_number": f"{name}-1", "sw_version": version, "codes": []}
        for name, version in zip(NAMES, versions, strict=True)
    ]


def end(sums: str, after: list[Ecu] | None, before: list[Ecu] | None = None) -> End:
    """Return the end of an update of both ECUs."""
    return End(sums, "SUMS said so.", event(OLD), event(NEW), before or look(OLD, OLD), after)


@pytest.mark.parametrize(
    ("expect", "sums", "after", "outcome"),
    [
        ("completed", "succeeded", look(NEW, NEW), "PASS"),
        ("completed", "succeeded", look(OLD, OLD), "FAIL"),
        ("completed", "failed", look(NEW, NEW), "FAIL"),
        ("completed", "failed", look(OLD, OLD), "FAIL"),
        ("completed", "open", look(OLD, OLD), "TIMEOUT"),
        ("refused", "failed", look(OLD, OLD), "PASS"),
        ("refused", "never_began", look(OLD, OLD), "PASS"),
        ("refused", "succeeded", look(OLD, OLD), "FAIL"),
        ("refused", "failed", look(ODD, ODD), "FAIL"),
        ("refused", "never_began", look(NEW, NEW), "FAIL"),
        ("restored", "failed", look(OLD, OLD), "PASS"),
        ("restored", "failed", look(NEW, NEW), "FAIL"),
        ("restored", "succeeded", look(NEW, NEW), "FAIL"),
        ("completed_or_restored", "succeeded", look(NEW, NEW), "PASS"),
        ("completed_or_restored", "failed", look(OLD, OLD), "PASS"),
        ("completed_or_restored", "succeeded", look(OLD, OLD), "FAIL"),
        ("completed_or_restored", "failed", look(NEW, NEW), "FAIL"),
        ("completed_or_restored", "open", look(OLD, None), "FAIL"),
    ],
)
def test_each_end_is_judged_by_sums_and_the_vehicle(expect: str, sums: str, after: list[Ecu], outcome: str) -> None:
    assert judge(expect, end(sums, after))[0] == outcome


@pytest.mark.parametrize("expect", ENDS)
@pytest.mark.parametrize("sums", ["succeeded", "failed", "never_began", "open"])
@pytest.mark.parametrize("after", [look(OLD, NEW), look(NEW, OLD)])
def test_a_mixture_fails_whatever_sums_says_and_whatever_was_expected(expect: str, sums: str, after: list[Ecu]) -> None:
    outcome, summary = judge(expect, end(sums, after))

    assert outcome == "FAIL"
    assert "mixture of old and new software" in summary


def test_an_ecu_that_the_update_does_not_change_is_no_part_of_a_mixture() -> None:
    source, target = event(OLD), [*event(NEW, "Gateway"), *event(OLD, "Radio")]

    assert mixed_software(source, target, look(NEW, OLD)) == ""


@pytest.mark.parametrize("expect", ["refused", "restored", "completed_or_restored"])
def test_without_the_vehicles_own_account_such_an_end_is_not_proven(expect: str) -> None:
    outcome, summary = judge(expect, end("failed", None))

    assert outcome == "INVALID"
    assert "only the vehicle can say" in summary


def test_a_look_that_saw_nothing_proves_nothing() -> None:
    assert judge("completed", end("succeeded", []))[0] == "FAIL"
    assert judge("refused", end("failed", []))[0] == "FAIL"


UNTOLD = [{**ecu, "sw_version": None} for ecu in look(OLD, OLD)]


@pytest.mark.parametrize("before", [[], look(None, None), UNTOLD])
@pytest.mark.parametrize(
    ("after", "words"),
    [
        ([], "is not known to be unchanged: Gateway: nothing was read of it"),
        (UNTOLD, "is not known to be unchanged: Gateway: it does not tell its software"),
        (look(NEW, NEW), "has changed: Gateway: its software is 2.0.0 instead of 1.0.0"),
    ],
)
def test_a_vehicle_that_did_not_tell_what_it_was_is_not_unchanged_for_that(
    before: list[Ecu], after: list[Ecu], words: str
) -> None:
    refused = End("never_began", "SUMS refused.", event(OLD), event(NEW), before, after)

    outcome, summary = judge("refused", refused)

    assert outcome == "FAIL"
    assert f"The update was refused, but the vehicle {words}" in summary


def test_of_a_vehicle_that_did_not_tell_what_it_was_the_source_software_is_unchanged() -> None:
    refused = End("never_began", "SUMS refused.", event(OLD), event(NEW), look(OLD, None), look(OLD, OLD))

    assert judge("refused", refused)[0] == "PASS"


@pytest.mark.parametrize("sums", ["succeeded", "failed", "open"])
def test_a_disturbance_that_did_not_happen_proves_nothing(sums: str) -> None:
    disturbances = [{"name": "power_off", "proven": False, "problem": "Gateway still answered"}]

    outcome, summary = judge("completed", end(sums, look(NEW, NEW)), disturbances)

    assert outcome == "INVALID"
    assert "power_off: Gateway still answered." in summary


@pytest.mark.parametrize("made", [[], [{"name": "power_off", "proven": True, "problem": ""}]])
def test_a_disturbance_that_was_planned_and_never_came_proves_nothing(made: list[dict[str, t.Any]]) -> None:
    outcome, summary = judge("refused", end("never_began", look(OLD, OLD)), made, planned=2)

    assert outcome == "INVALID"
    assert f"{len(made)} of 2 disturbances came." in summary


STALL = {"name": "power_off", "reached": False, "proven": False, "problem": "It did not come to 60 % within 9 s."}
CUT = {"name": "power_off", "reached": True, "proven": True, "problem": ""}


@pytest.mark.parametrize("expect", ENDS)
@pytest.mark.parametrize("made", [[STALL], [CUT, STALL]])
def test_an_update_that_stands_still_before_its_point_is_judged_by_the_vehicle(
    expect: str, made: list[dict[str, t.Any]]
) -> None:
    stalled = judge(expect, end("open", look(OLD, OLD)), made, planned=3)

    assert stalled == ("TIMEOUT", "power_off: It did not come to 60 % within 9 s.")
    assert judge(expect, end("open", None), made, planned=3) == stalled
    assert judge(expect, end("open", look(OLD, NEW)), made, planned=3)[0] == "FAIL"
    assert judge(expect, end("open", look(OLD, None)), made, planned=3)[0] == "FAIL"
    for sums in ("failed", "succeeded"):
        assert judge(expect, end(sums, look(OLD, OLD)), made, planned=3)[0] == "INVALID"
        assert judge(expect, end(sums, None), made, planned=3)[0] == "INVALID"
        for broken in (look(OLD, NEW), look(OLD, None)):
            assert judge(expect, end(sums, broken), made, planned=3)[0] == "FAIL"
    assert judge(expect, end("open", look(OLD, OLD)), [{**CUT, "proven": False}, STALL], planned=3)[0] == "INVALID"


def of_target_alone(sums: str, radio_before: str | None, after: list[Ecu], *changed: str) -> End:
    """Return the end of an update whose source event does not name the Radio."""
    target = event(NEW, *changed)
    return End(sums, "SUMS said so.", event(OLD, "Gateway"), target, look(OLD, radio_before), after)


@pytest.mark.parametrize("changed", [NAMES, ("Radio",)])
@pytest.mark.parametrize("expect", ["restored", "completed_or_restored"])
def test_an_ecu_that_only_the_target_names_must_be_back_where_it_was(expect: str, changed: tuple[str, ...]) -> None:
    assert judge(expect, of_target_alone("failed", OLD, look(OLD, NEW), *changed))[0] == "FAIL"
    assert judge(expect, of_target_alone("failed", OLD, look(OLD, OLD), *changed))[0] == "PASS"


def test_where_nobody_knows_what_an_ecu_had_it_is_not_back() -> None:
    outcome, summary = judge("restored", of_target_alone("failed", None, look(OLD, OLD), *NAMES))

    assert outcome == "INVALID"
    assert "What software Radio had before the update is not known" in summary
    assert judge("completed", of_target_alone("failed", None, look(OLD, OLD), *NAMES))[0] == "FAIL"
    assert judge("completed", of_target_alone("succeeded", None, look(NEW, NEW), *NAMES))[0] == "PASS"


@pytest.mark.parametrize("expect", ["restored", "completed_or_restored"])
def test_a_vehicle_that_did_not_begin_on_its_source_says_nothing_of_the_way_back(expect: str) -> None:
    outcome, summary = judge(expect, end("failed", look(NEW, NEW), look(NEW, NEW)))
    assert outcome == "INVALID"
    assert "did not have the source software before the update" in summary


@pytest.mark.parametrize("expect", ["completed", "completed_or_restored"])
def test_an_update_to_the_software_that_was_there_already_proves_nothing(expect: str) -> None:
    was_there = end("succeeded", look(NEW, NEW), look(NEW, NEW))

    outcome, summary = judge(expect, was_there)

    assert outcome == "INVALID"
    assert "The vehicle had the target software before the update already" in summary
    assert judge(expect, was_there._replace(must_change=False))[0] == "PASS"
    assert judge(expect, was_there._replace(before=look(OLD, NEW)))[0] == "PASS"
    assert judge(expect, was_there._replace(source=event(NEW)))[0] == "PASS", "the same software once more"


versions = st.sampled_from([OLD, NEW, ODD, None])


@given(st.sampled_from(ENDS), st.sampled_from(["succeeded", "failed", "never_began", "open"]), versions, versions)
def test_nothing_but_whole_old_or_whole_new_software_ever_passes(
    expect: str, sums: str, first: str | None, second: str | None
) -> None:
    outcome, _summary = judge(expect, end(sums, look(first, second)))

    if outcome == "PASS":
        assert (first, second) == ((NEW, NEW) if sums == "succeeded" else (OLD, OLD))


@pytest.mark.parametrize("status", [400, 409, 422])
@pytest.mark.parametrize("other", [200, 301, 401, 403, 404, 405, 407, 408, 413, 425, 429, 451, 500, 503, None, "422"])
def test_a_refusal_is_about_what_was_asked_for(status: int, other: int | str | None) -> None:
    assert is_refusal(status)
    assert not is_refusal(other)


def options(**changed: t.Any) -> dict[str, t.Any]:
    """Return what the module takes."""
    record = {"vin": "V", "ecus": look(OLD, OLD)}
    given_options = {
        "expect": "completed", "update": {"state": "COMPLETE"}, "refusal": None, "before": record,
        "after": {"vin": "V", "ecus": look(NEW, NEW)}, "vin": "V", "source_ecus": event(OLD), "target_ecus": event(NEW),
        "disturbances": [], "checks": ["codes"], "allowed_codes": [], "is_way_back": False, "source_event_id": None,
        "must_change": True, "planned_disturbances": 0,
    }  # fmt: skip
    return {**given_options, **changed}


def test_a_success_says_what_the_vehicle_has() -> None:
    result = check_end(options(), False)

    assert (result["end_outcome"], result["changed"]) == ("PASS", False)
    assert result["summary"] == "The vehicle has the target software. The deployment ended COMPLETE."


UPDATES = {"COMPLETE": {"state": "COMPLETE"}, "FAILED": {"state": "FAILED", "outcome": "FAIL"}}


@pytest.mark.parametrize(
    ("update", "after", "sentence"),
    [
        ("COMPLETE", look(NEW, NEW), "The vehicle has the source software."),
        ("FAILED", look(OLD, OLD), "The vehicle is back on the target software."),
        ("COMPLETE", look(OLD, NEW), "has the source's,"),
        ("FAILED", look(NEW, NEW), "The vehicle is not back on the target software"),
    ],
)
def test_a_way_back_names_the_events_as_they_are(update: str, after: t.Any, sentence: str) -> None:
    changed = {"expect": "completed_or_restored", "update": UPDATES[update], "is_way_back": True}
    try:
        summary = check_end(options(**changed, after={"vin": "V", "ecus": after}), False)["summary"]
    except Failure as failure:
        summary = failure.message
    assert sentence in summary


ODD_ONE = {**look(OLD, OLD)[0], "name": "Camera"}
CODED = [{**ecu, "codes": [{"code": "U0123-00", "status": 0x2F, "confirmed": True}]} for ecu in look(NEW, NEW)]


@pytest.mark.parametrize(
    ("changed", "outcome", "told"),
    [
        ({"after": {"vin": "W", "ecus": look(NEW, NEW)}}, "ERROR", "has the VIN W, but the test is for V"),
        ({"after": {"vin": None, "ecus": look(NEW, NEW)}, "checks": ["identity"]}, "ERROR", "does not tell its VIN"),
        ({"before": {"vin": "V", "ecus": [*look(OLD, OLD), ODD_ONE]}}, "FAIL", "Camera: nothing was read of it"),
        ({"after": {"vin": "V", "ecus": CODED}}, "FAIL", "that were not there before: Gateway U0123-00"),
        ({"update": {"failed": True, "outcome": "ERROR", "msg": "SUMS is away."}}, "ERROR", "SUMS is away."),
        ({"update": {"failed": True, "outcome": "TIMEOUT", "msg": "Too late."}}, "TIMEOUT", "Too late."),
        (
            {"expect": "refused", "refusal": {"failed": True, "status": 401, "msg": "Wrong token."}},
            "ERROR",
            "Wrong token.",
        ),
        ({"after": {}, "expect": "restored"}, "INVALID", "set ota_vehicle_ecus"),
    ],
)
def test_what_is_not_as_expected_fails_with_its_outcome(changed: dict[str, t.Any], outcome: str, told: str) -> None:
    with pytest.raises(Failure) as failed:
        check_end(options(**changed), False)

    result = failed.value.as_result()
    assert result["outcome"] == outcome
    assert told in result["msg"]


def test_a_request_that_sums_refused_passes_where_that_was_expected() -> None:
    refusal = {"failed": True, "status": 422, "msg": "No such part number."}
    changed = {"expect": "refused", "refusal": refusal, "update": {}, "after": {"vin": "V", "ecus": look(OLD, OLD)}}

    assert "is unchanged. No such part number." in check_end(options(**changed), False)["summary"]


RUNS = "POST /deployments: SUMS refused it (409): another deployment is running for this vehicle."
LOW = "POST /deployments: SUMS refused it (409): the battery is too low for this update."


@pytest.mark.parametrize(
    ("path", "source_event_id", "msg", "counts"),
    [
        ("/events", "", "Not this region.", False),
        ("/events", "ev-1", "Not this part.", True),
        ("/events/ev-1/fix", "ev-1", "Not this vehicle.", False),
        ("/events/ev-2/fix", "ev-1", "Not this part.", True),
        ("/deployments", "ev-1", LOW, True),
        ("/deployments", "ev-1", RUNS, False),
        ("/deployments", "ev-1", "Deployment deploy-1 of this vehicle is still running.", False),
        ("/deployments", "ev-1", "The event is not fixed.", False),
        ("/events", None, "Not this part.", True),
        (None, "", "Not this part.", True),
    ],
)
def test_only_what_was_offered_can_be_refused(
    path: str | None, source_event_id: str | None, msg: str, counts: bool
) -> None:
    refusal = {"failed": True, "status": 409, "msg": msg, "path": path}
    assert is_refused(refusal, source_event_id) == counts
    unchanged = {"vin": "V", "ecus": look(OLD, OLD)}
    changed = {"expect": "refused", "refusal": refusal, "source_event_id": source_event_id, "after": unchanged}
    if counts:
        assert check_end(options(**changed, update={}), False)["end_outcome"] == "PASS"
        return
    with pytest.raises(Failure) as failed:
        check_end(options(**changed, update={}), False)
    assert failed.value.as_result()["outcome"] == "ERROR"
    assert failed.value.message == msg


def test_a_refusal_before_the_planned_disturbance_is_invalid() -> None:
    refusal = {"failed": True, "status": 409, "msg": LOW, "path": "/deployments"}
    changed = {"expect": "refused", "refusal": refusal, "update": {}, "planned_disturbances": 1}
    with pytest.raises(Failure) as failed:
        check_end(options(**changed, after={"vin": "V", "ecus": look(OLD, OLD)}), False)
    assert failed.value.as_result()["outcome"] == "INVALID"
    assert "0 of 1 disturbances came." in failed.value.message
