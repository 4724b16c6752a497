"""One structured model call: open a model, ask, parse, meter, replay."""

from llm.call import Call, CallOutcome, Purpose
from llm.fence import Section, fence, sections
from llm.model import Message, Model, Reply, Request, Usage

__all__ = [
    "Call",
    "CallOutcome",
    "Message",
    "Model",
    "Purpose",
    "Reply",
    "Request",
    "Section",
    "Usage",
    "fence",
    "sections",
]
