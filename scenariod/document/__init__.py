"""From a dropped file's bytes to a JSON object, or to every reason why it holds none.

`reader.py` reads it, `survey.py` tells its problems and their places, `canonical.py` has its
content hash, `fault.py` how problems are worded. Nothing here knows what a scenario is.
"""

from scenariod.document.canonical import content_sha256
from scenariod.document.fault import Fault, Steps, cut, field_name, kind, shown
from scenariod.document.reader import MAX_DEPTH, Document, read
from scenariod.document.survey import problems

__all__ = [
    "MAX_DEPTH",
    "Document",
    "Fault",
    "Steps",
    "content_sha256",
    "cut",
    "field_name",
    "kind",
    "problems",
    "read",
    "shown",
]
