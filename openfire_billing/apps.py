from django.apps import AppConfig


class GroundConfig(AppConfig):
    name = "openfire_billing"
    label = "ground"
    verbose_name = "Socle"
