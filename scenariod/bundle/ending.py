"""Tell whether a file ends after its list of scenarios as it should: nothing is passed over.

Only reads, streaming.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenariod.bundle.survey import Shape, survey_text
from scenariod.reasons import Problem, Reason

if TYPE_CHECKING:
    from scenariod.bundle.slices import Rest


def fault_after_list(rest: Rest) -> Problem | None:
    """Return what is wrong with what follows a list: a member of an object, or all that there is.

    After the list as such comes nothing; after a member come others, then the object's end. A
    second list of scenarios among these is one too many.
    """
    found = survey_text(rest)
    if found.shape is Shape.MEMBER:
        return _problem(Reason.DUPLICATE_KEY, "another list of scenarios follows", rest)
    if found.is_json:
        return None
    if rest.ended:
        return _problem(Reason.NOT_JSON, "it is cut off", rest)
    return _problem(Reason.NOT_JSON, "what follows does not belong to this document", rest)


def _problem(reason: Reason, what: str, rest: Rest) -> Problem:
    message = f"after its list of scenarios {what}; only what stands before was read"
    return Problem(reason, message, line=rest.line, column=1)
