"""The event log, API tokens, and the permissions that guard them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

TEXT = sa.Text(collation="C")
MOMENT = postgresql.TIMESTAMP(timezone=True, precision=3)

revision = "5c1d0f2b7a96"
down_revision = "fac66a7d44dd"
branch_labels = None
depends_on = None

# Where the functions below look for tables, and last among temporary ones: of those anybody can make one of any name.
PATH = "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
# Where the log lives. Numbers of transactions mean nothing in another cluster, nor on the other branch of its history
# after a failover, which is another timeline.
CLUSTER = """
CREATE FUNCTION event_cluster() RETURNS text STABLE LANGUAGE sql AS $$
    SELECT system_identifier || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
    FROM pg_control_system()
$$
"""
# The last epoch if the log still lives where that began, else the next. A standby, which cannot tell, keeps to the last.
EPOCH = """
CREATE FUNCTION current_event_epoch() RETURNS integer STABLE LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT coalesce(
        (SELECT CASE WHEN pg_is_in_recovery() OR cluster = event_cluster() THEN epoch ELSE epoch + 1 END
         FROM event_epochs ORDER BY epoch DESC LIMIT 1),
        1)
$$
"""
# A transaction has its number before its locks, and may have waited for some with higher ones, which its events follow:
# they come after the last transaction that has ended, then by sequence. Never before its own number, for the feed waits
# for that.
PLACE = """
CREATE FUNCTION place_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    NEW.epoch := current_event_epoch();
    NEW.transaction := greatest(
        pg_current_xact_id()::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1);
    IF NOT EXISTS (SELECT FROM event_epochs WHERE epoch = NEW.epoch) THEN
        INSERT INTO event_epochs (epoch, cluster) VALUES (NEW.epoch, event_cluster()) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NEW;
END
$$
"""
BLANKED = """
CREATE FUNCTION blanked_changes(changes jsonb) RETURNS jsonb IMMUTABLE LANGUAGE sql AS $$
    SELECT coalesce(jsonb_agg(
        CASE WHEN change ->> 'field' IN (
            'email', 'email_verified_at', 'username', 'first_name', 'last_name', 'display_name', 'phone', 'locale',
            'timezone', 'avatar_url', 'external_id', 'attributes', 'label')
        THEN change || '{"before": null, "after": null}' ELSE change END ORDER BY n), '[]')
    FROM jsonb_array_elements(changes) WITH ORDINALITY AS listed (change, n)
$$
"""
# The one change that is let through: what is personal of a user who is erased becomes null.
KEEP = """
CREATE FUNCTION keep_events() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - 'changes' = to_jsonb(OLD) - 'changes'
            AND NEW.changes = blanked_changes(OLD.changes)
            AND EXISTS (SELECT FROM users WHERE id = OLD.user_id AND status = 'ERASED') THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
END
$$
"""
ERASE = """
CREATE FUNCTION erase_from_events(erased uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    UPDATE events SET changes = blanked_changes(changes)
    WHERE user_id = erased AND changes <> blanked_changes(changes)
$$
"""
# What has a place keeps it: a dump that is restored, and a great many events that are copied in.
TRIGGERS = """
CREATE TRIGGER place_event BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.epoch IS NULL) EXECUTE FUNCTION place_event();
CREATE TRIGGER keep_events BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION keep_events();
CREATE TRIGGER keep_all_events BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION keep_events();
"""
PERMIT = """
WITH before AS (SELECT id, permissions FROM roles WHERE key = 'ADMIN' AND archived_at IS NULL),
after AS (
    UPDATE roles
    SET permissions = ARRAY(SELECT DISTINCT label COLLATE "C" FROM unnest(roles.permissions || ARRAY['roster:events:read', 'roster:tokens:write']) AS label
                            ORDER BY 1),
        version = version + 1,
        updated_at = greatest(updated_at, date_trunc('milliseconds', now()))
    FROM before WHERE roles.id = before.id
    RETURNING roles.*
)
INSERT INTO events (id, type, at, actor_kind, role_id, role_key, changes)
SELECT uuidv7(), 'ROLE_UPDATED', after.updated_at, 'SYSTEM', after.id, after.key,
       jsonb_build_array(jsonb_build_object('field', 'permissions', 'before', before.permissions, 'after', after.permissions))
