"""The task's plain solution, as most would write it: what the service is measured against.

A FileField, a serializer, `perform_create` and `delay()`: no token, no limit, no check, no scan.
"""
