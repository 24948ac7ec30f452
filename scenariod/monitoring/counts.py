"""How many files became what: counted, added up, and in words.

The same for a batch, a run of the daemon and an import. Knows results by their names only.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Self

from scenariod.base.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable


class Counts(Value):
    """How many files were added, replaced a version, changed nothing, and were refused.

    The fields are keys of JSON documents and fields of the journal.
    """

    added: int = 0
    replaced: int = 0
    already_added: int = 0
    refused: int = 0

    @classmethod
    def of(cls, results: Iterable[str]) -> Self:
        """Count results by their names, as `already-added`; any other one is left out."""
        counted = Counter(result.replace("-", "_") for result in results)
        return cls(*(counted[name] for name in cls.field_names))

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, f) + getattr(other, f) for f in self.field_names))

    def words(self) -> str:
        """Return the counts for people; what is rare is named where it happened only."""
        replaced = f", {self.replaced} replaced" if self.replaced else ""
        known = f", {self.already_added} already added" if self.already_added else ""
        return f"{self.added} added{replaced}{known}, {self.refused} refused"
