-- Two roles and a database, once, by a superuser:
--   psql -v owner_password=… -v bot_password=… -f deploy/postgres/roles.sql
-- record_bot_owner owns the tables: migrations, archive and erasure run as it. record_bot is whom `serve` connects as.
-- In the image of PostgreSQL the passwords come from /run/secrets; an empty one is refused by the server's log-in later.
\set ON_ERROR_STOP on
\if :{?owner_password}
\else
\set owner_password `cat /run/secrets/record_bot_owner_password`
\set bot_password `cat /run/secrets/record_bot_password`
\endif

CREATE ROLE record_bot_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE record_bot LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'bot_password';
CREATE DATABASE record_bot OWNER record_bot_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE record_bot FROM PUBLIC;
GRANT CONNECT ON DATABASE record_bot TO record_bot;

\connect record_bot
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO record_bot_owner;
GRANT USAGE ON SCHEMA public TO record_bot;
