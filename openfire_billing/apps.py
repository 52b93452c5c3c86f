from django.apps import AppConfig
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
