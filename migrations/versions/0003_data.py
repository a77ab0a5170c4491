"""A user's queries see that user's rows; erased calls stay erased; a stream knows a later one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.errors import SettingError

revision = "0003_data"
down_revision = "0002_outbound_calls"
branch_labels = None
depends_on = None

READER = "offhook_reader"

# Empty or not set: it is Offhook itself that asks.
USER = "(SELECT nullif(current_setting('offhook.user_id', true), ''))"
OF_OWN_CALL = "EXISTS (SELECT FROM calls WHERE calls.call_sid = {table}.call_sid)"
OWN = {
    "calls": f"user_id = {USER}",
    "transcript_lines": OF_OWN_CALL,
    "call_items": OF_OWN_CALL,
    "call_summaries": OF_OWN_CALL,
    "users": f"id = {USER}",
    "phone_numbers": f"user_id = {USER}",
}


def upgrade() -> None:
    op.add_column("calls", sa.Column("stream_started_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "erased_calls",
        sa.Column("call_sid", sa.Text(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("call_sid"),
    )
    for table, own in OWN.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        # The owner as well: it is the owner's transactions that name a user.
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY offhook_service ON {table} TO CURRENT_USER USING ({USER} IS NULL)")
        op.execute(f"CREATE POLICY offhook_own ON {table} FOR SELECT USING ({own.format(table=table)})")
    if _bypasses():
        _make_reader()


def downgrade() -> None:
    for table in OWN:
        op.execute(f"DROP POLICY offhook_own ON {table}")
        op.execute(f"DROP POLICY offhook_service ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    if _reader_exists():
        # The role itself may serve other databases of this server.
        op.execute(f"REVOKE SELECT ON {', '.join(OWN)} FROM {READER}")  # noqa: S608
    op.drop_table("erased_calls")
    op.drop_column("calls", "stream_started_at")


def _bypasses() -> bool:
    """No policy is asked for this login, so that users' queries have to run as somebody else."""
    asked = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    return bool(op.get_bind().scalar(sa.text(asked)))


def _reader_exists() -> bool:
    return bool(op.get_bind().scalar(sa.text(f"SELECT 1 FROM pg_roles WHERE rolname = '{READER}'")))  # noqa: S608


def _make_reader() -> None:
    # Roles belong to the server, not to the database: another one may make it now, or have made it.
    op.execute(
        f"""DO $$ BEGIN
            CREATE ROLE {READER} NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL; END $$"""
    )
    op.execute(
        f"""DO $$ BEGIN
            IF NOT pg_has_role(current_user, '{READER}', 'MEMBER') THEN
                GRANT {READER} TO CURRENT_USER;
            END IF;
        EXCEPTION WHEN undefined_object OR insufficient_privilege THEN NULL; END $$"""
    )
    if not _may_become_reader():
        user = op.get_bind().scalar(sa.text("SELECT quote_ident(current_user)"))
        raise SettingError(
            "DATABASE_URL",
            f"{user} is exempt from row-level security and may not make the role for users' queries.",
            f"Have an administrator run: CREATE ROLE {READER} NOLOGIN; GRANT {READER} TO {user}; "
            f"or: ALTER ROLE {user} NOBYPASSRLS. Then: offhook migrate",
        )
    op.execute(
        f"DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO {READER}', current_schema()); END $$"
    )
    op.execute(f"GRANT SELECT ON {', '.join(OWN)} TO {READER}")


def _may_become_reader() -> bool:
    asked = f"SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = '{READER}'"  # noqa: S608
    return bool(op.get_bind().scalar(sa.text(asked)))
