"""Any spelling of a PostgreSQL URL, brought to the one that asyncpg reads. No I/O."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from app.errors import SettingError

SCHEMES = ("postgres", "postgresql")

LIBPQ_ONLY = frozenset(
    (
        "channel_binding", "client_encoding", "connect_timeout", "fallback_application_name", "gssdelegation",
        "gssencmode", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval",
        "load_balance_hosts", "require_auth", "requirepeer", "sslcertmode", "sslcompression", "sslcrldir",
        "sslsni", "tcp_user_timeout",
    )
)  # fmt: skip
"""Parameters that libpq keeps to itself (PostgreSQL 18, section 32.1.2). asyncpg would send them to the
server as settings, which refuses the connection; managed databases print some of them in their URLs."""

POOLS_ONLY = frozenset(
    ("connection_limit", "pgbouncer", "pool_timeout", "prepared_statement_cache_size", "schema")
)
"""Parameters of other programs' database layers (Prisma, SQLAlchemy)."""

SSL_WORDS = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
"""Other programs' spellings of sslmode."""

REMEDY = "Write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE, or leave it empty for the embedded one."


def normalise_url(url: str) -> str:
    """The same database as a `postgresql://` URL with only what asyncpg or the server understand.

    Raises:
        SettingError: it is not a PostgreSQL URL. The message does not show the URL: it holds a password.
    """
    try:
        parts = urlsplit(url.strip())
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise SettingError("DATABASE_URL", "it cannot be read as a URL.", REMEDY) from None
    scheme, _, _driver = parts.scheme.partition("+")
    if scheme not in SCHEMES:
        problem = (
            f"it starts with {parts.scheme!r}, not with postgresql." if parts.scheme else "it is no URL."
        )
        raise SettingError("DATABASE_URL", problem, REMEDY)
    query: dict[str, str] = {}
    for name, value in pairs:
        if name in ("ssl", "sslmode"):
            query["sslmode"] = SSL_WORDS.get(value.lower(), value)
        elif value and name not in LIBPQ_ONLY | POOLS_ONLY:
            query[name] = value
    # asyncpg cuts at the first @, a browser at the last: only an escaped one means the same to all.
    login, at, host = parts.netloc.rpartition("@")
    path = parts.path if parts.path.startswith("/") else "/"
    return f"postgresql://{login.replace('@', '%40')}{at}{host}{path}" + (
        f"?{urlencode(query)}" if query else ""
    )


def where(url: str) -> str:
    """The database for people: host and name, without user and password."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    host = parts.netloc.rpartition("@")[2] or query.get("host", "localhost")
    return f"{unquote(parts.path.lstrip('/') or query.get('dbname', ''))} at {host}"
