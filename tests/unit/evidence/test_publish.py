# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence in a store: a directory, S3 and WebDAV, each by a real server; and stores that are away."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import subprocess
import threading
import typing as t
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import evidence_support
import pytest
from cheroot.wsgi import Server
from evidence_support import VIN
from play_support import wait_until
from s3_support import PYTHON, S3Server
from wsgidav.wsgidav_app import WsgiDAVApp

from ansible_collections.hatci.automation.plugins.module_utils._evidence import bundle
from ansible_collections.hatci.automation.plugins.module_utils._evidence import publish as publishing
from ansible_collections.hatci.automation.plugins.module_utils._evidence.errors import EvidenceError, StoreAway
from ansible_collections.hatci.automation.plugins.module_utils._evidence.manifest import compare
from ansible_collections.hatci.automation.plugins.module_utils._evidence.operation import manage_evidence
from ansible_collections.hatci.automation.plugins.module_utils._evidence.publish import publish
from ansible_collections.hatci.automation.plugins.module_utils._evidence.store import parse_store, write_files

FILES = {"journal.jsonl", "record.json", "report.html", "junit.xml", "manifest.json"}
PASSWORD = "canary-of-the-store"  # of a server of this test
SECONDS = 30.0


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """Return the evidence of a test that passed."""
    evidence_support.passed(tmp_path / "evidence/test-1")
    return bundle.bundle(tmp_path / "evidence/test-1", None, None)[0]


