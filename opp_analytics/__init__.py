"""Sales pipeline analytics in pandas over the 23blocks CRM Opportunities API.

Everything is a frame of opportunities; time is a history of such frames; a change is the difference
between two.

>>> import opp_analytics as oa
>>> with oa.sandbox.start() as server:
...     client = oa.Client(server.url, server.token, server.api_key)
...     opportunities = oa.load(client, progress=False)
...     rates = oa.win_rate(opportunities, by="owner_name")
>>> bool(rates["rate"].between(0, 1).all())
True
"""

from typing import Any

import lazy_loader

# Names are imported on first use, so that importing the package costs less than pandas.
# `__init__.pyi` lists them.
_import_name, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name != "__version__":
        return _import_name(name)
    from importlib.metadata import version

    return version("opp-analytics")
