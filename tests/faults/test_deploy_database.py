"""docs/deploy/database.sql on a server: the role that it makes may do what `migrate` asks."""

from pathlib import Path
from uuid import uuid4

import psycopg

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "deploy" / "database.sql"


def test_role_of_the_script_owns_its_database_and_makes_the_extensions(database_url: str) -> None:
    name = f"openfire_{uuid4().hex[:10]}"
    script = "\n".join(line for line in SCRIPT.read_text().splitlines() if not line.startswith("--"))
    statements = [part.strip().replace("openfire", name) for part in script.split(";") if part.strip()]
    assert len(statements) == 3
    place, question, options = database_url.partition("?")
    with psycopg.connect(database_url, autocommit=True) as link:
        try:
            for statement in statements:
                link.execute(statement)
            owned = f"{place.rpartition('/')[0]}/{name}{question}{options}"
            with psycopg.connect(owned, autocommit=True) as inside:
                inside.execute(f'SET SESSION AUTHORIZATION "{name}"')
                for extension in ("pg_trgm", "btree_gist"):
                    inside.execute(f"CREATE EXTENSION {extension}")
                inside.execute("CREATE TABLE made (id bigint)")
                found = inside.execute("SELECT extname FROM pg_extension ORDER BY 1").fetchall()
                assert {extension for (extension,) in found} >= {"btree_gist", "pg_trgm"}
            acl = link.execute(
                "SELECT has_database_privilege('public', datname, 'CONNECT') FROM pg_database WHERE datname = %s",
                [name],
            ).fetchone()
            assert acl == (False,)
        finally:
            link.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            link.execute(f'DROP ROLE IF EXISTS "{name}"')