@pytest.fixture
def webdav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the address of a WebDAV server that takes only whoever has the password."""
    (tmp_path / "share").mkdir()
    users = {"lab": {"password": PASSWORD}}
    config = {
        "provider_mapping": {"/": str(tmp_path / "share")},
        "simple_dc": {"user_mapping": {"*": users}},
        "verbose": 0,
        "logging": {"enable": False},
    }
    server = Server(("127.0.0.1", 0), WsgiDAVApp(config))
    server.prepare()
    threading.Thread(target=server.serve, daemon=True).start()
    monkeypatch.setenv("WEBDAV_USERNAME", "lab")
    monkeypatch.setenv("WEBDAV_PASSWORD", PASSWORD)
    yield f"127.0.0.1:{server.bind_addr[1]}"
    server.stop()


NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
DAV_EXT = Path("/usr/lib/nginx/modules/ngx_http_dav_ext_module.so")
NGINX_CONFIG = """
load_module {module};
{user}
daemon off;
master_process off;
pid {directory}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
    uwsgi_temp_path {directory}; scgi_temp_path {directory};
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port};
        location /with/ {{
            root {directory};
            dav_methods PUT DELETE MKCOL COPY MOVE;
            dav_ext_methods PROPFIND OPTIONS;
        }}
        location /without/ {{
            root {directory};
            dav_methods PUT DELETE MKCOL COPY MOVE;
        }}
    }}
}}
"""


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[str]:
    """Return the address of an nginx that knows PROPFIND below /with and not below /without."""
    if not (NGINX and DAV_EXT.exists()):
        pytest.skip("nginx with its module dav_ext is not installed")
    directory = tmp_path / "nginx"
    for name in ("with", "without"):
        (directory / name).mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = directory / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(NGINX_CONFIG.format(module=DAV_EXT, user=user, directory=directory, port=port))
    error_log = directory / "error.log"
    with subprocess.Popen([NGINX, "-e", error_log, "-c", config]) as process:
        try:
            wait_until(lambda: process.poll() is not None or is_listening(port))
            assert process.poll() is None, error_log.read_text()
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """Return an S3 server that has a bucket named lab and takes only what its key signed."""
    if not PYTHON.exists():
        pytest.skip("the S3 server is not there: make .venvs/s3/.ready")
    with S3Server(tmp_path / "s3.log") as server:
        use(server, monkeypatch)
        yield server


def use(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)


def test_a_directory(evidence: Path, tmp_path: Path) -> None:
    result = publish(evidence, f"fs://{tmp_path}/store/of tests", SECONDS)

    there = tmp_path / "store/of tests/test-1"
    assert {path.name for path in there.iterdir()} == FILES and compare(there) == []
    assert result["changed"] and result["kept"] == []
    assert {Path(url).name for url in result["artifact_urls"]} == FILES
    assert result["artifact_urls"][0] == f"file://{tmp_path}/store/of%20tests/test-1/report.html"
    assert VIN in urllib.request.urlopen(result["artifact_urls"][0]).read().decode()  # a file


def test_webdav(evidence: Path, webdav: str, tmp_path: Path) -> None:
    result = publish(evidence, f"webdav://{webdav}/deep/er", SECONDS)

    there = tmp_path / "share/deep/er/test-1"
    assert {path.name for path in there.iterdir()} == FILES and compare(there) == []
    assert f"http://{webdav}/deep/er/test-1/record.json" in result["artifact_urls"]


def test_webdav_of_nginx(evidence: Path, nginx: str, tmp_path: Path) -> None:
    result = publish(evidence, f"webdav://{nginx}/with/deep/er", SECONDS)

    there = tmp_path / "nginx/with/deep/er/test-1"
    assert {path.name for path in there.iterdir()} == FILES and compare(there) == []
    page = urllib.request.urlopen(result["artifact_urls"][0])  # a server of this test
    assert VIN in page.read().decode()


def test_a_webdav_that_is_not_enough_is_told_what_it_lacks(evidence: Path, nginx: str) -> None:
    result = publish(evidence, f"webdav://{nginx}/without/x", SECONDS)

    (warning,) = result["warnings"]
    assert "HTTP status 405; a WebDAV server must know PROPFIND" in warning and result["kept"] == [str(evidence)]


def test_s3(evidence: Path, s3: S3Server) -> None:
    result = publish(evidence, "s3://lab/ota tests", SECONDS)

    assert s3.objects() == {
        f"ota tests/test-1/{path.name}": path.read_bytes() for path in evidence.iterdir() if path.name in FILES
    }
    assert result["artifact_urls"][0] == "s3://lab/ota%20tests/test-1/report.html"


@pytest.mark.parametrize(("is_gone", "reason"), [(True, "it cannot be reached"), (False, "within 2 s")])
def test_what_an_s3_server_did_not_take_while_it_was_away_is_sent_once_it_is_back(
    is_gone: bool, reason: str, evidence: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (s3.stop if is_gone else s3.hang)()
    away = publish(evidence.parent, "s3://lab/x", SECONDS)
    (s3.start if is_gone else s3.go_on)()
    use(s3, monkeypatch)
    back = publish(evidence.parent, "s3://lab/x", SECONDS)

    assert away["kept"] == [str(evidence)] and reason in away["warnings"][0]
    assert back["changed"] and back["kept"] == [] and "warnings" not in back
    assert s3.objects() == {
        f"x/test-1/{path.name}": path.read_bytes() for path in evidence.iterdir() if path.name in FILES
    }


def test_all_that_a_store_lacks_is_published_once(evidence: Path, tmp_path: Path) -> None:
    for number in (2, 3):
        evidence_support.failed(evidence.with_name(f"test-{number}"))
        bundle.bundle(evidence.with_name(f"test-{number}"), None, None)
    publish(evidence, f"fs://{tmp_path}/store", SECONDS)
    written = (tmp_path / "store/test-1/report.html").stat().st_mtime_ns

    first = publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)
    again = publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)

    assert (first["changed"], again["changed"]) == (True, False)
    assert len(first["artifact_urls"]) == len(again["artifact_urls"]) == 3 * len(FILES)
    assert {path.name for path in (tmp_path / "store").iterdir()} == {"test-1", "test-2", "test-3"}
    assert (tmp_path / "store/test-1/report.html").stat().st_mtime_ns == written


def test_each_of_two_stores_is_sent_a_test_once(evidence: Path, tmp_path: Path) -> None:
    stores = [f"fs://{tmp_path}/{name}" for name in ("one", "two")]
    sent = [publish(evidence, store, SECONDS)["changed"] for store in stores * 2]
    assert sent == [True, True, False, False]

    bundle.bundle(evidence, {"outcome": "ERROR", "troubles": ["SUMS did not take the report."]}, None)
    again = [publish(evidence, store, SECONDS)["changed"] for store in stores * 2]
    assert again == [True, True, False, False]


def test_the_index_of_all_tests_is_published_beside_them(evidence: Path, tmp_path: Path) -> None:
    options = {"state": "bundled", "path": str(evidence.parent), "key": None, "tests": None, "title": "Fleet"}
    manage_evidence({**options, "test": None}, False)
    result = publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)

    index, junit = (Path(url.removeprefix("file://")) for url in result["index_urls"])
    assert index.parent == tmp_path / "store" and (index.suffix, junit.suffix) == (".html", ".xml")
    assert index.read_bytes() == (evidence.parent / "index.html").read_bytes()
    assert 'href="test-1/report.html"' in index.read_text() and (index.parent / "test-1/report.html").exists()
    again = publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)
    assert again["index_urls"] == result["index_urls"] and not again["changed"]
    assert "index_urls" not in publish(evidence, f"fs://{tmp_path}/store", SECONDS)


def test_a_test_that_a_store_refuses_does_not_keep_the_others(
    evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(evidence, evidence.with_name("test-2"))

    def refuse(store: t.Any, files: list[tuple[str, bytes]], seconds: float) -> None:
        if files[0][0].startswith("test-1/"):
            raise StoreAway("it answers HTTP status 413")
        write_files(store, files, seconds)

    monkeypatch.setattr(publishing, "write_files", refuse)
    result = publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)
    assert result["kept"] == [str(evidence)] and "413" in result["warnings"][0]
    assert (tmp_path / "store/test-2/report.html").exists()


def test_what_was_bundled_anew_is_published_anew(evidence: Path, tmp_path: Path) -> None:
    publish(evidence, f"fs://{tmp_path}/store", SECONDS)
    bundle.bundle(evidence, {"outcome": "ERROR", "troubles": ["SUMS did not take the report."]}, None)
    assert publish(evidence, f"fs://{tmp_path}/store", SECONDS)["changed"]
    assert compare(tmp_path / "store/test-1") == []


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """Give the address of a server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("trouble", ["refused", "silent", "mute", "not allowed"])
def test_what_a_store_does_not_take_is_kept_and_told_without_a_secret(
    trouble: str, evidence: Path, webdav: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        match trouble:
            case "refused":
                url, reason = "webdav://127.0.0.1:9/x", "it cannot be reached"
            case "silent":
                url, reason = f"webdav://{stack.enter_context(silent())}/x", "did not take it within 1 s"
            case "mute":
                url, reason = f"webdav://{stack.enter_context(silent())}/x", "did not take it within 2 s"
            case _:
                monkeypatch.setenv("WEBDAV_USERNAME", "somebody")
                url, reason = f"webdav://{webdav}/x", "HTTP status 401"
        assert_kept(evidence, url, reason, [PASSWORD], 1 if trouble == "silent" else SECONDS)


@pytest.mark.parametrize(
    ("changed", "url", "reason"),
    [
        ({"AWS_SECRET_ACCESS_KEY": f"another {PASSWORD}"}, "s3://lab/x", "HTTP status 403"),
        ({"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"}, "s3://lab/x", "HTTP status 403"),
        ({}, "s3://others/x", "HTTP status 403"),
        ({}, "s3://none/x", "HTTP status 404"),
    ],
    ids=["wrong secret", "unknown key", "bucket of others", "no such bucket"],
)
def test_what_an_s3_server_refuses_is_kept_and_told_without_a_secret(
    changed: dict[str, str], url: str, reason: str, evidence: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = [PASSWORD, s3.environment["AWS_SECRET_ACCESS_KEY"]]
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    assert_kept(evidence, url, reason, secrets, SECONDS)
    assert s3.objects() == {}


def assert_kept(evidence: Path, url: str, reason: str, secrets: list[str], seconds: float) -> None:
    """Publish, and fail unless all is kept and the user is told why."""
    result = publish(evidence.parent, url, seconds)

    assert result["kept"] == [str(evidence)] and result["artifact_urls"] == [] and not result["changed"]
    (warning,) = result["warnings"]
    assert reason in warning and f"state=published path={evidence.parent} store={url}" in warning
    assert not any(secret in str(result) for secret in secrets)
    assert {path.name for path in evidence.iterdir()} == FILES


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://example.com/x", "it does not name a store"),
        ("s3://", "it does not name a store"),
        ("fs://relative/path", "it does not name a store"),
        ("fs:///", "it does not name a store"),
        ("webdav://lab:canary-of-the-store@example.com/x", "credentials must not stand in it"),
        ("webdav://[::1/x", "that is not a URL"),
        ("s3://lab/x?secret=1", "nothing may follow its path"),
    ],
)
def test_a_url_that_names_no_store_is_refused_without_being_quoted(url: str, reason: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        parse_store(url)
    assert reason in str(refused.value) and PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("webdav://dav.example.com:8443/x", "https://dav.example.com:8443"),
        ("webdav+http://dav.example.com/x", "http://dav.example.com"),
        ("webdav://localhost:8080/x", "http://localhost:8080"),
    ],
)
def test_credentials_travel_in_clear_only_where_the_url_says_so_or_within_this_machine(url: str, endpoint: str) -> None:
    assert parse_store(url, {}).options["endpoint"] == endpoint


