"""Django's settings, all of them; what differs between installations comes from `env.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url
from django.db.backends.signals import connection_created

from config.database import bound_waits
from config.env import BASE_DIR, env_files, print_example, read_environment
from config.observability import configure_logging, configure_sentry
from config.version import read_version

env = read_environment()

VERSION = read_version()
# For commands: `filesvc` imports nothing of `config`.
ENV_FILES = env_files()
ENV_EXAMPLE = print_example()
SECRET_KEY = env.secret_key.get_secret_value()
DEBUG = False
ALLOWED_HOSTS = env.allowed_hosts
USE_X_FORWARDED_HOST = False
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # a redirect would turn a POST into a GET
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "rest_framework",
    "drf_spectacular",
    "knox",
    "filesvc",
]

MIDDLEWARE = [
    "config.request_id.BindRequestId",
    "config.response_headers.AddResponseHeaders",
    "errors.handler.OnlyProblems",
    "django.middleware.common.CommonMiddleware",
]
# Of pages, forms and cookies, which this API has none of; config.response_headers sends the rest.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003"]

# --- database ---------------------------------------------------------------------------

_SQLITE: dict[str, Any] = {
    # A read-then-write transaction that starts DEFERRED fails at once when it has to
    # upgrade (measured: 154 of 200 with four writers); IMMEDIATE waits its turn.
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    "timeout": 10,
}
_POSTGRESQL: dict[str, Any] = {
    "connect_timeout": 3,
    "options": "-c statement_timeout=10s -c lock_timeout=3s"
    " -c idle_in_transaction_session_timeout=30s",
    "tcp_user_timeout": 10_000,
}

_database: dict[str, Any] = dict(
    dj_database_url.parse(
        env.database_url.get_secret_value(), conn_max_age=60, conn_health_checks=True
    )
)
_database["OPTIONS"] = (
    _SQLITE if _database["ENGINE"].endswith("sqlite3") else _POSTGRESQL
) | _database.get("OPTIONS", {})
DATABASES = {"default": _database}
connection_created.connect(bound_waits)

# --- requests ---------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = []
KNOX_TOKEN_MODEL = "filesvc.Token"  # noqa: S105 - the name of a model
# Ours stands in for knox's own table, which its migrations would make all the same.
MIGRATION_MODULES = {"knox": None}
REST_KNOX = {"TOKEN_TTL": None}

REST_FRAMEWORK: dict[str, Any] = {
    # Token authentication alone: a session authenticator would parse the body before any gate.
    "DEFAULT_AUTHENTICATION_CLASSES": ["security.tokens.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["security.tokens.HasScope"],
    "DEFAULT_RENDERER_CLASSES": [
        "filesvc.renderers.JsonRenderer",
        "filesvc.renderers.ProblemRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.MultiPartParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "filesvc.renderers.AcceptNegotiation",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "errors.handler.handle_exception",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "filesvc",
    "DESCRIPTION": "Takes files in: checked, scanned, kept, processed.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

CACHES = {
    "default": {
        "BACKEND": "security.limit_cache.FallbackRedisCache",
        "LOCATION": env.cache_url.get_secret_value(),
        "OPTIONS": {
            "socket_connect_timeout": 0.25,
            "socket_timeout": 0.25,
            "retry": None,
            "serializer": "security.counts.WholeNumbers",
        },
    }
}
RATELIMIT_CACHE_PREFIX = "filesvc:rate:"

UPLOAD_RATE = env.upload_rate
ADDRESS_RATE = env.address_rate or "{}/{}".format(
    10 * int(env.upload_rate.split("/")[0]), env.upload_rate.split("/")[1]
)
AUTH_FAILURE_RATE = env.auth_failure_rate
TRUSTED_PROXIES = env.trusted_proxies

# --- uploads ----------------------------------------------------------------------------

MAX_UPLOAD_BYTES = env.max_upload_bytes
ALLOWED_TYPES = env.allowed_types
MAX_INFLIGHT_UPLOADS = env.max_inflight_uploads
QUOTA_FILES_PER_DAY = env.quota_files_per_day
QUOTA_BYTES_PER_DAY = env.quota_bytes_per_day
QUOTA_STORED_BYTES = env.quota_stored_bytes
MAX_WAITING_CLIENTS = env.web_threads - 2
STORAGE_ROOT: Path = env.storage_root

S3_BUCKET = env.s3_bucket
S3_ENDPOINT_URL = env.s3_endpoint_url
S3_REGION = env.s3_region
S3_ADDRESSING_STYLE = env.s3_addressing_style
S3_CREDENTIALS = tuple(
    secret.get_secret_value() if secret else None
    for secret in (env.aws_access_key_id, env.aws_secret_access_key, env.aws_session_token)
)
S3_TIMEOUTS_SECONDS = (env.s3_connect_timeout_seconds, env.s3_read_timeout_seconds)
S3_ENCRYPTION = tuple(
    (name, value)
    for name, value in (
        ("ServerSideEncryption", env.s3_encryption),
        ("SSEKMSKeyId", env.s3_kms_key_id),
    )
    if value
)
# What lies in a bucket is no file nginx could send.
ACCEL_LOCATION = None if env.s3_bucket else env.accel_location

CLAMD_ADDRESS = env.clamd_address
SCAN_TIMEOUT_SECONDS = env.scan_timeout_seconds
REQUEST_TIMEOUT_SECONDS = env.request_timeout_seconds
DOWNLOAD_STALL_SECONDS = env.download_stall_seconds
DOWNLOAD_BYTES_PER_SECOND = env.download_bytes_per_second
MIN_FREE_BYTES = 2 * env.max_upload_bytes if env.min_free_bytes is None else env.min_free_bytes
MAX_BACKLOG_FILES = env.max_backlog_files
SCANS_PER_PROCESS = 4
WEB_INSTANCES = env.web_instances
WORKER_INSTANCES = env.worker_instances
WEB_WORKERS = env.web_workers
WEB_THREADS = env.web_threads
SIGNATURE_UPDATES = env.signature_updates
REQUIRE_OFFICIAL_SIGNATURES = env.require_official_signatures

# --- processing -------------------------------------------------------------------------

BROKER_URL = env.broker_url.get_secret_value()
WORKER_CONCURRENCY = env.worker_concurrency
PROCESSING_TIMEOUT_SECONDS = env.processing_timeout_seconds
PROCESSING_MEMORY_BYTES = env.processing_memory_bytes

# --- logs and reports -------------------------------------------------------------------

LOGGING_CONFIG = None
configure_logging(env.log_level)
configure_sentry(
    env.sentry_dsn.get_secret_value() if env.sentry_dsn else None,
    VERSION,
    env.sentry_traces_sample_rate,
)
METRICS_PORT = env.metrics_port

__all__ = ["BASE_DIR"]
