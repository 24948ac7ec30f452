"""What the settings of voices mean: what tells one sound from another, and how much memory.

Pure, and light: the daemon loads it though voices are off.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from scenariod.base.units import MIB

if TYPE_CHECKING:
    from scenariod.base.config import Voices

FORMAT = 1
"""Of what is spoken: with another one, all is looked at again, and made anew where it differs."""
MANIFEST = "manifest.json"
MOST_KILLED = 3
"""So often in a row may somebody else kill the speaker before that counts against a scenario."""
_LIMIT_MB = {"flite": 256, "kokoro": 768, "elevenlabs": 256, "openai": 256}
"""About twice what was measured (docs/VOICES.md): a process near 70 % of it is asked to end."""


_RESERVED_MB = {"kokoro": 1536}
"""Without systemd, memory that is reserved and never used counts, too: 1,130 MB were measured."""
_S_PER_BYTE = {"flite": 0.0005, "kokoro": 0.025}
"""Seconds of CPU time for a byte of a scenario's document, of which a third is spoken."""
_S_PER_BYTE_OF_A_SERVICE = 0.002


def estimate_s(rules: Voices, size_bytes: int) -> float:
    """Return about how long it takes to speak documents of this size together, in seconds.

    Measured with real scenarios on an x86 processor of 2020; a Raspberry Pi takes a few times that.
    """
    return size_bytes * _S_PER_BYTE.get(rules.engine, _S_PER_BYTE_OF_A_SERVICE)


def digest(rules: Voices) -> str:
    """Return what tells these settings from others by which the sound is another one."""
    said = (
        FORMAT,
        rules.engine,
        rules.model,
        rules.base_url,
        rules.voices,
        rules.rate_hz,
        rules.narrator,
        rules.cast,
    )
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def limit_bytes(rules: Voices, *, counts_reserved: bool) -> int:
    """Return the limit of the process that speaks by these settings.

    `counts_reserved` says that the limit is on what is reserved, as that of rlimits is.
    """
    if rules.limit_mb != "auto":
        return rules.limit_mb * MIB
    usual_mb = _LIMIT_MB.get(rules.engine, 0)
    return (_RESERVED_MB.get(rules.engine, usual_mb) if counts_reserved else usual_mb) * MIB
