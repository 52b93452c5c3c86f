"""The Celery application: queue and clock (beat) of the product, both in Europe/Paris."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openfire_billing.settings")

app = Celery("openfire_billing")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
