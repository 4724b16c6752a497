"""What every request passes on its way in and out, outermost first.

request id -> HEAD as GET -> security headers -> unexpected errors -> Host and Origin -> body size and pace -> routes
"""

from service.api.middleware.access import AccessGuard
from service.api.middleware.body import BodyGuard, BodyLimits
from service.api.middleware.head import HeadAnswers
from service.api.middleware.headers import SELF_CONTAINED_POLICY, SecurityHeaders
from service.api.middleware.identity import RequestIdentity
from service.api.middleware.unexpected import UnexpectedErrors

__all__ = [
    "SELF_CONTAINED_POLICY",
    "AccessGuard",
    "BodyGuard",
    "BodyLimits",
    "HeadAnswers",
    "RequestIdentity",
    "SecurityHeaders",
    "UnexpectedErrors",
]
