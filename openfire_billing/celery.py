"""The Celery application: queue and clock (beat) of the product, both in Europe/Paris."""

import os
from typing import Any

import django
from celery import Celery
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openfire_billing.settings")


class OfficeCelery(Celery):
    """Celery, whose results are kept in a table of Django: `celery call` asks for it before Django is loaded."""

    def _get_backend(self) -> Any:
        if not apps.ready:
            django.setup()
        return super()._get_backend()


app = OfficeCelery("openfire_billing")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def send_after_commit(task: str, *args: object) -> None:
    """Queue a task, by name, once the transaction is kept. A broker out of reach is logged and survived.

    The task is only the fast path: each has a sweep in beat that finds what was missed.
    """
    from django.db import transaction

    transaction.on_commit(lambda: app.send_task(task, args=args) and None, robust=True)
