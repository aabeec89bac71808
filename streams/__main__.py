"""`python -m streams` is the command `driftline`, for whoever starts it with a Python of their choice."""

from __future__ import annotations

from streams.cli import main

if __name__ == "__main__":
    main()
