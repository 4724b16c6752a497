"""Do the groups find who speaks, and how much could be found? `python -m bench.roles [FILE ...]`.

For each set of labelled first-person statements (JSON lines: text, label, named): the adjusted Rand index of the groups,
over all statements, over those that name their role and over those that only show it, and the noise share. Beside it
what a supervised judge of the same vectors finds, who is given the true label of every other statement (8-fold
logistic regression), and what is left to gain: every named statement placed right, the others as that judge places them.
"""

from __future__ import annotations

import asyncio
import json
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from clustering import Document, Embedder, build_persona_set, open_embedder

warnings.simplefilter("ignore")
DATA = Path(__file__).parents[1] / "tests" / "clustering" / "data"


def found_groups(texts: list[str], embedder: Embedder) -> np.ndarray:
    """The group of every statement; `None` as text where it fits none or is not heard."""
    documents = [Document(id=str(number), text=text) for number, text in enumerate(texts)]
    found = asyncio.run(build_persona_set(documents, embedder=embedder))
    groups = {point.span.document_id: point.group_id for point in found.map if point.span}
    return np.array([str(groups.get(str(number))) for number in range(len(texts))])


def supervised(texts: list[str], labels: np.ndarray, embedder: Embedder) -> np.ndarray:
    folds = StratifiedKFold(8, shuffle=True, random_state=0)
    return cross_val_predict(LogisticRegression(C=10, max_iter=3000), embedder.embed(texts), labels, cv=folds)


def main() -> None:
    embedder = open_embedder()
    print(f"{'set':24} all  named shown noise | supervised: all, shown right | left to gain")
    for path in [Path(one) for one in sys.argv[1:]] or sorted(DATA.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        texts, labels = [row["text"] for row in rows], np.array([row["label"] for row in rows])
        named = np.array([row["named"] for row in rows])
        groups, judged = found_groups(texts, embedder), supervised(texts, labels, embedder)
        own = [adjusted_rand_score(labels[some], groups[some]) for some in (named | True, named, ~named)]
        right = float(np.mean((judged == labels)[~named]))
        bound = adjusted_rand_score(labels, np.where(named, labels, judged))
        print(
            f"{path.stem:24} {own[0]:.2f} {own[1]:.2f}  {own[2]:.2f}  {np.mean(groups == 'None'):.2f}  | "
            f"{adjusted_rand_score(labels, judged):.2f}, {right:.2f} | {bound:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
