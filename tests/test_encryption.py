"""app.encryption: words at rest."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.encryption import Encryption, UnreadableError

OLD, NEW = (base64.urlsafe_b64encode(bytes([byte]) * 32).decode() for byte in (1, 2))
WORDS = st.text(st.characters(exclude_categories=["Cs"]))


@given(WORDS)
def test_what_is_sealed_opens_in_its_row_and_shows_none_of_its_words(words: str) -> None:
    encryption = Encryption([NEW])
    sealed = encryption.seal(words, "transcript_lines", "CA1", 1)
    assert encryption.open(sealed, "transcript_lines", "CA1", 1) == words
    assert len(words) < 4 or words not in sealed
    assert sealed != encryption.seal(words, "transcript_lines", "CA1", 1)


@pytest.mark.parametrize("row", [("CA1", 2), ("CA2", 1), ("CA", 11), ("CA1", "1"), ()])
def test_a_text_that_was_moved_to_another_row_does_not_open(row: tuple[str | int, ...]) -> None:
    encryption = Encryption([NEW])
    sealed = encryption.seal("secret", "CA1", 1)
    with pytest.raises(UnreadableError, match="altered, or encrypted for another row"):
        encryption.open(sealed, *row)


@given(st.integers(0, 39), st.sampled_from("ABCxyz019-_"))
def test_an_altered_text_does_not_open(position: int, letter: str) -> None:
    encryption = Encryption([NEW])
    prefix, payload = encryption.prefix, encryption.seal("some words", "row").removeprefix(encryption.prefix)
    altered = payload[:position] + letter + payload[position + 1 :]
    if altered != payload:
        with pytest.raises(UnreadableError):
            encryption.open(prefix + altered, "row")


@pytest.mark.parametrize("payload", ["A", "AAAA", "AAAAA=="])
def test_what_was_cut_off_does_not_open(payload: str) -> None:
    encryption = Encryption([NEW])
    with pytest.raises(UnreadableError, match="altered"):
        encryption.open(encryption.prefix + payload, "row")


def test_the_newest_key_seals_and_all_keys_open() -> None:
    before, both = Encryption([OLD]), Encryption([NEW, OLD])
    assert both.open(before.seal("words", "row"), "row") == "words"
    sealed = both.seal("words", "row")
    assert sealed.startswith(Encryption([NEW]).prefix)
    assert Encryption([NEW]).open(sealed, "row") == "words"


def test_a_key_that_is_not_known_any_more_is_named() -> None:
    name = Encryption([OLD]).prefix.split(":")[1]
    with pytest.raises(UnreadableError, match=f"key {name}, which is not in ENCRYPTION_KEYS"):
        Encryption([NEW]).open(Encryption([OLD]).seal("words", "row"), "row")
    with pytest.raises(UnreadableError, match=name):
        Encryption().open(Encryption([OLD]).seal("words", "row"), "row")


@given(WORDS)
def test_words_of_a_time_without_keys_are_read_as_they_are(words: str) -> None:
    assert Encryption().seal(words, "row") == words
    assert Encryption([NEW]).open(words, "row") == words


@pytest.mark.parametrize("key", ["", "short", OLD[:-2], OLD + "A", "ä" * 44, "*" * 44])
def test_what_is_no_fernet_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Encryption([key])


def test_keys_are_those_that_fernet_makes() -> None:
    from cryptography.fernet import Fernet

    assert Encryption([Fernet.generate_key().decode()])
