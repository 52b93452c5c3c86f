from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import Field
from django.db.models.fields.related import ForeignObject
from django.db.models.signals import pre_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext, ngettext

from openfire_billing.db.base_version import refuse_other_version
from openfire_billing.db.functions import Among, Folded, add_functions
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
        connection_created.connect(_add_functions, dispatch_uid="ground_functions")


def _refuse_other_version(using: str, **_of_signal: object) -> None:
    """Stop `migrate` before it changes a database of another version. Connected to one app's signal."""
    try:
        refuse_other_version()
    except BusinessError as refusal:
        raise CommandError(str(refusal)) from refusal


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
