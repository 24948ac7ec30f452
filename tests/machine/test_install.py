"""`make install` and `make uninstall`: what is on the machine before and after."""

from __future__ import annotations

import re

from .machine import Machine

CHECKOUT = "/usr/src/scenariod"
INSTALL = (
    f"cd {CHECKOUT} && PIP_NO_INDEX=1 PIP_FIND_LINKS=/usr/src/wheels PIP_NO_CACHE_DIR=1 "
    "sh systemd/install.sh"
)
UNINSTALL = f"cd {CHECKOUT} && sh systemd/uninstall.sh"
CONFIG = "/etc/scenariod/scenariod.toml"
ROOT = "/var/lib/scenariod"
DROP_INS = "/etc/systemd/system/scenariod.service.d"
KEY = "/etc/scenariod/voices-key"
NETWORK = "/usr/local/share/scenariod/voices-network.conf"

FOLDERS = {
    ROOT: "750 scenariod scenariod",
    f"{ROOT}/inbox": "2770 scenariod scenariod",
    f"{ROOT}/work": "700 scenariod scenariod",
    f"{ROOT}/done": "2770 scenariod scenariod",
    f"{ROOT}/failed": "2770 scenariod scenariod",
    f"{ROOT}/library": "2750 scenariod scenariod",
    f"{ROOT}/backups": "2750 scenariod scenariod",
    f"{ROOT}/voices": "2750 scenariod scenariod",
    f"{ROOT}/reports": "2750 scenariod scenariod",
}
FILES = {
    CONFIG: "644 root root",
    "/usr/local/lib/systemd/system/scenariod.service": "644 root root",
    "/usr/local/lib/systemd/system/scenariod.slice": "644 root root",
    "/usr/local/lib/systemd/user/scenariod.service": "644 root root",
    "/usr/local/lib/systemd/user/scenariod.slice": "644 root root",
    "/usr/local/lib/sysusers.d/scenariod.conf": "644 root root",
    "/usr/local/lib/tmpfiles.d/scenariod.conf": "644 root root",
    f"{DROP_INS}/10-user-manager.conf": "644 root root",
    NETWORK: "644 root root",
}
LINGER = "/var/lib/systemd/linger/scenariod"
COMMANDS = ["/usr/local/bin/scenariod", "/usr/local/bin/scenariodctl"]


def modes_and_owners(machine: Machine, paths: list[str]) -> dict[str, str]:
    listing = machine.check(f"stat --format='%n=%a %U %G' {' '.join(paths)}")
    return dict(line.split("=", 1) for line in listing.splitlines())


def missing(machine: Machine, paths: list[str]) -> list[str]:
    return [path for path in paths if machine.run(f"test -e {path} || test -L {path}").exit_code]


def add_member(machine: Machine, name: str) -> None:
    machine.check(f"useradd --create-home --groups scenariod {name}")


def test_files_and_folders_are_in_place_with_their_modes_and_owners(machine: Machine) -> None:
    expected = FOLDERS | FILES

    assert modes_and_owners(machine, list(expected)) == expected
    assert missing(machine, COMMANDS) == []
    assert machine.check("systemctl is-enabled scenariod") == "enabled\n"


def test_a_member_of_the_group_with_umask_077_drops_a_file_that_the_daemon_can_read(
    machine: Machine,
) -> None:
    add_member(machine, "alice")

    machine.check(f"umask 077; echo hello > {ROOT}/inbox/scenario-1.json", user="alice")

    assert machine.check(f"cat {ROOT}/inbox/scenario-1.json", user="scenariod") == "hello\n"
    owner = modes_and_owners(machine, [f"{ROOT}/inbox/scenario-1.json"])
    assert owner[f"{ROOT}/inbox/scenario-1.json"].endswith("alice scenariod")


