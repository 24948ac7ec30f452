"""The ways to run a worker with a memory limit that is in force.

The only caller of systemd.

- `cgroup`: read control groups; the only one to
- `child`: signals to a child process
- `commands`: the command lines of systemd and of the worker
- `launcher`: what a launcher is, and which one this machine gets
- `limit_probe`: prove that a limit kills
- `meter`: read one worker's memory
- `rlimits`: workers under rlimits, where there is no systemd
- `systemd`: workers in scopes of systemd
"""