def test_the_credentials_of_a_store_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    environment: dict[str, t.Any] = {"AWS_SECRET_ACCESS_KEY": PASSWORD}
    assert PASSWORD not in repr(parse_store("s3://lab/x", environment))


def test_an_index_without_a_junit_file_is_published_alone(evidence: Path, tmp_path: Path) -> None:
    """Whichever test begins next takes the JUnit file of the run before away."""
    options = {"state": "bundled", "path": str(evidence.parent), "key": None, "tests": None, "title": "Fleet"}
    manage_evidence({**options, "test": None}, False)
    bundle.start(evidence.parent, {"host": "vehicle_002"}, None)

    result = publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)

    (url,) = result["index_urls"]
    assert Path(url.removeprefix("file://")).read_bytes() == (evidence.parent / "index.html").read_bytes()
    assert result["kept"] == [] and len(result["artifact_urls"]) == len(FILES)


def test_a_test_that_cannot_be_read_does_not_keep_the_others(evidence: Path, tmp_path: Path) -> None:
    other = shutil.copytree(evidence, evidence.with_name("test-0"))
    (other / "camera.mp4").symlink_to(tmp_path / "nowhere")

    result = publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)

    assert result["kept"] == [str(other)] and len(result["artifact_urls"]) == len(FILES)
    assert f"{other}/camera.mp4 cannot be read: No such file or directory" in result["warnings"][0]


