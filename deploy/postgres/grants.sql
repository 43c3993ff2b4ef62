-- What the bot's role may do, after each `record-bot db upgrade`, by the owner. It can be run again at any time:
--   psql postgresql://record_bot_owner@HOST/record_bot -f deploy/postgres/grants.sql
\set ON_ERROR_STOP on
BEGIN;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM record_bot;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO record_bot;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO record_bot;
-- The trail only grows. Even somebody who has taken over the bot can't change or remove what stands there.
REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries FROM record_bot;
-- What people typed can be erased, and never changed.
REVOKE UPDATE, TRUNCATE ON typed_texts FROM record_bot;
-- The schema is the owner's.
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM record_bot;
COMMIT;
