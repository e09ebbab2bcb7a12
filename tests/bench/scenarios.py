# SPDX-License-Identifier: GPL-3.0-or-later
"""Run each scenario of the catalogue on cars that are as they should be, and on cars made wrong for it.

`make scenarios` writes the table into docs/SCENARIOS.md. Each car is a host of a play, with a process and an exporter
of its own; AT_ONCE of them run at once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import sys
import typing as t
from pathlib import Path

import yaml
from report import write_into

from hatci_lab.car.client import EXPORTER_TEMPLATE
from hatci_lab.car.process import CarProcess
from hatci_lab.sums.process import SumsProcess

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from play_support import PATHS, PLAYBOOKS, TEST_VARIABLES  # noqa: E402
from playbook_runner import AnsiblePlaybook  # noqa: E402

DIRECTORY = TESTS.parent / ".cache/scenarios"
PAGE = TESTS.parent / "docs/SCENARIOS.md"
AT_ONCE = 4
UPDATE_SECONDS = 60.0
"""Long enough for a poll, a cut and its proof before it is over."""

RIG = {
    "ota_network_off_commands": ["j network off"],
    "ota_network_on_commands": ["j network on"],
    "ota_network_proof_commands": ["j network read | grep -q 'voltage=0.0 V'"],
    "ota_reset_commands": ["j reset on"],
    "ota_reset_proof_commands": ["j reset read | grep -Eq 'voltage=[1-9]'"],
    "ota_battery_low_commands": ["j battery off"],
    "ota_battery_ok_commands": ["j battery on"],
    "ota_battery_proof_commands": ["j battery read | grep -q 'voltage=11.0 V'"],
    "ota_cancel_commands": ["j cancel on"],
    "ota_cancel_proof_commands": ["j cancel read | grep -q 'voltage=0.0 V'"],
    "ota_soak_cycles": 2,
}
UNCUT: dict[str, t.Any] = {"ota_network_off_commands": ["true"], "ota_network_proof_commands": []}
REFUSED = "refused at the start"


@dataclasses.dataclass(frozen=True)
class Case:
    """A car, or a rig, that is wrong for a scenario.

    :param expected: outcomes that may come of it.
    """

    scenario: str
    made: str
    expected: tuple[str, ...]
    behaviour: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    rig: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    power_sticks: bool = False


SCENARIOS = sorted(path.stem for path in (PLAYBOOKS.parent / "roles/hatci_ota_test/scenarios").glob("*.yml"))
GOOD = [Case(name, "as it should be", ("PASS",)) for name in SCENARIOS]
WRONG = [
    Case("nominal", "says COMPLETE and keeps its software", ("FAIL",), {"lies": True}),
    Case("power_loss_while_downloading", "bricks on power loss", ("FAIL", "TIMEOUT"), {"on_power_loss": "brick"}),
    Case("power_loss_while_installing", "ends as a mixture", ("FAIL",), {"on_power_loss": "mixture"}),
    Case("power_loss_while_installing", "relay sticks", ("INVALID",), power_sticks=True),
    Case("network_loss", "network is not cut", ("INVALID",), rig={"ota_network_off_commands": ["true"]}),
    Case("network_loss", "network is not cut, nothing proves it", (REFUSED,), rig=UNCUT),
    Case("network_loss", "network does not come back", ("INVALID",), rig={"ota_network_on_commands": ["true"]}),
    Case("network_loss", "ends as a mixture", ("FAIL",), {"on_network_loss": "mixture"}),
    Case("ecu_reset_while_installing", "ends as a mixture", ("FAIL",), {"on_reset": "mixture"}),
    Case("ecu_reset_while_installing", "reset does nothing", ("INVALID",), rig={"ota_reset_commands": ["true"]}),
    Case("wrong_part_number", "says COMPLETE to everything", ("FAIL",), {"report": "COMPLETE"}),
    Case("low_battery", "updates on any battery", ("FAIL",), {"minimum_voltage": 0.0}),
    Case("low_battery", "battery stays good", ("INVALID",), rig={"ota_battery_low_commands": ["true"]}),
    Case("low_battery", "battery stays low", ("INVALID",), rig={"ota_battery_ok_commands": ["true"]}),
    Case("cancelled", "nobody cancels", ("INVALID",), rig={"ota_cancel_commands": ["true"]}),
    Case("rollback", "says COMPLETE and keeps its software", ("FAIL", "INVALID"), {"lies": True}),
    Case("soak", "leaves a trouble code", ("FAIL",), {"leaves_codes": {"Gateway": {"U0123-00": 0x2F}}}),
]


def main() -> int:
    """Return 0 if every case ended as it should; with names of scenarios run only those, and write nothing."""
    chosen = [case for case in [*GOOD, *WRONG] if case.scenario in (sys.argv[1:] or SCENARIOS)]
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    outcomes: list[str] = []
    for start in range(0, len(chosen), AT_ONCE):
        outcomes += run(chosen[start : start + AT_ONCE], start)
        print(f"{len(outcomes)} of {len(chosen)} ended", flush=True)
    lines = ["| scenario | vehicle | outcome |", "| --- | --- | --- |"]
    for case, outcome in zip(chosen, outcomes, strict=True):
        wrong = "" if outcome in case.expected else f" (expected {' or '.join(case.expected)})"
        lines.append(f"| `{case.scenario}` | {case.made} | {outcome}{wrong} |")
    table = "\n".join(lines)
    print(table)
    if not sys.argv[1:]:
        write_into(PAGE, table, "make scenarios")
    return 0 if all(outcome in case.expected for case, outcome in zip(chosen, outcomes, strict=True)) else 1


def run(cases: list[Case], start: int) -> list[str]:
    """Run cases as the hosts of one play, and return what became of each."""
    directory = DIRECTORY / str(start)
    directory.mkdir()
    with contextlib.ExitStack() as stack:
        sums = stack.enter_context(SumsProcess(db=directory / "sums.db", update_seconds=UPDATE_SECONDS))
        hosts = {}
        for number, case in enumerate(cases, start):
            vin = f"1HGBH41JXMN{number:06}"
            car = stack.enter_context(CarProcess(directory / f"car-{number}", vin=vin, sums_url=sums.url))
            car.set_behaviour(**case.behaviour)
            hosts[f"car_{number}"] = host_of(case, car, vin)
        inventory = directory / "cars.yml"
        shared = {"ansible_connection": "local", "hatci_base_url": sums.url, "hatci_token": sums.token, **PATHS, **RIG}
        inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": {**TEST_VARIABLES, **shared}}}))
        playbook = AnsiblePlaybook(directory / "ansible", Path(sys.executable).parent)
        played = playbook.start(PLAYBOOKS / "ota_suite.yml", "-i", str(inventory), "--forks", str(len(cases)))
        played.process.wait()
        (directory / "output").write_text(played.output, encoding="utf-8")
        results: dict[str, str] = {}
        for task in played.tasks:
            rows = task.result.get("ansible_stats", {}).get("data", {}).get("ota_tests", {})
            results |= {name: row["outcome"] for name, row in rows.items()}
        said = {task.host: str(task.result.get("msg", "")) for task in played.tasks if task.outcome == "failed"}
        results |= {host: REFUSED for host, words in said.items() if words.endswith("Nothing was created.")}
    return [results.get(host, "nothing") for host in hosts]


def host_of(case: Case, car: CarProcess, vin: str) -> dict[str, t.Any]:
    """Return the variables of a car."""
    template = EXPORTER_TEMPLATE
    if case.power_sticks:
        template = car.directory / "sticks.yaml.j2"
        template.write_text(EXPORTER_TEMPLATE.read_text().replace("/{{ relay }}/off", "/{{ relay }}/read"))
    return {
        **car.exporter_variables(),
        "hatci_vin": vin,
        "ota_suite": [case.scenario],
        "ota_verify_ecus": False,
        "ota_vehicle_ecus": [
            {"name": name, "driver": name.lower(), "logical_address": address.logical_address}
            for name, address in car.ecus.items()
        ],
        "ota_vehicle_settle_seconds": 60,
        "hatci_poll_timeout_seconds": 300,
        "hatci_poll_interval_seconds": 1,
        "jumpstarter_exporter_name": f"car-{vin[-6:]}",
        "jumpstarter_exporter_template": str(template),
        **case.rig,
    }


if __name__ == "__main__":
    sys.exit(main())
