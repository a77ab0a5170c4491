"""The operator's bearer token: OPERATOR_TOKEN, or one made at the first start and kept in STATE_DIR."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from app.errors import SettingError
from app.settings import Settings


def token_file(settings: Settings) -> Path:
    return settings.state_dir / "operator_token"


def operator_token(settings: Settings) -> str:
    """The token; made on first use, readable by its owner only.

    Raises:
        SettingError: STATE_DIR cannot be written.
    """
    if configured := settings.operator_token.get_secret_value():
        return configured
    file = token_file(settings)
    try:
        if token := _read(file):
            return token
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        with fresh.open("w") as written:
            written.write(secrets.token_urlsafe(32) + "\n")
            written.flush()
            os.fsync(written.fileno())
        try:
            # A link fails where a rename would overwrite: of two first starts at once, one wins.
            file.hardlink_to(fresh)
        except FileExistsError:
            if not _read(file):
                # Emptied, or written by a machine that lost its power. An empty token would be everybody's.
                fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)
        return _read(file)
    except OSError as error:
        raise SettingError(
            "STATE_DIR",
            f"{settings.state_dir} cannot be written ({error.strerror}).",
            "Name a directory that this user may write, or set OPERATOR_TOKEN.",
        ) from None


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return ""
