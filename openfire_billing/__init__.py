"""The ground all apps stand on: settings, Celery, URLs, money, periods, errors, fields, contributions, look.

It has no models and imports no app. What imports every app is the `office` package inside it.
"""

from openfire_billing.celery import app as celery_app

__all__ = ["celery_app"]
