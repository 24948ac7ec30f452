"""Units of memory and files. Pure."""

MIB = 1 << 20
"""One MB as scenariod counts: 1,048,576 bytes."""
