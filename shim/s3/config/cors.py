"""CORS rules for requests from other sites' pages.  No bucket has rules yet, so every preflight is refused.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html
"""

from __future__ import annotations

from shim.errors import AwsError
from shim.protocol.message import Request

_ORIGIN = "Insufficient information. Origin request header needed."


def preflight(request: Request) -> AwsError:
    """Answer a preflight for a bucket without rules."""
    headers = request.head.first
    if "origin" not in headers:
        return AwsError("BadRequest", _ORIGIN, 400)
    method = headers.get("access-control-request-method", "")
    if not method:
        return AwsError("BadRequest", "Invalid Access-Control-Request-Method: null", 400)
    extra = {"Method": method[:32], "ResourceType": "OBJECT" if request.address.key else "BUCKET"}
    return AwsError("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.", 403, extra=extra)
