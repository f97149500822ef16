"""Every setting that comes from outside: its type, its default and its description.

Read from the process environment, then `.env`, then `var/env` (written by `make run`);
the first that has a name wins. `.env.example` is printed from this file.
"""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any

import dj_database_url
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sentry_sdk.utils import Dsn

BASE_DIR = Path(__file__).resolve().parent.parent
MIB = 1024 * 1024
MIN_SECRET_KEY_LENGTH = 32
_RATE = re.compile(r"[1-9][0-9]{0,8}/[smhd]")
_CLAMD = re.compile(r"unix:/.+|tcp://[^/:\s]+:[0-9]{1,5}")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")
_CREDENTIAL = re.compile(r"[!-~]+")
_BROKER_SCHEMES = ("redis", "rediss", "redis+socket")
_CACHE_SCHEMES = ("redis", "rediss", "unix")
_DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")


def _split(text: Any) -> Any:
    """A comma list, blanks around its items dropped."""
    return (
        [item.strip() for item in text.split(",") if item.strip()]
        if isinstance(text, str)
        else text
    )


def _as_networks(text: Any) -> Any:
    """The text of the library's own error would repeat the value."""
    try:
        return [ip_network(item) for item in _split(text)]
    except ValueError:
        raise ValueError("must be networks like 10.0.0.0/8, comma separated") from None


def _check_rate(text: str) -> str:
    if not _RATE.fullmatch(text):
        raise ValueError("must look like 60/m: a count, then s, m, h or d")
    return text


def _check_clamd(text: str) -> str:
    if not _CLAMD.fullmatch(text):
        raise ValueError("must be unix:/path or tcp://host:port")
    return text


def _check_scheme(url: str, schemes: tuple[str, ...]) -> None:
    if url.partition("://")[0] not in schemes:
        raise ValueError(f"must start with {' or '.join(f'{name}://' for name in schemes)}")


def _check_database(url: SecretStr) -> SecretStr:
    _check_scheme(url.get_secret_value(), _DATABASE_SCHEMES)
    try:
        dj_database_url.parse(url.get_secret_value())
    except ValueError:
        raise ValueError("is no URL; quote what is special in user and password") from None
    return url


def _check_broker(url: SecretStr) -> SecretStr:
    _check_scheme(url.get_secret_value(), _BROKER_SCHEMES)
    return url


def _check_cache(url: SecretStr) -> SecretStr:
    _check_scheme(url.get_secret_value(), _CACHE_SCHEMES)
    return url


def _check_dsn(dsn: SecretStr) -> SecretStr:
    try:
        Dsn(dsn.get_secret_value())
    except ValueError:
        raise ValueError("must look like https://key@host/number") from None
    return dsn


def _check_endpoint(url: str) -> str:
    if not _ENDPOINT.fullmatch(url):
        raise ValueError("must look like https://host:port, without a path or a password")
    return url


def _check_credential(credential: SecretStr) -> SecretStr:
    if not _CREDENTIAL.fullmatch(credential.get_secret_value()):
        raise ValueError("must be printable ASCII without blanks")
    return credential


