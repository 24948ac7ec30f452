"""The socket at which a running daemon tells its status, a JSON document for each who connects.

Apart from `status`: those who only ask need no event loop, which takes long to load.
"""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from scenariod.monitoring.status import short

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from scenariod.monitoring.status import Status


async def serve(path: Path, status: Callable[[], Awaitable[Status]]) -> asyncio.Server:
    """Answer each connection to the socket at `path` with one JSON document.

    Members of the folder's group may connect. Raises OSError where the socket can't be made.
    """

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        document = (await status()).document()
        writer.write(json.dumps(document).encode() + b"\n")
        writer.close()
        with suppress(ConnectionError):  # the client timed out and left
            await writer.wait_closed()

    return await asyncio.start_unix_server(answer, sock=_listen(path))


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)  # left by a run that was killed; the lock says we are alone
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short(path) as name:
            listening.bind(name)
        path.chmod(0o660)
    except OSError as error:
        listening.close()
        raise OSError(error.errno, error.strerror, str(path)) from error
    return listening
