"""`import stability` loads nothing heavy: a command that only names the package starts at once."""

from __future__ import annotations

import subprocess
import sys


def test_importing_loads_no_library() -> None:
    code = "import sys, stability; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {"pydantic", "numpy", "scipy", "pandas", "pyarrow", "altair", "jinja2", "agents", "llm", "torch"}
    assert not heavy & loaded


def test_a_report_needs_no_model_no_plot_and_no_web() -> None:
    code = (
        "import sys; from stability import read_ratings, stability_report;"
        "stability_report(read_ratings(b'item,persona,run,score\\na,p,1,3\\na,p,2,4\\n'));"
        "print(*{name.split('.')[0] for name in sys.modules}, *({'scipy.stats'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"altair", "jinja2", "langchain", "openai", "fastapi", "torch", "agents", "llm"} & loaded
    assert not {"pandas", "scipy.stats"} & loaded, "each takes longer to import than the whole report takes"
