"""Where the real dialogues, summaries and documents lie that some tests read; they are no part of the project."""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(os.environ.get("REHEARING_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
"""Named by the environment, or beside the checkout."""
