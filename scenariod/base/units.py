"""Units of memory and files. Pure."""

MIB = 1 << 20
"""One MB as scenariod counts: 1,048,576 bytes."""


def size(size_bytes: int) -> str:
    """Return a size in words: in KB below 1 MB."""
    if size_bytes < MIB:
        return f"{-(-size_bytes // 1024)} KB"
    return f"{size_bytes / MIB:.1f} MB"
