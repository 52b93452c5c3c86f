"""The WSGI application, for gunicorn."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openfire_billing.settings")
application = get_wsgi_application()

# The loaded modules are never collected. Frozen, they spare the collector a scan of two tenths of a second every twenty
# answers or so.
assert get_resolver().url_patterns
gc.collect()
gc.freeze()
