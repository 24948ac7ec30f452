"""Serve the report to browsers of this machine: reports/ and voices/, read-only.

Owns which paths lead to a file. Never writes, never lists a folder, never leaves the two folders.
"""

from __future__ import annotations

import os
import re
import stat
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit

from scenariod.reports.folder import POLICY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST_PAGE = "/reports/index.html"
MOST_CONNECTIONS = 32
IDLE_S = 30.0
"""How long a browser may keep a connection without a word."""
_CHUNK_BYTES = 64 << 10
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
}
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Server(ThreadingHTTPServer):
    """Serves folders, each under its name, on a free port of the loopback interface.

    Any user of this machine can ask it.
    """

    daemon_threads = True

    def __init__(self, *folders: Path) -> None:
        self.folders = {folder.name: folder for folder in folders}
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__((LOOPBACK, 0), _Handler)

    @property
    def address(self) -> str:
        """The address of the report."""
        return f"http://{LOOPBACK}:{self.server_port}{FIRST_PAGE}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own; where there are too many, once one has ended."""
        self._places.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, then let the next one in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD."""

    protocol_version = "HTTP/1.1"
    server_version = "scenariod"
    sys_version = ""
    timeout = IDLE_S

    def do_GET(self) -> None:
        """Send a file, or the part of it that is asked for."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send what GET would send before the file."""
        self._answer(with_body=False)

    def log_message(self, *_: object) -> None:
        """Keep the terminal for what the command says."""

    def end_headers(self) -> None:
        """Add what holds of every answer."""
        self.send_header("Connection", "close")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", f"{POLICY}; frame-ancestors 'none'")
        super().end_headers()

    def _answer(self, *, with_body: bool) -> None:
        self.close_connection = True
        if not self._is_for_us():
            self._refuse(HTTPStatus.FORBIDDEN)
            return
        path = unquote(urlsplit(self.path).path, errors="surrogateescape")
        if path == "/":
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", FIRST_PAGE)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        kind = _TYPES.get(os.path.splitext(path)[1])
        assert isinstance(self.server, Server)  # noqa: S101  nobody else makes one
        file = None if kind is None else opened(self.server.folders, path)
        if file is None or kind is None:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        with file, suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
            self._send(file, kind, with_body=with_body)

    def _is_for_us(self) -> bool:
        """Say whether the browser means this machine: another site may have led it here."""
        host = self.headers.get("Host", "")
        port = self.connection.getsockname()[1]
        return host in {f"{LOOPBACK}:{port}", f"localhost:{port}"}

    def _refuse(self, status: HTTPStatus) -> None:
        body = f"{status.value} {status.phrase}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send(self, file: BinaryIO, kind: str, *, with_body: bool) -> None:
        size = os.fstat(file.fileno()).st_size
        asked = wanted(self.headers.get("Range"), size=size)
        if asked is None:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        is_part = asked != range(size)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(asked)))
        if is_part:
            self.send_header("Content-Range", f"bytes {asked.start}-{asked.stop - 1}/{size}")
        self.end_headers()
        if with_body:
            self._copy(file, asked)

    def _copy(self, file: BinaryIO, asked: range) -> None:
        file.seek(asked.start)
        left = len(asked)
        while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
            self.wfile.write(chunk)
            left -= len(chunk)


def wanted(asked: str | None, *, size: int) -> range | None:
    """Return which bytes a Range header asks for (RFC 9110, section 14); None: there are none.

    All of them where there is no such header, or it asks for what is not understood.
    """
    found = _RANGE.fullmatch(asked.strip()) if asked else None
    if found is None or not (found[1] or found[2]):
        return range(size)
    if not found[1]:
        last = int(found[2])
        return range(max(0, size - last), size) if last and size else None
    start = int(found[1])
    stop = min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < start:
        return range(size)
    return range(start, stop) if start < size else None


def opened(folders: Mapping[str, Path], path: str) -> BinaryIO | None:
    """Return the regular file that a path leads to, open; None if it leads to none.

    The path's first word names a folder; from there on no link is followed, and no name that begins
    with a dot.
    """
    before, *words = path.split("/")
    if before or len(words) < 2 or words[0] not in folders:
        return None
    if any(not word or word.startswith(".") or "\0" in word for word in words):
        return None
    try:
        folder = os.open(folders[words[0]], _FOLDER_FLAGS)
        for word in words[1:-1]:
            within = folder
            try:
                folder = os.open(word, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=within)
            finally:
                os.close(within)
        try:
            descriptor = os.open(words[-1], _FILE_FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")
