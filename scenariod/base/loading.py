"""Loading many modules at once.

Owns what the garbage collector does meanwhile. Loads nothing itself.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def without_search_for_garbage() -> Iterator[None]:
    """Keep the garbage collector off while modules are loaded.

    They make tens of thousands of objects, and nearly all of them stay until the process ends. To
    search them again and again would take a tenth of the time to load them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
