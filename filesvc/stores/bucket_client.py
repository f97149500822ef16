"""The client of an S3 store, as the settings say.

django-storages makes it, from one set of settings and credentials. Its own way of saving is
not used: it overwrites, or looks first and overwrites then, and no digest of ours goes with
the bytes.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from django.conf import settings
from storages.backends.s3 import S3Storage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ATTEMPTS = 3
CONTENT_TYPE = "application/octet-stream"


@functools.lru_cache(maxsize=8)
def make_storage(  # noqa: PLR0913 - what a client is made of
    *,
    name: str,
    endpoint_url: str | None,
    region: str | None,
    addressing_style: Any,
    credentials: tuple[str | None, str | None, str | None],
    timeouts_seconds: tuple[float, float],
    encryption: tuple[tuple[str, str], ...],
) -> S3Storage:
    """Where no credentials are set, boto3 looks for those of the machine."""
    connect_seconds, read_seconds = timeouts_seconds
    key_id, secret, session_token = credentials
    return S3Storage(
        bucket_name=name,
        endpoint_url=endpoint_url,
        region_name=region,
        access_key=key_id,
        secret_key=secret,
        security_token=session_token,
        object_parameters={"ContentType": CONTENT_TYPE, **dict(encryption)},
        client_config=Config(
            connect_timeout=connect_seconds,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=2 * settings.WEB_THREADS,
            s3={"addressing_style": addressing_style},
            signature_version="s3v4",
            tcp_keepalive=True,
        ),
    )


@functools.lru_cache(maxsize=8)
def client_of(storage: S3Storage) -> S3Client:
    """Made once: it takes a fifth of a second, and threads may share it, unlike the rest."""
    client: S3Client = storage.connection.meta.client
    return client
