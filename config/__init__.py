"""Wires it: settings, URLs, the WSGI and Celery entry points."""
