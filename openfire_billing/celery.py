"""The Celery application: queue and clock (beat) of the product, both in Europe/Paris."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openfire_billing.settings")


app = Celery("openfire_billing")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def send_after_commit(task: str, *args: object) -> None:
    """Queue a task, by name, when the transaction commits. A broker out of reach is logged and raises nothing.

    The task is the fast path: each has a periodic task that does what was not queued.
    """
    from django.db import transaction

    transaction.on_commit(lambda: app.send_task(task, args=args) and None, robust=True)
