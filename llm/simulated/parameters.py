"""The known parameters of the simulated judge, and their place in its spec."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from llm.errors import ModelConfigurationError

_SHARES = ("conformity", "persuasion", "spontaneous", "abstention", "malformed", "certainty_informed")


@dataclass(frozen=True, slots=True)
class SimulatedParameters:
    """What the simulated judge plants. Standard deviations are in steps of the scale, from one grade to the next."""

    seed: int = 0
    """Draws another world: other biases, other items' residues."""
    signal: float = 1.0
    """Share of the scale that the text's measured quality spans; 0 for a judge that does not read."""
    item_sd: float = 0.0
    """Of an item effect beyond the measured quality."""
    persona_sd: float = 0.5
    interaction_sd: float = 0.4
    run_sd: float = 0.5
    position_bias: float = 0.0
    """Steps that a pair's first output is given for standing first."""
    conformity: float = 0.25
    """Expected share of the way towards its peers' mean that it moves each time it sees their scores."""
    persuasion: float = 0.15
    """As much more where it sees their arguments too."""
    spontaneous: float = 0.1
    """Probability per dimension of moving one grade when it is asked again, whatever it sees."""
    abstention: float = 0.0
    malformed: float = 0.0
    """Probability of a reply that is cut short, off its scale or not JSON."""
    certainty_informed: float = 0.7
    """How far its certainty tells a clear case from a close one: 0 is noise, 1 is all it knows."""
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name not in ("seed", "position_bias") and value < 0:
                raise ModelConfigurationError(f"simulated judge: {name}={value!r} must not be negative")
            if name in _SHARES and value > 1:
                raise ModelConfigurationError(f"simulated judge: {name}={value!r} is a share, at most 1")

    @classmethod
    def parse(cls, text: str) -> SimulatedParameters:
        """From `run_sd=0.5,persona_sd=0`. Raises `ModelConfigurationError` that lists the names there are."""
        known = {field.name: field.type for field in fields(cls)}
        values: dict[str, int | float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            if name not in known:
                raise ModelConfigurationError(f"simulated judge has no {name!r}; it takes {', '.join(known)}")
            try:
                values[name] = int(value) if known[name] == "int" else float(value)
            except ValueError:
                raise ModelConfigurationError(f"simulated judge: {name}={value!r} is not a number") from None
        return cls(**values)  # type: ignore[arg-type]

    @property
    def spec(self) -> str:
        """`simulated`, with what differs from the defaults."""
        default = asdict(SimulatedParameters())
        told = [f"{name}={value:g}" for name, value in asdict(self).items() if value != default[name]]
        return "simulated:" + ",".join(told) if told else "simulated"
