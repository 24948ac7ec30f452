"""scenariod: a drop-folder daemon that runs in little memory and never loses a file."""

__version__ = "0.1.0"
