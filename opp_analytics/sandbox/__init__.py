"""A local server of the Opportunities API with a simulated sales team whose true rates are known.

Use it to try things out and to test: it serves the whole API, and every fault of a real API can be
switched on. `start` runs it in a separate process, on the loopback interface only.

Examples
--------
>>> from opp_analytics import sandbox
>>> with sandbox.start(weeks=26, seed=1) as server:  # doctest: +SKIP
...     server.url, server.token, server.api_key  # what a client needs
...     server.advance(7)  # a week later
...     server.faults.latency = 0.2  # seconds
"""

from opp_analytics.sandbox.arguments import SandboxError, SandboxTypeError, SandboxValueError
from opp_analytics.sandbox.handle import FaultSettings, Sandbox, Tenant, start, write_setting
from opp_analytics.sandbox.team import TRUE_STAGE_RATES, TRUE_WIN_RATE, TRUE_WIN_RATES
