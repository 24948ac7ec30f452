"""What is behind an error of the system, and the command that helps.

Asks lstat(2), statvfs(2) and getrlimit(2). Never changes anything.
"""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

from scenariod.base.names import NAME_MAX, shell_word
from scenariod.base.owner import who_touches
from scenariod.base.units import MIB
from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable

PATH_MOST = 4095
"""The longest path in bytes that a call takes (PATH_MAX in limits.h, less its end)."""
_FEW_INODES = 16


class Cause(Value):
    """Why a call failed, where more is known than its error says, and the command that helps."""

    why: str | None = None
    cure: str | None = None


def find(error: OSError, path: Path | None) -> Cause:
    """Return what is behind an error of a call on `path`."""
    if error.errno in _OF_THE_PROCESS:
        return _OF_THE_PROCESS[error.errno]()
    if path is None or not path.is_absolute():
        cause = _without_path(error)
        if path is None or cause.why is not None:
            return cause
    if error.errno in _ON_THE_WAY and (found := _on_the_way(path, error.errno)) is not None:
        return found
    at = _AT_THE_PATH.get(error.errno or 0)
    return Cause() if at is None else at(path)


# Of the process


def _descriptors() -> Cause:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    cure = "raise it: LimitNOFILE= of the service (`systemctl edit scenariod`), or `ulimit -n 1024`"
    return Cause(f"no more than {limit} may be open (ulimit -n)", cure)


def _memory() -> Cause:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return Cause(cure="free some memory: `systemd-cgtop -m`")
    return Cause(f"{limit // MIB} MB are allowed (ulimit -v)", "raise it, or free some memory")


def _processes() -> Cause:
    cure = "raise TasksMax= of the service: `systemctl edit scenariod`; or see `ulimit -u`"
    return Cause(cure=cure)


def _file_size() -> Cause:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit == resource.RLIM_INFINITY:
        return Cause(cure="use a file system that allows larger files")
    return Cause(f"a file may have {limit} bytes (ulimit -f)", "raise it: `ulimit -f unlimited`")


def _machine_files() -> Cause:
    return Cause(cure="too many files are open on this machine: `sysctl fs.file-nr`")


_OF_THE_PROCESS: dict[int | None, Callable[[], Cause]] = {
    errno.EMFILE: _descriptors,
    errno.ENFILE: _machine_files,
    errno.ENOMEM: _memory,
    errno.EAGAIN: _processes,
    errno.EFBIG: _file_size,
}


def _without_path(error: OSError) -> Cause:
    if error.errno != errno.ENOENT:
        return Cause()
    if "temporary directory" in (error.strerror or ""):  # of Python's module tempfile
        return Cause(cure="set TMPDIR to a folder that can be written")
    try:
        os.getcwd()
    except FileNotFoundError:
        return Cause("the current folder was removed", "`cd` into another folder")
    return Cause()


# On the way to the path

_ON_THE_WAY = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES})


def _on_the_way(path: Path, code: int | None) -> Cause | None:
    """Return what is wrong with the first part of `path` that fails with this error, if any."""
    for part in [*reversed(path.parents), path]:
        try:
            part.stat()
        except OSError as error:
            return _of_part(part, path, code) if error.errno == code else None
    return None


def _of_part(part: Path, path: Path, code: int | None) -> Cause | None:
    above, it = part.parent, "it" if part == path else str(part)
    if code == errno.EACCES:
        why = f"user {who_touches()} cannot enter {above}"
        return Cause(why, f"let that user in: `namei -l {shell_word(path)}`")
    if code == errno.ENOTDIR:
        return Cause(f"{above} is not a folder", f"move it away: {_shown(above)}")
    if code == errno.ELOOP:
        return Cause(f"{it} is a link that leads back to itself", f"remove it: {_shown(part)}")
    if part.is_symlink():
        why = f"{it} is a link to {part.readlink()}, which does not exist"
        return Cause(why, f"mount or create its target: {_shown(part)}")
    return (
        None if part == path else Cause(f"{part} does not exist", f"put it back: {_shown(above)}")
    )


def _shown(path: Path) -> str:
    return f"`ls -ld {shell_word(path)}`"


# At the path


def _missing(path: Path) -> Cause:
    if path.is_relative_to("/proc") and not Path("/proc/self").exists():
        return Cause("/proc is not mounted", "mount it: `mount -t proc proc /proc`")
    return Cause(cure=f"put it back: {_shown(path.parent)}")


def _full(path: Path) -> Cause:
    folder = shell_word(path.parent)
    try:
        there = os.statvfs(path.parent)
    except OSError:
        there = None
    # Space is not compared: what found none is often removed by now. A few inodes are, too.
    if there is not None and there.f_files and there.f_favail < _FEW_INODES:
        return Cause("no inode is left", f"remove some files: `df -i {folder}`")
    return Cause(cure=f"free some space: `df -h {folder}`")


def _too_long(path: Path) -> Cause:
    longest = max(len(os.fsencode(part)) for part in path.parts)
    if longest > NAME_MAX:
        return Cause(
            f"a name has {longest} bytes, but at most {NAME_MAX} are allowed", "use a shorter one"
        )
    size = len(os.fsencode(path))
    return Cause(
        f"the path has {size} bytes, but at most {PATH_MOST} are allowed", "use a shorter one"
    )


def _with_path(cure: str) -> Callable[[Path], Cause]:
    """Return what gives this cure, with `{path}` and `{folder}` as words of a shell."""

    def cause(path: Path) -> Cause:
        words = {"path": shell_word(path), "folder": shell_word(path.parent)}
        return Cause(cure=cure.format(**words))

    return cause


_AT_THE_PATH: dict[int, Callable[[Path], Cause]] = {
    errno.EACCES: _with_path("make the user that runs scenariod its owner: `namei -l {path}`"),
    errno.EEXIST: _with_path("move away what is there: `ls -ld {path}`"),
    errno.EISDIR: _with_path("move away what is there: `ls -ld {path}`"),
    errno.EDQUOT: _with_path("free some space, or raise the quota: `quota`, `df -h {folder}`"),
    errno.EIO: _with_path("see what the disk reports: `journalctl -k -p warning`"),
    errno.ELOOP: _with_path("it is a link, which is not followed here: `ls -ld {path}`"),
    errno.ENAMETOOLONG: _too_long,
    errno.ENOENT: _missing,
    errno.ENOSPC: _full,
    errno.ENOTCONN: _with_path("mount it again: `findmnt -T {folder}`"),
    errno.ENOTDIR: _with_path("move away what is there: `ls -ld {path}`"),
    errno.EPERM: _with_path("see its owner and attributes: `ls -ld {path}; lsattr -d {path}`"),
    errno.EROFS: _with_path("make it writable: `findmnt -T {folder}`"),
    errno.ESTALE: _with_path("mount it again: `findmnt -T {folder}`"),
    errno.EUCLEAN: _with_path("have the file system checked: `journalctl -k -p warning`"),
}
