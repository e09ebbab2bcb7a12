# SPDX-License-Identifier: GPL-3.0-or-later
"""A vehicle is claimed by one test at a time, as long as its play lives."""

from __future__ import annotations

import uuid

from ansible_collections.hatci.automation.plugins.module_utils._sums.vehicle_claims import VehicleClaims, take_note

VIN = "1HGBH41JXMN109186"


def test_another_host_of_the_run_is_refused_until_the_test_has_its_outcome() -> None:
    url, claims = f"https://{uuid.uuid4()}", VehicleClaims()
    claim = {"base_url": url, "vin": VIN, "on_machine": False}
    assert take_note(claims, {"claim": {**claim, "host": "car"}}) == {"busy": ""}
    assert take_note(claims, {"claim": {**claim, "host": "car"}}) == {"busy": ""}, "it may begin again"
    busy = take_note(claims, {"claim": {**claim, "host": "bus", "vin": VIN.lower()}})
    assert busy == {"busy": "host car of this run"}
    assert take_note(claims, {"claim": {**claim, "host": "bus", "base_url": f"{url}/other"}}) == {"busy": ""}

    take_note(claims, {"watch": {"base_url": url, "test_event_id": "te-1", "vin": VIN}})
    take_note(claims, {"settled": {"base_url": url, "test_event_id": "te-2"}})
    assert take_note(claims, {"claim": {**claim, "host": "bus"}})["busy"]
    take_note(claims, {"settled": {"base_url": url, "test_event_id": "te-1"}})
    assert take_note(claims, {"claim": {**claim, "host": "bus"}}) == {"busy": ""}


def test_another_run_of_this_machine_is_refused_until_the_play_ends() -> None:
    url, mine, others = f"https://{uuid.uuid4()}", VehicleClaims(), VehicleClaims()
    assert mine.claim(url, VIN, "car", on_machine=True) == ""
    assert others.claim(url, VIN, "car", on_machine=True) == "another run on this machine"
    assert others.claim(url, VIN, "car", on_machine=False) == "", "where a lease excludes others"
    mine.give_up_all()
    assert others.claim(url, VIN, "car", on_machine=True) == ""
    others.give_up_all()
