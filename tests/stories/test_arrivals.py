"""Every usual way to drop a file, with the real tools: each is processed once, and whole.

What has no tool here (emacs, gedit, a browser) is done by the same system calls.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.home import DEADLINE_S, Daemon, Home, run
from support.scenarios import scenario

pytestmark = pytest.mark.slow

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
STORY = "Nobody had defined a thing. " * 2000


@pytest.fixture(scope="module")
def daemon(shared_home: Home) -> Daemon:
    # Some tools change times and mode by name once a file is whole: not taken before that.
    shared_home.configure(intake={"settle_s": 60.0})
    return shared_home.start()


class Drop:
    """A way to drop `source` into the inbox as `target`."""

    def __init__(self, source: Path, target: Path) -> None:
        self.source = source
        self.target = target

    @property
    def content(self) -> bytes:
        return self.source.read_bytes()

    def command(self, *words: str | Path) -> None:
        tool = str(words[0])
        assert shutil.which(tool), f"{tool} is missing; `make test` installs it"
        ended = run([str(word) for word in words])
        assert ended.code == 0, ended.err


def cp(drop: Drop) -> None:
    drop.command("cp", drop.source, drop.target)


def cp_with_times(drop: Drop) -> None:
    os.utime(drop.source, (0, 0))
    drop.command("cp", "-p", drop.source, drop.target)


def cp_with_future_times(drop: Drop) -> None:
    os.utime(drop.source, (4_000_000_000, 4_000_000_000))
    drop.command("cp", "-p", drop.source, drop.target)


def mv(drop: Drop) -> None:
    drop.command("mv", drop.source, drop.target)


def mv_from_another_file_system(drop: Drop) -> None:
    other = Path("/dev/shm") / f"scenariod-{os.getpid()}-{threading.get_ident()}"
    shutil.copy(drop.source, other)
    assert other.stat().st_dev != drop.target.parent.stat().st_dev
    drop.command("mv", other, drop.target)


def install(drop: Drop) -> None:
    drop.command("install", "-m", "640", drop.source, drop.target)


def dd_in_small_pieces(drop: Drop) -> None:
    drop.command("dd", f"if={drop.source}", f"of={drop.target}", "bs=512", "oflag=dsync")


def rsync(drop: Drop) -> None:
    drop.command("rsync", "-a", drop.source, drop.target)


def rsync_in_place(drop: Drop) -> None:
    drop.command("rsync", "--inplace", "-W", drop.source, drop.target)


def rsync_partial(drop: Drop) -> None:
    drop.command("rsync", "--partial", "--delay-updates", drop.source, drop.target)


def rsync_of_the_folder(drop: Drop) -> None:
    drop.command(
        "rsync",
        "-a",
        "--include",
        drop.source.name,
        "--exclude",
        "*",
        f"{drop.source.parent}/",
        f"{drop.target.parent}/",
    )


def sftp(drop: Drop) -> None:
    _sftp(f'put "{drop.source}" "{drop.target}"')


def scp(drop: Drop) -> None:
    drop.command("scp", "-q", "-s", "-D", SFTP_SERVER, drop.source, f"here:{drop.target}")


def hard_link(drop: Drop) -> None:
    drop.target.hardlink_to(drop.source)
    drop.source.unlink()


def cat(drop: Drop) -> None:
    with drop.target.open("wb") as target:
        subprocess.run(["cat", drop.source], stdout=target, check=True)


def tee(drop: Drop) -> None:
    with drop.source.open("rb") as source:
        subprocess.run(["tee", drop.target], stdin=source, stdout=subprocess.DEVNULL, check=True)


def tar(drop: Drop) -> None:
    archive = drop.source.with_name("archive.tar")
    drop.command("tar", "-C", drop.source.parent, "-cf", archive, drop.source.name)
    drop.command("tar", "-C", drop.target.parent, "-xf", archive)


def vim(drop: Drop) -> None:
    drop.command(
        "vim", "-es", "-u", "NONE", "-i", "NONE", "-c", f"w {drop.target}", "-c", "q!", drop.source
    )


def emacs_by_its_system_calls(drop: Drop) -> None:
    """Write beside, sync, rename over; a lock that is a dead link while it lasts."""
    lock = drop.target.with_name(f".#{drop.target.name}")
    lock.symlink_to("ann@host.123:1700000000")
    beside = drop.target.with_name(f"#{drop.target.name}#")
    _write_synced(beside, drop.content)
    beside.rename(drop.target)
    lock.unlink()


def gedit_by_its_system_calls(drop: Drop) -> None:
    """Write a hidden file beside, sync, rename over."""
    beside = drop.target.with_name(".goutputstream-X1Y2Z3")
    _write_synced(beside, drop.content)
    beside.rename(drop.target)


def browser_by_its_system_calls(drop: Drop) -> None:
    part = drop.target.with_name(f"{drop.target.name}.crdownload")
    with part.open("wb") as file:
        for start in range(0, len(drop.content), 4096):
            file.write(drop.content[start : start + 4096])
    part.rename(drop.target)


def truncate_then_write(drop: Drop) -> None:
    """As an editor in place does: the name is there at full size before the content is."""
    with drop.target.open("wb") as file:
        file.truncate(len(drop.content))
        os.fsync(file.fileno())
        file.write(drop.content)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        os.fsync(file.fileno())


def _sftp(batch: str) -> None:
    assert Path(SFTP_SERVER).exists(), "sftp-server is missing; `make test` installs it"
    ended = subprocess.run(
        ["sftp", "-q", "-D", SFTP_SERVER, "-b", "-"],
        input=batch.encode() + b"\n",
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


WAYS: list[Callable[[Drop], None]] = [
    cp,
    cp_with_times,
    cp_with_future_times,
    mv,
    mv_from_another_file_system,
    install,
    dd_in_small_pieces,
    rsync,
    rsync_in_place,
    rsync_partial,
    rsync_of_the_folder,
    sftp,
    scp,
    hard_link,
    cat,
    tee,
    tar,
    vim,
    emacs_by_its_system_calls,
    gedit_by_its_system_calls,
    browser_by_its_system_calls,
    truncate_then_write,
]


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_whatever_way_a_file_arrives_it_is_added_once_and_whole(
    shared_home: Home, daemon: Daemon, tmp_path: Path, way: Callable[[Drop], None]
) -> None:
    name = f"scenario-{WAYS.index(way)}.json"
    content = scenario(way.__name__, text=STORY)
    source = tmp_path / name
    source.write_bytes(content)
    before = daemon.status()

    way(Drop(source, shared_home.inbox / name))
    daemon.wait_for(f"added {way.__name__} from {name}")
    after = daemon.wait_for_status(lambda s: s["state"] == "idle" and s["inbox"] == 0)

    assert (shared_home.done / name).read_bytes() == content
    assert after["added"] - before["added"] == 1
    assert (after["refused"], after["already_added"]) == (0, 0)
    assert os.listdir(shared_home.inbox) == []


def test_an_upload_that_breaks_off_and_is_resumed_is_waited_for_and_added_once(
    home: Home, tmp_path: Path
) -> None:
    home.configure(intake={"settle_s": 3600.0})
    daemon = home.start()
    content = scenario("resumed", text=STORY)
    source, target = tmp_path / "scenario-1.json", home.inbox / "scenario-1.json"
    source.write_bytes(content)
    with target.open("wb") as broken_off:
        broken_off.write(content[: len(content) // 2])

    settling = [{"file": "scenario-1.json", "reason": "it may still be changing"}]
    daemon.wait_for_status(lambda s: s["waiting"] == settling)
    _sftp(f'reput "{source}" "{target}"')
    daemon.wait_for("added resumed from scenario-1.json")

    assert (home.done / "scenario-1.json").read_bytes() == content
    assert home.names("failed") == []


def test_a_file_that_is_saved_again_and_again_is_taken_whole(home: Home, tmp_path: Path) -> None:
    home.configure(intake={"settle_s": 3600.0})
    daemon = home.start()
    content = scenario("saved", text=STORY)
    target = home.inbox / "scenario-1.json"

    for size in (100, 1000, 10_000):
        target.write_bytes(content[:size])
    _write_synced(target, content)
    daemon.wait_for("added saved from scenario-1.json")

    assert (home.done / "scenario-1.json").read_bytes() == content
    assert home.names("failed") == []
