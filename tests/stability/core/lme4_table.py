"""The tables whose REML components `test_lme4.py` holds: prints one as the csv that bench/lme4.R reads.

python tests/stability/core/lme4_table.py [--complete] > ratings.csv; Rscript bench/lme4.R ratings.csv
"""

from __future__ import annotations

import sys

import numpy as np


def lme4_scores(*, complete: bool = False) -> np.ndarray:
    """(100, 5, 5) scores with planted components; a tenth of the calls are lost unless complete."""
    rng = np.random.default_rng(20)
    y = rng.normal(3, 0.7, (100, 1, 1)) + rng.normal(0, 0.4, (1, 5, 1))
    y = y + rng.normal(0, 0.3, (100, 5, 1)) + rng.normal(0, 0.65, (100, 5, 5))
    lost = rng.random(y.shape) < 0.1
    return y if complete else np.where(lost, np.nan, y)


if __name__ == "__main__":
    print("item,persona,score")
    for (i, p, _), score in np.ndenumerate(lme4_scores(complete="--complete" in sys.argv)):
        print(f"{i},{p},{'' if np.isnan(score) else repr(float(score))}")
