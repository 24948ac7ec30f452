"""Voices on a real systemd: spoken by the service, in a scope whose limit the kernel has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .test_whole_path import ROOT, journal

if TYPE_CHECKING:
    from .machine import Machine

TALK = 'ANNA: [calm] "I counted 12 geese."\nMR. BIRD: "They cost $5 each!"\n' * 2
LIMIT_BYTES = 256 << 20


def test_the_service_speaks_in_a_scope_with_its_limit(service: Machine) -> None:
    service.check(
        "printf '[voices]\\nengine = \"flite\"\\n' >/etc/scenariod/scenariod.toml"
        " && systemctl reload scenariod"
    )
    watcher = service.start(
        "exec 2>/dev/null; until [ -e /tmp/enough ]; do "
        "for d in $(find /sys/fs/cgroup -name 'scenariod-b*.scope'); do "
        "for p in $(cat $d/cgroup.procs 2>/dev/null); do "
        "c=$(tr '\\0' ' ' </proc/$p/cmdline 2>/dev/null); "
        "case $c in *voices.speaker*|flite*) m=$(cat $d/memory.max) &&"
        ' echo "${c%% *} $m";; esac; '
        "done; done; sleep 0.05; done | sort -u"
    )

    drop(service, "one")
    service.wait_until(f"test -e {ROOT}/voices/manifest.json")
    service.wait_until("systemctl status scenariod | grep -q 'Status: \"idle'")
    service.check("touch /tmp/enough")

    seen = {tuple(line.rsplit(" ", 1)) for line in watcher.wait().output.splitlines()}
    assert {limit for _, limit in seen} == {str(LIMIT_BYTES)}
    assert {name.rpartition("/")[2] for name, _ in seen} >= {"flite"}
    for path in service.check(f"ls {ROOT}/voices/*/*.mp3").split():
        service.check(f"test $(stat -c %s {path}) -gt 1000")
    kinds = service.check(
        f"python3 -c \"import sqlite3; print(sqlite3.connect('{ROOT}/library/scenarios.db')"
        ".execute('SELECT outcome, launcher, memory_limit_bytes FROM batch"
        " WHERE kind = \\'voices\\' ORDER BY position DESC LIMIT 1').fetchone())\""
    )
    assert kinds.strip() == f"('ok', 'systemd (user manager)', {LIMIT_BYTES})"
    messages = [entry["MESSAGE"] for entry in journal(service)]
    assert [m for m in messages if m.startswith("all voices are made: 1 of 1 scenarios")]
    assert json.loads(service.get(f"{ROOT}/voices/manifest.json"))["format"] == 1


def drop(machine: Machine, scenario_id: str) -> None:
    """Drop a scenario that takes some seconds to speak."""
    document = {
        "id": scenario_id,
        "title": f"Title of {scenario_id}",
        "claim": "A claim.",
        "correctAnswer": "logic",
        "answerWeights": {"logic": 100, "emotion": 0, "balanced": 50, "agenda": 12},
        "text": TALK,
    }
    machine.put(json.dumps(document).encode(), f"/tmp/scenario-{scenario_id}.json")
    machine.check(f"mv /tmp/scenario-{scenario_id}.json {ROOT}/inbox/")
