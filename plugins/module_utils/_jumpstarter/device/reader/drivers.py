# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drivers of an exporter, as clients: which is meant, and what it can do for us."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.link import (
    LibraryMissing,
    Link,
    NeverRead,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.tunnel import open_tunnel
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.uds_driver import DriverLink

CLASS_LABEL = "jumpstarter.dev/client"
NETWORK, UDS, POWER = (
    "jumpstarter_driver_network.client.NetworkClient",
    "jumpstarter_driver_uds.client.UdsClient",
    "jumpstarter_driver_power.client.PowerClient",
)
MAX_NAMES = 30


@contextlib.contextmanager
def open_link(root: t.Any, path: str, logical_address: int | None, deadline: float) -> t.Iterator[Link]:
    """Open the way to an ECU that a driver offers.

    :param root: client of the exporter.
    :param path: names of drivers, with dots between them.
    :raises NotRead: the ECU does not accept the connection.
    :raises NeverRead: the driver is not there, or not one that leads to an ECU.
    :raises LibraryMissing: a package is not installed in this Python.
    """
    driver = find_driver(root, path)
    if is_client(driver, NETWORK):
        if logical_address is None:
            raise NeverRead(f"driver {path} is a network tunnel, for which logical_address must be given")
        with open_tunnel(driver, logical_address, deadline) as link:
            yield link
    elif is_client(driver, UDS):
        yield DriverLink(driver)
    else:
        raise NeverRead(
            f"driver {path} cannot ask an ECU; its client is {driver.labels.get(CLASS_LABEL)}, and this takes "
            "TcpNetwork, UdsDoip or UdsCan"
        )


def find_driver(root: t.Any, path: str) -> t.Any:
    """Return the client of a driver.

    :raises NeverRead: the exporter does not have it.
    """
    found = root
    for name in path.split("."):
        if name not in found.children:
            there = ", ".join(sorted(paths_of(root))[:MAX_NAMES]) or "no driver"
            raise NeverRead(f"the exporter does not have the driver {path}; it has {there}")
        found = found.children[name]
    return found


def paths_of(client: t.Any, prefix: str = "") -> t.Iterator[str]:
    """Return the paths of all drivers below a client, those that hold others included."""
    for name, child in client.children.items():
        yield prefix + name
        yield from paths_of(child, f"{prefix}{name}.")


def is_client(client: t.Any, wanted: str) -> bool:
    """Return whether a client is of a class, or of one that derives from it.

    :raises LibraryMissing: it says to be, and its package is not installed here.
    """
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(client).__mro__}
    if "jumpstarter.client.base.StubDriverClient" in names and client.labels.get(CLASS_LABEL) == wanted:
        raise LibraryMissing(wanted.partition(".")[0].replace("_", "-"))
    return wanted in names


def read_voltage(root: t.Any) -> float | None:
    """Return the supply voltage that the first power driver tells, None if none does."""
    from jumpstarter.common.exceptions import JumpstarterException

    for path in sorted(paths_of(root)):
        driver = find_driver(root, path)
        with contextlib.suppress(LibraryMissing, JumpstarterException, ValueError):
            if is_client(driver, POWER):
                for reading in driver.read():
                    return float(reading.voltage)
    return None
