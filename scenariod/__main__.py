"""`python -m scenariod` is the daemon."""

from __future__ import annotations

import sys

from scenariod.daemon.main import main

if __name__ == "__main__":
    sys.exit(main())
