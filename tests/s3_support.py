# SPDX-License-Identifier: GPL-3.0-or-later
"""An S3 server on loopback: that of moto, in a process of its own, which checks signatures and policies."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import typing as t
from pathlib import Path

import opendal
import requests
from play_support import REPOSITORY, wait_until

PYTHON = REPOSITORY / ".venvs/s3/bin/python"
BUCKET = "lab"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::others*"},
    ],
}
CALLS_WITHOUT_KEY = 4
"""Those that make the bucket and the key; every call after them must be signed with it."""


class S3Server:
    """A server with one bucket, whose key may use all but the bucket ``others``.

    It forgets all when it is stopped; started again it has another key.

    :param log: file for what it prints.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{self._port}"
        self.environment: dict[str, str] = {}
        """With which a program finds the server and may write to its bucket."""

    def __enter__(self) -> t.Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and make the bucket and the key."""
        command = [PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
        environment = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(CALLS_WITHOUT_KEY)}
        with self._log.open("a") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: self._process.poll() is not None or self._is_listening())
            assert self._process.poll() is None, self._log.read_text()
            self._make_bucket_and_key()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it, if it runs."""
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        """Let it answer nothing until it goes on."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        self._process.send_signal(signal.SIGCONT)

    def objects(self) -> dict[str, bytes]:
        """Return what is in the bucket, by key."""
        keys = {
            "access_key_id": self.environment["AWS_ACCESS_KEY_ID"],
            "secret_access_key": self.environment["AWS_SECRET_ACCESS_KEY"],
        }

        async def read_all() -> dict[str, bytes]:
            bucket = opendal.AsyncOperator("s3", bucket=BUCKET, endpoint=self._url, region="us-east-1", **keys)
            names = [entry.path async for entry in await bucket.scan("")]
            return {name: bytes(await bucket.read(name)) for name in names if not name.endswith("/")}

        return asyncio.run(read_all())

    def _make_bucket_and_key(self) -> None:
        self._ask("iam", {"Action": "CreateUser", "UserName": "lab"})
        policy = {"PolicyName": "not-others", "PolicyDocument": json.dumps(POLICY)}
        self._ask("iam", {"Action": "PutUserPolicy", "UserName": "lab", **policy})
        key = self._ask("iam", {"Action": "CreateAccessKey", "UserName": "lab"})
        self._ask("s3", None)
        self.environment = {
            "AWS_ENDPOINT_URL": self._url,
            "AWS_ACCESS_KEY_ID": _element(key, "AccessKeyId"),
            "AWS_SECRET_ACCESS_KEY": _element(key, "SecretAccessKey"),
        }

    def _ask(self, service: str, form: dict[str, str] | None) -> str:
        """Return the answer to a form for a service, or, without one, to the wish for the bucket."""
        scope = f"AWS4-HMAC-SHA256 Credential=none/20260101/us-east-1/{service}/aws4_request"
        method, path = ("POST", "/") if form else ("PUT", f"/{BUCKET}")
        headers = {"Authorization": scope}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, self._url + path, data=form, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.text

    def _is_listening(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self._port)) == 0


def _element(document: str, name: str) -> str:
    found = re.search(rf"<{name}>([^<]+)</{name}>", document)
    assert found, document
    return found[1]
