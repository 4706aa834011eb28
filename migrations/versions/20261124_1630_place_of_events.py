"""The cluster that events are written in is looked up once a session: to do so for each took as long as the event."""

from alembic import op

revision = "b27f9e4c6d18"
down_revision = "8e41b7c3d905"
branch_labels = None
depends_on = None

PATH = "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"
# A session that can write is on one timeline of one cluster until it ends: a standby that becomes the primary has written
# nothing before, and whoever goes back in history stops the server.
PLACE = """
CREATE OR REPLACE FUNCTION place_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    here text := current_setting('roster.event_cluster', true);
    last record;
BEGIN
    IF here IS NULL OR here = '' THEN
        here := event_cluster();
        PERFORM set_config('roster.event_cluster', here, false);
    END IF;
    SELECT epoch, cluster INTO last FROM event_epochs ORDER BY epoch DESC LIMIT 1;
    IF last.cluster = here THEN
        NEW.epoch := last.epoch;
    ELSE
        NEW.epoch := coalesce(last.epoch, 0) + 1;
        INSERT INTO event_epochs (epoch, cluster) VALUES (NEW.epoch, here) ON CONFLICT DO NOTHING;
    END IF;
    NEW.transaction := greatest(
        pg_current_xact_id()::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1);
    RETURN NEW;
END
$$
"""
BEFORE = """
CREATE OR REPLACE FUNCTION place_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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


def upgrade() -> None:
    op.execute(PATH)
    op.execute(PLACE)


def downgrade() -> None:
    op.execute(PATH)
    op.execute(BEFORE)
