# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module's own operation inside ansible-playbook, wherever that is the same thing."""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import multiprocessing
import os
import types
import typing as t
import weakref
from collections.abc import Collection, Iterator, Mapping

from ansible import constants, template
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values, sanitize_keys
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader, lookup_loader, test_loader

from ansible_collections.hatci.automation.plugins.module_utils._arguments import (
    RIVALS,
    refusal,
    text_problems,
    without_empty,
    without_rivals,
)
from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_channel import note_for_closer
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone, works_for
from ansible_collections.hatci.automation.plugins.plugin_utils.journaled_step import GOES_ON, JournaledStep
from ansible_collections.hatci.automation.plugins.plugin_utils.lasting_text import lasting_text
from ansible_collections.hatci.automation.plugins.plugin_utils.origin import is_of_lab

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
CENSORED = "The task failed; its message is hidden, since the task has no_log."
SECRET_VARIABLES = frozenset({"HATCI_TOKEN", "JMP_TOKEN", "CONTROLLER_OAUTH_TOKEN"})
"""Of the environment that a task may give its module."""

QUIET_CALLBACKS = frozenset({"json", "jsonl", "null", "oneline", "minimal", "dense", "selective", "unixy"})

Values = dict[str, t.Any]

# What the roles' expressions use, and what any expression needs. Looked up here, in ansible-playbook, so that no
# worker, which is a fork, has to.
for _filter in ("default", "bool", "length", "from_json", "combine"):
    filter_loader.get(_filter)
for _test in ("defined", "match", "failed", "succeeded"):
    test_loader.get(_test)
for _lookup in ("hatci_connection", "job", "scenario", "unsent_reports"):
    lookup_loader.get(f"hatci.automation.{_lookup}")
filter_loader.get("hatci.automation.ecus_from_text")  # and, as Ansible does it, all filters beside it
template.Templar(loader=None).template(getattr(template, "trust_as_template", str)("{{ omit is defined }}"))


