"""A small generative judge with known parameters. Not a language model: for trying the service and testing statistics."""

from llm.simulated.judge import SimulatedJudge
from llm.simulated.parameters import SimulatedParameters
from llm.simulated.position import LatentTruth, simulated_truth

__all__ = ["LatentTruth", "SimulatedJudge", "SimulatedParameters", "simulated_truth"]
