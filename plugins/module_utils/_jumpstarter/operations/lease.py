# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind jumpstarter_lease."""

from __future__ import annotations

import json
import shlex
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.jobs import is_job_id
from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.client_config import choose_mode
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.controller import (
    Controller,
    controller_of,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import HELD, Lease
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.acquire import (
    acquire_from_controller,
    take_over_from_controller,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.acquire_local import (
    acquire_local,
    local_exporter,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.keeper import (
    settle_undos,
    tell_keeper,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import (
    LeaseFiles,
    Record,
    controller_of_record,
    is_in_use,
    usable_record,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.release import (
    is_kept,
    is_local,
    release_local,
    release_to_controller,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.request import (
    Request,
    tags_of,
    wanted_arguments,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.verify import (
    is_held_at_controller,
    verify_at_controller,
    verify_local,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import CONTROLLER, LOCAL, Caller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.times import parse_duration, time_in_words
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import (
    check_name,
    check_text,
    label_of,
    new_lease_name,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.yaml_text import require_yaml, write_yaml

PROOF_SECONDS = 60.0
PREDICTED_NAME = "check-mode"

Result = dict[str, t.Any]
Options = t.Mapping[str, t.Any]


def manage_lease(
    options: Options,
    check_mode: bool,
    say: t.Callable[[str], None] = lambda line: None,
    blocks_run: t.Callable[[], bool] = lambda: False,
) -> Result:
    """Acquire, create, renew, verify, keep or release a lease.

    :param say: shows a line to whoever watches.
    :param blocks_run: whether the other hosts of this run stand still while this one waits.
    :returns: ``changed``, ``lease_name``, ``mode``, ``exporter`` and ``lease``.
    :raises JumpstarterError: what was asked could not be done.
    """
    if options["output"] == "yaml":
        require_yaml()  # before a lease is made that could then not be told of
    if options["state"] == "acquire":
        result = _acquire(options, check_mode, say, blocks_run)
    else:
        act = {"create": _create, "renew": _renew, "verified": _verify, "kept": _keep, "release": _release}[
            options["state"]
        ]
        result = act(options, check_mode, say)
    return {**result, "output": _written(result, options["output"])}


def _acquire(
    options: Options, check_mode: bool, say: t.Callable[[str], None], blocks_run: t.Callable[[], bool]
) -> Result:
    mode = _mode(options)
    request = _request(options, mode, say)._replace(blocks_run=blocks_run())
    held = options["lease_name"]
    if held and held != PREDICTED_NAME:
        return _already_held(held, request)
    if check_mode:
        predicted: Result = {"lease_name": PREDICTED_NAME, "mode": mode, "exporter": request.exporter, "lease": {}}
        return {"changed": not held, **predicted}
    left = check_name(options["take_over"], "take_over") if options.get("take_over") else ""
    if mode == CONTROLLER:
        controller = controller_of(options, request.caller.owner)
        taken = take_over_from_controller(controller, request, left) if left else None
        record = taken or acquire_from_controller(controller, request)
    else:
        handed_on = LeaseFiles(left).read() if left else None
        wanted = local_exporter(request.exporter, request.selector)
        is_same = handed_on and (handed_on["mode"], handed_on["exporter"]) == (LOCAL, wanted)
        if is_same and not is_in_use(handed_on, request.caller.owner):
            release_local(left, LeaseFiles(left), handed_on)
        record = acquire_local(options["lock_dir"], request)
    return {
        "changed": True,
        "lease_name": record["name"],
        "mode": mode,
        "exporter": record["exporter"],
        "lease": record["lease"],
        "keeper_log": record["keeper_log"],
    }


def _already_held(lease_name: str, request: Request) -> Result:
    """Go on with a lease that this host acquired before."""
    record = usable_record(lease_name)
    if record is None or request.what != record["what"]:
        raise errors.InputError(
            f"This host already holds lease {lease_name} of {record['what'] if record else 'another machine'}; "
            f"release it before you acquire {request.what}."
        )
    return {
        "changed": False,
        "lease_name": lease_name,
        "mode": record["mode"],
        "exporter": record["exporter"],
        "lease": record["lease"],
        "keeper_log": record["keeper_log"],
    }


def _create(options: Options, check_mode: bool, say: t.Callable[[str], None]) -> Result:
    """Ask the controller for a lease and return at once; nothing renews or releases it."""
    if _mode(options) == LOCAL:
        raise errors.InputError("state create needs a controller; a local lease is held or not: use state acquire.")
    request = _request(options, CONTROLLER, say)
    name = check_name(options["lease_name"] or new_lease_name(options["job_id"], options["job_host"]), "lease_name")
    result = {"changed": True, "lease_name": name, "mode": CONTROLLER, "exporter": request.exporter, "lease": {}}
    if check_mode:
        return result
    controller = controller_of(options, request.caller.owner)
    wanted = wanted_arguments(request.exporter, request.selector)
    controller.create(name, wanted, request.duration, tags_of(request.caller))
    found = controller.find(name)
    return {**result, "lease": found.shown if found else {}}


def _renew(options: Options, check_mode: bool, _say: t.Callable[[str], None]) -> Result:
    name = _needed_name(options)
    window = parse_duration(options["duration"], "duration")
    record = None if check_mode and name == PREDICTED_NAME else usable_record(name)
    if is_local(record):
        raise errors.InputError(f"Lease {name} is a local one, which does not run out; there is nothing to renew.")
    result = {"changed": True, "lease_name": name, "mode": CONTROLLER, "exporter": None, "lease": {}}
    if check_mode:
        return result
    controller = controller_of(options, Caller.from_options(options).owner)
    before, extended = _extended(controller, name, window, "renewed")
    return {
        **result,
        "changed": extended.duration > before.duration,
        "exporter": extended.exporter,
        "lease": extended.shown,
    }


def _extended(controller: Controller, name: str, seconds: float, what: str) -> tuple[Lease, Lease]:
    """Let a controller's lease last for at least so many seconds from now; return it as it was and as it is.

    :param what: is to be done with it, for the message.
    """
    found = controller.find(name)
    if found is None or found.began is None:
        why = "is not held" if found is None or found.state != HELD else "does not tell when it began"
        raise errors.LeaseLost(f"Lease {name} {why}, so it can't be {what}.")
    elapsed = max(0.0, time.time() - found.began.timestamp())
    return found, controller.extend(name, max(elapsed + seconds, found.duration))


def _verify(options: Options, check_mode: bool, _say: t.Callable[[str], None]) -> Result:
    """Prove that a lease has held since it was acquired; changes nothing."""
    name = _needed_name(options)
    result: Result = {"changed": False, "lease_name": name, "mode": None, "exporter": None, "lease": {}, "held": True}
    if check_mode and name == PREDICTED_NAME:
        return {**result, "since": None}
    record = usable_record(name)
    mode = record["mode"] if record else _mode(options)
    if mode == LOCAL:
        since = verify_local(name, record)
    else:
        caller = Caller.from_options(options)
        controller = (
            controller_of(options, caller.owner) if record is None else controller_of_record(record, caller.owner)
        )
        since = verify_at_controller(
            controller,
            name,
            record,
            timeout=_timeout(options),
            sleep=caller.pause,
        )
    exporter = record["exporter"] if record else None
    return {**result, "mode": mode, "exporter": exporter, "since": time_in_words(since)}


def _keep(options: Options, check_mode: bool, say: t.Callable[[str], None]) -> Result:
    """Leave a device that this play has to somebody for a while; it is given back where that cannot be done safely."""
    name = _needed_name(options)
    seconds = parse_duration(options["duration"], "duration")
    if name == PREDICTED_NAME:
        return {"changed": True, "lease_name": name, "mode": None, "exporter": None, "lease": {}}
    record = LeaseFiles(name).read()
    if record is None:
        raise errors.InputError(f"Lease {name} was not acquired on this machine, so nothing here keeps it or ends it.")
    result = {"lease_name": name, "mode": record["mode"], "exporter": record["exporter"], "lease": record["lease"]}
    if check_mode:
        return {"changed": True, **result}
    caller = Caller.from_options(options)
    try:
        usable_record(name)
        settle_undos(name, LeaseFiles(name), caller.owner, caller.pause)
        lasts = 0.0
        if record["mode"] == CONTROLLER:
            extended = _extended(controller_of_record(record, caller.owner), name, seconds, "kept")[1]
            result["lease"], lasts = extended.shown, extended.duration
        until = time.time() + seconds
        tell_keeper(name, caller.owner, {"keep": seconds, "lasts": lasts}, "for how long the device is kept")
        LeaseFiles(name).write({**record, "watch_pid": None})
    except errors.JumpstarterError as error:
        given_back = _release(options, check_mode, say)
        reason = f"The device was not kept but given back: {error.message}"
        return {**given_back, "warnings": [reason, *given_back.get("warnings", [])]}
    return {
        "changed": True,
        **result,
        "kept_until": time_in_words(until),
        "kept_until_seconds": until,
        **_ways_to(record, caller),
    }


def _ways_to(record: Record, caller: Caller) -> dict[str, str]:
    """Return the commands that lead to a kept device, and that give it back sooner."""
    name = record["name"]
    if record["mode"] == LOCAL:
        arguments = f"state=release lease_name={name} mode=local"
        return {
            "enter": shlex.join(["jmp", "shell", "--exporter", record["exporter"]]),
            "give_back": shlex.join(
                ["ansible", "localhost", "-m", "hatci.automation.jumpstarter_lease", "-a", arguments]
            ),
        }
    # The client config of a job of AAP is a file that goes with its container.
    config = [] if is_job_id(caller.job) and record["config"][:1] == ["--client-config"] else record["config"]
    return {
        "enter": shlex.join(["jmp", "shell", "--lease", name, *config]),
        "give_back": shlex.join(["jmp", "delete", "leases", name, *config]),
    }


def _release(options: Options, check_mode: bool, _say: t.Callable[[str], None]) -> Result:
    name = options["lease_name"]
    result = {"changed": False, "lease_name": name, "mode": None, "exporter": None, "lease": {}}
    if not name or name == PREDICTED_NAME:
        return result
    files = LeaseFiles(check_name(name, "lease_name"))
    record = None
    try:
        record = files.read()
    except errors.LeaseLost as error:
        if _mode(options) == LOCAL:
            raise errors.ReleaseFailed(f"{error.message} The device is given back when the play ends.") from None
    mode = record["mode"] if record else _mode(options)
    result.update(mode=mode, exporter=(record or {}).get("exporter"))
    if check_mode:
        return {**result, "changed": True}
    caller = Caller.from_options(options)
    sleep = caller.pause
    settle_undos(name, files, caller.owner, sleep)
    if mode == LOCAL:
        return _released(result, *release_local(name, files, record))
    is_known = record and record.get("config") is not None
    controller = (
        controller_of_record(record, caller.owner) if record and is_known else controller_of(options, caller.owner)
    )
    # Each look is a start of jmp, which a lease does without that was just seen to hold. A keeper alone is no proof:
    # it does not see that somebody shortened the lease, or that the clock of the controller went forward.
    was_kept = is_kept(name, files, record) and files.is_proven(PROOF_SECONDS)
    was_held = None if was_kept else is_held_at_controller(controller, name, record)
    was_there, warnings = release_to_controller(controller, name, files, record, timeout=_timeout(options), sleep=sleep)
    if was_held is None:
        keeper_reacted = was_kept and not warnings
        was_held = was_there and (
            keeper_reacted or bool(is_held_at_controller(controller, name, record, is_deleted=True))
        )
    return _released(result, was_held, warnings)


def _released(result: Result, was_held: bool, warnings: list[str]) -> Result:
    return {**result, "changed": was_held, **({"warnings": warnings} if warnings else {})}


def _mode(options: Options) -> str:
    return choose_mode(options["mode"], options["client_config"] or None, options["client"] or None)


def _request(options: Options, mode: str, say: t.Callable[[str], None]) -> Request:
    exporter, selector = options["exporter"] or None, options["selector"] or None
    if not exporter and not selector:
        raise errors.InputError("Neither exporter nor selector is given; say which device to lease.")
    if exporter:
        check_name(exporter, "exporter")
    if selector:
        exporter = None
    elif mode == CONTROLLER:
        selector = label_of(exporter or "", "exporter") or None
    if options["expected_exporter"] and mode == CONTROLLER:
        label_of(options["expected_exporter"], "expected_exporter")
    return Request(
        caller=Caller.from_options(options),
        exporter=exporter,
        selector=check_text(selector, "selector") if selector else None,
        duration=parse_duration(options["duration"], "duration"),
        timeout=_timeout(options),
        max_hold=parse_duration(options["max_hold"], "max_hold") if options["max_hold"] else None,
        expected_exporter=options["expected_exporter"] or None,
        say=lambda line: say(sentence(line)),
    )


def _timeout(options: Options) -> float:
    timeout = options["timeout"] if options["timeout"] is not None else 600.0 if options["state"] == "acquire" else 30.0
    if not 0 <= timeout <= 30 * 86400:
        raise errors.InputError(f"timeout is {timeout:g}; give seconds, 0 or more and at most 30 days.")
    return float(timeout)


def _needed_name(options: Options) -> str:
    if not options["lease_name"]:
        raise errors.InputError(f"state {options['state']} needs lease_name.")
    return check_name(options["lease_name"], "lease_name")


def _written(result: Result, form: str) -> str:
    if form == "name":
        return str(result["lease_name"] or "")
    shown = {key: result[key] for key in ("lease_name", "mode", "exporter", "lease")}
    if form == "json":
        return json.dumps(shown, default=str)
    return write_yaml(shown)
