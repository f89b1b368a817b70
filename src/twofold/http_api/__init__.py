"""DOOR: an app over HTTP. `asgi_app` opens an app with its server; `HttpApi` serves one that is open already."""

from twofold.http_api.asgi import AppServer, HttpApi, asgi_app
from twofold.http_api.authentication import Authenticate
from twofold.http_api.settings import HttpSettings

__all__ = ["AppServer", "Authenticate", "HttpApi", "HttpSettings", "asgi_app"]