def test_the_daemon_can_move_what_a_member_dropped(machine: Machine) -> None:
    add_member(machine, "alice")
    machine.check(f"umask 077; echo hello > {ROOT}/inbox/scenario-1.json", user="alice")

    machine.check(f"mv {ROOT}/inbox/scenario-1.json {ROOT}/work/", user="scenariod")
    machine.check(f"mv {ROOT}/work/scenario-1.json {ROOT}/done/", user="scenariod")

    assert machine.check(f"cat {ROOT}/done/scenario-1.json", user="alice") == "hello\n"


def test_who_is_not_in_the_group_sees_nothing(machine: Machine) -> None:
    machine.check("useradd mallory")

    assert machine.run(f"ls {ROOT}", user="mallory").exit_code == 2
    assert machine.run(f"touch {ROOT}/inbox/scenario-1.json", user="mallory").exit_code == 1


def test_a_member_can_neither_change_the_library_nor_see_work(machine: Machine) -> None:
    add_member(machine, "alice")

    assert machine.run(f"ls {ROOT}/library", user="alice").exit_code == 0
    assert machine.run(f"touch {ROOT}/library/x", user="alice").exit_code == 1
    assert machine.run(f"ls {ROOT}/work", user="alice").exit_code == 2


def test_a_member_is_told_what_becomes_of_a_file(machine: Machine) -> None:
    add_member(machine, "alice")
    machine.check(f"echo hello > {ROOT}/inbox/scenario-1.json", user="alice")

    told = machine.check("/usr/local/bin/scenariodctl explain scenario-1.json", user="alice")

    assert "inbox/scenario-1.json: waits: scenariod is not running" in told


def test_systemd_finds_nothing_wrong_with_the_unit(machine: Machine) -> None:
    assert machine.check("systemd-analyze verify --man=no scenariod.service") == ""


def test_the_service_waits_for_the_disk_of_its_root_folder(machine: Machine) -> None:
    shown = machine.check("systemctl show --property=RequiresMountsFor --value scenariod")

    assert ROOT in shown.split()


def test_the_sandbox_is_tight(machine: Machine) -> None:
    report = machine.check("systemd-analyze security --no-pager scenariod.service")

    verdict = re.search(r"exposure level for scenariod.service: ([0-9.]+)", report)
    assert verdict is not None
    print(verdict.group(0))  # noqa: T201 - shown by pytest -rP
    assert float(verdict.group(1)) <= 1.5


def test_the_service_has_a_network_and_a_key_only_with_the_drop_in_for_voices(
    machine: Machine,
) -> None:
    families = "systemctl show --property=RestrictAddressFamilies --value scenariod"
    before = machine.check(families).split()

    machine.check(f"echo sk-1 | install -m 0600 /dev/stdin {KEY}")
    machine.check(f"cp {NETWORK} {DROP_INS}/ && systemctl daemon-reload")
    machine.check("systemctl start scenariod")

    assert before == ["AF_UNIX"]
    assert sorted(machine.check(families).split()) == ["AF_INET", "AF_INET6", "AF_UNIX"]
    assert machine.check("systemd-analyze verify --man=no scenariod.service") == ""
    shown = "cat /run/credentials/scenariod.service/voices-key"
    assert machine.check(shown, user="scenariod") == "sk-1\n"
    assert machine.run(f"cat {KEY}", user="scenariod").exit_code == 1


def test_a_second_install_keeps_an_edited_configuration_and_restarts_with_new_code(
    service: Machine,
) -> None:
    service.check(f"echo '# mine' >> {CONFIG}")
    edited = service.get(CONFIG)
    pid_before = service.check("systemctl show --property=MainPID scenariod")
    service.check(f"echo 'upgraded = True' >> {CHECKOUT}/scenariod/__init__.py")

    printed = service.check(INSTALL)

    assert service.get(CONFIG) == edited
    assert service.get(f"{CONFIG}.new") == service.get(f"{CHECKOUT}/config/scenariod.toml")
    assert f"kept your {CONFIG}" in printed
    new_code = "import scenariod; print(scenariod.upgraded)"
    assert service.check(f"/opt/scenariod/bin/python3 -c '{new_code}'") == "True\n"
    assert service.check("systemctl is-active scenariod") == "active\n"
    assert service.check("systemctl show --property=MainPID scenariod") != pid_before


