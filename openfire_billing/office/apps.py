from django.apps import AppConfig


class OfficeConfig(AppConfig):
    name = "openfire_billing.office"
    label = "office"
    verbose_name = "Bureau"

    def ready(self) -> None:
        """Have logins and logouts open and close the session of their user."""
        from openfire_billing.office.sessions import connect  # noqa: PLC0415  models are not loaded before

        connect()
