"""An assertion for promptfoo:

    assert:
      - type: python
        value: file://promptfoo_assertion.py
        config: {dimension: clarity, repeats: 3, agree_min: 0.6}

It passes when the verdict passes the rubric's threshold (so the rubric needs one) and enough hearings agree on that.
Without a verdict it fails with the score 0, since promptfoo knows no missing score; its reason says so.
"""

from rehearing_client import Rehearing, explain


def get_assert(output, context):
    """promptfoo's entry: the output and `{"prompt", "vars", "config"}` to a grading result."""
    config = context.get("config") or {}
    service = Rehearing()
    item = {"kind": "text", "id": "promptfoo", "instruction": context["prompt"], "output": output}
    verdict = service.verdict(service.judge(item, config.get("repeats", 3)), config.get("dimension"))
    agreement = verdict["agree"] / verdict["n_asked"]
    passed = bool(verdict["passed"]) and agreement >= config.get("agree_min", 0.6)
    return {
        "pass": passed,
        "score": 0.0 if verdict["value"] is None else verdict["value"],
        "reason": explain(verdict),
        "namedScores": {"agreement": agreement},
    }
