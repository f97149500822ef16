"""Routes whose handler for a bad request builds a URL from the Host header."""

from tests.contract.plain import build_url, urlpatterns

__all__ = ["handler400", "urlpatterns"]

handler400 = build_url
