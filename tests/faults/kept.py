"""The database as it was: kept in a schema of its own, put back after each round in a fraction of making it anew."""

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from openfire_billing.db.guards import without_guards

SCHEMA = "kept"


def _tables() -> list[str]:
    """Every table of a model, and those of many-to-many fields."""
    found = [model._meta.db_table for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    return sorted(set(found))


def keep() -> None:
    """Copy every row aside."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        cursor.execute(f"CREATE SCHEMA {SCHEMA}")
        for table in _tables():
            cursor.execute(f'CREATE TABLE {SCHEMA}."{table}" AS TABLE public."{table}"')


def put_back() -> None:
    """Every row as it was kept; foreign keys are checked at the end of the transaction."""
    tables = _tables()
    with without_guards(), connection.cursor() as cursor:
        names = ", ".join(f'public."{table}"' for table in tables)
        cursor.execute(f"TRUNCATE {names}")
        for table in tables:
            cursor.execute(f'INSERT INTO public."{table}" SELECT * FROM {SCHEMA}."{table}"')
    ContentType.objects.clear_cache()


def forget() -> None:
    """Drop what was kept."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
