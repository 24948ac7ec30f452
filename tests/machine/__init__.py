"""A throw-away Debian machine with real systemd, cgroups and power cuts; see machine.py."""
