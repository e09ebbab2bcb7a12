# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hatci
short_description: Use the vehicles that SUMS knows as hosts
version_added: 0.1.0
description:
  - Makes a host of each vehicle that SUMS lists, so that a play runs once for each vehicle.
  - Each field of the vehicle becomes a variable of the host with C(hatci_) in front, such as C(hatci_vin),
    C(hatci_program_name), C(hatci_model_year) and C(hatci_region); C(id) becomes C(hatci_vehicle_id). These are the
    variables that the roles of this collection take. A field without a value becomes no variable.
  - A field never sets how SUMS is reached (C(hatci_base_url), C(hatci_token) and the like).
  - The file's name must be C(hatci.yml) or end with C(.hatci.yml); C(.yaml) will do as well.
author:
  - The hatci.automation maintainers (@hatci)
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [hatci.automation.hatci]
  hatci_base_url:
    description:
      - Address of SUMS, without C(/api/v1). Must be given here or in the environment.
    type: str
    env:
      - name: HATCI_BASE_URL
  hatci_token:
    description:
      - Bearer token for SUMS. Keep it out of the file; the environment, a vault or a lookup is the place for it.
      - Either this or O(hatci_token_file) is needed.
    type: str
    env:
      - name: HATCI_TOKEN
  hatci_token_file:
    description:
      - File that holds the bearer token. Wins over O(hatci_token), but a file that only E(HATCI_TOKEN_FILE) names does
        not win over a token that the inventory file gives.
    type: str
    env:
      - name: HATCI_TOKEN_FILE
  verify_tls:
    description:
      - Whether the certificate of SUMS is verified.
      - For a private authority give O(ca_path) and leave this on.
      - Must be a boolean, and nothing else turns verification off; that is why it is not of type C(bool) here.
    type: raw
    default: true
    env:
      - name: HATCI_VERIFY_TLS
  ca_path:
    description: PEM file with the certificate authorities that may sign the certificate of SUMS.
    type: str
    env:
      - name: HATCI_CA_PATH
  client_cert:
    description: PEM file with the client certificate, where SUMS wants one.
    type: str
    env:
      - name: HATCI_CLIENT_CERT
  client_key:
    description:
      - PEM file with the key of O(client_cert), if that file does not hold it.
      - E(HATCI_CLIENT_KEY) alone is not used with a O(client_cert) that the inventory file gives.
    type: str
    env:
      - name: HATCI_CLIENT_KEY
  timeout:
    description: Seconds to wait for a connection, and for each part of an answer.
    type: float
    default: 30
  retry_timeout:
    description: Seconds after which no further attempt of a call begins; V(0) tries once.
    type: float
    default: 60
  hostname:
    description:
      - Template of the host's name, with the variables of the vehicle. Without it the VIN is the name.
      - Characters that have a meaning in host patterns become underscores.
      - It is an error if two vehicles get one name.
    type: str
  filters:
    description:
      - Takes only vehicles whose fields have these values. The keys are the names that SUMS uses, such as
        C(program_name); each value is one value or a list of them, compared as text.
    type: dict
    default: {}
requirements:
  - python >= 3.11
  - requests
notes:
  - An environment variable that is set but empty counts as not set.
  - Proxies are taken from the environment, as C(requests) does.
  - With the cache on, SUMS is not asked again until O(cache_timeout) is over or C(--flush-cache) is given. The cache
    holds what SUMS lists, never the token; O(filters) and groups are applied to it anew each time.
"""

EXAMPLES = r"""
# vehicles.hatci.yml; token and address come from HATCI_TOKEN and HATCI_BASE_URL
plugin: hatci.automation.hatci
---
# Two programs of one region, a group for each program and model year, names that people know.
# The device of a vehicle is that of the lab's exporter with the same name.
plugin: hatci.automation.hatci
hatci_base_url: https://sums.example.com
hostname: "{{ hatci_program_name | lower }}-{{ hatci_vin[-6:] }}"
filters:
  program_name: [OTA_Test, OTA_Fleet]
  region: US
groups:
  new_ones: hatci_model_year is version('2024', '>=')
keyed_groups:
  - key: hatci_program_name
    prefix: program
  - key: hatci_model_year
    prefix: year
