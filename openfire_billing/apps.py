from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db.models import Field
from django.db.models.fields.related import ForeignObject
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext, ngettext

from openfire_billing.db.functions import Among
from openfire_billing.kernel import words


class GroundConfig(AppConfig):
    name = "openfire_billing"
    label = "ground"
    verbose_name = "Socle"

    def ready(self) -> None:
        autodiscover_modules("services.locks")
        words.install(one=gettext, many=ngettext)
        Field.register_lookup(Among)
        ForeignObject.register_lookup(Among)


@checks.register(checks.Tags.security, deploy=True)
def mail_is_set(app_configs: Any, **options: Any) -> list[checks.CheckMessage]:
    """Without a mail server customers receive nothing; the outbox says so, and keeps what is to be sent."""
    if not settings.MAIL_IS_SENT:
        return [
            checks.Info(
                "EMAIL_URL manque : les e-mails restent dans « Messages » et ne partent pas.",
                hint="Définissez EMAIL_URL, par exemple smtp+tls://nom:secret@smtp.exemple.fr:587.",
                id="openfire.I001",
            )
        ]
    return []
