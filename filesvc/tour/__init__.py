"""Walks through a running service as a client, and compares its answers with what they should be.

Only HTTP is spoken here: nothing of the service's own code is imported, so that the tour tells
of the service that answers and of no other.
"""
