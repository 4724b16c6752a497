"""Notifications to the outside, signed by the Standard Webhooks rules, that cannot be turned against the inside."""

from service.webhooks.guard import Target, WebhookRefusedError, check_address, check_url, resolve_target
from service.webhooks.sender import Delivery, WebhookSender, check_secret, new_secret

__all__ = [
    "Delivery",
    "Target",
    "WebhookRefusedError",
    "WebhookSender",
    "check_address",
    "check_secret",
    "check_url",
    "new_secret",
    "resolve_target",
]
