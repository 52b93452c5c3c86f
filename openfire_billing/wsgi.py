"""The WSGI application, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from openfire_billing.kernel.memory import freeze_loaded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openfire_billing.settings")
application = get_wsgi_application()

assert get_resolver().url_patterns  # loads the pages and the API
freeze_loaded()
