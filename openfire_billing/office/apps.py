from django.apps import AppConfig


class OfficeConfig(AppConfig):
    name = "openfire_billing.office"
    label = "office"
    verbose_name = "Bureau"
