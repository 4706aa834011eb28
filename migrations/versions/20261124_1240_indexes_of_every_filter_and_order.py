"""An index for every filter and every order, so that lists stay flat however many users there are."""

import sqlalchemy as sa
from alembic import op

revision = "8e41b7c3d905"
down_revision = "5c1d0f2b7a96"
branch_labels = None
depends_on = None

LIVE = "status IN ('PENDING', 'ACTIVE', 'SUSPENDED')"
GONE = "status IN ('ARCHIVED', 'ERASED')"
# What users are ordered by, and what the index of that was called.
ORDERS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "email": "email",
    "username": "username",
    "display_name_fold": "display_name",
    "first_name_fold": "first_name",
    "last_name_fold": "last_name",
    "status": "status",
}
WORDS = ("email", "username", "first_name_fold", "last_name_fold", "display_name_fold", "search_fold")
# Somebody else may have made it, and may need it.
DROP_EXTENSION = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm' AND extowner = current_user::regrole) THEN
        DROP EXTENSION pg_trgm;
    END IF;
END $$
"""
OTHERS = {
    "ix_users_status_created_at": "users (status, created_at, id)",
    "ix_users_created_at_service": f"users (created_at, id) WHERE kind = 'SERVICE' AND {LIVE}",
    "ix_users_external_id_gone": f"users (external_id) WHERE {GONE}",
    "ix_users_phone": "users (phone)",
    "ix_users_locale": "users (lower(locale))",
    "ix_users_timezone": "users (lower(timezone))",
    "ix_users_email_verified_at": "users (email_verified_at)",
    "ix_users_attributes": "users USING gin (attributes jsonb_path_ops)",
    "ix_role_assignments_role_id_assigned_at_open": "role_assignments (role_id, assigned_at, id) WHERE ended_at IS NULL",
    "ix_role_assignments_assigned_at_open": "role_assignments (assigned_at, id) WHERE ended_at IS NULL",
    "ix_role_assignments_assigned_at_revoked": "role_assignments (assigned_at, id) WHERE revoked_by_kind IS NOT NULL",
    "ix_role_assignments_assigned_by_user_id": "role_assignments (assigned_by_user_id, assigned_at, id)"
    " WHERE assigned_by_user_id IS NOT NULL",
    "ix_events_type": "events (type, epoch, transaction, sequence)",
    "ix_events_at": "events (at)",
}
HOLDERS = "ix_role_assignments_role_id_open ON role_assignments (role_id, user_id)"
# Names are many, and the planner must know the common from the rare.
STATISTICS = 1000


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for column, name in ORDERS.items():
        op.drop_index(f"ix_users_{name}", "users")
        op.create_index(f"ix_users_{column}_live", "users", [column, "id"], postgresql_where=sa.text(LIVE))
        op.create_index(f"ix_users_{column}_gone", "users", [column, "id"], postgresql_where=sa.text(GONE))
    for column in WORDS:
        op.execute(f"CREATE INDEX ix_users_{column}_words ON users USING gin ({column} gin_trgm_ops)")
        op.execute(f"ALTER TABLE users ALTER {column} SET STATISTICS {STATISTICS}")
    for name, what in OTHERS.items():
        op.execute(f"CREATE INDEX {name} ON {what}")
    op.drop_index("ix_role_assignments_role_id_open", "role_assignments")
    op.execute(f"CREATE INDEX {HOLDERS} INCLUDE (expires_at) WHERE ended_at IS NULL")
    op.execute("ANALYZE users, role_assignments, events")


def downgrade() -> None:
    op.drop_index("ix_role_assignments_role_id_open", "role_assignments")
    op.execute(f"CREATE INDEX {HOLDERS} WHERE ended_at IS NULL")
    for name in OTHERS:
        op.execute(f"DROP INDEX {name}")
    for column in WORDS:
        op.execute(f"ALTER TABLE users ALTER {column} SET STATISTICS DEFAULT")
        op.drop_index(f"ix_users_{column}_words", "users")
    for column, name in ORDERS.items():
        op.drop_index(f"ix_users_{column}_live", "users")
        op.drop_index(f"ix_users_{column}_gone", "users")
        op.create_index(f"ix_users_{name}", "users", [column, "id"])
    op.execute(DROP_EXTENSION)
