# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operation behind jumpstarter_exporter: an exporter config where ``jmp`` finds it."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._files import write_atomically
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_name, check_path
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.yaml_text import InvalidYaml, parse_yaml

MODE = 0o640


def manage_exporter(options: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Write an exporter config and the link by which ``jmp`` finds it, or remove both.

    :returns: ``changed`` and ``path``.
    :raises InputError: the content is not an exporter config, or a file cannot be written; what was there stays.
    """
    file_name = f"{check_name(options['name'], 'name')}.yaml"
    path = check_path(options["directory"], "directory") / file_name
    link = check_path(options["link_directory"], "link_directory") / file_name
    try:
        if options["state"] == "absent":
            changed = _remove(path, link, check_mode)
        else:
            _check_content(options["content"] or "")
            changed = _write(path, link, options["content"], check_mode)
    except OSError as error:
        raise InputError(
            f"The exporter config {error.filename or path} cannot be written: {error.strerror}; give directories that "
            "this user can write, such as ~/.config/jumpstarter/exporters, where jmp looks too."
        ) from None
    return {"changed": changed, "path": str(path)}


def _check_content(content: str) -> None:
    try:
        config = parse_yaml(content)
    except InvalidYaml as error:
        raise InputError(f"The exporter config is {error}; correct its template. None was written.") from None
    if not isinstance(config, dict) or config.get("kind") != "ExporterConfig":
        raise InputError("The exporter config has no kind: ExporterConfig; correct its template. None was written.")
    if not isinstance(config.get("export"), dict) or not config["export"]:
        raise InputError("The exporter config has no driver under export; correct its template. None was written.")


def _write(path: pathlib.Path, link: pathlib.Path, content: str, check_mode: bool) -> bool:
    linked = link != path
    if linked and link.exists() and not link.is_symlink():
        raise InputError(
            f"{link} is there already and is not a link that this module made; remove it, or choose another name."
        )
    stale_file = not path.is_file() or path.read_bytes() != content.encode()
    stale_link = linked and not (link.is_symlink() and os.readlink(link) == str(path))
    if check_mode:
        return stale_file or stale_link
    if stale_file:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content, MODE)
    if stale_link:
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(path)
    return stale_file or stale_link


def _remove(path: pathlib.Path, link: pathlib.Path, check_mode: bool) -> bool:
    ours = [path] if path.is_file() else []
    if link != path and link.is_symlink() and os.readlink(link) == str(path):
        ours.insert(0, link)
    if not check_mode:
        for file in ours:
            file.unlink()
    return bool(ours)
