"""A speech service on this machine: it answers as a script says, and checks what it is asked.

A real server on a real socket, so that what breaks on a network can break here.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import defaultdict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

KEY = "sk-Never-Show-This-0123456789"
SPEAK = "/v1/text-to-speech/"
SPEECH = "/v1/audio/speech"


@dataclass(frozen=True)
class Answer:
    """What is sent back: `body` as often as `times`; then the end, a cut, or nothing more."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    is_cut: bool = False
    is_stalled: bool = False


@dataclass(frozen=True)
class Got:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    document: Any


def told(status: int, document: object, **headers: str) -> Answer:
    """Return an answer in JSON."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        json.dumps(document).encode(), status, {"content-type": "application/json"} | names
    )


def sound(samples: int = 2400, **headers: str) -> Answer:
    """Return an answer of PCM, in which each sample differs from the next."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(pcm(samples), 200, {"content-type": "audio/pcm"} | names)


def pcm(samples: int) -> bytes:
    """Return samples that count up."""
    return struct.pack(f"<{samples}h", *(n % 1000 for n in range(samples)))


def wav(samples: bytes, *, rate_hz: int = 24_000, length: int | None = None) -> Answer:
    """Return an answer of 16-bit mono WAV, with a header that may say another length."""
    return Answer(
        wav_header(rate_hz=rate_hz, length=len(samples) if length is None else length) + samples,
        headers={"content-type": "audio/wav"},
    )


def wav_header(*, rate_hz: int, length: int, channels: int = 1, bits: int = 16) -> bytes:
    """Return the header of a WAV file, with a chunk in it that nobody needs."""
    coding = struct.pack(
        "<HHIIHH", 1, channels, rate_hz, rate_hz * channels * bits // 8, channels * bits // 8, bits
    )
    chunks = b"fmt " + struct.pack("<I", 16) + coding + b"LIST" + struct.pack("<I", 3) + b"abc\0"
    return b"RIFF\xff\xff\xff\xffWAVE" + chunks + b"data" + struct.pack("<I", length)


class SpeechServer:
    """Answers each path by its own script; the last answer of a script stays."""

    def __init__(self, *, key_header: str = "xi-api-key", key: str | None = KEY) -> None:
        self.requests: list[Got] = []
        self.wrong: list[str] = []
        self.released = threading.Event()
        self._expected = (key_header, key)
        self._scripts: dict[str, deque[Answer]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.speech = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, path: str, *answers: Answer) -> None:
        """Answer requests whose path begins with `path` so, one after the other."""
        self._scripts[path] = deque(answers)

    def asked(self, path: str) -> list[Got]:
        """Return the requests whose path begins with `path`."""
        return [got for got in self.requests if got.path.startswith(path)]

    def take(self, got: Got, connection: socket.socket) -> Answer:
        """Return the answer to a request, which is checked."""
        with self._lock:
            if any(map(_is_waited_for, self._open)):
                self.wrong.append("two requests at a time")
            self._open.append(connection)
            self.requests.append(got)
            self.wrong += _faults(got, *self._expected)
            found = [script for path, script in self._scripts.items() if got.path.startswith(path)]
            if not found or not found[0]:
                return told(404, {"detail": "Not Found"})
            return found[0].popleft() if len(found[0]) > 1 else found[0][0]

    def done(self, connection: socket.socket) -> None:
        """Note that the request of a connection has its answer."""
        with self._lock:
            self._open.remove(connection)

    def close(self) -> None:
        """Let go of what is stalled, and end."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> SpeechServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    speech: SpeechServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        parts = urlsplit(self.path)
        answer = self.server.speech.take(
            Got(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query)),
                {name.lower(): value for name, value in self.headers.items()},
                _document(body),
            ),
            self.connection,
        )
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                self._send(answer)
        finally:
            if not answer.is_stalled:
                self.server.speech.done(self.connection)

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        if answer.body:
            for _ in range(answer.times):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(answer.body), answer.body))
        self.wfile.flush()
        if answer.is_stalled:  # the client goes, at a time that nobody here can tell
            self.server.speech.done(self.connection)
            self.server.speech.released.wait(60)
        if answer.is_cut or answer.is_stalled:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")


def _is_waited_for(connection: socket.socket) -> bool:
    """Say whether a client still waits: one that has gone may ask anew before we notice."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:  # it says nothing, and is there
        return True
    except OSError:
        return False


def _document(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return f"not JSON: {body[:80]!r}"


def _faults(got: Got, key_header: str, key: str | None) -> list[str]:
    """Return what is wrong with a request, by the documentation of the services."""
    scheme = "Bearer " if key_header == "authorization" else ""
    expected = {key_header: None if key is None else scheme + key, "accept-encoding": "identity"}
    wrong = [f"{n}: {got.headers.get(n)}" for n, v in expected.items() if got.headers.get(n) != v]
    if KEY in got.path or KEY in str(got.query) or KEY in str(got.document):
        wrong.append(f"the key is outside of its header: {got.path}")
    if got.method == "GET":
        return wrong + ([f"a GET with a body: {got.path}"] if got.document is not None else [])
    if got.headers.get("content-type") != "application/json" or not isinstance(got.document, dict):
        return [*wrong, f"no JSON: {got.document}"]
    check = _wrong_fields if got.path.startswith(SPEAK) else _wrong_openai_fields
    return wrong + [f"{what} in {got.document}" for what in check(got)]


def _wrong_fields(got: Got) -> list[str]:
    document = got.document
    texts = {"text", *({"previous_text", "next_text"} & document.keys())}
    wrong = [name for name in texts if not _is_text(document.get(name), most=5000)]
    wrong += document.keys() - texts - {"model_id", "seed"}
    if not isinstance(document.get("seed"), int) or not 0 <= document["seed"] < 2**32:
        wrong.append("seed")
    if len(texts) > 1 and document.get("model_id", "").startswith("eleven_v3"):
        wrong.append("context for v3")
    if set(got.query) != {"output_format"} or not got.path.endswith("/stream"):
        wrong.append(f"path or query: {got.path} {got.query}")
    return wrong


def _wrong_openai_fields(got: Got) -> list[str]:
    document = got.document
    wrong = [name for name in ("model", "voice") if not _is_text(document.get(name), most=200)]
    wrong += [] if _is_text(document.get("input"), most=1000) else ["input"]
    wrong += [] if document.get("response_format") == "wav" else ["response_format"]
    wrong += document.keys() - {"model", "voice", "input", "response_format"}
    return wrong if got.path == SPEECH and not got.query else [*wrong, "path or query"]


def _is_text(value: object, *, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most and bool(value.strip())
