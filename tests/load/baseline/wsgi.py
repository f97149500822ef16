"""The WSGI application of the plain solution."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.load.baseline.settings"
application = get_wsgi_application()
