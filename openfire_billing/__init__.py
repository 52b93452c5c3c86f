"""The ground that all apps import: settings, Celery, URLs, money, periods, errors, fields, contributions, look.

It has no models and imports no app. The `office` package inside it imports every app.
"""

from openfire_billing.celery import app as celery_app

__all__ = ["celery_app"]
