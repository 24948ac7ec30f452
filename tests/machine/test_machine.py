"""The machine itself: that it has what scenariod needs, and that its faults are real."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import BootMachine
from .disk import Disk, VolatileDisk, format_disk_file
from .machine import Completed, Machine, MachineError
from .uml import Hardware

START_USER_MANAGER = "systemctl start user@$(id -u scenariod)"
EAT_MEMORY = "python3 -c 'bytearray(200 * 1024 * 1024)'"


def scope(command: str, *, slice_name: str) -> str:
    """Return a shell command that runs another in a scope of 64 MB, as scenariod does."""
    return (
        f"systemd-run --user --scope --quiet --collect --slice={slice_name} "
        f"-p MemoryMax=64M -p MemorySwapMax=0 -p OOMPolicy=kill -- {command}"
    )


def test_systemd_is_pid_1_and_everything_it_should_start_runs(machine: Machine) -> None:
    assert machine.check("cat /proc/1/comm") == "systemd\n"
    assert machine.check("systemctl is-system-running") == "running\n"


def test_cgroup_v2_has_the_memory_controller(machine: Machine) -> None:
    file_system = machine.check("stat --file-system --format=%T /sys/fs/cgroup")
    controllers = machine.check("cat /sys/fs/cgroup/cgroup.controllers")

    assert file_system == "cgroup2fs\n"
    assert "memory" in controllers.split()


def test_the_limit_of_a_scope_is_in_the_kernels_file(machine: Machine) -> None:
    machine.check(START_USER_MANAGER)
    show_limit = "sh -c 'cat /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/memory.max'"

    limit = machine.check(scope(show_limit, slice_name="t.slice"), user="scenariod")

    assert limit == "67108864\n"


def test_a_kill_for_memory_is_seen_in_the_slice(machine: Machine) -> None:
    machine.check(START_USER_MANAGER)

    eater = machine.run(scope(EAT_MEMORY, slice_name="t.slice"), user="scenariod")

    events = machine.check("cat $(find /sys/fs/cgroup/user.slice -name t.slice)/memory.events")
    assert eater.exit_code == 128 + 9
    # With memory.oom.group the kernel counts some processes twice.
    assert re.search(r"^oom_kill [1-9]", events, re.MULTILINE)


def test_what_is_logged_is_in_the_journal(machine: Machine) -> None:
    machine.check("logger --tag=test hello")  # systemd-cat may end before journald has looked

    machine.wait_until("journalctl --identifier=test --output=cat | grep --fixed-strings hello")


def test_machines_know_nothing_of_each_other(boot: BootMachine) -> None:
    first = boot()
    first.check("touch /var/lib/was-here && sync")

    second = boot()

    assert second.run("test -e /var/lib/was-here").exit_code == 1


def test_a_command_that_fails_tells_its_exit_code_and_output(machine: Machine) -> None:
    assert machine.run("echo out; echo err >&2; exit 7") == Completed(7, "out\nerr\n")

    with pytest.raises(MachineError, match="exit code 7 from: echo why; exit 7\nwhy"):
        machine.check("echo why; exit 7")


def test_a_command_runs_as_its_user_in_time(machine: Machine) -> None:
    assert machine.check("id -un", user="scenariod") == "scenariod\n"

    with pytest.raises(MachineError, match="still running after 1 s"):
        machine.run("sleep 1000", timeout_s=1)


def test_files_and_folders_are_copied_as_they_are(machine: Machine, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "fünf 5.json").write_bytes(content)

    machine.put_tree(tmp_path, "/tmp/copied", user="scenariod")

    assert machine.get("/tmp/copied/sub/fünf 5.json") == content
    assert machine.check("stat --format=%U /tmp/copied/sub") == "scenariod\n"


def test_a_power_cut_takes_from_a_volatile_disk_what_was_not_flushed(
    boot: BootMachine, tmp_path: Path
) -> None:
    # Written around the page cache, both have reached the disk; only one was flushed in it.
    file = tmp_path / "disk"
    file.write_bytes(bytes(16 << 20))
    disk = VolatileDisk(file, name="volatile")
    before = boot()
    before.plug(disk)
    write = f"dd of={disk.device} bs=4096 count=1 oflag=direct status=none"
    before.check(f"{write} conv=fsync", stdin=b"flushed " * 512)
    before.check(f"{write} seek=1", stdin=b"pending " * 512)

    before.power_cut()

    after = boot()
    after.plug(disk)
    blocks = after.check(f"dd if={disk.device} bs=4096 count=2 iflag=direct status=none")
    assert blocks == "flushed " * 512 + "\0" * 4096


def test_an_fsynced_file_survives_on_a_volatile_disk_and_another_does_not(
    boot: BootMachine, tmp_path: Path
) -> None:
    disk = VolatileDisk(format_disk_file(tmp_path / "disk", size="64M"), name="volatile")
    before = boot()
    before.plug(disk)
    before.mount(disk, at="/srv")
    before.check("mount -o remount,commit=300 /srv")  # not what the kernel writes by itself
    before.check("echo kept > /srv/kept && sync /srv/kept /srv && echo lost > /srv/lost")

    before.power_cut()

    after = boot()
    after.plug(disk)
    after.mount(disk, at="/srv")
    assert after.check("cat /srv/kept") == "kept\n"
    assert after.run("cat /srv/lost").exit_code == 1


def test_a_small_disk_gets_full(machine: Machine, tmp_path: Path) -> None:
    disk = Disk(format_disk_file(tmp_path / "disk", size="16M"), name="small")
    machine.plug(disk)
    machine.mount(disk, at="/srv")

    filled = machine.run("head --bytes=32M /dev/zero > /srv/big")

    assert filled.exit_code == 1
    assert "No space left on device" in filled.output


def test_a_machine_with_its_own_hardware_boots_again_after_a_power_cut_with_all_it_had(
    boot: BootMachine, tmp_path: Path
) -> None:
    disk = Disk(format_disk_file(tmp_path / "disk", size="16M"), name="extra")

    machine = boot(hardware=Hardware(memory="384M"), disks=[disk])
    machine.check("touch /var/lib/synced && sync")
    machine.power_cut()
    machine.boot()

    machine.mount(disk, at="/srv")
    assert machine.run("test -e /var/lib/synced").exit_code == 0
    total_kib = int(machine.check("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo"))
    assert total_kib < 384 * 1024
