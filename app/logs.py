"""What the log looks like: one line an event, on stderr, without anybody's numbers and secrets."""

from __future__ import annotations

import logging
import os
import sys

from pydantic import SecretStr

from app.masking import SECRET, mask
from app.settings import Settings

SHORTEST_SECRET = 6
"""Characters. What is shorter is no secret, and would be found in any word."""


class Discreet(logging.Formatter):
    """Masks a whole line, exceptions and their tracebacks included: card, account and telephone numbers,
    e-mail addresses, tokens, and every secret of the settings.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        values = (value for _, value in settings if isinstance(value, SecretStr))
        # Several in one setting are separated by commas.
        secrets = {part.strip() for value in values for part in value.get_secret_value().split(",")}
        self._secrets = sorted((s for s in secrets if len(s) >= SHORTEST_SECRET), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, SECRET)
        return mask(line)


def configure_logging(settings: Settings) -> None:
    """Do this before anything is started. LOG_LEVEL is for what we log; others speak up when they must:
    at debug some of them log what they send and receive, words and tokens included.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Discreet(settings))
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler])
    # A server process of `--workers` is a program of its own.
    for name in ("app", "__main__"):
        logging.getLogger(name).setLevel(level)
    # gRPC tells of every fork, and our workers are forked. It reads this when it is first used.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # It prints a traceback for what `app.jobs.worker` says in one line.
    logging.getLogger("pgqueuer").setLevel(logging.CRITICAL)
