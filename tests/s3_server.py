"""An S3 API server on loopback: moto's, which keeps objects in memory, over a real socket.

One thing of S3 that moto leaves out is added: a body that is not what its SHA-256 says is
refused (BadDigest). `python -m tests.s3_server PORT`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

Environ = dict[str, Any]
Start = Callable[..., Any]
BAD_DIGEST = b"<Error><Code>BadDigest</Code><Message>The checksum did not match.</Message></Error>"


class CheckedDigests:
    """A WSGI application behind which bodies are what their digests say."""

    def __init__(self, application: Callable[[Environ, Start], Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: Environ, start_response: Start) -> Iterable[bytes]:
        """Refuse it, or pass it on."""
        claimed = environ.get("HTTP_X_AMZ_CHECKSUM_SHA256")
        if claimed and environ["REQUEST_METHOD"] == "PUT":
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            if base64.b64encode(hashlib.sha256(body).digest()).decode() != claimed:
                start_response("400 Bad Request", [("Content-Type", "application/xml")])
                return [BAD_DIGEST]
        return self._application(environ, start_response)


def main(port: int) -> None:
    """Serve until the end."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = CheckedDigests(DomainDispatcherApplication(create_backend_app))
    handler: Any = MotoRequestHandler
    handler.protocol_version = "HTTP/1.1"  # as S3: connections are kept
    make_server(
        "127.0.0.1", port, application, threaded=True, request_handler=handler
    ).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
