"""Files that hold many scenarios: what kind one is, and where each of its scenarios is.

Only reads. Never opens the library; only the unpacker, which is limited, may parse what is here.
"""

from scenariod.bundle.about import MOST_CHARACTERS, MOST_DEPTH, MOST_DIGITS
from scenariod.bundle.slices import Slice, Slicer
from scenariod.bundle.survey import Shape, Survey, fault_after_list, survey

__all__ = [
    "MOST_CHARACTERS",
    "MOST_DEPTH",
    "MOST_DIGITS",
    "Shape",
    "Slice",
    "Slicer",
    "Survey",
    "fault_after_list",
    "survey",
]
