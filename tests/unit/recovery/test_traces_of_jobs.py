# SPDX-License-Identifier: GPL-3.0-or-later
"""What the results of a job tell of its tests, also where one host stands for several vehicles."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._recovery.traces import Step, traces_of


def step(module: str, result: dict[str, t.Any], **arguments: t.Any) -> Step:
    return Step(module, "localhost", {**result, "invocation": {"module_args": arguments}})


def begun(test_event_id: str, vin: str) -> Step:
    record = {"vin": vin, "ansible_job_id": "41"}
    return step("hatci_test_event", {"test_event_id": test_event_id, "test_event": record}, vin=vin)


def test_in_a_loop_over_vehicles_each_test_has_its_own_event_and_deployment() -> None:
    first, second = traces_of(
        [
            begun("te-1", "A"),
            begun("te-2", "B"),
            step("hatci_create_event", {"event_id": "ev-1"}, vin="A", update_type="UROM"),
            step("hatci_create_event", {"event_id": "ev-2"}, vin="B", update_type="UROM"),
            step("hatci_deploy_event", {"deployment_id": "d-1"}, event_id="ev-1"),
        ]
    )
    assert (first.event_id, first.deployment_id) == ("ev-1", "d-1")
    assert (second.event_id, second.deployment_id) == ("ev-2", "")


def test_what_is_of_another_vehicle_is_no_part_of_a_test() -> None:
    deployed = step("hatci_deploy_event", {"deployment_id": "d-1", "deployment": {"vin": "B"}}, event_id="ev-1")
    (only,) = traces_of([begun("te-1", "A"), deployed])
    assert (only.event_id, only.deployment_id) == ("", "")


def test_of_two_tests_of_a_vehicle_the_latest_gets_what_follows() -> None:
    deployed = step("hatci_deploy_event", {"deployment_id": "d-1"}, event_id="ev-1", vin="a")
    first, second = traces_of([begun("te-1", "A"), begun("te-2", "A"), deployed])
    assert (first.deployment_id, second.deployment_id) == ("", "d-1")


def test_what_tells_one_event_from_another_is_not_held_against_the_event_that_was_deployed() -> None:
    targets = [
        step("hatci_create_event", {"event_id": name, "event": {"vin": "A", "build_level": name}}, update_type="UROM")
        for name in ("ev-1", "ev-2")
    ]
    deployed = step("hatci_deploy_event", {"deployment_id": "d-1"}, event_id="ev-1")
    (trace,) = traces_of([begun("te-1", "A"), *targets, deployed])
    assert (trace.event_id, trace.event) == ("ev-1", {})
    (trace,) = traces_of([begun("te-1", "A"), *targets[:1], deployed])
    assert (trace.event_id, trace.event) == ("ev-1", {"vin": "A", "build_level": "ev-1"})
