"""The ways to run a worker with a memory limit that is in force.

The only caller of systemd.

- `cgroup`: read control groups; the only one to
- `child`: child processes: start them, send them signals
- `commands`: the command lines of systemd and of the worker
- `fork`: the supervisor's side of the template that forks workers
- `launcher`: what a launcher is, and which one this machine gets
- `limit_probe`: prove that a limit kills
- `manager_bus`: requests that only D-Bus takes, to the service manager of this user
- `meter`: read one worker's memory
- `rlimits`: workers under rlimits, where there is no systemd
- `systemd`: workers in scopes of systemd
"""
