"""Databases made by another version of the program: found, refused or set aside."""

from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from openfire_billing.db.new_base import ENDINGS
from openfire_billing.kernel.errors import BusinessError

SENTENCE = (
    "La base « %(base)s » vient d'une autre version du programme : elle n'est ni modifiée ni reprise. "
    "Gardez-la avec la version qui l'a créée, et donnez une base neuve à celle-ci (DATABASE_URL)."
)


def unknown_migrations() -> list[str]:
    """Return the migrations of our apps that the database has and this program has not: ["invoicing.0018_…"]."""
    migrations = MigrationLoader(None).disk_migrations
    our_apps = {
        config.label for config in apps.get_app_configs() if Path(config.path).parent == Path(settings.BASE_DIR)
    }
    return sorted(
        f"{app}.{name}"
        for app, name in MigrationRecorder(connection).applied_migrations()
        if app in our_apps and (app, name) not in migrations
    )


def refuse_other_version() -> None:
    """Raise BusinessError when the database was made by another version of the program."""
    if unknown_migrations():
        raise BusinessError(SENTENCE % {"base": connection.settings_dict["NAME"]})


def keep_other_version_aside() -> Path | None:
    """Rename a SQLite database of another version, so that a new one takes its place.

    Returns its new path; None when the database is of this version, or new. Raises BusinessError on PostgreSQL, where
    another program may have it open.
    """
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return None  # to connect would create it
    if not unknown_migrations():
        return None
    if connection.vendor != "sqlite":
        refuse_other_version()
    connection.close()
    base = Path(connection.settings_dict["NAME"])
    kept = base.with_name(f"{base.stem}-{timezone.now():%Y%m%d-%H%M%S}{base.suffix}")
    for ending in ENDINGS:
        part = Path(f"{base}{ending}")
        if part.exists():
            part.rename(f"{kept}{ending}")
    return kept
