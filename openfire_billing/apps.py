from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db.models import Field
from django.db.models.fields.related import ForeignObject

from openfire_billing.fields import Among


class GroundConfig(AppConfig):
    name = "openfire_billing"
    label = "ground"
    verbose_name = "Socle"

    def ready(self) -> None:
        Field.register_lookup(Among)
        ForeignObject.register_lookup(Among)


@checks.register(checks.Tags.security, deploy=True)
def mail_is_set(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """A server without a mail server prints its mails: customers would receive nothing."""
    if settings.EMAIL_BACKEND == "django.core.mail.backends.console.EmailBackend":
        return [
            checks.Warning(
                "EMAIL_URL manque : les e-mails sont écrits au journal du serveur et ne partent pas.",
                hint="Définissez EMAIL_URL, par exemple smtp+tls://nom:secret@smtp.exemple.fr:587.",
                id="openfire.W001",
            )
        ]
    return []
