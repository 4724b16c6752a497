"""Has one output judged by a running Rehearing and waits for the verdict. Needs httpx."""

import json
import os
import sys
import uuid

import httpx


class Rehearing:
    """A running service. Everything has a default in the environment."""

    def __init__(self, url=None, key=None, persona_set=None, rubric=None):
        key = key or os.environ.get("REHEARING_KEY")
        self.persona_set = persona_set or os.environ["REHEARING_PERSONA_SET"]
        self.rubric = rubric or os.environ["REHEARING_RUBRIC"]
        self.url = (url or os.environ.get("REHEARING_URL", "http://127.0.0.1:8080")).rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def judge(self, item, repeats=3, **hearing):
        """The finished evaluation of one item. item: `{"kind": "summary", "id": ..., "sources": [...], "output": ...}`,
        or a `text` or `dialogue`. hearing: `protocol`, `models`, `seed`, `budget_usd_max`, ...."""
        body = {"persona_set": self.persona_set, "rubric": self.rubric, "item": item, "repeats": repeats, **hearing}
        accepted = self._send("POST", "/v1/evaluations", json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
        location = accepted.headers["location"]
        while True:
            evaluation = self._send("GET", location, params={"wait": 30}).json()
            if evaluation["status"] not in ("queued", "running"):
                return evaluation

    def verdict(self, evaluation, dimension=None, arm="debate"):
        """One dimension's score of an evaluation: value, ci, agree, n_used of n_asked; the first dimension by default."""
        if evaluation["status"] != "completed":
            raise RuntimeError(f"evaluation {evaluation['id']} is {evaluation['status']}: {evaluation['error']}")
        scores = evaluation["scores"][arm]
        return scores[dimension or next(iter(scores))]

    def _send(self, method, path, headers=None, **options):
        """A request, sent again after a fault of the network or the server; the Idempotency-Key makes that safe."""
        for attempt in range(3):
            try:
                response = httpx.request(
                    method, self.url + path, headers={**self._headers, **(headers or {})}, timeout=90, **options
                )
            except httpx.TransportError as error:
                if attempt == 2:
                    raise RuntimeError(f"no answer from {self.url}: {error}") from error
                continue
            if response.status_code < 500:
                break
        if response.is_error:
            problem = response.json()
            raise RuntimeError(f"{problem['title']}: {problem['detail']} (request {problem['request_id']})")
        return response


def explain(score):
    """A verdict in one line."""
    if score["value"] is None:
        return f"undecided: {score['n_used']} of {score['n_asked']} hearings came to a decision"
    interval = score["ci"]
    shown = f" ({interval['low']:.2f} to {interval['high']:.2f})" if interval else ""
    return f"{score['value']:.2f}{shown}; {score['agree']} of {score['n_asked']} hearings agree"


if __name__ == "__main__":
    service = Rehearing()
    evaluation = service.judge(json.load(sys.stdin))
    print(explain(service.verdict(evaluation)))
