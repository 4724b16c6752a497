"""Seconds and memory of the stability report beside statsmodels, pingouin, krippendorff and lme4.

Every measurement runs in a process of its own, so that peak memory is its own. The tables are simulated: 5 personas,
10 runs, 3 % missing, scores rounded to 1-5. `--sizes 2500` for a quick look.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stability import Ratings, read_ratings, stability_report
from stability.measures.components import components
from stability.measures.features import cells, features

PERSONAS, RUNS = 5, 10
SLOW_ABOVE = {"statsmodels MixedLM": 2_500, "lme4 REML": 1_000_000}


def scores(ratings: int) -> np.ndarray:
    """(items, personas, runs) of ordinal scores with planted components."""
    rng = np.random.default_rng(0)
    items = ratings // (PERSONAS * RUNS)
    y = rng.normal(3, 0.7, (items, 1, 1)) + rng.normal(0, 0.3, (1, PERSONAS, 1))
    y = y + rng.normal(0, 0.3, (items, PERSONAS, 1)) + rng.normal(0, 0.65, (items, PERSONAS, RUNS))
    y = np.clip(np.round(y), 1, 5)
    y[rng.random(y.shape) < 0.03] = np.nan
    return y


def table(ratings: int) -> Ratings:
    """The same as a ratings table, through the csv reader."""
    y = scores(ratings)
    shown = np.where(np.isnan(y), "", np.nan_to_num(y).astype(int).astype(str)).ravel()
    i, p, r = (axis.ravel() for axis in np.indices(y.shape))
    lines = (f"i{a},p{b},{c},{s}" for a, b, c, s in zip(i, p, r, shown, strict=True))
    return read_ratings(("item,persona,run,score\n" + "\n".join(lines)).encode())


def report(ratings: int) -> Callable[[], object]:
    data = table(ratings)
    return lambda: stability_report(data, thresholds=3.5)


def parts(ratings: int) -> Callable[[], object]:
    y = scores(ratings)
    i, p, _ = (axis.ravel() for axis in np.indices(y.shape))
    flat, shape = y.ravel(), y.shape[:2]
    return lambda: components(features(cells(i, p, flat, shape), np.arange(shape[0]), shape[0]))


def frame(ratings: int) -> object:
    import pandas as pd

    y = scores(ratings)
    i, p, r = (axis.ravel() for axis in np.indices(y.shape))
    return pd.DataFrame({"item": i, "persona": p, "run": r, "score": y.ravel()})


def mixed(ratings: int) -> Callable[[], object]:
    import statsmodels.formula.api as smf

    data = frame(ratings).dropna()  # type: ignore[attr-defined]
    data["one"] = 1
    groups = {"item": "0 + C(item)", "persona": "0 + C(persona)", "both": "0 + C(item):C(persona)"}
    return lambda: smf.mixedlm("score ~ 1", data, groups="one", vc_formula=groups, re_formula="0").fit()


def icc(ratings: int) -> Callable[[], object]:
    import pingouin

    data = frame(ratings)
    data = data[data["persona"] == 0].copy()  # type: ignore[index]
    data["score"] = data["score"].fillna(3.0)  # it takes complete tables only
    return lambda: pingouin.intraclass_corr(data, targets="item", raters="run", ratings="score")


def alpha(ratings: int) -> Callable[[], object]:
    import krippendorff

    y = scores(ratings)
    flat = y.reshape(len(y), -1).T
    return lambda: krippendorff.alpha(reliability_data=flat, level_of_measurement="ordinal")


def lme4(ratings: int) -> Callable[[], object]:
    folder = TemporaryDirectory()
    path = Path(folder.name) / "ratings.csv"
    frame(ratings).to_csv(path, index=False)  # type: ignore[attr-defined]
    script = str(Path(__file__).with_name("lme4.R"))

    def run() -> object:
        with folder:
            return subprocess.run(["Rscript", script, str(path)], check=True, capture_output=True)

    return run


MEASURED: dict[str, Callable[[int], Callable[[], object]]] = {
    "ours: components": parts,
    "ours: full report": report,
    "statsmodels MixedLM": mixed,
    "pingouin ICC": icc,
    "krippendorff alpha": alpha,
    "lme4 REML": lme4,
}


def measure(name: str, ratings: int) -> None:
    """Runs one measurement in this process and prints it as JSON."""
    warnings.simplefilter("ignore")
    work = MEASURED[name](ratings)
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    who = resource.RUSAGE_CHILDREN if name.startswith("lme4") else resource.RUSAGE_SELF
    print(json.dumps({"seconds": seconds, "megabytes": resource.getrusage(who).ru_maxrss / 1024}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_500, 80_000, 1_000_000])
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for one measurement")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "RATINGS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options.one[0], int(options.one[1]))
        return
    print(f"{'':24}" + "".join(f"{size:>26,}" for size in options.sizes))
    for name in MEASURED:
        row = "".join(f"{shown(name, size, options.timeout):>26}" for size in options.sizes)
        print(f"{name:24}{row}", flush=True)


def shown(name: str, size: int, timeout: float) -> str:
    """One cell of the printed table."""
    if name.startswith("lme4") and shutil.which("Rscript") is None:
        return "no Rscript"
    if size > SLOW_ABOVE.get(name, size):
        return "not feasible"
    command = [sys.executable, "-m", "bench.statistics", "--one", name, str(size)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return f"> {timeout:.0f} s"
    if done.returncode:
        return "failed"
    told = json.loads(done.stdout.splitlines()[-1])
    return f"{told['seconds']:.3f} s {told['megabytes']:.0f} MB"


if __name__ == "__main__":
    main()
