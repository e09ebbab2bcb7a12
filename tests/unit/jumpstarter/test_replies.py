# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words of jmp decide: whether a lease is gone, another client's, or worth another try."""

from __future__ import annotations

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp import replies

LEASE = "hatci-7-vehicle-001-0a1b2c3d"
DNS = (
    "Error: grpc error: errors resolving grpc.lab.invalid:8082: [field:hostname lookup error:address lookup failed for "
    "grpc.lab.invalid:8082: Domain name not found]"
)
REFUSED = (
    "Error: grpc error: connections to all backends failing; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect "
    "to remote host: connect: Connection refused (111)"
)


@pytest.mark.parametrize(
    "words",
    [
        f'Error: grpc error: leases.jumpstarter.dev "{LEASE}" not found',
        f'Error: lease "{LEASE}" has already been released',
        f'Error: lease "default/{LEASE}" has already ended',
        "Error: lease has already been released",
    ],
)
def test_a_lease_is_gone_when_the_controller_says_so_of_it(words: str) -> None:
    assert replies.is_gone(words, LEASE)


@pytest.mark.parametrize(
    "words",
    [
        DNS,
        REFUSED,
        'Error: grpc error: clients.jumpstarter.dev "alice" not found',
        'Error: grpc error: namespaces "lab" not found',
        f'Error: leases.jumpstarter.dev "{LEASE}9" not found',
        'Error: lease "another" has already been released',
        "Error: File not found. Verify the path and retry.",
        "upstream not found",
        "404 page not found",
        "",
    ],
)
def test_other_words_do_not_mean_that_a_lease_is_gone(words: str) -> None:
    assert not replies.is_gone(words, LEASE)


def test_only_the_controller_says_that_a_lease_is_another_client_s() -> None:
    assert replies.is_foreign("Error: grpc error: DeleteLease permission denied")
    for words in ("Permission denied while accessing a required resource", "permission denied for client", DNS):
        assert not replies.is_foreign(words)


@pytest.mark.parametrize(
    ("words", "is_permanent"),
    [
        ("Error: failed to authenticate token", True),
        ("Error: grpc error: failed to verify token signature", True),
        ('Error: grpc error: clients.jumpstarter.dev "x" not found', True),
        ("Error: No such option: --lease-id", True),
        (DNS, False),
        (REFUSED, False),
        ("Error: grpc error: DNS resolution failed for grpc.lab.invalid:8082: permission denied", False),
        ("Error: grpc error: GetExporter dns-gateway: permission denied", True),
        ("Token is expired, triggering re-authentication. Please try again now", False),
        (f'Error: leases.jumpstarter.dev "{LEASE}" not found', False),
        ("Error: grpc error: etcdserver: request timed out, invalid state", False),
    ],
)
def test_only_what_the_controller_refuses_is_not_tried_again(words: str, is_permanent: bool) -> None:
    assert replies.is_permanent(words) == is_permanent


def test_an_option_is_told_from_one_that_begins_like_it() -> None:
    assert replies.lacks_option("Error: No such option '--tag'.", "--tag")
    assert not replies.lacks_option("Error: No such option: --tag-filter", "--tag")
