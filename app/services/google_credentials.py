"""The key with which Google's services are asked: the file that is set, or what the machine has."""

from __future__ import annotations

import warnings

import google.auth
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError

from app.errors import SettingError
from app.settings import Settings

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def google_credentials(settings: Settings) -> tuple[Credentials, str]:
    """Read GOOGLE_APPLICATION_CREDENTIALS, or find the application default; with the project they belong to,
    empty if they do not say. Blocks: it may ask a server.

    Raises:
        SettingError: there are none, or the file is not a key.
    """
    path = settings.google_application_credentials
    try:
        if path:
            with warnings.catch_warnings():
                # It warns of key files from strangers; this one is the operator's own.
                warnings.simplefilter("ignore", DeprecationWarning)
                credentials, project = google.auth.load_credentials_from_file(  # type: ignore[no-untyped-call]
                    path, scopes=SCOPES
                )
        else:
            credentials, project = google.auth.default(scopes=SCOPES)
    except (GoogleAuthError, OSError, ValueError) as error:
        raise SettingError(
            "GOOGLE_APPLICATION_CREDENTIALS",
            f"there is no key to ask Google with: {str(error).splitlines()[0]}",
            "Name the JSON key file of a service account, or run: gcloud auth application-default login",
        ) from error
    assert isinstance(credentials, Credentials)
    return credentials, project or ""
