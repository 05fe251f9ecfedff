"""Presigned S3 URLs (AWS Signature Version 4, query form), with headers that the request must carry. Pure.

The SDK's own sign the host alone. Here the size of a PUT is signed too, and `If-None-Match: *`, so that nothing that is
there already, a committed object above all, can be replaced by whoever still holds the URL.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs, for which server."""

    base_url: str
    """https://host[:port], as those who use the URLs reach it; the bucket goes into the path."""
    region: str
    access_key: str
    secret_key: str

    def url(
        self,
        method: str,
        path: str,
        expires_in_s: int,
        now: datetime,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> str:
        """A URL for one request.

        Args:
            method: GET or PUT.
            path: <bucket>/<key>.
            expires_in_s: From `now` on.
            now: With its zone, UTC.
            headers: What the request must carry exactly so.
            query: Parameters besides those of the signature.
        """
        signed = {"host": urlsplit(self.base_url).netloc, **{k.lower(): v for k, v in (headers or {}).items()}}
        names = ";".join(sorted(signed))
        scope = f"{now:%Y%m%d}/{self.region}/s3/aws4_request"
        parameters = {
            **(query or {}),
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.access_key}/{scope}",
            "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
            "X-Amz-Expires": str(expires_in_s),
            "X-Amz-SignedHeaders": names,
        }
        encoded = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(parameters.items()))
        where = f"/{quote(path)}"
        lines = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed))
        request = f"{method}\n{where}\n{encoded}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(request.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{now:%Y%m%dT%H%M%SZ}\n{scope}\n{digest}"
        steps = (*scope.split("/"), to_sign)
        signature = reduce(lambda key, step: hmac.digest(key, step.encode(), "sha256"), steps, self._secret())
        return f"{self.base_url}{where}?{encoded}&X-Amz-Signature={signature.hex()}"

    def _secret(self) -> bytes:
        return b"AWS4" + self.secret_key.encode()
