# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of a test may be, those of its last steps included.

A value that cannot be used is found here before anything is created, not when its step comes and the vehicle is being
updated.
"""

from __future__ import annotations

import json
import math
import os
import typing as t
from collections.abc import Callable, Mapping

from ansible_collections.hatci.automation.plugins.module_utils._arguments import (
    TEXT,
    TEXT_OR_INT,
    TextType,
    called,
    describe_other,
    hidden_problem,
    text_problem,
)
from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure, sentence
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import AUTO, CONTROLLER, LOCAL
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.times import parse_duration
from ansible_collections.hatci.automation.plugins.module_utils._suite import ON_FAILURE
from ansible_collections.hatci.automation.plugins.module_utils._sums.deployments import parse_time
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import FAILURE, SUCCESS, Goals
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.verdict import CHECKS as VEHICLE_CHECKS
from ansible_collections.hatci.automation.plugins.plugin_utils.ecu_text import UnreadableText, parse_ecus
from ansible_collections.hatci.automation.plugins.plugin_utils.scenario import MOST_REPEATS, normalise_scenario
from ansible_collections.hatci.automation.plugins.plugin_utils.vehicle_ecus import ecu_problems, unread_problems
from ansible_collections.hatci.automation.plugins.plugin_utils.vin import is_vin

ECU_PARTS = ("ecu_name", "part_number", "sw_version")
VEHICLE_ECU_PARTS = ("name", "driver", "logical_address", "part_number_did", "sw_version_did")
MONTH = 30 * 86400
DAY = 86400
OUR_METADATA = ("outcome", "handed_over", "resumed", "expect")
"""By these keys of its metadata a test event is judged later."""
SUCCESSES, FAILURES = "hatci_success_states", "hatci_failure_states"
STATES = {SUCCESSES: SUCCESS, FAILURES: FAILURE}
WORDS = {"yes": True, "on": True, "true": True, "1": True, "no": False, "off": False, "false": False, "0": False}

Values = dict[str, t.Any]
Check = Callable[[str, t.Any], t.Any]
"""Takes the name and the value of a variable and returns the value to use."""


class Refused(Exception):
    """A variable cannot be used; ``str()`` is one or more sentences."""


def check_test_variables(variables: Mapping[str, t.Any]) -> tuple[Values, list[str]]:
    """Return the variables of a test as they are to be used, and a sentence for each that cannot be used.

    A variable that is None or empty text is not given, so its default applies. Variables of other names are ignored.

    :param variables: values with the types that they were given with.
    """
    given = {name: value for name, value in variables.items() if name in CHECKS and not is_empty(value)}
    values: Values = {}
    problems: list[str] = []
    for name, value in given.items():
        try:
            values[name] = CHECKS[name](name, value)
        except Refused as refused:
            problems.append(str(refused))
        except Failure as failure:
            problems.append(failure.message)
    problems += _vin_problems(variables, values) + _window_problems(values) + _state_problems(values)
    problems += unread_problems(values)
    return values, problems


def same_software_problem(values: Mapping[str, t.Any], expect: str) -> str:
    """Return a sentence about a target that is the source already, so that a PASS would prove no update; else nothing.

    Where only the build level differs, SUMS has an update to tell of, but the ECUs cannot show it.

    :param values: as :func:`check_test_variables` returns them.
    :param expect: how the scenario of the test is to end.
    """
    source, target = (_software_of(values.get(f"hatci_{which}_ecus")) for which in ("source", "target"))
    if expect == "refused" or not source or source != target:
        return ""
    levels = [values.get(f"hatci_{which}_build_level") for which in ("source", "target")]
    if levels[0] != levels[1] and "target" not in (values.get("ota_vehicle_checks") or []):
        return ""
    return (
        "hatci_target_ecus holds the same software as hatci_source_ecus, so the test would pass on a vehicle that was "
        "not updated; give the software after the update."
    )


def _software_of(ecus: t.Any) -> set[tuple[str, ...]]:
    return {tuple(str(ecu[part]) for part in ECU_PARTS) for ecu in ecus or []}


def is_empty(value: object) -> bool:
    """Whether a value is an answer that was left empty."""
    return value is None or (isinstance(value, str) and not value.strip())


def _text(kind: TextType = TEXT) -> Check:
    def check(name: str, value: t.Any) -> str:
        if problem := text_problem(name, value, kind):
            raise Refused(problem)
        if "\0" in str(value):
            raise Refused(f"{name} is {str(value)[:60]!a}, which holds the invisible character U+0000; write it anew.")
        return str(value)

    return check


def _file_to_append(name: str, value: t.Any) -> str:
    """Look at a file that is written late, after the deployment."""
    path = os.path.abspath(os.path.expandvars(os.path.expanduser(_text()(name, value))))
    place = path if os.path.exists(path) else os.path.dirname(path)
    if os.path.isdir(path) or not (os.path.exists(place) and os.access(place, os.W_OK)):
        why = "is a directory" if os.path.isdir(path) else "cannot be written"
        raise Refused(f"{name} is {path[:200]}, which {why}; give a file that can be written.")
    return str(value)


def _build_level(name: str, value: t.Any) -> str:
    if problem := text_problem(name, value) or hidden_problem(name, value):
        raise Refused(problem)
    return str(value)


def _seconds(most: float, *, zero: bool) -> Check:
    def check(name: str, value: t.Any) -> float:
        try:
            seconds = math.nan if isinstance(value, bool) else float(value)
        except (OverflowError, TypeError, ValueError):
            seconds = math.nan
        if not (0 <= seconds <= most) or not (seconds or zero):
            least = "0 or more" if zero else "more than 0"
            raise Refused(f"{name} is {_shown(value)}; give seconds as a number, {least} and at most {most:.0f}.")
        return seconds

    return check


def _percentage(name: str, value: t.Any) -> float:
    try:
        return t.cast("float", _seconds(100, zero=True)(name, value))
    except Refused:
        raise Refused(f"{name} is {_shown(value)}; give a percentage as a number from 0 to 100.") from None


def _cycles(name: str, value: t.Any) -> int:
    try:
        cycles = int(str(value))
    except ValueError:
        cycles = 0
    if isinstance(value, bool) or not 1 <= cycles <= MOST_REPEATS:
        raise Refused(f"{name} is {_shown(value)}; give a whole number from 1 to {MOST_REPEATS}.")
    return cycles


def _switch(name: str, value: t.Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, (int, str)) else ""
    if word not in WORDS:
        raise Refused(f"{name} is {_shown(value)}; give true or false.")
    return WORDS[word]


def _duration(name: str, value: t.Any) -> str:
    if problem := text_problem(name, value, TEXT_OR_INT):
        raise Refused(problem)
    parse_duration(str(value), name)
    return str(value)


def _one_of(*choices: str) -> Check:
    def check(name: str, value: t.Any) -> str:
        if value not in choices:
            raise Refused(f"{name} is {_shown(value)}; give one of {', '.join(choices)}.")
        return str(value)

    return check


def _time(name: str, value: t.Any) -> str:
    parse_time(t.cast("str", _text()(name, value)), name)
    return str(value)


def _texts(*, commas: bool) -> Check:
    """Return a check for a list of texts.

    :param commas: whether text with commas may stand for a list, as Ansible takes it.
    """

    def check(name: str, value: t.Any) -> list[str]:
        if isinstance(value, str) and commas and not value.lstrip().startswith(("[", "- ")):
            return [part.strip() for part in value.split(",")]
        items = _list(name, value)
        problems = [
            problem for n, item in enumerate(items, 1) if (problem := text_problem(f"number {n} of {name}", item))
        ]
        if problems:
            raise Refused(" ".join(problems))
        return items

    return check


def _commands(name: str, value: t.Any) -> list[str]:
    commands = t.cast("list[str]", _texts(commas=False)(name, value))
    for number, command in enumerate(commands, 1):
        if is_empty(command) or "\0" in command:
            raise Refused(f"number {number} of {name} is {_shown(command)}; give a command such as 'j power status'.")
    return commands


def _metadata(name: str, value: t.Any) -> Values:
    metadata = _mapping(name, value)
    if own := next((key for key in OUR_METADATA if key in metadata), None):
        raise Refused(f"{name} has {own}, which the test itself keeps there; call it something else.")
    try:
        json.dumps(metadata, allow_nan=False, default=str)
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(
            f"{name} holds what JSON cannot carry ({sentence(str(error)).rstrip('.')}); correct it."
        ) from None
    return metadata


def _mapping(name: str, value: t.Any) -> Values:
    if not isinstance(value, Mapping):
        raise Refused(f"{name} is {_shown(value)}; give a mapping{_from_survey(name, value)}.")
    return dict(value)


def _ecus(name: str, value: t.Any) -> list[Values]:
    if isinstance(value, str):
        try:
            value = parse_ecus(value)
        except UnreadableText as error:
            raise Refused(f"{name} {error}.") from None
    ecus = _list(name, value)
    if not ecus:
        raise Refused(f"{name} is empty; an event needs at least one ECU.")
    problems = [problem for number, ecu in enumerate(ecus, start=1) for problem in _problems_of_ecu(name, ecu, number)]
    if problems:
        raise Refused(" ".join(problems))
    return [dict(ecu) for ecu in ecus]


def _problems_of_ecu(name: str, ecu: t.Any, number: int) -> list[str]:
    if not isinstance(ecu, Mapping):
        return [f"{name}: ECU number {number} is {_shown(ecu)}; give a mapping of {_named(ECU_PARTS)}."]
    ecu_called = called(ecu, number)
    unknown = [str(key) for key in ecu if key not in ECU_PARTS]
    problems = [f"{name}: {ecu_called} has {key[:60]}; give {_named(ECU_PARTS)} only." for key in unknown]
    for part in ECU_PARTS:
        if is_empty(ecu.get(part)):
            problems.append(f"{name}: {ecu_called} has no {part}; give each ECU {_named(ECU_PARTS)}.")
        elif problem := text_problem(what := f"{name}: {part} of {ecu_called}", ecu[part]) or hidden_problem(
            what, ecu[part]
        ):
            problems.append(problem)
    return problems


def _vehicle_ecus(name: str, value: t.Any) -> list[Values]:
    ecus = _list(name, value)
    for number, ecu in enumerate(ecus, start=1):
        if not isinstance(ecu, Mapping) or any(is_empty(ecu.get(part)) for part in ("name", "driver")):
            raise Refused(f"{name}: ECU number {number} is {_shown(ecu)}; give a mapping with name and driver.")
        unknown = [str(key) for key in ecu if key not in VEHICLE_ECU_PARTS]
        if unknown:
            raise Refused(f"{name}: ECU {ecu['name']} has {unknown[0][:60]}; give {_named(VEHICLE_ECU_PARTS)} only.")
    if problems := ecu_problems(ecus):
        raise Refused(" ".join(f"{name}: {problem}" for problem in problems))
    return [dict(ecu) for ecu in ecus]


def _scenario(name: str, value: t.Any) -> t.Any:
    """Check a scenario that was written out; the name or path of one is looked up by whoever runs it."""
    return str(value) if isinstance(value, str) else normalise_scenario(value, name)


def _suite(name: str, value: t.Any) -> t.Any:
    """Check the form of a suite; its scenarios are checked when it is planned."""
    odd = [
        item for item in _list(name, [] if isinstance(value, str) else value) if not isinstance(item, (str, Mapping))
    ]
    if odd:
        raise Refused(f"{name} has {_shown(odd[0])}; give names of scenarios, paths of files, or mappings.")
    return value


def _vehicle_checks(name: str, value: t.Any) -> list[str]:
    checks = _list(name, value)
    odd = next((check for check in checks if check not in VEHICLE_CHECKS), None)
    if odd is not None:
        raise Refused(f"{name} has {_shown(odd)}; give some of {', '.join(VEHICLE_CHECKS)}.")
    return checks


def _list(name: str, value: t.Any) -> list[t.Any]:
    if not isinstance(value, list):
        raise Refused(f"{name} is {_shown(value)}; give a list{_from_survey(name, value)}.")
    return value


def _vin_problems(given: Mapping[str, t.Any], values: Values) -> list[str]:
    vin = given.get("hatci_vin")
    if not isinstance(vin, str) or is_vin(vin) or not values.get("hatci_vin_check", True):
        return []
    return [
        f"hatci_vin is '{vin[:60]}', which is not a valid VIN: give 17 characters of A-Z and 0-9 without I, O and Q "
        "(hatci_vin_check=false for a prototype)."
    ]


def _window_problems(values: Values) -> list[str]:
    start, end = (parse_time(values.get(f"ota_{which}_datetime"), which) for which in ("start", "end"))
    if start and end and end <= start:
        return [
            f"ota_end_datetime {end.isoformat()} is not after ota_start_datetime {start.isoformat()}; correct them."
        ]
    return []


def _state_problems(values: Values) -> list[str]:
    """Look at the states that end the waiting, which begins after the deployment."""
    given = [values.get(name, states) for name, states in STATES.items()]
    try:
        Goals(*given)
    except Failure as failure:
        return [failure.message.replace("success_states", SUCCESSES).replace("failure_states", FAILURES)]
    return []


def _shown(value: t.Any) -> str:
    """Return a value in words for a message."""
    return f"the text {value[:60]!r}" if isinstance(value, str) else describe_other(value) or "not given"


def _from_survey(name: str, value: t.Any) -> str:
    """Return what to do with text that was typed where a list or a mapping is wanted."""
    return f' (from a survey: {name}: "{{{{ ANSWER | from_yaml }}}}")' if isinstance(value, str) else ""


def _named(parts: tuple[str, ...]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


CHECKS: dict[str, Check] = {
    # What SUMS keeps as text.
    **dict.fromkeys(
        [
            *("hatci_vin", "hatci_vehicle_id", "hatci_tester_name", "hatci_program_name", "hatci_region"),
            *("hatci_region_spec", "hatci_source_remark", "hatci_target_remark"),
            *("ota_suite_name", "ota_job_url", "hatci_test_summary"),
        ],
        _text(),
    ),
    **dict.fromkeys(["hatci_source_build_level", "hatci_target_build_level"], _build_level),
    "hatci_model_year": _text(TEXT_OR_INT),
    **dict.fromkeys(
        ["hatci_event_id", "hatci_deployment_id", "hatci_test_event_id", "ota_resume_job_id"], _text(TEXT_OR_INT)
    ),
    "hatci_source_ecus": _ecus,
    "hatci_target_ecus": _ecus,
    "hatci_artifact_urls": _texts(commas=True),
    "ota_metadata": _metadata,
    "hatci_report_results_metadata": _mapping,
    **dict.fromkeys(["ota_start_datetime", "ota_end_datetime"], _time),
    # How SUMS is reached and waited for.
    **dict.fromkeys(["hatci_token_file", "hatci_ca_path", "hatci_client_cert", "hatci_client_key"], _text()),
    **dict.fromkeys(["hatci_verify_tls", "hatci_idempotent_posts", "hatci_vin_check"], _switch),
    "hatci_timeout": _seconds(DAY, zero=False),
    **dict.fromkeys(
        ["hatci_retry_timeout", "hatci_preflight_retry_timeout", "hatci_report_results_retry_timeout"],
        _seconds(DAY, zero=True),
    ),
    **dict.fromkeys(["hatci_poll_timeout_seconds", "hatci_poll_interval_seconds"], _seconds(MONTH, zero=False)),
    "hatci_wait_for_update_outage_seconds": _seconds(MONTH, zero=True),
    **dict.fromkeys(["hatci_success_states", "hatci_failure_states"], _texts(commas=True)),
    **dict.fromkeys(["hatci_report_results_record_dir", "hatci_report_results_record"], _text()),
    # The device.
    **dict.fromkeys(
        [
            *("jumpstarter_exporter_name", "jumpstarter_exporter_selector", "jumpstarter_client_config"),
            *("jumpstarter_client", "jumpstarter_exporter_template", "jumpstarter_exporters_dir"),
            *("jumpstarter_exporter_config_link_dir", "jumpstarter_lease_guard_lock_dir"),
            *("jumpstarter_lease_guard_expected_exporter", "jumpstarter_lease_guard_take_over"),
        ],
        _text(),
    ),
    **dict.fromkeys(["jumpstarter_lease_duration", "jumpstarter_lease_guard_max_hold"], _duration),
    **dict.fromkeys(
        ["jumpstarter_lease_guard_timeout", "jumpstarter_lease_guard_release_timeout"], _seconds(MONTH, zero=True)
    ),
    "jumpstarter_lease_guard_mode": _one_of(AUTO, CONTROLLER, LOCAL),
    **dict.fromkeys(["jumpstarter_exporter_cleanup", "jumpstarter_lease_guard_release_must_succeed"], _switch),
    # The test itself.
    **dict.fromkeys(["ota_verify_ecus", "ota_console_shared"], _switch),
    "ota_verify_commands": _commands,
    "ota_verify_tasks": _text(),
    **dict.fromkeys(
        [
            *("ota_evidence_dir", "ota_evidence_key", "ota_evidence_store", "ota_resume_evidence_dir"),
            "ota_console",
        ],
        _text(),
    ),
    "ota_deployments_file": _file_to_append,
    "ota_vehicle_ecus": _vehicle_ecus,
    "ota_vehicle_checks": _vehicle_checks,
    "ota_vehicle_settle_seconds": _seconds(DAY, zero=True),
    **dict.fromkeys(
        ["ota_keep_device_seconds", "ota_handover_lease_seconds", "jumpstarter_lease_guard_keep_seconds"],
        _seconds(7 * DAY, zero=True),
    ),
    "ota_handover_seconds": _seconds(MONTH, zero=False),
    "ota_recover_grace_seconds": _seconds(3600, zero=True),
    "ota_allowed_codes": _texts(commas=True),
    "hatci_wait_for_update_until": _mapping,
    "ota_scenario": _scenario,
    **dict.fromkeys(
        [
            *("ota_network_off_commands", "ota_network_on_commands", "ota_network_proof_commands"),
            *("ota_reset_commands", "ota_reset_proof_commands"),
            *("ota_battery_low_commands", "ota_battery_ok_commands", "ota_battery_proof_commands"),
            *("ota_cancel_commands", "ota_cancel_proof_commands"),
        ],
        _commands,
    ),
    "ota_soak_cycles": _cycles,
    "ota_suite": _suite,
    "ota_suite_on_failure": _one_of(*ON_FAILURE),
    **dict.fromkeys(["ota_fleet_max_fail_percentage", "ota_fleet_stop_at_fail_percentage"], _percentage),
}
"""What each variable of a test may be."""
