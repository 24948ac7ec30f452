"""scenariod.service: the installed daemon under its unit, its sandbox and its user manager."""

from __future__ import annotations

import json

import pytest

from .machine import Machine

ROOT = "/var/lib/scenariod"
CAP_LEASE = 28
"""Its number in linux/capability.h: the one capability of the daemon; a worker has none."""


def main_pid(machine: Machine) -> str:
    return machine.check("systemctl show --property=MainPID --value scenariod").strip()


def test_nothing_of_ours_runs_as_root_or_could_become_it(service: Machine) -> None:
    status = service.check(f"cat /proc/{main_pid(service)}/status").splitlines()

    uid = service.check("id -u scenariod").strip()
    assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in status
    assert f"CapBnd:\t{1 << CAP_LEASE:016x}" in status
    assert "NoNewPrivs:\t1" in status
    assert service.run("pgrep --list-full --uid root scenariod").output == ""


def test_a_dropped_file_is_done_under_the_sandbox(service: Machine) -> None:
    service.check(f"echo 'no scenario' > {ROOT}/inbox/scenario-1.json", user="alice")

    service.wait_until(f"test -e {ROOT}/failed/scenario-1.json")


def test_a_writer_that_pauses_is_waited_for_however_long(service: Machine) -> None:
    text = json.dumps(
        {
            "id": "slow",
            "title": "t",
            "claim": "c",
            "text": "x",
            "correctAnswer": "logic",
            "answerWeights": {"logic": 1, "emotion": 0, "balanced": 0, "agenda": 0},
        }
    )
    writer = service.start(
        f"exec 3> {ROOT}/inbox/scenario-1.json; printf %s '{text[:20]}' >&3; "
        f"until [ -e /tmp/go-on ]; do sleep 0.1; done; printf %s '{text[20:]}' >&3",
        user="alice",
    )
    service.wait_until("scenariodctl status | grep -q 'its writer still has it open'")
    service.check("sleep 5")  # longer than settle_s: the machine's clock is what is tested
    still_there = service.check(f"ls {ROOT}/inbox").split()
    service.check("touch /tmp/go-on")
    writer.wait()

    assert still_there == ["scenario-1.json"]
    service.wait_until(f"test -e {ROOT}/done/scenario-1.json")


def test_a_daemon_that_was_killed_is_started_again(service: Machine) -> None:
    killed = main_pid(service)

    service.check(f"kill -KILL {killed}")

    service.wait_until(
        "systemctl is-active scenariod && "
        f"test $(systemctl show --property=MainPID --value scenariod) != {killed}",
    )


def test_a_row_of_restarts_by_hand_ends_with_a_service_that_runs(service: Machine) -> None:
    for _ in range(7):
        service.check("systemctl restart scenariod")

    assert service.check("systemctl is-active scenariod") == "active\n"


def test_a_reload_goes_on_by_the_changed_configuration_in_the_same_process(
    service: Machine,
) -> None:
    pid = main_pid(service)

    service.check("sed -i 's/^# limit_mb = .*/limit_mb = 256/' /etc/scenariod/scenariod.toml")
    service.check("systemctl reload scenariod")
    service.wait_until("journalctl -u scenariod | grep -q 'workers under 256 MB'")
    service.check(f"install -o scenariod /dev/null {ROOT}/inbox/scenario-1.json")

    service.wait_until(f"test -e {ROOT}/failed/scenario-1.json")
    assert main_pid(service) == pid
    assert service.check("systemctl is-active scenariod") == "active\n"


def test_a_reload_of_a_wrong_configuration_fails_and_changes_nothing(service: Machine) -> None:
    pid = main_pid(service)

    service.check("sed -i '1i nonsense = 1' /etc/scenariod/scenariod.toml")
    reloaded = service.run("systemctl reload scenariod")
    service.check("systemctl kill --kill-whom=main --signal=HUP scenariod")  # unasked-for, too
    service.wait_until("journalctl -u scenariod | grep 'nothing was changed: .*nonsense'")
    service.check(f"install -o scenariod /dev/null {ROOT}/inbox/scenario-1.json")

    service.wait_until(f"test -e {ROOT}/failed/scenario-1.json")
    assert reloaded.exit_code != 0
    assert main_pid(service) == pid


def test_a_wrong_configuration_is_not_tried_again(machine: Machine) -> None:
    machine.check("sed -i '1i nonsense = 1' /etc/scenariod/scenariod.toml")

    started = machine.run("systemctl start scenariod")

    assert started.exit_code != 0
    assert machine.run("systemctl is-failed scenariod").output == "failed\n"
    properties = "--property=NRestarts,ExecMainStatus"
    shown = machine.check(f"systemctl show {properties} scenariod").splitlines()
    assert sorted(shown) == ["ExecMainStatus=10", "NRestarts=0"]


def test_the_end_of_a_login_of_the_account_does_not_end_the_daemon(service: Machine) -> None:
    # Without lingering, logind would stop the user manager with the last session.
    service.check(
        "mkdir -p /etc/systemd/logind.conf.d && "
        "printf '[Login]\\nUserStopDelaySec=0\\n' > /etc/systemd/logind.conf.d/test.conf && "
        "systemctl restart systemd-logind"
    )
    service.check("systemd-run --quiet --wait --uid=scenariod --property=PAMName=login true")

    service.wait_until("loginctl show-user --property=State --value scenariod | grep lingering")
    assert service.check("systemctl is-active scenariod") == "active\n"


@pytest.mark.parametrize("end", ["kill --signal=KILL", "stop", "restart"])
def test_the_end_of_the_accounts_service_manager_is_got_over(service: Machine, end: str) -> None:
    manager = "user@$(id -u scenariod).service"
    pid_of_manager = f"systemctl show --property=MainPID --value {manager}"
    before = service.check(pid_of_manager)

    service.check(f"systemctl {end} {manager}")
    service.check(f"echo 'no scenario' > {ROOT}/inbox/scenario-1.json")
    service.check(f"chown scenariod: {ROOT}/inbox/scenario-1.json")

    service.wait_until(f"test -e {ROOT}/failed/scenario-1.json")
    assert service.check(f"systemctl is-active {manager}") == "active\n"
    assert service.check(pid_of_manager) != before


def test_the_accounts_service_manager_is_not_what_goes_when_memory_runs_short(
    machine: Machine,
) -> None:
    manager = "systemctl show --property=MainPID --value user@$(id -u scenariod)"

    score = machine.check(f"cat /proc/$({manager})/oom_score_adj")

    assert score == "-500\n"


def test_a_service_that_is_stopped_while_it_starts_leaves_no_slice(machine: Machine) -> None:
    slices = "find /sys/fs/cgroup -name 'scenariod*.slice' | grep"
    machine.check(
        f"systemctl start --no-block scenariod; until {slices} -q user@; do :; done; "
        "systemctl stop scenariod"
    )

    machine.wait_until(f"! {slices} .")


def test_the_daemon_runs_after_a_reboot(service: Machine) -> None:
    service.check("touch /var/lib/kept")
    boot_id = service.check("cat /proc/sys/kernel/random/boot_id")

    service.reboot()

    assert service.wait_until_up() == "running"
    assert service.check("systemctl is-active scenariod") == "active\n"
    assert service.run("test -e /var/lib/kept").exit_code == 0
    assert service.check("cat /proc/sys/kernel/random/boot_id") != boot_id
