"""Keeps other sites' pages away from the simulators: a browser says from where a request comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FETCH_SITE = "Sec-Fetch-Site"
"""Sent by every current browser, and settable by no script (W3C, Fetch Metadata Request Headers)."""
ELSEWHERE = frozenset({"cross-site", "same-site"})
"""Another port of this machine counts as the same site."""


def from_elsewhere(request: web.Request) -> bool:
    """Return whether a page of another address makes a browser send the request.

    A picture or a link of the sandbox's own page, at another port, may be fetched.
    """
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        return True
    site = request.headers.get(FETCH_SITE, "none")
    return site == "cross-site" or (site in ELSEWHERE and request.method != "GET")


@web.middleware
async def own_origin_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if from_elsewhere(request):
        return web.json_response({"error": "The simulator answers no other site's page."}, status=403)
    return await handler(request)
