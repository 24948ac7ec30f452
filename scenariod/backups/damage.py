"""A damaged library: find it, and mark it as one that is to be rebuilt.

Owns the mark. Never changes the library, and never knows how it is rebuilt.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scenariod.backups import folder
from scenariod.backups.reader import DefectKind
from scenariod.base import clock, durable
from scenariod.base.errors import LibraryDamagedError
from scenariod.base.killpoint import KillPoint, reached
from scenariod.base.value import Value
from scenariod.library import Library, publish
from scenariod.library.extent import extent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scenariod.base.config import Config

    Show = Callable[[str], None]


MARKER_FILE = ".damaged.json"
CHECKING = "checking the library"
"""What is shown while a sound library is read through."""


class Damage(Value):
    """What is wrong with the library, and where it is set aside.

    `inode` is that of the damaged file, 0 if it is missing: another inode is the rebuilt one.
    """

    why: str
    inode: int
    aside: Path


def find_damage(config: Config) -> Damage | None:
    """Return why the library has to be rebuilt, as far as is known; does not read it through.

    It is marked, or it has lost what it held.
    """
    marked = _marked(config)
    is_due = marked is not None and marked.inode == _inode(config.database)
    return marked if is_due else _lost(config)


def examine(config: Config) -> Damage | None:
    """Read the library and return its damage; None if it is sound."""
    damage = find_damage(config)
    if damage is None and config.database.exists():
        try:
            opened(config, show=lambda _: None).close()
        except LibraryDamagedError as error:
            damage = damage_of(config, str(error))
    return damage


def refuse_damaged(config: Config) -> None:
    """Raise LibraryDamagedError where the library has to be rebuilt first; reads none of it.

    What a command adds to a library that is lost would be taken for all there ever was.
    """
    due = find_damage(config)
    if due is not None:
        raise _to_be_rebuilt(config, due)


def refuse_lost(config: Config) -> None:
    """Raise LibraryDamagedError if an open library is to be published, and held more once.

    One that is missing may be put back: that is for the next one who writes to it.
    """
    due = _lost(config)
    if due is not None and due.inode:
        raise _to_be_rebuilt(config, due)


def _to_be_rebuilt(config: Config, due: Damage) -> LibraryDamagedError:
    return LibraryDamagedError(
        due.why,
        hint="start scenariod, or wait if it is running: it rebuilds the library, or names the "
        "command that does; to start over on purpose, move backups/ and "
        f"{config.published.name} away first",
    )


def _lost(config: Config) -> Damage | None:
    """Return the damage if backups or the published file show that the library held more."""
    why = _what_is_lost(config)
    return None if why is None else damage_of(config, why)


def _what_is_lost(config: Config) -> str | None:
    # The library comes last: what is written meanwhile is in it before it is in the others.
    backed_up = folder.newest_first(config.backups) if config.backups.is_dir() else iter(())
    has_backups = any(each.seen is not DefectKind.FOREIGN for each in backed_up)
    last = folder.newest_of_known_origin(config.backups) if has_backups else None
    is_published = publish.holds_scenarios(config.published)
    path = config.database
    try:
        found = extent(path, busy_timeout_s=config.library.busy_timeout_s)
    except LibraryDamagedError:  # who opens it is told
        return None
    if found is None and (has_backups or is_published):
        return f"the library {path} is {'damaged: it is empty' if path.exists() else 'missing'}"
    if found is not None and found.origin is None and (is_published or last is not None):
        holds = config.published if last is None else last.path
        return f"the library {path} is new and empty, but {holds} holds scenarios"
    if found is None or last is None or found.origin != last.origin:
        return None
    if last.batch is None or last.batch <= found.highest_batch:
        return None
    return (
        f"the library {path} is older than its own backups: its last batch is "
        f"{found.highest_batch}, but {last.path.name} shows batch {last.batch}"
    )


def mark(config: Config, damage: Damage) -> None:
    """Mark the library, so that the next `open_sound`, in any process, rebuilds it."""
    told = {"why": damage.why, "inode": damage.inode, "aside": damage.aside.name}
    durable.write(_marker(config), json.dumps(told).encode() + b"\n")
    reached(KillPoint.DAMAGE_MARKED)


def damage_of(config: Config, why: str) -> Damage:
    """Return what is to be done about the library that is there now."""
    stamp = f"damaged-{clock.now():%Y%m%dT%H%M%S}"
    return Damage(why, _inode(config.database), config.database.with_name(stamp))


def _marked(config: Config) -> Damage | None:
    path = _marker(config)
    try:
        told = json.loads(path.read_bytes())
        return Damage(told["why"], int(told["inode"]), path.with_name(told["aside"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return damage_of(config, f"its mark, {path.name}, cannot be read")


def opened(config: Config, *, show: Show) -> Library:
    """Open the library and read all of its structure; raise LibraryDamagedError where it is bad."""
    library = Library.open(config.database, busy_timeout_s=config.library.busy_timeout_s)
    try:
        show(CHECKING)
        library.check()
    except BaseException:
        library.close()
        raise
    finally:
        show("")
    return library


def unmark(config: Config) -> None:
    """Remove the mark, if there is one, durably: the library that is there is the new one."""
    if not _marker(config).exists():
        return
    _marker(config).unlink()
    durable.sync_folder(config.database.parent)
    reached(KillPoint.DAMAGE_UNMARKED)


def _marker(config: Config) -> Path:
    return config.database.with_name(MARKER_FILE)


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
