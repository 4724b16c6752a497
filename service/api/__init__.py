"""REST: `create_app(application, settings)` gives the ASGI application."""

from service.api.app import create_app, refuse_open_door
from service.api.callers import Caller, Reader, Writer, caller_of
from service.api.server import server_config

__all__ = ["Caller", "Reader", "Writer", "caller_of", "create_app", "refuse_open_door", "server_config"]
