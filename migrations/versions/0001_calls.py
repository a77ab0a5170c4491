"""Calls, what was said and noted on them, their summaries; users; the job queue."""

from __future__ import annotations

from typing import cast

import sqlalchemy as sa
from alembic import op
from asyncpg import Connection
from pgqueuer.queries import Queries as JobQueue
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import AdaptedConnection

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def driver_connection() -> AdaptedConnection:
    return cast(AdaptedConnection, op.get_bind().connection.dbapi_connection)


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("from_number", sa.Text(), nullable=False),
        sa.Column("to_number", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("stats", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("resumes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("call_sid <> ''", name="calls_call_sid_check"),
        sa.CheckConstraint("direction IN ('inbound', 'outbound')", name="calls_direction_check"),
        sa.CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="calls_ended_check"),
        sa.PrimaryKeyConstraint("call_sid"),
    )
    op.create_index("ix_calls_active", "calls", ["owner"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index("ix_calls_began", "calls", [sa.text("coalesce(started_at, created_at)")])
    op.create_index(
        "ix_calls_user_id_began", "calls", ["user_id", sa.text("coalesce(started_at, created_at)")]
    )
    op.create_table(
        "processes",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "call_items",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('note', 'reminder', 'todo', 'appointment')", name="call_items_kind_check"
        ),
        sa.CheckConstraint("state IN ('draft', 'noted', 'cancelled')", name="call_items_state_check"),
        sa.ForeignKeyConstraint(["call_sid"], ["calls.call_sid"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_call_items_call_sid", "call_items", ["call_sid"])
    op.create_table(
        "call_summaries",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("key_points", JSONB(), nullable=False),
        sa.Column("action_items", JSONB(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["call_sid"], ["calls.call_sid"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_sid"),
    )
    op.create_table(
        "phone_numbers",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.CheckConstraint("number ~ '^\\+[1-9][0-9]{1,14}$'", name="phone_numbers_e164_check"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_phone_numbers_user_id", "phone_numbers", ["user_id"])
    op.create_table(
        "transcript_lines",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("speaker", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.REAL(), nullable=True),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=False),
        sa.Column("interrupted", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("speaker IN ('user', 'assistant')", name="transcript_lines_speaker_check"),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name="transcript_lines_confidence_check"),
        sa.ForeignKeyConstraint(["call_sid"], ["calls.call_sid"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("call_sid", "seq"),
    )

    async def install_job_queue(connection: Connection) -> None:
        # Its own SQL, as of the pgqueuer that is installed: what its worker expects to find. Several
        # statements at once, which only the driver's own connection can run.
        assert connection.is_in_transaction()
        await JobQueue.from_asyncpg_connection(connection).install()

    driver_connection().run_async(install_job_queue)


def downgrade() -> None:
    op.drop_table("transcript_lines")
    op.drop_table("phone_numbers")
    op.drop_table("call_summaries")
    op.drop_table("call_items")
    op.drop_table("users")
    op.drop_table("processes")
    op.drop_table("calls")

    async def uninstall_job_queue(connection: Connection) -> None:
        await JobQueue.from_asyncpg_connection(connection).uninstall()

    driver_connection().run_async(uninstall_job_queue)