compose:
  ansible_connection: "'local'"
  jumpstarter_exporter_selector: "'vin=' ~ hatci_vin"
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/hatci-inventory
cache_timeout: 600
"""

import os
import re
import typing as t

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.hatci.automation.plugins.module_utils._arguments import rivals_of
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import InputError, SumsError
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import (
    CONNECTION_ARGUMENTS,
    READING_ARGUMENTS,
    Connection,
    check_base_url,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record
from ansible_collections.hatci.automation.plugins.module_utils._sums.vehicles import list_vehicles
from ansible_collections.hatci.automation.plugins.module_utils._text import one_line
from ansible_collections.hatci.automation.plugins.plugin_utils.inventory_sources import UNREAD

PREFIX = "hatci_"
RENAMED = {"id": "vehicle_id"}
PATHS = [name for name, spec in READING_ARGUMENTS.items() if spec["type"] == "path"]
"""Not of type path for Ansible, which makes the current directory of a variable that is set but empty."""
NOT_FROM_SUMS = frozenset(PREFIX + name.removeprefix(PREFIX) for name in CONNECTION_ARGUMENTS)
"""Variables that lead the token somewhere; no record in SUMS may set them."""


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Makes hosts of vehicles."""

    NAME = "hatci.automation.hatci"

    def verify_file(self, path: str) -> bool:
        """Whether the file is meant for this plugin, by its name."""
        name = path.rpartition("/")[2]
        return super().verify_file(path) and re.fullmatch(r"(.*\.)?hatci\.ya?ml", name) is not None

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Fill the inventory.

        :raises AnsibleParserError: SUMS cannot be asked, or its vehicles cannot be named.
        """
        super().parse(inventory, loader, path, cache=cache)
        try:
            self._given = self._read_config_data(path)
            hosts = self._name_hosts(self._filtered(self._vehicles(path, cache)))
        except SumsError as error:
            UNREAD[path] = error.message
            raise AnsibleParserError(error.message) from None
        except AnsibleError as error:
            UNREAD[path] = str(error.message)
            raise
        UNREAD.pop(path, None)
        for name, variables in hosts.items():
            self._add_host(name, variables)

    def _vehicles(self, path: str, cache: bool) -> list[Record]:
        """Return what SUMS lists, from the cache if that may be used."""
        base_url = self._templated("hatci_base_url")
        if not base_url:
            raise InputError("hatci_base_url is not set; give it in the inventory file or as HATCI_BASE_URL.")
        if not self.get_option("cache"):
            return self._ask_sums(base_url)
        key = self.get_cache_key(f"{path} {check_base_url(base_url)}")
        if cache and isinstance(cached := self._cache.get(key), list):
            return cached
        self._cache[key] = vehicles = self._ask_sums(base_url)
        return vehicles

    def _ask_sums(self, base_url: str) -> list[Record]:
        token = self._templated("hatci_token")
        given = {**self._given, "hatci_token": self._given.get("hatci_token") and token}
        options = {name: self.get_option(name) for name in READING_ARGUMENTS}
        options.update(dict.fromkeys(rivals_of(given)))
        options.update({name: os.path.expanduser(options[name]) for name in PATHS if options[name]})
        options.update(
            hatci_base_url=base_url,
            hatci_token=token,
            verify_tls=is_true("verify_tls", options["verify_tls"]),
        )
        with SumsClient(Connection.from_options(options)) as client:
            vehicles = list({vehicle["vin"]: vehicle for vehicle in list_vehicles(client)}.values())
        for warning in client.warnings:
            self.display.warning(warning)
        return vehicles

    def _templated(self, option: str) -> str | None:
        value = self.get_option(option)
        if value and self.templar.is_template(value):
            try:
                return str(self.templar.template(value))
            except AnsibleError:
                # What the template says is not shown: half of it may be the token.
                raise InputError(f"{option} is a template that fails; correct it in the inventory file.") from None
        return t.cast("str | None", value)

    def _filtered(self, vehicles: list[Record]) -> list[Record]:
        chosen = vehicles
        for field, wanted in self.get_option("filters").items():
            values = {str(value) for value in (wanted if isinstance(wanted, list) else [wanted])}
            if vehicles and not any(field in vehicle for vehicle in vehicles):
                self.display.warning(f"filters: no vehicle in SUMS has a field {field!r}; is it spelled as SUMS does?")
            chosen = [vehicle for vehicle in chosen if str(vehicle.get(field, "")) in values]
        if not chosen:
            fitting = f" that fits the filters (of {len(vehicles)})" if vehicles else ""
            self.display.warning(f"SUMS lists no vehicle{fitting}, so this inventory is empty.")
        return chosen

    def _name_hosts(self, vehicles: list[Record]) -> dict[str, Record]:
        hosts: dict[str, Record] = {}
        for vehicle in vehicles:
            variables = host_variables(vehicle)
            name = self._host_name(variables)
            if name in hosts:
                raise InputError(
                    f"the vehicles {hosts[name]['hatci_vin']} and {vehicle['vin']} would both be named {name}; "
                    "correct the template in hostname."
                )
            hosts[name] = variables
        return hosts

    def _host_name(self, variables: Record) -> str:
        name: str = variables["hatci_vin"]
        if template := self.get_option("hostname"):
            self.templar.available_variables = variables
            try:
                name = str(self.templar.template(template))
            except AnsibleError as error:
                raise InputError(f"hostname fails for {one_line(name)}: {one_line(str(error))}.") from None
        if not name.strip():
            raise InputError(f"hostname gives nothing for {one_line(variables['hatci_vin'])}; correct the template.")
        return safe_name(name)

    def _add_host(self, name: str, variables: Record) -> None:
        self.inventory.add_host(name)
        for variable, value in variables.items():
            self.inventory.set_variable(name, variable, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), {}, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), {}, name, strict=strict)


def is_true(option: str, value: t.Any) -> bool:
    """Return a boolean; empty is true, since Ansible would take whatever it does not know for false.

    :raises InputError: it is none.
    """
    try:
        return value in (None, "") or bool(boolean(value, strict=True))
    except TypeError:
        raise InputError(f"{option} is {value!r:.60}; give true or false.") from None


def host_variables(vehicle: Record) -> Record:
    """Return a vehicle's fields as variables that no template is ever made of."""
    named = ((PREFIX + re.sub(r"\W", "_", RENAMED.get(key, key), flags=re.ASCII), vehicle[key]) for key in vehicle)
    variables = {name: as_data(value) for name, value in named if value is not None and name not in NOT_FROM_SUMS}
    if isinstance(number := variables.get("hatci_vehicle_id"), int):
        # No YAML has changed it on its way, so its digits are what SUMS means.
        variables["hatci_vehicle_id"] = str(number)
    return variables


def as_data(value: t.Any) -> t.Any:
    """Mark what could be taken for a template, and only that, since the mark shows wherever an inventory is listed."""
    if isinstance(value, dict):
        return {as_data(key): as_data(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_data(item) for item in value]
    return wrap_var(value) if isinstance(value, str) and "{" in value else value


def safe_name(name: str) -> str:
    """Return a host name that means one host in every pattern."""
    safe = re.sub(r"[^\w.-]", "_", name.strip(), flags=re.ASCII)
    return safe if safe[0] not in "-." else f"_{safe[1:]}"
