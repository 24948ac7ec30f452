"""Owns the machine's kernel and disk images: builds and caches them, drops the old ones.

Never changes a cached file: an image is built in a folder of its own and renamed when whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PROVISION = Path(__file__).with_name("provision.sh")
SUITE = "bookworm"
KERNEL_SUITE = "forky"
"""The kernel's own: User Mode Linux of Debian 12 is several times slower (it knows no seccomp), and
does not run at all where the processor has AMX."""
GUEST_PYTHON = "3.11"
DISK_SIZE = "4G"
IMAGES_KEPT = 3

# What `systemd/install.sh` reads; a change to any of it makes a new image.
INSTALLED = (
    "scenariod",
    "systemd",
    "config",
    "docs/man",
    "pyproject.toml",
    "Makefile",
    "README.md",
    "LICENSE",
)

GUEST_PACKAGES = (
    "systemd",
    "systemd-sysv",
    "kmod",
    "libpam-systemd",  # user managers need it
    "dbus",
    "python3",
    "python3-venv",
    "python3-systemd",
    "qemu-guest-agent",
    "acl",
    "make",
    "passwd",
    "procps",
    "rsync",
    "flite",
)

# The host's package that brings each program the machine is made with.
HOST_PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "nbdfuse": "libnbd-bin",
    "nbdkit": "nbdkit",
    "mkfs.ext4": "e2fsprogs",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
HOST_PROGRAMS_WITHOUT_ROOT = {"fusermount3": "fuse3", "newuidmap": "uidmap"}


class MachineUnavailableError(Exception):
    """This host cannot build or run the machine; the message says what it lacks."""


@dataclass(frozen=True)
class Image:
    """A bootable disk, read-only (machines write to overlays of it), and the kernel for it.

    `kernel` is a folder with the program `linux`, its C library and its module `loop.ko`.
    """

    directory: Path
    kernel: Path

    @property
    def disk(self) -> Path:
        return self.directory / "base.img"


def cache_directory() -> Path:
    """Return where images are kept: $SCENARIOD_MACHINE_CACHE, or build/machine."""
    return Path(os.environ.get("SCENARIOD_MACHINE_CACHE", PROJECT / "build" / "machine")).absolute()


@contextmanager
def image_in_use(project: Path = PROJECT) -> Iterator[Image]:
    """Build the image of the project unless it is cached, and keep it from being dropped."""
    require_host_programs()
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(cache / "lock"):
        image = _cached_image(cache, project)
        users = _open_lock(image.directory / "users")
        fcntl.flock(users, fcntl.LOCK_SH)
        drop_old_images(cache)
    try:
        yield image
    finally:
        os.close(users)


def require_host_programs() -> None:
    """Raise MachineUnavailableError naming every package that is missing on this host."""
    programs = HOST_PROGRAMS if os.geteuid() == 0 else HOST_PROGRAMS | HOST_PROGRAMS_WITHOUT_ROOT
    missing = {
        package for name, package in programs.items() if not shutil.which(name, path=_path())
    }
    if missing:
        raise MachineUnavailableError(
            f"the test machine needs packages that are missing here: apt-get install "
            f"{' '.join(sorted(missing))} (or leave these tests out: pytest -m 'not machine')"
        )


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold the lock file, so that parallel test runs build one after another."""
    lock = _open_lock(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def drop_old_images(cache: Path) -> None:
    """Remove all but the images used last, and never one that is in use."""
    by_age = sorted(cache.glob("image-*"), key=lambda image: image.stat().st_mtime)
    for image in by_age[:-IMAGES_KEPT]:
        users = _open_lock(image / "users")
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(image)
        except BlockingIOError:
            pass
        finally:
            os.close(users)


def _cached_image(cache: Path, project: Path) -> Image:
    root, wheels, kernel = _root_tar(cache), _wheelhouse(cache, project), _kernel(cache)
    sources = [path for name in INSTALLED for path in _files(project / name)]
    key = _key(root.name, wheels.name, DISK_SIZE, *_contents(PROVISION, *sources, base=project))
    image = Image(cache / f"image-{key}", kernel)
    if not image.directory.exists():
        with _new_directory(image.directory) as building:
            _provision(project, sources=sources, root=root, wheels=wheels, into=building)
    os.utime(image.directory)
    return image


def _root_tar(cache: Path) -> Path:
    """Return the guest's root file system without the project, as a tar archive."""
    root = cache / f"root-{_key(SUITE, *GUEST_PACKAGES)}.tar"
    if not root.exists():
        partial = root.with_suffix(".partial.tar")
        _run(
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={','.join(GUEST_PACKAGES)}",
            '--aptopt=Acquire::Languages "none"',
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            "--dpkgopt=force-unsafe-io",
            SUITE,
            str(partial),
        )
        partial.rename(root)
    return root


def _kernel(cache: Path) -> Path:
    """Return a folder with User Mode Linux, a module of it, and the C library that it needs."""
    kernel = cache / f"kernel-{KERNEL_SUITE}"
    if not kernel.exists():
        with _new_directory(kernel) as building:
            _run(
                "mmdebstrap",
                "--quiet",
                "--variant=extract",
                "--include=user-mode-linux",
                # Old lists of a mirror that lags are no danger to what only our own tests run.
                '--aptopt=Acquire::Check-Valid-Until "false"',
                KERNEL_SUITE,
                str(building / "root.tar"),
            )
            libraries = "./usr/lib/x86_64-linux-gnu"
            loader, c_library = f"{libraries}/ld-linux-x86-64.so.2", f"{libraries}/libc.so.6"
            with tarfile.open(building / "root.tar") as tar:
                module = next(name for name in tar.getnames() if name.endswith("/block/loop.ko"))
                program = "./usr/bin/linux.uml"
                content = {
                    name: _content(tar, name) for name in (loader, c_library, program, module)
                }
            (building / "root.tar").unlink()
            (building / "ld.so").write_bytes(content[loader])
            (building / "libc.so.6").write_bytes(content[c_library])
            # It is started beside its own loader, by a path relative to where it starts.
            wanted, ours = b"/lib64/ld-linux-x86-64.so.2", b"kernel/ld.so"
            (building / "linux").write_bytes(
                content[program].replace(wanted, ours.ljust(len(wanted), b"\0"))
            )
            (building / "loop.ko").write_bytes(content[module])
            for name in ("linux", "ld.so"):
                (building / name).chmod(0o755)
    return kernel


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    """Return the content of a file of an archive, whatever links lead to it."""
    file = tar.extractfile(name)
    if file is None:
        raise MachineUnavailableError(f"{KERNEL_SUITE}: {name} is no file")
    return file.read()


def _wheelhouse(cache: Path, project: Path) -> Path:
    """Return a folder with the wheels of all that the project's own install asks pip for."""
    with (project / "pyproject.toml").open("rb") as file:
        pyproject = tomllib.load(file)
    wanted = pyproject["build-system"]["requires"] + pyproject["project"]["dependencies"]
    # The guest has systemd-python as a Debian package; from pip it would need a compiler.
    requirements = [each for each in wanted if not each.startswith("systemd-python")]
    wheels = cache / f"wheels-{_key(GUEST_PYTHON, *requirements)}"
    if not wheels.exists():
        with _new_directory(wheels) as downloading:
            _run(
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--only-binary=:all:",
                f"--python-version={GUEST_PYTHON}",
                "--platform=manylinux2014_x86_64",
                "--platform=manylinux_2_28_x86_64",
                f"--dest={downloading}",
                *requirements,
            )
    return wheels


def _provision(project: Path, *, sources: list[Path], root: Path, wheels: Path, into: Path) -> None:
    checkout = into / "checkout"
    for source in sources:
        copy = checkout / source.relative_to(project)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy)
    become_root = [] if os.geteuid() == 0 else ["--map-root-user", "--map-auto"]
    _run(
        "unshare",
        *become_root,
        "--mount",
        "--",
        str(PROVISION),
        str(root),
        str(checkout),
        str(wheels),
        str(into),
        DISK_SIZE,
    )


def _run(*command: str) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": _path()},
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise MachineUnavailableError(
            f"`{command[0]}` ended with exit code {done.returncode} while the machine's image was "
            f"built{_advice()}:\n{done.stdout[-6000:]}"
        )


def _advice() -> str:
    if os.geteuid() == 0:
        return ""
    return " (without root this needs user namespaces, and a line in /etc/subuid and /etc/subgid)"


def _path() -> str:
    # mkfs.ext4 and chroot are not on an ordinary user's PATH.
    return f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(
        file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts
    )


def _contents(*paths: Path, base: Path) -> Iterator[str]:
    for path in paths:
        yield os.path.relpath(path, base)
        yield f"{path.stat().st_mode:o} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@contextmanager
def _new_directory(final: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `final` when the block ends well."""
    building = Path(tempfile.mkdtemp(prefix="building-", dir=final.parent))
    # mkdtemp makes it 0700; a chroot in it must be open to the guest's other users.
    building.chmod(0o755)
    try:
        yield building
        building.rename(final)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
