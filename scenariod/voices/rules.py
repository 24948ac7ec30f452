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


def limit_bytes(rules: Voices) -> int:
    """Return the limit of the process that speaks by these settings."""
    if rules.limit_mb != "auto":
        return rules.limit_mb * MIB
    return _LIMIT_MB.get(rules.engine, 0) * MIB
