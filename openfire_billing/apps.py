from collections.abc import Sequence

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import Field
from django.db.models.fields.related import ForeignObject
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext, ngettext

from openfire_billing.db.base_version import refuse_other_version
from openfire_billing.db.functions import Among, Folded, add_functions
from openfire_billing.db.guards import drop_guards, make_guards, missing_guards
from openfire_billing.kernel import words
from openfire_billing.kernel.errors import BusinessError


class GroundConfig(AppConfig):
    name = "openfire_billing"
    label = "ground"
    verbose_name = "Socle"

    def ready(self) -> None:
        autodiscover_modules("services.locks")
        words.install(one=gettext, many=ngettext)
        Field.register_lookup(Among)
        ForeignObject.register_lookup(Among)
        Field.register_lookup(Folded)
        pre_migrate.connect(
            _refuse_other_version, sender=apps.get_app_config("contenttypes"), dispatch_uid="ground_base"
        )
        last_app = [config for config in apps.get_app_configs() if config.models_module][
            -1
        ]  # of those that get signals
        pre_migrate.connect(_drop_guards, sender=last_app, dispatch_uid="ground_drop_guards")
        post_migrate.connect(_make_guards, sender=last_app, dispatch_uid="ground_make_guards")
        connection_created.connect(_add_functions, dispatch_uid="ground_functions")


def _refuse_other_version(using: str, **_of_signal: object) -> None:
    """Stop `migrate` before it changes a database of another version. Connected to one app's signal."""
    try:
        refuse_other_version()
    except BusinessError as refusal:
        raise CommandError(str(refusal)) from refusal


def _drop_guards(using: str, plan: Sequence[object], **_of_signal: object) -> None:
    """Drop the guards before migrations that may rebuild a guarded table. Connected to the last app's signal."""
    if plan:
        drop_guards(using)


def _make_guards(using: str, **_of_signal: object) -> None:
    """Make the missing guards when all apps are migrated. Connected to the last app's signal."""
    make_guards(using)


def _add_functions(connection: BaseDatabaseWrapper, **_of_signal: object) -> None:
    add_functions(connection)


@checks.register(checks.Tags.security, deploy=True)
def mail_is_set(app_configs: object, **options: object) -> list[checks.CheckMessage]:
    """Warn that without a mail server customers receive nothing; the outbox says so, and keeps what is to be sent."""
    if not settings.MAIL_IS_SENT:
        return [
            checks.Info(
                "EMAIL_URL manque : les e-mails restent dans « Messages » et ne partent pas.",
                hint="Définissez EMAIL_URL, par exemple smtp+tls://nom:secret@smtp.exemple.fr:587.",
                id="openfire.I001",
            )
        ]
    return []


@checks.register(checks.Tags.database)
def guards_are_made(
    app_configs: object, databases: Sequence[str] | None = None, **options: object
) -> list[checks.CheckMessage]:
    """Warn of each guard that a database lacks. A warning: `migrate`, which makes it, runs this check first."""
    return [
        checks.Warning(
            f"Il manque à la base « {alias} » le déclencheur {name}, qui empêche de changer une écriture définitive.",
            hint="« python manage.py migrate » le remet.",
            id="openfire.W001",
        )
        for alias in databases or ()
        for name in missing_guards(alias)
    ]
