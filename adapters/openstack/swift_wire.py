"""The connections to Swift, lenient towards one thing that HTTP does not allow and Swift's own S3 face writes.

That middleware stores a metadata name with an underscore as `X-Object-Meta-A=5Fb`.  `=` may not stand in a header's
name (RFC 9110, 5.6.2), so aiohttp's parser refuses the whole answer, and the object could not be read.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Final, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

_META_NAME: Final = re.compile(rb"^x-object-meta-[^:\r\n]*=5f[^:\r\n]*(?=:)", re.IGNORECASE | re.MULTILINE)
_ESCAPE: Final = re.compile(rb"=5f", re.IGNORECASE)


class SwiftResponses(ResponseHandler):
    """aiohttp's reader of answers, with `=5F` in names of metadata turned into `%5F` before the parser sees it."""

    _in_head = False

    def set_response_params(self, **how: Any) -> None:
        """Get ready for the head of the next answer."""
        self._in_head = True
        super().set_response_params(**how)

    def data_received(self, data: bytes) -> None:
        """Take what came from the socket."""
        super().data_received(self._mended(data) if self._in_head else data)

    def _mended(self, data: bytes) -> bytes:
        # An escape that two segments of TCP cut in halves is missed; heads come in one nearly always.
        end = data.find(b"\r\n\r\n")
        head = data if end < 0 else data[:end]
        self._in_head = end < 0
        if b"=5" not in head:
            return data
        mended = _META_NAME.sub(lambda name: _ESCAPE.sub(b"%5F", name[0]), head)
        return mended + data[len(head) :]


class SwiftConnector(aiohttp.TCPConnector):
    """A pool of such connections."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = cast("partial[ResponseHandler]", partial(SwiftResponses, loop=self._loop))
