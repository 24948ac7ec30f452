"""What browsers of this machine get, and what nobody gets."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenariod.reports.serving import Server, opened, wanted

SOUND = bytes(range(256)) * 10


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "reports" / "library").mkdir(parents=True)
    (tmp_path / "reports" / ".parts").mkdir()
    (tmp_path / "voices" / "one").mkdir(parents=True)
    (tmp_path / "library").mkdir()
    (tmp_path / "reports" / "index.html").write_text("<p>page</p>")
    (tmp_path / "reports" / ".parts" / "000001.json").write_text("{}")
    (tmp_path / "library" / "scenarios.json").write_text("secret")
    (tmp_path / "voices" / "one" / "claim.mp3").write_bytes(SOUND)
    (tmp_path / "voices" / "one" / "link.mp3").symlink_to(tmp_path / "library" / "scenarios.json")
    (tmp_path / "voices" / "away").symlink_to(tmp_path / "library")
    (tmp_path / "reports" / "notes.txt").write_text("x")
    os.mkfifo(tmp_path / "voices" / "one" / "pipe.mp3")
    return tmp_path


@pytest.fixture
def server(root: Path) -> Iterator[Server]:
    with Server(root / "reports", root / "voices") as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(
    server: Server, path: str, *, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_a_page_is_served_as_what_it_is(server: Server) -> None:
    response, body = ask(server, "/reports/index.html")

    assert (response.status, body) == (200, b"<p>page</p>")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert server.address.endswith(f":{server.server_port}/reports/index.html")


def test_it_listens_on_the_loopback_interface_alone(server: Server) -> None:
    assert server.socket.getsockname()[0] == "127.0.0.1"


def test_the_root_leads_to_the_page(server: Server) -> None:
    response, _ = ask(server, "/")

    assert (response.status, response.headers["Location"]) == (302, "/reports/index.html")


def test_a_part_of_a_voice_is_served(server: Server) -> None:
    response, body = ask(server, "/voices/one/claim.mp3", Range="bytes=100-199")

    assert (response.status, body) == (206, SOUND[100:200])
    assert response.headers["Content-Range"] == f"bytes 100-199/{len(SOUND)}"
    assert response.headers["Content-Type"] == "audio/mpeg"


def test_a_part_that_is_not_there_is_refused(server: Server) -> None:
    response, _ = ask(server, "/voices/one/claim.mp3", Range="bytes=9999-")

    assert response.status == 416
    assert response.headers["Content-Range"] == f"bytes */{len(SOUND)}"


def test_head_has_no_body(server: Server) -> None:
    response, body = ask(server, "/voices/one/claim.mp3", method="HEAD")

    assert (response.status, body) == (200, b"")
    assert response.headers["Content-Length"] == str(len(SOUND))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_but_get_and_head_is_answered(server: Server, method: str) -> None:
    response, _ = ask(server, "/reports/index.html", method=method)

    assert response.status == 501


@pytest.mark.parametrize(
    "path",
    [
        "/library/scenarios.json",
        "/reports/../library/scenarios.json",
        "/reports/%2e%2e/library/scenarios.json",
        "/reports/..%2flibrary%2fscenarios.json",
        "/reports//index.html",
        "/reports/.parts/000001.json",
        "/voices/one/link.mp3",
        "/voices/away/scenarios.json",
        "/voices/one/pipe.mp3",
        "/voices/one",
        "/voices/one/",
        "/reports/notes.txt",
        "/reports/index.html%00.html",
        "/etc/passwd",
        "/reports",
    ],
)
def test_nothing_else_is_found(server: Server, path: str) -> None:
    response, body = ask(server, path)

    assert response.status == 404
    assert b"secret" not in body


def test_a_name_of_another_site_that_leads_here_is_refused(server: Server) -> None:
    response, _ = ask(server, "/reports/index.html", Host="evil.example")

    assert response.status == 403


def test_nonsense_ends_nothing(server: Server) -> None:
    for nonsense in (b"\x00\xff\r\n\r\n", b"GET " + b"x" * 100_000 + b"\r\n\r\n", b""):
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as talk:
            talk.sendall(nonsense)

    assert ask(server, "/reports/index.html")[0].status == 200


def test_a_name_that_is_no_text_leads_nowhere(root: Path) -> None:
    folders = {"voices": root / "voices"}

    assert opened(folders, "/voices/\udcff.mp3") is None
    assert opened(folders, "voices/one/claim.mp3") is None


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (None, range(10)),
        ("", range(10)),
        ("bytes=0-0", range(1)),
        ("bytes=3-", range(3, 10)),
        ("bytes=3-99", range(3, 10)),
        ("bytes=-4", range(6, 10)),
        ("bytes=-99", range(10)),
        ("bytes=-0", None),
        ("bytes=10-", None),
        ("bytes=5-2", range(10)),
        ("bytes=-", range(10)),
        ("bytes=0-1,3-4", range(10)),
        ("bytes=x", range(10)),
        ("words=0-1", range(10)),
    ],
)
def test_a_range_is_what_the_standard_says(asked: str | None, found: range | None) -> None:
    assert wanted(asked, size=10) == found


def test_of_an_empty_file_there_is_no_part() -> None:
    assert wanted("bytes=0-", size=0) is None
    assert wanted("bytes=-5", size=0) is None
    assert wanted(None, size=0) == range(0)