def test_a_file_whose_name_no_store_takes_does_not_keep_the_others(evidence: Path, tmp_path: Path) -> None:
    other = shutil.copytree(evidence, evidence.with_name("test-0"))
    (other / os.fsdecode(b"latin-\xe9.log")).write_text("own")
    (evidence / 'Größe "3".log').write_text("own")
    bundle.bundle(evidence, None, None)

    result = publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)

    assert result["kept"] == [str(other)] and len(result["artifact_urls"]) == len(FILES) + 1
    assert f"{other}/latin-?.log cannot be read: its name is not UTF-8" in result["warnings"][0]
    assert (tmp_path / "store/test-1" / 'Größe "3".log').read_text() == "own"


def test_a_test_that_is_gone_meanwhile_is_none(evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = shutil.copytree(evidence, evidence.with_name("test-0"))

    write = publishing.write_files

    def go(*arguments: t.Any) -> None:
        shutil.rmtree(other)
        monkeypatch.setattr(publishing, "write_files", write)
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(other))

    monkeypatch.setattr(publishing, "write_files", go)
    result = publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)
    assert (result["kept"], len(result["artifact_urls"])) == ([], len(FILES))
    assert "warnings" not in result


def test_a_test_of_which_only_a_journal_is_left_is_named_with_what_to_do(evidence: Path, tmp_path: Path) -> None:
    running, dead = (evidence.parent / name for name in ("running", "dead"))
    for directory in (running, dead):
        evidence_support.aborted(directory)
    long_ago = (dead / "journal.jsonl").stat().st_mtime - 2 * publishing.UNFINISHED_SECONDS
    os.utime(dead / "journal.jsonl", (long_ago, long_ago))

    sent = publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)

    (warning,) = sent["warnings"]
    assert "dead" in warning and "running" not in warning and f"state=bundled path={dead}" in warning
    assert sent["kept"] == [] and (tmp_path / "store" / evidence.name).is_dir()
    bundle.bundle(dead, None, None)
    assert "warnings" not in publish(evidence.parent, f"fs://{tmp_path}/store", SECONDS)


def test_where_nothing_was_finished_it_is_said_how_to_finish_it(tmp_path: Path) -> None:
    evidence_support.aborted(tmp_path / "dead")
    os.utime(tmp_path / "dead/journal.jsonl", (0, 0))
    with pytest.raises(EvidenceError, match=r"state=bundled path=.*/dead"):
        publish(tmp_path, f"fs://{tmp_path}/store", SECONDS)
