"""A fake of GitHub's REST API that answers on a port of its own, for the tests of the project.

It keeps GitHub's shapes, limits and refusals, and shows the tests all that it holds. It shares
no code with what it is there to check.
"""

from tests.hub.hub import Hub, Token
from tests.hub.wire import Request

__all__ = ["Hub", "Request", "Token"]
