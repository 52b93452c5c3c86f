-- sudo -u postgres psql -v ON_ERROR_STOP=1 -f docs/deploy/database.sql
-- Le rôle possède sa base : il peut y créer les extensions pg_trgm et btree_gist.
CREATE ROLE openfire LOGIN PASSWORD 'à remplacer';
CREATE DATABASE openfire OWNER openfire ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE openfire FROM PUBLIC;
