"""A metric for DeepEval: `evaluate([test_case], [RehearingMetric(threshold=3)])`."""

import asyncio

from deepeval.metrics import BaseMetric
from deepeval.test_case import LLMTestCase
from rehearing_client import Rehearing, explain


class RehearingMetric(BaseMetric):
    """The verdict of personas that debate, in units of the rubric's scale; fails where fewer than `agree_min` agree.

    Without a verdict there is no score and the case fails. hearing: what else the evaluation is asked for, such as
    `{"models": [...]}`. DeepEval copies a metric by its attributes: each argument is kept under its own name."""

    def __init__(self, threshold, dimension=None, repeats=3, agree_min=0.6, arm="debate", hearing=None):
        self.threshold = threshold
        self.dimension = dimension
        self.repeats = repeats
        self.agree_min = agree_min
        self.arm = arm
        self.hearing = hearing
        self.async_mode = True
        self._service = Rehearing()

    def measure(self, test_case: LLMTestCase, *_, **__):
        item = {"kind": "text", "id": "deepeval", "instruction": test_case.input, "output": test_case.actual_output}
        if test_case.expected_output:
            item["reference"] = test_case.expected_output
        evaluation = self._service.judge(item, self.repeats, **(self.hearing or {}))
        verdict = self._service.verdict(evaluation, self.dimension, self.arm)
        self.score = verdict["value"]
        self.reason = explain(verdict)
        agreement = verdict["agree"] / verdict["n_asked"]
        self.success = self.score is not None and self.score >= self.threshold and agreement >= self.agree_min
        self.evaluation_cost = evaluation["spent"]["cost_usd"]
        return self.score

    async def a_measure(self, test_case: LLMTestCase, *_, **__):
        return await asyncio.to_thread(self.measure, test_case)

    def is_successful(self):
        return bool(self.success)

    @property
    def __name__(self):
        return "Rehearing"
