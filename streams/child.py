"""What a worker's child process runs: the command, until its worker is gone.

The worker holds the other end of the child's standard input and never writes there. However the worker
ends, killed or not, that end is closed, and the child is told to stop.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

PATIENCE_S = 10.0  # for a clean stop


def main() -> None:
    threading.Thread(target=_follow, args=(sys.stdin.fileno(),), name="parent", daemon=True).start()
    from streams.cli import main as command

    command()


def _follow(stdin: int) -> None:
    while os.read(stdin, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE_S)
    os._exit(1)


if __name__ == "__main__":
    main()
