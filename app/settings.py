"""Every environment variable, in one class. `.env` is read as well; the environment wins."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from tzlocal import get_localzone

from app.encryption import Encryption
from app.errors import SettingError

SPEECH_CONTEXTS = (
    "reminder", "note", "todo", "schedule", "call", "email", "meeting", "project", "task",
    "follow up", "action item",
)  # fmt: skip

Names = Annotated[tuple[str, ...], NoDecode]
"""A comma-separated list, in the order of preference."""


PROVIDERS = {
    "speech_to_text": ("auto", "google", "local"),
    "text_to_speech": ("auto", "google", "openai", "local"),
    "language_model": ("auto", "openai", "local"),
}


class Settings(BaseSettings):
    """What `.env.example` explains to the operator, typed. Read once, at start; never changed after."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: int = Field(default=3000, ge=0, le=65535)
    """0: any that is free."""
    webhook_url: str = ""
    websocket_url: str = ""

    database_url: str = ""
    state_dir: Path = Path(".offhook")

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_phone_number: str = ""
    twilio_api_url: str = ""
    """Another base URL that plays Twilio's REST API; empty: Twilio's own."""
    twilio_shared_keys: SecretStr = SecretStr("")
    """Secrets of Twilio's webhook shared keys (HMAC-SHA256), where those sign instead of the auth token."""

    speech_to_text: Names = ("auto",)
    text_to_speech: Names = ("auto",)
    language_model: Names = ("auto",)
    speech_language: str = "en-US"
    speech_contexts: Names = SPEECH_CONTEXTS
    local_speech_workers: int = Field(default=0, ge=0, le=64)
    """Recogniser processes; 0: one a core, two at most (a decode is CPU-bound, see local-speech facts)."""

    google_application_credentials: str = ""
    google_cloud_project_id: str = ""
    google_speech_api: Literal["v1", "v2"] = "v2"
    google_speech_model: str = ""
    """Empty: `telephony` (v2) or `phone_call`, enhanced (v1)."""
    google_speech_location: str = "global"
    google_speech_boost: float = Field(default=10.0, ge=0, le=20)
    google_speech_endpoint: str = ""
    google_tts_endpoint: str = ""
    google_tts_voice: str = "en-US-Chirp3-HD-Kore"
    google_tts_rate: float = Field(default=1.0, ge=0.25, le=2.0)
    google_plaintext: bool = False

    openai_api_key: SecretStr = SecretStr("")
    openai_base_url: str = ""
    openai_model: Names = ("gpt-6-luna", "gpt-5.6-sol")
    """In the order of preference: the next one takes over where one fails."""
    openai_summary_model: str = "gpt-6-luna"
    openai_speech_model: str = ""
    """For `/v1/audio/speech` of a compatible server; empty: the Realtime API's voice, which OpenAI keeps."""
    openai_realtime_model: str = "gpt-realtime-2.1-mini"
    openai_voice: str = "marin"
    failover_seconds: float = Field(default=2.5, gt=0, le=60)
    """How long a provider may be without a working stream, a first word or first audio before the next one
    takes over."""

    agent_instructions: str = ""
    agent_greeting: str = (
        "Hello, this is Offhook. I can keep notes, reminders, todos and appointments. What can I do for you?"
    )
    agent_voicemail: str = (
        "Hello, this is Offhook, an automated assistant. Sorry that I missed you. I will try again later. "
        "Goodbye."
    )
    """What an answering machine is told on a call that was placed."""
    transfer_number: str = ""
    timezone: str = ""
    """IANA name in which "tomorrow at three" is understood; empty: the machine's own."""

    operator_token: SecretStr = SecretStr("")
    jobs: Literal["inline", "external"] = "inline"

    supabase_jwks_url: str = ""
    supabase_jwt_issuer: str = ""
    """Empty: where the JWKS URL is Supabase's own, the address in front of `/.well-known/jwks.json`."""
    supabase_jwt_secret: SecretStr = SecretStr("")
    encryption_keys: SecretStr = SecretStr("")
    retention_days: int | None = Field(default=None, ge=1)
    mask_transcripts: bool = False

    max_calls: int = Field(default=1000, ge=1)
    max_calls_per_user: int = Field(default=10, ge=1)
    max_chunks_per_second: int = Field(default=100, ge=1)
    max_connections_per_ip: int = Field(default=60, ge=1)
    """A minute. Streams whose token was good do not count."""
    trusted_proxies: Names = ()
    """Addresses and networks whose X-Forwarded-For is believed."""
    max_call_seconds: int = Field(default=86400, ge=1)
    idle_seconds: int = Field(default=300, ge=1)
    drain_seconds: int = Field(default=300, ge=0)
    """How long running calls may go on once the server is told to stop."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator(
        "speech_to_text",
        "text_to_speech",
        "language_model",
        "speech_contexts",
        "openai_model",
        "trusted_proxies",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("speech_to_text", "text_to_speech", "language_model")
    @classmethod
    def _known(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = PROVIDERS[info.field_name or ""]
        unknown = [name for name in value if name not in known]
        if unknown or not value:
            what = f"{', '.join(unknown)} is not known" if unknown else "it names nothing"
            raise ValueError(f"{what}; choose from {', '.join(known)}")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value:
            try:
                ZoneInfo(value)
            except (KeyError, ValueError, OSError):
                raise ValueError(
                    f"there is no time zone {value!r}; use a name such as Europe/Berlin"
                ) from None
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _fernet(cls, value: SecretStr) -> SecretStr:
        try:
            Encryption(_secrets(value))
        except ValueError:
            raise ValueError(
                "these are not Fernet keys, separated by commas; make one with: python3 -c "
                "'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"
            ) from None
        return value

    @field_validator("webhook_url")
    @classmethod
    def _http(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError(f"{value!r} must start with https:// (or http:// on loopback)")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"{network!r} is no address or network such as 10.0.0.0/8") from None
        return value

    @field_validator("supabase_jwks_url")
    @classmethod
    def _keys_by_tls(cls, value: str) -> str:
        parts = urlsplit(value)
        on_loopback = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
        if value and not (on_loopback or (parts.scheme == "https" and parts.hostname)):
            raise ValueError(f"{value!r} must start with https:// (or http:// on loopback)")
        return value

    @field_validator("websocket_url")
    @classmethod
    def _ws(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise ValueError(f"{value!r} must start with wss:// (or ws:// on loopback)")
        if parts.query:
            raise ValueError("it may not carry a query string: Twilio strips it")
        return value

    @model_validator(mode="after")
    def _derive(self) -> Settings:
        # Frozen for everybody else; here the derived URLs come into being.
        if not self.webhook_url:
            host = f"[{self.host}]" if ":" in self.host else self.host
            object.__setattr__(self, "webhook_url", f"http://{host}:{self.port}")
        if not self.websocket_url:
            parts = urlsplit(self.webhook_url)
            scheme = "wss" if parts.scheme == "https" else "ws"
            path = parts.path.rstrip("/") + "/ws/media-stream"
            object.__setattr__(self, "websocket_url", urlunsplit((scheme, parts.netloc, path, "", "")))
        return self

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        """Twilio's auth tokens that are good now: two during a rotation, none on a laptop."""
        return _secrets(self.twilio_auth_token)

    @property
    def signing_secrets(self) -> tuple[str, ...]:
        """What Twilio may have signed a webhook with."""
        return self.auth_tokens + _secrets(self.twilio_shared_keys)

    @property
    def signed(self) -> bool:
        """Whether Twilio can be told from a stranger. If not, only this machine is served."""
        return bool(self.signing_secrets)

    @property
    def encryption(self) -> Encryption:
        """For the words that are kept."""
        return Encryption(_secrets(self.encryption_keys))

    @property
    def retention(self) -> timedelta | None:
        """How long a call is kept after its end; None: for ever."""
        return timedelta(days=self.retention_days) if self.retention_days else None

    @property
    def spools(self) -> Path:
        """Where processes put what the database does not take."""
        return self.state_dir / "spool"

    @property
    def zone(self) -> tzinfo:
        """In which "tomorrow at three" is meant."""
        return ZoneInfo(self.timezone) if self.timezone else get_localzone()


def _secrets(value: SecretStr) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.get_secret_value().split(",") if part.strip())


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    Raises:
        SettingError: a value does not fit; it names the first such variable and says what to do.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        problem = first["msg"].removeprefix("Value error, ")
        raise SettingError(name, problem + ".", "Change it in the environment or in .env.") from None
