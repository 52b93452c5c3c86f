"""The WSGI door, for gunicorn."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openfire_billing.settings")
application = get_wsgi_application()

# The program itself never becomes garbage: once it is loaded, the collector leaves it alone. Else it would walk through
# all of it, two tenths of a second, every twenty answers or so.
assert get_resolver().url_patterns
gc.collect()
gc.freeze()
