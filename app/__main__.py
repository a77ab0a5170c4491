"""`offhook`, and `python -m app`."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """The command line."""
    # The commands below are a second's worth of imports, in which Ctrl-C means stop and not a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # gRPC's own preparations for a fork crash the child (SIGSEGV before exec, with uvloop) where gRPC is
    # busy: our workers would not start. It reads this when it is imported.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    from app.cli import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
