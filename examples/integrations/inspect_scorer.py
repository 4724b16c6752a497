"""A scorer for Inspect AI: `@task def my_task(): return Task(dataset, solver, scorer=rehearing())`.

The sample's input is the instruction, the target (where there is one) the reference.
"""

import asyncio

from inspect_ai.scorer import NOANSWER, Score, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState
from rehearing_client import Rehearing, explain


@scorer(metrics=[mean(), stderr()])
def rehearing(dimension=None, repeats=3, arm="debate"):
    """Scores with the verdict of personas that debate, heard `repeats` times; the interval stands in the metadata."""
    service = Rehearing()

    async def score(state: TaskState, target: Target) -> Score:
        output = state.output.completion
        if not output:
            return Score(value=NOANSWER, answer=output, explanation="the model gave no output")
        item = {"kind": "text", "id": str(state.sample_id), "instruction": state.input_text, "output": output}
        if target.text:
            item["reference"] = target.text
        evaluation = await asyncio.to_thread(service.judge, item, repeats)
        verdict = service.verdict(evaluation, dimension, arm)
        metadata = {name: verdict[name] for name in ("ci", "agree", "n_used", "n_asked", "single_sd", "passed")}
        metadata["evaluation"] = evaluation["id"]
        value = NOANSWER if verdict["value"] is None else verdict["value"]
        return Score(value=value, answer=output, explanation=explain(verdict), metadata=metadata)

    return score
