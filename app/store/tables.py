"""The tables. Column names are those of the JSON API; other programs may read them.

pgqueuer's own tables stand beside these; the first migration makes both. Row-level security is the
migrations' too: see `Database.run`.
"""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

Timestamp = DateTime(timezone=True)


def _created_at() -> Column[object]:
    return Column("created_at", Timestamp, nullable=False, server_default=func.now())


users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    _created_at(),
)

phone_numbers = Table(
    "phone_numbers",
    metadata,
    Column("number", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    # E.164: a plus and at most fifteen digits.
    CheckConstraint(r"number ~ '^\+[1-9][0-9]{1,14}$'", name="phone_numbers_e164_check"),
)

processes = Table(
    "processes",
    metadata,
    Column("owner", Text, primary_key=True),
    # Alive until then, by the database's clock; renewed with every batch and by Leases.
    Column("lease_expires_at", Timestamp, nullable=False),
    # The number of the last operation this process committed: an uncertain commit is settled by reading it,
    # and a spool is read from there on.
    Column("batch", BigInteger, nullable=False),
)

calls = Table(
    "calls",
    metadata,
    Column("call_sid", Text, primary_key=True),
    # No foreign key: users may live elsewhere, in Supabase for one.
    Column("user_id", Text),
    Column("direction", Text, nullable=False),
    Column("from_number", Text, nullable=False),
    Column("to_number", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("started_at", Timestamp),
    # When the newest stream began: what an earlier one has left to say does not undo it.
    Column("stream_started_at", Timestamp),
    Column("ended_at", Timestamp),
    Column("end_reason", Text),
    # Of calls that were placed: what to say first (null: the caller came to us), and Twilio's verdict on who
    # has answered.
    Column("greeting", Text),
    Column("answered_by", Text),
    Column("stats", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    # The process whose socket the call is on; null until its stream has come.
    Column("owner", Text),
    Column("resumes", Integer, nullable=False, server_default=text("0")),
    _created_at(),
    CheckConstraint("call_sid <> ''", name="calls_call_sid_check"),
    CheckConstraint("direction IN ('inbound', 'outbound')", name="calls_direction_check"),
    CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="calls_ended_check"),
)
Index("ix_calls_began", func.coalesce(calls.c.started_at, calls.c.created_at))
Index("ix_calls_user_id_began", calls.c.user_id, func.coalesce(calls.c.started_at, calls.c.created_at))
Index("ix_calls_active", calls.c.owner, postgresql_where=calls.c.ended_at.is_(None))

transcript_lines = Table(
    "transcript_lines",
    metadata,
    Column("call_sid", Text, ForeignKey("calls.call_sid", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("speaker", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("confidence", REAL),
    # Milliseconds since the stream's start.
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, nullable=False),
    Column("interrupted", Boolean, nullable=False),
    # Counts a call's final lines in the order in which they became final; 0 before.
    Column("revision", Integer, nullable=False),
    _created_at(),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
    CheckConstraint("speaker IN ('user', 'assistant')", name="transcript_lines_speaker_check"),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="transcript_lines_confidence_check"),
)

call_items = Table(
    "call_items",
    metadata,
    Column("id", Text, primary_key=True),
    Column("call_sid", Text, ForeignKey("calls.call_sid", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("due_at", Timestamp),
    Column("state", Text, nullable=False),
    # The order in which items were first noted.
    Column("position", BigInteger, Identity(), nullable=False),
    _created_at(),
    Column("updated_at", Timestamp, nullable=False, server_default=func.now()),
    CheckConstraint("kind IN ('note', 'reminder', 'todo', 'appointment')", name="call_items_kind_check"),
    CheckConstraint("state IN ('draft', 'noted', 'cancelled')", name="call_items_state_check"),
)

# Tombstones: what still waits somewhere for the database must not bring an erased call back.
erased_calls = Table(
    "erased_calls",
    metadata,
    Column("call_sid", Text, primary_key=True),
    Column("erased_at", Timestamp, nullable=False, server_default=func.now()),
)

call_summaries = Table(
    "call_summaries",
    metadata,
    Column("call_sid", Text, ForeignKey("calls.call_sid", ondelete="CASCADE"), primary_key=True),
    Column("summary", Text, nullable=False),
    Column("key_points", JSONB, nullable=False),
    Column("action_items", JSONB, nullable=False),
    Column("model", Text, nullable=False),
    _created_at(),
)

spent_tokens = Table(
    "spent_tokens",
    metadata,
    # A stream token opens one stream: whoever comes second finds its row.
    Column("serial", Text, primary_key=True),
    Column("expires_at", Timestamp, nullable=False, index=True),
)
