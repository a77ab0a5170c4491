"""`offhook`, and `python -m app`."""

from __future__ import annotations

import signal


def main() -> None:
    """The command line."""
    # The commands below are a second's worth of imports, in which Ctrl-C means stop and not a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from app.cli import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
