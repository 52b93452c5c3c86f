from django.apps import AppConfig, apps
from django.db.models.signals import pre_migrate


class OfficeConfig(AppConfig):
    name = "openfire_billing.office"
    label = "office"
    verbose_name = "Bureau"

    def ready(self) -> None:
        """Have logins and logouts open and close the session of their user, and `migrate` refuse double codes."""
        from openfire_billing.office.double_codes import refuse_double_codes  # noqa: PLC0415  models are not loaded before
        from openfire_billing.office.sessions import connect  # noqa: PLC0415

        connect()
        pre_migrate.connect(
            refuse_double_codes, sender=apps.get_app_config("invoicing"), dispatch_uid="office_double_codes"
        )  # before the guards are dropped, with the last app
