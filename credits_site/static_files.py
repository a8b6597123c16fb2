"""What `collectstatic` has put together, compressed and for browsers to keep; with DEBUG, the files themselves."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from servestatic.asgi import FileServerASGI
from servestatic.middleware import ServeStaticMiddleware

from credits_site.plain_text import Application, Receive, Send


class StaticFiles:
    """An ASGI application in front of `application`, so that no middleware runs for a file.

    servestatic's own wrapper knows no manifest; its middleware does, and is here asked for nothing else.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._known = ServeStaticMiddleware(_nothing)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer with a file, or pass the request on."""
        path: str = scope["path"]
        file = self._known.find_file(path) if self._known.autorefresh else self._known.files.get(path)
        await (self._application if file is None else FileServerASGI(file))(scope, receive, send)


async def _nothing(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError
