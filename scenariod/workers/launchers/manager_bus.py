"""Requests that only D-Bus takes, to the service manager of this user.

Spoken over the manager's own socket: the account of a service has no session bus.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios
from array import array
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jeepney import DBusAddress, DBusErrorResponse, MatchRule, new_method_call
from jeepney.auth import BEGIN, AuthenticationError, Authenticator
from jeepney.io.asyncio import DBusConnection, DBusRouter
from jeepney.wrappers import unwrap_msg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from jeepney import Message

TIMEOUT_S = 30.0
"""How long the manager may take for one request."""
_MANAGER = DBusAddress(
    "/org/freedesktop/systemd1",
    bus_name="org.freedesktop.systemd1",
    interface="org.freedesktop.systemd1.Manager",
)
_JOB_REMOVED = MatchRule(type="signal", member="JobRemoved")
_ANSWER_BYTES = 1024
_LOOK_AGAIN_S = 0.001


async def attach(pid: int, *, scope: str) -> None:
    """Move a process into a scope that is delegated; raise OSError where the manager refuses."""
    with _explaining(f"move process {pid} into {scope}"):
        async with asyncio.timeout(TIMEOUT_S), _connected() as manager:
            await _call(manager, "AttachProcessesToUnit", "ssau", scope, "", [pid])


async def stop(unit: str) -> None:
    """Stop a unit, and wait for its end; raise OSError where that cannot be.

    As `systemctl stop`, for a third of what that costs: no program is started.
    """
    ended: asyncio.Queue[Message] = asyncio.Queue()
    with _explaining(f"stop {unit}"):
        async with asyncio.timeout(TIMEOUT_S), _connected() as manager:
            with manager.filter(_JOB_REMOVED, queue=ended):
                await _call(manager, "Subscribe", "")
                (job,) = await _call(manager, "StopUnit", "ss", unit, "replace")
                while (told := (await ended.get()).body)[1] != job:
                    pass
    if told[3] != "done":
        raise ConnectionError(f"the service manager cannot stop {unit}: {told[3]}")


async def _call(manager: DBusRouter, method: str, signature: str, *body: object) -> tuple[Any, ...]:
    request = new_method_call(_MANAGER, method, signature or None, body)
    return unwrap_msg(await manager.send_and_get_reply(request))


@contextmanager
def _explaining(what: str) -> Iterator[None]:
    try:
        yield
    except (DBusErrorResponse, AuthenticationError, EOFError) as error:
        raise ConnectionError(f"the service manager does not {what}: {error}") from error


async def _until_read(writer: asyncio.StreamWriter) -> None:
    """Return once the manager has read all that was written.

    A request that it reads together with BEGIN stays in its buffer until something else arrives,
    for sd-bus waits for the socket alone: the request would time out.
    """
    descriptor = writer.get_extra_info("socket").fileno()
    unread = array("i", [1])
    while unread[0]:
        await asyncio.sleep(_LOOK_AGAIN_S)
        fcntl.ioctl(descriptor, termios.TIOCOUTQ, unread)


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
        await _until_read(writer)
        async with DBusRouter(DBusConnection(reader, writer)) as router:
            yield router
    finally:
        writer.close()
