"""Fails a build when outputs are judged too low, or the judgement cannot be trusted far enough.

    python gate.py items.jsonl --score-min 3 --agree-min 0.6

Exit codes: 0 every item passes, 3 at least one does not, 1 the service failed. Each line of the file is an item.
"""

import argparse
import json
import sys

from rehearing_client import Rehearing, explain


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("items")
    parser.add_argument("--dimension")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--score-min", type=float, required=True, help="in units of the rubric's scale")
    parser.add_argument(
        "--agree-min", type=float, default=0.6, help="share of hearings that give the commonest verdict"
    )
    options = parser.parse_args()
    service, failed = Rehearing(), 0
    with open(options.items, encoding="utf-8") as lines:
        for line in filter(str.strip, lines):
            item = json.loads(line)
            verdict = service.verdict(service.judge(item, options.repeats), options.dimension)
            low = verdict["value"] is None or verdict["value"] < options.score_min
            loose = verdict["agree"] < options.agree_min * verdict["n_asked"]
            failed += low or loose
            mark = "FAIL low" if low else "FAIL unstable" if loose else "pass"
            print(f"{mark:14} {item['id']}: {explain(verdict)}")
    return 3 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError) as error:
        print(f"gate: {error}", file=sys.stderr)
        sys.exit(1)
