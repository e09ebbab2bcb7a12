# SPDX-License-Identifier: GPL-3.0-or-later
"""What `j serial` and `j power` offer on the virtual vehicle."""

from __future__ import annotations

import click
from jumpstarter.client import DriverClient
from jumpstarter.client.decorators import driver_click_group
from jumpstarter_driver_power.client import PowerClient


class VirtualSerialClient(DriverClient):
    def read(self, timeout: float) -> list[str]:
        """Lines the vehicle has to say; empty if it said nothing for `timeout` seconds."""
        lines: list[str] = self.call("read", timeout)
        return lines

    def send(self, text: str) -> None:
        """Send one command line."""
        self.call("send", text)

    def cli(self) -> click.Group:
        @driver_click_group(self)
        def base() -> None:
            """Serial line of the vehicle"""

        @base.command()
        @click.option("--timeout", default=5.0, show_default=True, help="Seconds to wait for the vehicle to speak")
        def read(timeout: float) -> None:
            """Print what the vehicle has to say"""
            lines = self.read(timeout)
            if not lines:
                raise click.ClickException(f"nothing came from the vehicle within {timeout:g} s; is its power on?")
            click.echo("\n".join(lines))

        @base.command()
        @click.argument("text")
        def send(text: str) -> None:
            """Send one command line; read gives the answer"""
            self.send(text)

        group: click.Group = base
        return group


class VirtualPowerClient(PowerClient):
    """The stock power client; before 0.9 its command line lacked `read`."""

    def cli(self) -> click.Group:
        group: click.Group = super().cli()
        if "read" not in group.commands:

            @group.command()
            def read() -> None:
                """Read power measurements"""
                for reading in self.read():
                    click.echo(f"voltage={reading.voltage} V  current={reading.current} A")

        return group
