"""Owns one connection of JSON lines, as the guest agent speaks it.

Never waits without a deadline, and never retries: who asked decides that.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any


class ChannelError(Exception):
    """The other side refused a command; the message is its own."""


class Channel:
    """A connected socket on which commands go out and answers come back, one at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = b""

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def call(self, command: str, *, deadline: float, **arguments: Any) -> Any:
        """Send a command and return its answer; raise ChannelError if it is refused.

        Raise TimeoutError at `deadline` (monotonic), EOFError if the other side is gone.
        """
        self.send({"execute": command, "arguments": arguments}, deadline=deadline)
        while True:
            answer = self.receive(deadline=deadline)
            if "error" in answer:
                raise ChannelError(f"{command}: {answer['error'].get('desc', answer['error'])}")
            if "return" in answer:
                return answer["return"]

    def send(self, message: dict[str, Any], *, deadline: float, prefix: bytes = b"") -> None:
        """Send one message."""
        self._set_timeout(deadline)
        try:
            self._socket.sendall(prefix + json.dumps(message).encode() + b"\n")
        except BrokenPipeError as error:
            raise EOFError("the other side is gone") from error

    def receive(self, *, deadline: float) -> dict[str, Any]:
        """Return the next message; what is no JSON (an agent cut off in mid-line) is skipped."""
        while True:
            while b"\n" not in self._received:
                self._set_timeout(deadline)
                try:
                    more = self._socket.recv(1 << 20)
                except ConnectionResetError:
                    more = b""
                if not more:
                    raise EOFError("the other side is gone")
                self._received += more
            line, _, self._received = self._received.partition(b"\n")
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                return message

    def _set_timeout(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