def _check_secret_key(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < MIN_SECRET_KEY_LENGTH:
        raise ValueError(f"must have at least {MIN_SECRET_KEY_LENGTH} characters")
    return key


CommaList = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Networks = Annotated[
    list[IPv4Network | IPv6Network],
    NoDecode,
    BeforeValidator(_as_networks),
]
Rate = Annotated[str, AfterValidator(_check_rate)]
ClamdAddress = Annotated[str, AfterValidator(_check_clamd)]
Credential = Annotated[SecretStr, AfterValidator(_check_credential)]


class Environment(BaseSettings):
    """The settings by name; the upper-case name is the environment variable."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    secret_key: Annotated[SecretStr, AfterValidator(_check_secret_key)] = Field(
        description="Signs what Django signs; at least 32 characters."
    )
    database_url: Annotated[SecretStr, AfterValidator(_check_database)] = Field(
        description="sqlite:////path or postgres://user:password@host:port/name."
    )
    broker_url: Annotated[SecretStr, AfterValidator(_check_broker)] = Field(
        description="Redis that carries the doorbell, redis:// or redis+socket://."
    )
    cache_url: Annotated[SecretStr, AfterValidator(_check_cache)] = Field(
        description="Redis that counts requests, redis:// or unix://."
    )
    clamd_address: ClamdAddress = Field(
        description="unix:/path (descriptors are passed) or tcp://host:port."
    )
    storage_root: Path = Field(
        description="Folder of the kept files; staging lies in it, on one file system."
    )
    s3_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = Field(
        default=None,
        description="Bucket of the kept files; unset: STORAGE_ROOT, which staging needs always.",
    )
    s3_endpoint_url: Annotated[str, AfterValidator(_check_endpoint)] | None = Field(
        default=None, description="http(s)://host:port of an S3 store that is not Amazon's."
    )
    s3_region: Annotated[str, Field(pattern="^[A-Za-z0-9._-]{1,64}$")] | None = Field(
        default=None, description="Region of the bucket."
    )
    s3_addressing_style: Annotated[str, Field(pattern="^(auto|path|virtual)$")] = Field(
        default="auto", description="auto, path (most stores but Amazon's) or virtual."
    )
    aws_access_key_id: Credential | None = Field(
        default=None, description="For the bucket; unset: the credentials this machine was given."
    )
    aws_secret_access_key: Credential | None = Field(
        default=None, description="Belongs to AWS_ACCESS_KEY_ID."
    )
    aws_session_token: Credential | None = Field(
        default=None, description="Belongs to an AWS_ACCESS_KEY_ID that ends."
    )
    s3_encryption: Annotated[str, Field(pattern="^(AES256|aws:kms|aws:kms:dsse)$")] | None = Field(
        default=None,
        description="How the store encrypts: AES256, aws:kms or aws:kms:dsse; unset: as it likes.",
    )
    s3_kms_key_id: Annotated[str, Field(pattern="^[A-Za-z0-9:/_.-]{1,2048}$")] | None = Field(
        default=None, description="Key of aws:kms."
    )
    s3_connect_timeout_seconds: float = Field(
        default=2, gt=0, allow_inf_nan=False, description="One attempt to reach the store."
    )
    s3_read_timeout_seconds: float = Field(
        default=10, gt=0, allow_inf_nan=False, description="One wait for the store to go on."
    )
    accel_location: Annotated[str, Field(pattern="^/[a-z_-]+/$")] | None = Field(
        default=None,
        description="Internal location of the nginx in front that sends kept bytes, /__kept/.",
    )
    allowed_hosts: CommaList = Field(
        default=["127.0.0.1", "localhost"], description="Host names served, comma separated."
    )
    trusted_proxies: Networks = Field(
        default=[], description="CIDR list of proxies whose X-Forwarded-For and X-Request-ID count."
    )
    sentry_dsn: Annotated[SecretStr, AfterValidator(_check_dsn)] | None = Field(
        default=None, description="Where unforeseen errors are reported."
    )
    sentry_traces_sample_rate: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="Share of requests whose timing is traced to Sentry, 0 to 1.",
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port of worker and sweeper for their metrics, on every address; 0: none.",
    )
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
    max_upload_bytes: int = Field(
        default=25 * MIB,
        ge=1,
        le=2 * 1024 * MIB - 2 * MIB,
        description="Largest file; clamd scans nothing above 2 GiB.",
    )
    allowed_types: CommaList = Field(
        default=[],
        description="Media types accepted, comma separated; empty means the default policy.",
    )
    upload_rate: Rate = Field(default="60/m", description="Uploads per token and window.")
    address_rate: Rate | None = Field(
        default=None,
        description="Uploads per client address and window; 10 times UPLOAD_RATE when unset.",
    )
    max_inflight_uploads: int = Field(
        default=8, ge=1, description="Uploads of one owner under way at once, per web process."
    )
    quota_files_per_day: int = Field(
        default=0, ge=0, description="Files one owner may send per day (UTC); 0 means no limit."
    )
    quota_bytes_per_day: int = Field(
        default=0, ge=0, description="Bytes one owner may send per day (UTC); 0 means no limit."
    )
    quota_stored_bytes: int = Field(
        default=0, ge=0, description="Bytes one owner may keep here; 0 means no limit."
    )
    auth_failure_rate: Rate = Field(
        default="30/m", description="Bad tokens per client address and window."
    )
    require_official_signatures: bool = Field(
        default=False,
        description="Refuse to work on the bundled test signatures; set it in production.",
    )
    signature_updates: bool = Field(
        default=True, description="`make run` keeps fetching the official signatures (freshclam)."
    )
    scan_timeout_seconds: float = Field(
        default=25, gt=0, allow_inf_nan=False, description="One scan, from connect to verdict."
    )
    processing_timeout_seconds: float = Field(
        default=60, gt=0, le=200, description="One processor at work on one file."
    )
    processing_memory_bytes: int = Field(
        default=1024 * MIB,
        ge=256 * MIB,
        description="Address space of a process that opens strangers' files; one per worker slot.",
    )
    request_timeout_seconds: float = Field(
        default=35,
        gt=0,
        allow_inf_nan=False,
        description="One upload, from the end of its body to its row; longer than a scan.",
    )
    download_stall_seconds: float = Field(
        default=30,
        ge=1,
        le=3600,
        description="A client that takes nothing of an answer for so long is cut off.",
    )
    download_bytes_per_second: int = Field(
        default=32 * 1024,
        ge=1,
        description="What a client must take of a download on average, beyond that grace.",
    )
    min_free_bytes: int | None = Field(
        default=None,
        ge=0,
        description="Uploads are refused below so much free disk; unset: 2 times MAX_UPLOAD_BYTES.",
    )
    max_backlog_files: int = Field(
        default=100_000, ge=1, description="With more files waiting uploads are refused."
    )
    web_instances: int = Field(
        default=1,
        ge=1,
        description="Web servers that share one clamd, which has threads for their scans.",
    )
    worker_instances: int = Field(
        default=1, ge=1, description="Workers that share one clamd, in the same way."
    )
    web_workers: int = Field(default=2, ge=1, description="Web processes of each.")
    web_threads: int = Field(
        default=16, ge=4, description="Threads of each; two stay free of uploads."
    )
    worker_concurrency: int = Field(
        default=2, ge=1, description="Files processed at once by one worker."
    )


def env_files() -> tuple[Path, ...]:
    """The files read below the process environment; a later one wins."""
    named = os.environ.get("FILESVC_ENV_FILES")
    if named is not None:
        return tuple(Path(name) for name in named.split(os.pathsep) if name)
    return (BASE_DIR / "var" / "env", BASE_DIR / ".env")


def read_environment() -> Environment:
    """The validated settings; one clear line for each mistake, then the end."""
    try:
        return Environment(_env_file=env_files())  # type: ignore[call-arg]  # the rest comes from there
    except ValidationError as error:
        raise SystemExit("\n".join(explain(error))) from None


def explain(error: ValidationError) -> list[str]:
    """A line per mistake: the variable and the rule, never the value, which may be secret."""
    lines = []
    for mistake in error.errors(include_input=False, include_url=False):
        name = str(mistake["loc"][0]).upper()
        problem = (
            "is not set"
            if mistake["type"] == "missing"
            else mistake["msg"].removeprefix("Value error, ")
        )
        lines.append(f"setting {name}: {problem}")
    return sorted(set(lines))


def print_example() -> str:
    """The text of `.env.example`: each variable with its sentence and its default."""
    lines = ["# Every setting of filesvc. Printed by `manage.py print_env_example`; do not edit."]
    for name, field in Environment.model_fields.items():
        lines += ["", f"# {field.description}"]
        if field.is_required():
            lines.append(f"{name.upper()}=")
        else:
            lines.append(f"# {name.upper()}={_as_text(field.default)}")
    return "\n".join(lines) + "\n"


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
