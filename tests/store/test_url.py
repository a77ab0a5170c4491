"""app.store.url: any spelling of a PostgreSQL URL."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import SettingError
from app.store.url import LIBPQ_ONLY, normalise_url, where


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("postgres://u:p@h/db", "postgresql://u:p@h/db"),
        ("postgresql+asyncpg://u:p@h:5433/db", "postgresql://u:p@h:5433/db"),
        ("postgresql+psycopg2://u@h/db?ssl=true", "postgresql://u@h/db?sslmode=require"),
        ("  postgresql://h/db\n", "postgresql://h/db"),
        (
            "postgres://u:p@h/db?sslmode=require&channel_binding=require",
            "postgresql://u:p@h/db?sslmode=require",
        ),
        ("postgres://u:p@h/db?pgbouncer=true&connection_limit=1", "postgresql://u:p@h/db"),
        ("postgresql://u:p@ss@h/db", "postgresql://u:p%40ss@h/db"),
        ("postgresql://a,b:5433/db?target_session_attrs=primary",) * 2,
        ("postgresql:///db?host=/run/postgresql", "postgresql:///db?host=%2Frun%2Fpostgresql"),
        ("postgresql://[::1]:5432/db",) * 2,
        ("postgresql://h", "postgresql://h/"),
    ],
)
def test_every_common_spelling_becomes_the_one_asyncpg_reads(written: str, meant: str) -> None:
    assert normalise_url(written) == meant


@pytest.mark.parametrize(
    "url", ["", "mysql://u:secret@h/db", "h/db", "postgresql://u:secret@[h/db", "x?secret"]
)
def test_what_is_no_postgresql_url_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(SettingError) as caught:
        normalise_url(url)
    assert caught.value.setting == "DATABASE_URL"
    assert "secret" not in str(caught.value)


words = st.text(min_size=1, max_size=20)
schemes = st.sampled_from(["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg", "POSTGRES"])


@given(
    schemes, words, words, words, st.dictionaries(st.sampled_from([*sorted(LIBPQ_ONLY), "sslmode"]), words)
)
def test_login_and_name_survive_and_normalising_twice_changes_nothing(
    scheme: str, user: str, password: str, name: str, query: dict[str, str]
) -> None:
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    query_string = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    url = normalise_url(f"{scheme}://{login}@h:5432/{quote(name, safe='')}?{query_string}".rstrip("?"))
    parts = urlsplit(url)
    assert parts.netloc == f"{login}@h:5432"
    assert parts.path == "/" + quote(name, safe="")
    assert set(dict(parse_qsl(parts.query))) <= {"sslmode"}
    assert normalise_url(url) == url


@given(words.filter(lambda word: len(word) > 3))
def test_a_place_for_people_has_no_password(password: str) -> None:
    url = f"postgresql://someone:{quote(password, safe='')}@h:5432/db"
    assert where(url) == "db at h:5432"
