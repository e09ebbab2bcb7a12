# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: scenario
short_description: A scenario of a test, checked and complete
description:
  - Takes a scenario as it is written, the name of one of this collection (a file in C(scenarios) of the role
    C(hatci.automation.hatci_ota_test)), or the path of a file with one, and returns it with every key that it may
    have.
  - A path is looked for beside the playbook, then in the directory above (the project, where its playbooks have a
    directory of their own), then where ansible-playbook runs.
  - What the scenario names of the variables of the host is filled in.
  - The variables that it C(needs), a list of names, must be given; if one is not, or is empty, the message names it.
  - A file of tasks that it names is looked for beside the scenario's own file, else beside the playbook, and parsed.
version_added: 0.1.0
author:
  - The hatci.automation maintainers (@hatci)
options:
  _terms:
    description: One scenario; an empty one is no scenario.
    required: true
  option:
    description: The variable that holds the scenario, for the sentence.
    type: str
    default: ota_scenario
  has_device:
    description: Whether the test leases a device, which disturbances need.
    type: bool
    default: true
  has_ecus:
    description: Whether the ECUs of the vehicle can be asked, which the proof V(unreachable) needs.
    type: bool
    default: true
  looks_after:
    description: Whether the vehicle is asked after its update, which every end but V(completed) needs.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Say what would be done to the vehicle
  ansible.builtin.debug:
    msg: "{{ scenario.name }} disturbs the update {{ scenario.disturbances | length }} times"
  vars:
    scenario: "{{ lookup('hatci.automation.scenario', 'power_loss_while_installing') }}"
"""

RETURN = r"""
_raw:
  description:
    - One dictionary with C(name), C(purpose), C(clause), C(disturbances), C(expect), C(within), C(repeat) and C(offer);
      an empty one if there is no scenario. Each disturbance has C(at), C(do), C(commands), C(tasks), C(undo) (a list of
      commands), C(for) and C(proof).
  type: list
  elements: dict
  sample:
    - name: power_loss_while_installing
      purpose: ""
      clause: UN R156 7.2.2.1.1
      disturbances:
        - at: {progress: 40.0}
          do: power_off
          commands: []
          tasks: ""
          undo: [j power on]
          for: 20.0
          proof: unreachable
      expect: completed_or_restored
      within:
      repeat: 1
      offer: target
"""

import os
import pathlib
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase

from ansible_collections.hatci.automation.plugins.module_utils._failure import sentence
from ansible_collections.hatci.automation.plugins.plugin_utils.scenario import (
    DEFAULT_NAME,
    NEEDS,
    ScenarioRefused,
    normalise_scenario,
    refuse_unprovable,
    tasks_of,
)
from ansible_collections.hatci.automation.plugins.plugin_utils.typed_variables import KEEPS_TYPES, TypedVariables

CATALOGUE = pathlib.Path(__file__).parents[2] / "roles/hatci_ota_test/scenarios"
SUFFIXES = (".yml", ".yaml", ".json")
VARIABLE = "__hatci_scenario"
DEFAULT_OPTION = "ota_scenario"
RIG = ("has_device", "has_ecus", "looks_after")


class LookupModule(LookupBase):
    """Reads a scenario where it is, renders and checks it."""

    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        """Return the scenario.

        :raises AnsibleError: it cannot be used; the message is one sentence.
        """
        self.set_options(var_options=variables, direct=kwargs)
        try:
            return [self._scenario(terms[0] if terms else {}, variables or {}, self.get_option("option"))]
        except ScenarioRefused as refused:
            raise AnsibleError(sentence(refused.message)) from None

    def _scenario(self, term: t.Any, variables: dict[str, t.Any], what: str) -> dict[str, t.Any]:
        subject = [] if what == DEFAULT_OPTION else [what]
        name, directory = DEFAULT_NAME, str(variables.get("playbook_dir") or os.getcwd())
        path = None
        if isinstance(term, str) and term.strip():
            path = _path_of(term.strip(), directory, what)
            name, directory, what = path.stem, str(path.parent), f"scenario {path.stem}"
            term = self._load(path, what)
        if isinstance(term, t.Mapping):
            self._check_needs(term.get(NEEDS), variables, what)
            term = {key: value for key, value in term.items() if key != NEEDS}
        try:
            value = TypedVariables(self._templar, {**variables, VARIABLE: term}).get(VARIABLE)
        except AnsibleError as error:
            reason = str(getattr(error, "message", "") or error).split("\n", maxsplit=1)[0].rstrip(".")
            raise ScenarioRefused(f"{what} cannot be rendered: {reason[:300]}; set what it names.") from None
        scenario = normalise_scenario(value, what, name)
        if path and not scenario:
            raise ScenarioRefused(f"{what} has nothing in it ({path}); write a scenario there, at least its name.")
        for disturbance in scenario.get("disturbances", []):
            if disturbance["tasks"]:
                disturbance["tasks"] = os.path.join(directory, os.path.expanduser(disturbance["tasks"]))
        for tasks in tasks_of(scenario):
            checker = lookup_loader.get("hatci.automation.tasks_file", loader=self._loader, templar=self._templar)
            [problem] = checker.run([tasks], variables, option=f"tasks of {what}")
            if problem:
                raise ScenarioRefused(problem)
        refuse_unprovable(scenario, *subject, **{name: self.get_option(name) for name in RIG})
        return scenario

    def _check_needs(self, needs: t.Any, variables: dict[str, t.Any], what: str) -> None:
        """Refuse a scenario that needs variables which are not given, before it is rendered with them."""
        if not isinstance(needs, list) and needs is not None:
            raise ScenarioRefused(f"needs of {what} is not a list; give the names of variables.")
        known = TypedVariables(self._templar, variables)
        lacking = [str(name) for name in needs or [] if known.get(str(name)) in (None, "", [], {})]
        if lacking:
            raise ScenarioRefused(f"{what} needs {' and '.join(lacking)}; set what this rig runs for that.")

    def _load(self, path: pathlib.Path, what: str) -> t.Any:
        trust = {"trusted_as_template": True} if KEEPS_TYPES else {}
        try:
            return self._loader.load_from_file(str(path), **trust)
        except (AnsibleError, OSError, UnicodeError) as error:
            reason = str(getattr(error, "message", "") or error).split("\n", maxsplit=1)[0].rstrip(".")
            raise ScenarioRefused(f"{what} cannot be read from {path}: {reason}; correct it.") from None


def _is_file(path: pathlib.Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name of more characters than a file may have
        return False


def _path_of(term: str, directory: str, what: str) -> pathlib.Path:
    if "/" not in term and not term.endswith(SUFFIXES):
        path = CATALOGUE / f"{term}.yml"
        if _is_file(path):
            return path
        known = ", ".join(sorted(file.stem for file in CATALOGUE.glob("*.yml"))) or "none"
        raise ScenarioRefused(f"{what} names {term[:60]}, which is not a scenario of this collection; it has {known}.")
    places = (directory, os.path.dirname(directory), os.getcwd())
    paths = [pathlib.Path(place, os.path.expanduser(term)) for place in places]
    found = [path for path in paths if _is_file(path)]
    if not found:
        raise ScenarioRefused(f"{what} names {str(paths[0])[:300]}, which is not a file; give its whole path.")
    return found[0]
