"""The key of a network engine: where it comes from, and how it stays out of sight.

Reads one small file and the environment. Never shows a key, in an error least of all.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from scenariod.base import faults
from scenariod.base.names import shell_word
from scenariod.base.safe_open import open_named
from scenariod.voices.engines.engine import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIAL = "voices-key"
"""The name of the credential (systemd.exec(5), LoadCredential=)."""
VARIABLE = "SCENARIOD_VOICES_KEY"
_MOST_BYTES = 4096
_KEY = re.compile(r"[!-~]{1,512}")
"""What may stand in a header (RFC 9110): anything else would end up in an error of the client."""
_HIDDEN = "[the key]"


class Secret:
    """A key that shows itself only where it is asked to."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if _KEY.fullmatch(value) is None:
            _refuse("the key for voices", "is empty, too long, or has characters that no key has")
        self._value = value

    def reveal(self) -> str:
        """Return the key itself, for a header of a request and nothing else."""
        return self._value

    def hide_in(self, text: str) -> str:
        """Return `text` without the key: a server may repeat what it was sent."""
        return text.replace(self._value, _HIDDEN)

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN})"

    def __reduce__(self) -> NoReturn:
        message = "a key is not written anywhere"
        raise TypeError(message)


def find_key(environment: Mapping[str, str], *, usual_variable: str) -> Secret | None:
    """Return the key from the service's credential, else from the environment; None for none.

    `usual_variable` is the name that other programs use, such as ELEVENLABS_API_KEY. Raises
    EngineUnavailableError where there is a key that cannot be one.
    """
    if folder := environment.get("CREDENTIALS_DIRECTORY"):
        path = Path(folder, CREDENTIAL)
        if (content := _content(path)) is not None:
            return _checked(content, f"the key in {path}")
    for variable in (VARIABLE, usual_variable):
        if value := environment.get(variable, "").strip():
            return _checked(value, f"the key in the environment variable {variable}")
    return None


def _content(path: Path) -> str | None:
    try:
        with open_named(path) as file:
            return file.read(_MOST_BYTES).decode("utf-8-sig", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        fault = faults.of(error)
    raise EngineUnavailableError(
        f"cannot read the key for voices: {fault.words}",
        hint=fault.cure or f"see its owner and mode: `ls -l {shell_word(path)}`",
    )


def _checked(value: str, what: str) -> Secret:
    if not value:
        _refuse(what, "is empty")
    if len(value.splitlines()) > 1:
        _refuse(what, "has more than one line")
    if _KEY.fullmatch(value) is None:
        _refuse(what, "is too long, or has characters that no key has")
    return Secret(value)


def _refuse(what: str, why: str) -> NoReturn:
    raise EngineUnavailableError(
        f"{what} {why}", hint="store the key alone, on one line: docs/VOICES.md shows how"
    )
