"""The recipe for Inspect AI in a real `eval`: one sample has no output, one scorer no verdict; prints what the log holds."""

import json
import sys

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput
from inspect_ai.solver import solver
from inspect_scorer import rehearing

OUTPUTS = {"said": "Forty patients sent readings for six weeks.", "silent": ""}


@solver
def told():
    """In place of a model: Inspect's own for tests fetches a tokenizer."""

    async def solve(state, generate):
        state.output = ModelOutput.from_content("none", OUTPUTS[state.sample_id])
        return state

    return solve


samples = [Sample(id=name, input="Summarise.", target="Forty patients took part.") for name in OUTPUTS]
undecided = rehearing(repeats=2, arm="panel", models=["simulated:abstention=1"])
task = Task(dataset=samples, solver=told(), scorer=[rehearing(repeats=2), undecided])
(log,) = eval(task, model="none", log_dir=sys.argv[1], display="none")
if log.status != "success":
    sys.exit(f"{log.status}: {log.error and log.error.message}")
scores = {
    sample.id: {name: score.model_dump(mode="json") for name, score in sample.scores.items()} for sample in log.samples
}
metrics = {
    score.name: {
        "mean": score.metrics["mean"].value,
        "scored": score.scored_samples,
        "unscored": score.unscored_samples,
    }
    for score in log.results.scores
}
print(json.dumps({"scores": scores, "metrics": metrics}))
