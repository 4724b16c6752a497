"""`python -m service.api > docs/openapi.json`: the OpenAPI document of this version."""

from __future__ import annotations

import sys

from service.api.app import openapi_text

sys.stdout.write(openapi_text())