def test_an_install_after_an_upgrade_of_python_makes_the_program_anew_with_new_defaults(
    machine: Machine,
) -> None:
    # The venv's python is the system's, and then looks into a folder that is not there.
    machine.check("mv /opt/scenariod/lib/python3.* /opt/scenariod/lib/python3.0")
    machine.check(f"echo '# new default' >> {CHECKOUT}/config/scenariod.toml")

    machine.check(INSTALL)

    assert machine.check("/usr/local/bin/scenariod --version").startswith("scenariod ")
    assert machine.get(CONFIG).endswith(b"# new default\n")
    assert missing(machine, [f"{CONFIG}.new"]) == [f"{CONFIG}.new"]


def test_an_install_from_elsewhere_says_what_to_do(machine: Machine) -> None:
    done = machine.run(f"cd / && sh {CHECKOUT}/systemd/install.sh")

    assert done.exit_code == 1
    assert "hint: cd to it and run: sudo make install" in done.output


def test_an_install_without_root_says_what_to_do(machine: Machine) -> None:
    done = machine.run(INSTALL, user="scenariod")

    assert done.exit_code == 1
    assert "hint: sudo make install" in done.output


def test_uninstall_stops_all_and_keeps_what_people_dropped(machine: Machine) -> None:
    machine.check("systemctl start scenariod")
    machine.check(f"echo hello > {ROOT}/done/scenario-1.json")
    machine.check(
        "systemd-run --user --scope --slice=scenariod-left.slice sleep 1000 >/dev/null 2>&1 &",
        user="scenariod",
    )
    machine.wait_until("pgrep --uid scenariod sleep")

    machine.check(UNINSTALL)

    program = [path for path in FILES if path != CONFIG] + COMMANDS + ["/opt/scenariod", LINGER]
    assert missing(machine, program) == program
    assert machine.run("pgrep --list-full --uid scenariod").output == ""
    assert machine.check(f"cat {ROOT}/done/scenario-1.json") == "hello\n"
    assert missing(machine, [CONFIG]) == []
    assert machine.run("ls -d /etc/systemd/system/user@*").exit_code == 2
    assert machine.run("systemctl list-unit-files 'scenariod*' --no-legend").output == ""


def test_uninstall_keeps_the_administrators_own_changes_of_the_unit_but_for_purge(
    machine: Machine,
) -> None:
    own = f"{DROP_INS}/override.conf"
    machine.check(f"printf '[Service]\\nNice=5\\n' > {own}")

    machine.check(UNINSTALL)
    kept = machine.check(f"ls {DROP_INS}")
    machine.check(f"export PURGE=1; {UNINSTALL}")

    assert kept == "override.conf\n"
    assert missing(machine, [DROP_INS]) == [DROP_INS]


def test_uninstall_can_be_run_again_and_purge_removes_data_configuration_and_account(
    machine: Machine,
) -> None:
    machine.check(UNINSTALL)
    machine.check(f"export PURGE=1; {UNINSTALL}")

    assert missing(machine, [ROOT, "/etc/scenariod"]) == [ROOT, "/etc/scenariod"]
    assert machine.run("getent passwd scenariod").exit_code == 2
    assert machine.run("getent group scenariod").exit_code == 2


def test_a_user_installs_and_runs_a_service_of_their_own(machine: Machine) -> None:
    machine.check("useradd --create-home bob && systemctl start user@$(id -u bob)")
    install = INSTALL.replace("install.sh", "install-user.sh")

    machine.check(install, user="bob")
    machine.check("systemctl --user start scenariod", user="bob")

    verify = "systemd-analyze verify --man=no --user scenariod.service"
    assert machine.check(verify, user="bob") == ""
    assert machine.check("systemctl --user is-enabled scenariod", user="bob") == "enabled\n"
    assert (
        missing(machine, ["/home/bob/scenariod/inbox", "/home/bob/.local/bin/scenariodctl"]) == []
    )