class InProcessAction(ActionBase):
    """Runs the module of the same name here if the task is for this machine, else on the target.

    An action names its ``module`` at its top, so that ansible-playbook loads it once and its workers, which are
    forks, find it loaded.
    """

    module: types.ModuleType
    is_step = True
    """Whether it stands in the journal of its test."""

    ends_test = True
    """Whether a failure of it is one of the test of the host."""

    runs_here = False
    """Whether it runs in ansible-playbook whatever the target of the task is."""

    _secrets: t.ClassVar[weakref.WeakKeyDictionary[t.Any, tuple[Values, list[t.Any]]]] = weakref.WeakKeyDictionary()
    """Of each task its arguments that nobody must see, and its environment; a retried one comes with another action, as
    it was left."""

    _step: JournaledStep | None = None
    _environment: t.Mapping[str, str] = types.MappingProxyType({})

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: Values | None = None) -> Values:
        """Return what the module returns."""
        result = super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        self._show_secrets()
        hidden = bool(self._task.no_log or self._play_context.no_log)
        try:
            with works_for(playbook_process()):
                self._take_environment()
                self.complete_arguments()
                if self.is_step:
                    self._step = JournaledStep(self._task, self._task_vars, self._specification, hidden, self._templar)
                result = {**result, **self._run()}
                if self._step:
                    self._step.end(result, self.transcript(result))
                self._note(result)
        except OwnerGone as error:
            raise AnsibleActionFail(str(error)) from None
        finally:
            self._hide_secrets()
        return t.cast("Values", lasting_text(self._censor(result)))

    def _run(self) -> Values:
        if problems := text_problems(self._specification, self._task.args):
            return {"failed": True, "msg": " ".join([refusal(problems), *_advice()])}
        self._task.args = without_empty(self._specification, self._task.args)
        if not self.is_local or self._task.async_val:
            return self._run_on_target()
        return self._run_locally()

    def complete_arguments(self) -> None:
        """Add to ``self._task.args`` what only the controller knows."""

    def extras(self) -> Values:
        """Return further keyword arguments for the operation."""
        return {}

    def around(self, options: Values, run: t.Callable[[], Values]) -> Values:
        """Run the module, and do in this process what belongs before and after it."""
        return run()

    def examine(self, options: Values, run: t.Callable[[], Values]) -> Values:
        """Run the module and what is around it, with options that may be changed."""
        return run()

    def after_success(self, options: Values, result: Values) -> None:
        """Do, in this process, what belongs to a success."""

    def transcript(self, result: Values) -> list[t.Any]:
        """Return what commands on the device printed, for the evidence."""
        return []

    def find_progress(self, result: Values) -> Values | None:
        """Return what a success says of the test of the host, for its closer; None if it is no step forward."""
        return None

    def find_failure(self, result: Values) -> Values | None:
        """Return what a failure says of the test of the host, for its closer; None if it says nothing."""
        goes_on = self._task.ignore_errors or self._task.failed_when or self._task_vars.get(GOES_ON)
        if not self.ends_test or goes_on:
            return None
        message = CENSORED if self._task.no_log else str(result.get("msg") or "a task failed without a message.")
        failure = {"outcome": str(result.get("outcome") or "ERROR"), "message": sentence(message)}
        return {"failure": {**failure, "step": str(self._task.name or self._task.action).rpartition(" : ")[2]}}

    @property
    def is_local(self) -> bool:
        """Whether the task's target is this machine."""
        return self.runs_here or bool(self._connection.transport == "local")

    @property
    def host(self) -> str:
        """Inventory name of the host that the task is for."""
        return str(self._task_vars.get("inventory_hostname", "localhost"))

    def say(self, line: str) -> None:
        """Show a line of progress of the host."""
        self.show(f"{self.host}: {line}")

    def show(self, text: str) -> None:
        """Show text, unless the output is not for people."""
        callback = str(constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK"))
        if callback.rpartition(".")[2] not in QUIET_CALLBACKS:
            self._display.display(text)

    @property
    def _specification(self) -> Values:
        return t.cast("Values", self.module.ARGUMENTS["argument_spec"])

    def _run_on_target(self) -> Values:
        return t.cast("Values", self._execute_module(task_vars=self._task_vars, wrap_async=self._task.async_val))

    def _run_locally(self) -> Values:
        module = self.module
        arguments = dict(module.ARGUMENTS)
        arguments.pop("supports_check_mode")
        spec = arguments.pop("argument_spec")
        try:
            with task_environment(self._environment):
                given = without_rivals(spec, _as_sent(self._task.args))
                checked = ArgumentSpecValidator(spec, **arguments).validate(given)
        except (OverflowError, RecursionError, TypeError, ValueError) as error:
            # A key that is a date, an infinite int: what Ansible itself breaks off with on the way to a module.
            return {"failed": True, "msg": f"The task's arguments cannot be handed on: {sentence(str(error))}."}
        options, secrets = checked.validated_parameters, checked._no_log_values
        if checked.error_messages:
            return t.cast("Values", remove_values({"failed": True, "msg": self._refusal(checked)}, secrets))
        needs_process = self._play_context.become or not self._environment.keys() <= self._known_variables
        if (needs_process and not self.runs_here) or not getattr(module, "HAS_LIBRARIES", True):
            carry_out = self._run_on_target
        else:
            carry_out = functools.partial(self._run_here, module, spec, options, secrets)
        result = self.examine(options, lambda: self.around(options, carry_out))
        if not result.get("failed"):
            self.after_success(options, result)
        return result

    def _run_here(self, module: types.ModuleType, spec: Values, options: Values, secrets: set[str]) -> Values:
        shown = {
            name: HIDDEN if spec.get(name, {}).get("no_log") and value is not None else value
            for name, value in options.items()
        }
        with task_environment(self._environment):
            result = module.run_operation(module.OPERATION, options, self._task.check_mode, **self.extras())
        result = {"changed": False, **result, "invocation": {"module_args": shown}}
        return t.cast("Values", sanitize_keys(remove_values(result, secrets), secrets))

    @property
    def _known_variables(self) -> set[str]:
        """The variables of an environment that mean the same in this process."""
        return {"JMP_TOKEN", *(name for option in self._specification.values() for name in _variables_of(option))}

    def _take_environment(self) -> None:
        """Read the environment of the task, and make an argument of each secret: Ansible shows it in a command."""
        given: Values = {}
        self._compute_environment_string(given)
        for name, option in self._specification.items():
            for variable in _variables_of(option) if option.get("no_log") else ():
                if (secret := given.pop(variable, None)) and name not in self._task.args:
                    self._task.args.update({name: secret, **self._rivals_of(name, given)})
        self._environment = {name: str(value) for name, value in given.items()}
        self._task.environment = [self._environment] if self._environment else []

    def _rivals_of(self, name: str, environment: Values) -> Values:
        """Return the arguments that go on winning over another one, since the same environment has both."""
        rivals = {rival: _variables_of(self._specification[rival]) for rival, other in RIVALS.items() if other == name}
        return {
            rival: environment[variable]
            for rival, variables in rivals.items()
            for variable in variables
            if rival not in self._task.args and environment.get(variable)
        }

    def _show_secrets(self) -> None:
        """Give a task that is tried again back what was hidden of it."""
        if self._task in self._secrets:
            secrets, self._task.environment = self._secrets[self._task]
            self._task.args.update(secrets)
        given = self._task.environment
        self._given_environment = given if isinstance(given, list) else [given] if given else []

    def _hide_secrets(self) -> None:
        """Keep secrets out of what Ansible says of the task from now on, such as ``ansible_failed_task``."""
        names = {name for name, option in self._specification.items() if option.get("no_log")}
        secrets = {name: self._task.args[name] for name in names if self._task.args.get(name)}
        self._secrets[self._task] = secrets, self._given_environment
        self._task.args = {**self._task.args, **dict.fromkeys(secrets, HIDDEN)}
        self._task.environment = [_without(SECRET_VARIABLES, part) for part in self._given_environment]
        self._task.module_defaults = [
            {module: _without(names, defaults) for module, defaults in given.items()}
            for given in self._task.module_defaults
        ]

    def _censor(self, result: Values) -> Values:
        """Hide under no_log what Ansible itself does not: the message of a failure, and items under ``results``."""
        if not (self._task.no_log or self._play_context.no_log):
            return result
        for item in result.get("results") or []:
            if isinstance(item, dict):
                item["_ansible_no_log"] = True
        return {**result, "msg": CENSORED} if result.get("failed") else result

    def _note(self, result: Values) -> None:
        """Tell the closer of the play, if it has one, what this task found out."""
        if self._task.check_mode or self._task.async_val:
            return
        known = self.find_failure(result) if result.get("failed") else self.find_progress(result)
        if known and not result.get("failed") and is_of_lab(self._task):
            known = {}  # the test went on; the ids are of something else
        if known is not None and (warning := note_for_closer(playbook_process(), self.host, known)):
            result["warnings"] = [*result.get("warnings", []), warning]

    def _refusal(self, checked: t.Any) -> str:
        message = str(checked.errors.msg)
        if isinstance(checked.errors[0], UnsupportedError):
            return f"Unsupported parameters for ({self._task.action}) module: {message}"
        return message


def _variables_of(option: Mapping[str, t.Any]) -> Collection[str]:
    """Return the variables of the environment to which an option falls back."""
    return t.cast("Collection[str]", option["fallback"][1]) if "fallback" in option else ()


def _advice() -> list[str]:
    """Return what else may have made a number of text: on ansible-core 2.16 the setting jinja2_native."""
    reads_text_anew = not hasattr(template, "trust_as_template") and constants.DEFAULT_JINJA2_NATIVE
    return ["Text from a template needs | string, since jinja2_native is on."] if reads_text_anew else []


def _as_sent(arguments: Values) -> Values:
    """Return arguments as a module gets them, that is through JSON: dates as text, vaulted values in clear."""
    return t.cast("Values", json.loads(json.dumps(arguments, default=_as_json)))


def _without(names: Collection[str], defaults: t.Any) -> t.Any:
    """Return the defaults of a module without the options of these names; an expression may give any of them."""
    if not isinstance(defaults, Mapping):
        return HIDDEN
    return {name: HIDDEN if name in names else value for name, value in defaults.items()}


def _as_json(value: t.Any) -> t.Any:
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, (set, frozenset)) else str(value)


@contextlib.contextmanager
def task_environment(given: Mapping[str, str]) -> Iterator[None]:
    """Let options fall back to the environment of a task, as they do in its module, and not only to the play's."""
    before = dict(os.environ)
    os.environ.update(given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def playbook_process() -> Owner:
    """Return the ansible-playbook process that this worker belongs to.

    :raises OwnerGone: it has ended; whoever took this worker over, often init, must not be watched instead.
    """
    started_by = multiprocessing.parent_process()
    pid = os.getppid() if started_by is None or started_by.pid is None else started_by.pid
    owner = Owner.of(pid)
    if os.getppid() != pid:
        raise OwnerGone("the ansible-playbook process has ended")
    return owner
