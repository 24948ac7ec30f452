"""From templates to HTML, in which users' text is only ever text.

Owns the templates' environment. Never reads or writes anything but templates.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scenariod.base.names import printable_line
from scenariod.reports.folder import POLICY, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPLATES = Path(__file__).parent / "templates"
_NO_CHARACTER = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")
"""Code points that are no characters, for Unicode and for HTML; those beyond are let through."""
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Templates:
    """The templates of the report."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_text,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals["policy"] = POLICY
        self._environment.filters |= {
            "count": count,
            "mib": mib,
            "duration": duration,
            "percent": percent,
            "day": day,
        }

    @property
    def digest(self) -> str:
        """What tells these templates from those of another version."""
        paths = sorted(_TEMPLATES.iterdir())
        return digest_of(*(path.read_text(encoding="utf-8") for path in paths))

    def render(self, name: str, **values: object) -> Iterator[str]:
        """Yield a page, piece by piece."""
        return self._environment.get_template(name).generate(**values)


def _text(value: object) -> object:
    """Return what stands for a value on a page: of text, nothing that is not to be seen."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return shown(value)
    return value


def shown(text: str) -> str:
    r"""Return `text` with control characters and the like as `\x1b`; escaping comes after it."""
    return _NO_CHARACTER.sub("\ufffd", printable_line(text))


def count(number: int) -> str:
    """Return a number as people read it."""
    return f"{number:,}".replace(",", "\u202f")


def mib(size_bytes: int | None) -> str:
    """Return a size in MB of 1,048,576 bytes."""
    return "not known" if size_bytes is None else f"{count(round(size_bytes / (1 << 20)))} MB"


def duration(seconds: float | None) -> str:
    """Return a time in its largest unit and the next one, below a minute in tenths or in ms.

    A number stays on a line with its unit.
    """
    if seconds is None:
        return "not known"
    if 0 < seconds < 0.1:
        return f"{seconds * 1000:.0f}\u00a0ms"
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + "\u00a0s"
    left, parts = round(seconds), []
    for length, unit in _UNITS:
        if left >= length:
            parts.append(f"{left // length}\u00a0{unit}")
            left %= length
    return " ".join(parts[:2])


def percent(part: float, whole: float) -> str:
    """Return a share of a whole, in percent."""
    return f"{100 * part / whole:.0f} %" if whole else "0 %"


def day(when: str) -> str:
    """Return an ISO 8601 time in UTC, to the minute."""
    return f"{when[:10]} {when[11:16]} UTC"
