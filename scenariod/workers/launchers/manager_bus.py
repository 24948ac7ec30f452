"""Requests that only D-Bus takes, to the service manager of this user.

Spoken over the manager's own socket: the account of a service has no session bus.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jeepney import DBusAddress, DBusErrorResponse, new_method_call
from jeepney.auth import BEGIN, AuthenticationError, Authenticator
from jeepney.io.asyncio import DBusConnection, DBusRouter
from jeepney.wrappers import unwrap_msg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TIMEOUT_S = 30.0
"""How long the manager may take for one request."""
_MANAGER = DBusAddress(
    "/org/freedesktop/systemd1",
    bus_name="org.freedesktop.systemd1",
    interface="org.freedesktop.systemd1.Manager",
)
_ANSWER_BYTES = 1024


async def attach(pid: int, *, scope: str) -> None:
    """Move a process into a scope that is delegated; raise OSError where the manager refuses."""
    request = new_method_call(_MANAGER, "AttachProcessesToUnit", "ssau", (scope, "", [pid]))
    try:
        async with asyncio.timeout(TIMEOUT_S), _connected() as router:
            unwrap_msg(await router.send_and_get_reply(request))
    except (DBusErrorResponse, AuthenticationError, EOFError) as error:
        raise ConnectionError(
            f"the service manager does not move process {pid} into {scope}: {error}"
        ) from error


@asynccontextmanager
async def _connected() -> AsyncIterator[DBusRouter]:
    """Connect as systemctl does: not to a bus, so without the greeting that jeepney's own sends."""
    path = Path(os.environ["XDG_RUNTIME_DIR"], "systemd", "private")
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        conversation = Authenticator()
        for said in conversation:
            writer.write(said)
            conversation.feed(await reader.read(_ANSWER_BYTES))
        writer.write(BEGIN)
        async with DBusRouter(DBusConnection(reader, writer)) as router:
            yield router
    finally:
        writer.close()
