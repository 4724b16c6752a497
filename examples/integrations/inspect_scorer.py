"""A scorer for Inspect AI (0.3.245 or later): `@task def my_task(): return Task(dataset, solver, scorer=rehearing())`.

The sample's input is the instruction, the target (where there is one) the reference. Without an output or a verdict a
sample is unscored: Inspect's means leave it out, where its "no answer" would count as 0.
"""

import asyncio

from inspect_ai.scorer import Score, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState
from rehearing_client import Rehearing, explain


@scorer(metrics=[mean(), stderr()])
def rehearing(dimension=None, repeats=3, arm="debate", **hearing):
    """Scores with the verdict of personas that debate, heard `repeats` times; the interval stands in the metadata.

    hearing: what else the evaluation is asked for, such as `models`, `protocol`, `seed`."""
    service = Rehearing()

    async def score(state: TaskState, target: Target) -> Score:
        output = state.output.completion
        if not output:
            return Score.unscored(reason="no_response", answer=output, explanation="the model gave no output")
        item = {"kind": "text", "id": str(state.sample_id), "instruction": state.input_text, "output": output}
        if target.text:
            item["reference"] = target.text
        evaluation = await asyncio.to_thread(service.judge, item, repeats, **hearing)
        verdict = service.verdict(evaluation, dimension, arm)
        metadata = {name: verdict[name] for name in ("ci", "agree", "n_used", "n_asked", "single_sd", "passed")}
        told = {
            "answer": output,
            "explanation": explain(verdict),
            "metadata": {**metadata, "evaluation": evaluation["id"]},
        }
        if verdict["value"] is None:
            return Score.unscored(reason="grader_failed", **told)
        return Score(value=verdict["value"], **told)

    return score
