"""One structured model call: open a model, ask, parse, meter, replay."""

from llm.asking import Answer, ask
from llm.attempts import AskSettings
from llm.call import FINAL, Call, CallOutcome, Purpose
from llm.errors import (
    LlmError,
    ModelConfigurationError,
    PromptError,
    ProviderError,
    RateLimitedError,
    ReplayMissError,
    RequestRejectedError,
    ServerFaultError,
    TimedOutError,
    UnparseableReplyError,
    UnreachableError,
)
from llm.fence import Section, fence, sections
from llm.gate import GateSettings, Trouble, configure_gates, troubles
from llm.ledger import CallLedger, MemoryLedger, call_key, request_key
from llm.model import Message, Model, Reply, Request, Usage
from llm.opening import Probe, open_model, probe
from llm.parsing import parse_reply
from llm.pricing import Spending, estimate_tokens, price, spending, spending_by_purpose
from llm.prompt import Prompt, RenderedPrompt, load_prompt
from llm.replay import ReplayModel
from llm.schema import reply_schema
from llm.simulated import LatentTruth, SimulatedJudge, SimulatedParameters, simulated_truth
from llm.spec import ModelSpec, parse_spec

__all__ = [
    "FINAL",
    "Answer",
    "AskSettings",
    "Call",
    "CallLedger",
    "CallOutcome",
    "GateSettings",
    "LatentTruth",
    "LlmError",
    "MemoryLedger",
    "Message",
    "Model",
    "ModelConfigurationError",
    "ModelSpec",
    "Probe",
    "Prompt",
    "PromptError",
    "ProviderError",
    "Purpose",
    "RateLimitedError",
    "RenderedPrompt",
    "ReplayMissError",
    "ReplayModel",
    "Reply",
    "Request",
    "RequestRejectedError",
    "Section",
    "ServerFaultError",
    "SimulatedJudge",
    "SimulatedParameters",
    "Spending",
    "TimedOutError",
    "Trouble",
    "UnparseableReplyError",
    "UnreachableError",
    "Usage",
    "ask",
    "call_key",
    "configure_gates",
    "estimate_tokens",
    "fence",
    "load_prompt",
    "open_model",
    "parse_reply",
    "parse_spec",
    "price",
    "probe",
    "reply_schema",
    "request_key",
    "sections",
    "simulated_truth",
    "spending",
    "spending_by_purpose",
    "troubles",
]
