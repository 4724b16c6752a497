"""Importing the package costs nothing until a name is used, and every public name can be had."""

from __future__ import annotations

import subprocess
import sys


def test_importing_loads_no_heavy_library_and_every_name_has_a_home() -> None:
    code = (
        "import sys, clustering\n"
        "print(sorted({'numpy', 'pydantic', 'llm', 'rapidfuzz', 'umap', 'torch'} & set(sys.modules)))\n"
        "print([name for name in clustering.__all__ if getattr(clustering, name, None) is None])\n"
        "print(sorted({'umap', 'hdbscan', 'sklearn', 'torch', 'sentence_transformers', 'scipy'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["[]", "[]", "[]"]
