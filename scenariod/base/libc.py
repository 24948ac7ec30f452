"""Functions of the C library that Python has no name for.

Owns how they are called, and how their errors come back. Loads ctypes at the first call only: that
takes long, and most commands make none.
"""

from __future__ import annotations

import os


def call(name: str, *arguments: int | bytes) -> int:
    """Call a function, and return what it returns; raise OSError where that is -1."""
    import ctypes

    result = int(getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result
