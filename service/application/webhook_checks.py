"""Whether whoever is to be told of a job's end can be told: found out before anything is stored or spent."""

from __future__ import annotations

from service.application.context import Context
from service.application.requests import Webhook
from service.errors import InvalidRequestError, Problem


def check_webhook(context: Context, webhook: Webhook | None) -> None:
    """Raises InvalidRequestError for an address that would be refused, and for a secret that cannot sign."""
    if webhook is None:
        return
    from service.webhooks import WebhookRefusedError, check_secret, check_url

    try:
        check_url(webhook.url, allow_loopback=context.settings.webhooks_to_loopback)
    except WebhookRefusedError as error:
        raise InvalidRequestError(str(error), [Problem("/webhook/url", str(error), "refused")]) from error
    try:
        check_secret(webhook.secret)
    except WebhookRefusedError as error:
        raise InvalidRequestError(str(error), [Problem("/webhook/secret", str(error), "unusable")]) from error
