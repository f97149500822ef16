"""Says why: every error this service can answer with, and how it is told."""
