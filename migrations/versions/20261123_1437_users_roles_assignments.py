"""Users, roles and who holds which; the role ADMIN."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

TEXT = sa.Text(collation="C")
MOMENT = postgresql.TIMESTAMP(timezone=True, precision=3)

revision = "fac66a7d44dd"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "roles",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("key_fold", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_fold", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("description_fold", TEXT, nullable=True),
        sa.Column("permissions", postgresql.ARRAY(TEXT), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("min_holders", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("archived_at", MOMENT, nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint("key ~ '^[A-Z][A-Z0-9_]{0,63}$'", name=op.f("ck_roles_key")),
        sa.CheckConstraint("cardinality(permissions) <= 200", name=op.f("ck_roles_permissions")),
        sa.CheckConstraint("char_length(description) BETWEEN 1 AND 1000", name=op.f("ck_roles_description")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 100", name=op.f("ck_roles_name")),
        sa.CheckConstraint("min_holders BETWEEN 0 AND 1000", name=op.f("ck_roles_min_holders")),
        sa.CheckConstraint("updated_at >= created_at", name=op.f("ck_roles_updated_at")),
        sa.CheckConstraint("version > 0", name=op.f("ck_roles_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
    )
    op.create_index(
        "uq_roles_key", "roles", ["key"], unique=True, postgresql_where=sa.text("archived_at IS NULL")
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=True),
        sa.Column("email_verified_at", MOMENT, nullable=True),
        sa.Column("username", TEXT, nullable=True),
        sa.Column("first_name", TEXT, nullable=True),
        sa.Column("first_name_fold", TEXT, nullable=True),
        sa.Column("last_name", TEXT, nullable=True),
        sa.Column("last_name_fold", TEXT, nullable=True),
        sa.Column("display_name", TEXT, nullable=False),
        sa.Column("display_name_fold", TEXT, nullable=False),
        sa.Column("display_name_given", sa.Boolean(), nullable=False),
        sa.Column("phone", TEXT, nullable=True),
        sa.Column("locale", TEXT, nullable=True),
        sa.Column("timezone", TEXT, nullable=True),
        sa.Column("avatar_url", TEXT, nullable=True),
        sa.Column("external_id", TEXT, nullable=True),
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("search_fold", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "avatar_url ~ '^https://' AND char_length(avatar_url) <= 2048", name=op.f("ck_users_avatar_url")
        ),
        sa.CheckConstraint(
            "email = lower(email) AND position('@' in email) > 1", name=op.f("ck_users_email_form")
        ),
        sa.CheckConstraint("jsonb_typeof(attributes) = 'object'", name=op.f("ck_users_attributes")),
        sa.CheckConstraint("kind IN ('PERSON', 'SERVICE')", name=op.f("ck_users_kind")),
        sa.CheckConstraint("phone ~ '^[+][0-9]{2,15}$'", name=op.f("ck_users_phone")),
        sa.CheckConstraint(
            "status <> 'ERASED' OR (email IS NULL AND username IS NULL AND first_name IS NULL AND last_name IS NULL AND phone IS NULL AND locale IS NULL AND timezone IS NULL AND avatar_url IS NULL AND external_id IS NULL AND email_verified_at IS NULL AND attributes = '{}')",
            name=op.f("ck_users_erased"),
        ),
        sa.CheckConstraint(
            "status = 'ERASED' OR CASE kind WHEN 'PERSON' THEN email IS NOT NULL ELSE username IS NOT NULL END",
            name=op.f("ck_users_identified"),
        ),
        sa.CheckConstraint(
            "status IN ('PENDING', 'ACTIVE', 'SUSPENDED', 'ARCHIVED', 'ERASED')", name=op.f("ck_users_status")
        ),
        sa.CheckConstraint(
            "username ~ '^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$'", name=op.f("ck_users_username")
        ),
        sa.CheckConstraint("char_length(display_name) BETWEEN 1 AND 201", name=op.f("ck_users_display_name")),
        sa.CheckConstraint("char_length(email) BETWEEN 1 AND 254", name=op.f("ck_users_email")),
        sa.CheckConstraint("char_length(external_id) BETWEEN 1 AND 255", name=op.f("ck_users_external_id")),
        sa.CheckConstraint("char_length(first_name) BETWEEN 1 AND 100", name=op.f("ck_users_first_name")),
        sa.CheckConstraint("char_length(last_name) BETWEEN 1 AND 100", name=op.f("ck_users_last_name")),
        sa.CheckConstraint("char_length(locale) BETWEEN 1 AND 35", name=op.f("ck_users_locale")),
        sa.CheckConstraint("char_length(timezone) BETWEEN 1 AND 64", name=op.f("ck_users_timezone")),
        sa.CheckConstraint("updated_at >= created_at", name=op.f("ck_users_updated_at")),
        sa.CheckConstraint("version > 0", name=op.f("ck_users_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("ix_users_created_at", "users", ["created_at", "id"], unique=False)
    op.create_index("ix_users_display_name", "users", ["display_name_fold", "id"], unique=False)
    op.create_index("ix_users_email", "users", ["email", "id"], unique=False)
    op.create_index("ix_users_first_name", "users", ["first_name_fold", "id"], unique=False)
    op.create_index("ix_users_last_name", "users", ["last_name_fold", "id"], unique=False)
    op.create_index("ix_users_status", "users", ["status", "id"], unique=False)
    op.create_index("ix_users_updated_at", "users", ["updated_at", "id"], unique=False)
    op.create_index("ix_users_username", "users", ["username", "id"], unique=False)
    op.create_index(
        "uq_users_email",
        "users",
        ["email"],
        unique=True,
        postgresql_where=sa.text("status IN ('PENDING', 'ACTIVE', 'SUSPENDED')"),
    )
    op.create_index(
        "uq_users_external_id",
        "users",
        ["external_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('PENDING', 'ACTIVE', 'SUSPENDED')"),
    )
    op.create_index(
        "uq_users_username",
        "users",
        ["username"],
        unique=True,
        postgresql_where=sa.text("status IN ('PENDING', 'ACTIVE', 'SUSPENDED')"),
    )
    op.create_table(
        "role_assignments",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.Column("assigned_at", MOMENT, nullable=False),
        sa.Column("assigned_by_kind", TEXT, nullable=False),
        sa.Column("assigned_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("revoked_by_kind", TEXT, nullable=True),
        sa.Column("revoked_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("revoke_reason", TEXT, nullable=True),
        sa.CheckConstraint(
            "(assigned_by_kind = 'USER') = (assigned_by_user_id IS NOT NULL)",
            name=op.f("ck_role_assignments_assigned_by"),
        ),
        sa.CheckConstraint(
            "assigned_by_kind IN ('USER', 'CLI', 'SYSTEM')", name=op.f("ck_role_assignments_assigned_by_kind")
        ),
        sa.CheckConstraint(
            "coalesce(revoked_by_kind = 'USER', false) = (revoked_by_user_id IS NOT NULL)",
            name=op.f("ck_role_assignments_revoked_by"),
        ),
        sa.CheckConstraint(
            "revoked_by_kind IN ('USER', 'CLI', 'SYSTEM')", name=op.f("ck_role_assignments_revoked_by_kind")
        ),
        sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 500", name=op.f("ck_role_assignments_reason")),
        sa.CheckConstraint("ended_at <= expires_at", name=op.f("ck_role_assignments_ended_before_expiry")),
        sa.CheckConstraint("ended_at >= assigned_at", name=op.f("ck_role_assignments_ended_at")),
        sa.CheckConstraint(
            "ended_at IS NOT NULL OR revoked_by_kind IS NULL",
            name=op.f("ck_role_assignments_open_is_not_revoked"),
        ),
        sa.CheckConstraint(
            "ended_at IS NULL OR revoked_by_kind IS NOT NULL OR coalesce(ended_at = expires_at, false)",
            name=op.f("ck_role_assignments_ended_by_expiry"),
        ),
        sa.CheckConstraint("expires_at > assigned_at", name=op.f("ck_role_assignments_expires_at")),
        sa.CheckConstraint(
            "revoke_reason IS NULL OR (revoked_by_kind IS NOT NULL AND char_length(revoke_reason) BETWEEN 1 AND 500)",
            name=op.f("ck_role_assignments_revoke_reason"),
        ),
        sa.ForeignKeyConstraint(
            ["assigned_by_user_id"], ["users.id"], name=op.f("fk_role_assignments_assigned_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["revoked_by_user_id"], ["users.id"], name=op.f("fk_role_assignments_revoked_by_user_id")
        ),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_role_assignments_role_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_role_assignments_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_assignments")),
    )
    op.create_index(
        "ix_role_assignments_assigned_at", "role_assignments", ["assigned_at", "id"], unique=False
    )
    op.create_index(
        "ix_role_assignments_role_id", "role_assignments", ["role_id", "assigned_at", "id"], unique=False
    )
    op.create_index(
        "ix_role_assignments_role_id_open",
        "role_assignments",
        ["role_id", "user_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_role_assignments_user_id", "role_assignments", ["user_id", "assigned_at", "id"], unique=False
    )
    op.create_index(
        "uq_role_assignments_open",
        "role_assignments",
        ["user_id", "role_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )

    op.execute(
        """
        INSERT INTO roles (key, key_fold, name, name_fold, description, description_fold, permissions,
                           created_at, updated_at)
        VALUES ('ADMIN', 'admin', 'Administrator', 'administrator', 'May do everything.', 'may do everything.',
                ARRAY['roster:roles:assign', 'roster:roles:read', 'roster:roles:write',
                      'roster:users:erase', 'roster:users:read', 'roster:users:write'],
                now(), now())
        """
    )


def downgrade() -> None:
    op.drop_table("role_assignments")
    op.drop_table("users")
    op.drop_table("roles")