FROM after JOIN before USING (id)
"""
FORBID = """
UPDATE roles
SET permissions = ARRAY(SELECT label FROM unnest(permissions) AS label WHERE label <> ALL (ARRAY['roster:events:read', 'roster:tokens:write']) ORDER BY 1)
"""


def upgrade() -> None:
    op.create_table(
        "event_epochs",
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cluster", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_event_epochs")),
    )
    _create_events()
    for statement in (PATH, CLUSTER, EPOCH, PLACE, BLANKED, KEEP, ERASE, TRIGGERS):
        op.execute(statement)
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.CheckConstraint("octet_length(digest) = 32", name=op.f("ck_api_tokens_digest")),
        sa.CheckConstraint("char_length(label) BETWEEN 1 AND 100", name=op.f("ck_api_tokens_label")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_api_tokens_expires_at")),
        sa.CheckConstraint("revoked_at >= created_at", name=op.f("ck_api_tokens_revoked_at")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_api_tokens_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
    )
    op.create_index("ix_api_tokens_owner_id", "api_tokens", ["owner_id"], unique=False)
    op.create_index("uq_api_tokens_digest", "api_tokens", ["digest"], unique=True)
    # What ends by itself, for the job that records it.
    op.create_index(
        "ix_role_assignments_expires_at_open",
        "role_assignments",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.execute(PERMIT)


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor_kind", TEXT, nullable=False),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("role_id", sa.Uuid(), nullable=True),
        sa.Column("role_key", TEXT, nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("request_id", TEXT, nullable=True),
        sa.CheckConstraint(
            "type IN ('USER_CREATED', 'USER_UPDATED', 'USER_STATUS_CHANGED', 'USER_ERASED', 'ROLE_CREATED',"
            " 'ROLE_UPDATED', 'ROLE_ARCHIVED', 'ROLE_ASSIGNED', 'ROLE_ASSIGNMENT_CHANGED', 'ROLE_REVOKED',"
            " 'ROLE_ASSIGNMENT_EXPIRED', 'TOKEN_CREATED', 'TOKEN_REVOKED')",
            name=op.f("ck_events_type"),
        ),
        sa.CheckConstraint("actor_kind IN ('USER', 'CLI', 'SYSTEM')", name=op.f("ck_events_actor_kind")),
        sa.CheckConstraint(
            "(actor_kind = 'USER') = (actor_user_id IS NOT NULL)", name=op.f("ck_events_actor")
        ),
        sa.CheckConstraint("(role_id IS NULL) = (role_key IS NULL)", name=op.f("ck_events_role_key")),
        sa.CheckConstraint("user_id IS NOT NULL OR role_id IS NOT NULL", name=op.f("ck_events_subject")),
        sa.CheckConstraint("jsonb_typeof(changes) = 'array'", name=op.f("ck_events_changes")),
        sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 500", name=op.f("ck_events_reason")),
        sa.CheckConstraint("char_length(request_id) BETWEEN 1 AND 128", name=op.f("ck_events_request_id")),
        sa.ForeignKeyConstraint(["actor_user_id"], ["users.id"], name=op.f("fk_events_actor_user_id")),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_events_role_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_events_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    place = ["epoch", "transaction", "sequence"]
    op.create_index("uq_events_place", "events", place, unique=True)
    for of in ("user_id", "role_id", "actor_user_id"):
        op.create_index(f"ix_events_{of}", "events", [of, *place], unique=False)


def downgrade() -> None:
    op.execute(FORBID)
    op.drop_index("ix_role_assignments_expires_at_open", "role_assignments")
    op.drop_table("api_tokens")
    op.drop_table("events")
    op.drop_table("event_epochs")
    for function in (
        "erase_from_events(uuid)",
        "keep_events()",
        "blanked_changes(jsonb)",
        "place_event()",
        "current_event_epoch()",
        "event_cluster()",
    ):
        op.execute(f"DROP FUNCTION {function}")
