"""Notifications to the outside, signed by the Standard Webhooks rules, that cannot be turned against the inside."""

from service.webhooks.guard import Target, WebhookRefusedError, check_address, resolve_target
from service.webhooks.sender import Delivery, WebhookSender, new_secret

__all__ = [
    "Delivery",
    "Target",
    "WebhookRefusedError",
    "WebhookSender",
    "check_address",
    "new_secret",
    "resolve_target",
]
