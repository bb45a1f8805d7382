"""The Opportunities API over HTTP: settings, transport, wire format, client and caches."""

import lazy_loader

# Settings and folders are asked for by commands that make no request: HTTP is imported with the
# client.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
