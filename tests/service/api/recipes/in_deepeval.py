"""The recipe for DeepEval in its real `evaluate`: within its bound, below it, and without a verdict; prints the results."""

import json

from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig
from deepeval.test_case import LLMTestCase
from deepeval_metric import RehearingMetric

case = LLMTestCase(
    name="said",
    input="Summarise.",
    actual_output="Forty patients sent readings for six weeks.",
    expected_output="Forty patients took part.",
)
metrics = {
    "low": RehearingMetric(threshold=1, repeats=2, agree_min=0),
    "high": RehearingMetric(threshold=4.5, repeats=2, agree_min=0),
    "undecided": RehearingMetric(
        1, repeats=2, agree_min=0, arm="panel", hearing={"models": ["simulated:abstention=1"]}
    ),
}
told = {}
for name, metric in metrics.items():
    done = evaluate(
        [case],
        [metric],
        display_config=DisplayConfig(show_indicator=False, print_results=False),
        async_config=AsyncConfig(run_async=name == "low"),
        cache_config=CacheConfig(write_cache=False),
    )
    (result,) = done.test_results
    (graded,) = result.metrics_data
    told[name] = {"success": result.success, "score": graded.score, "reason": graded.reason, "error": graded.error}
print(json.dumps(told))
