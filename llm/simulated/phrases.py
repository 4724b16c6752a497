"""The simulated judge's phrases. Each stands grammatically with any noun, perspective and quote that it is given."""

from __future__ import annotations

from collections.abc import Mapping

from llm.simulated.features import Aspect

OPENINGS = (
    "I speak for the {who}. What I look for: “{what}”.",
    "For the {who} I hold it against one measure: “{what}”.",
    "I read this on behalf of the {who}, with one thing in mind: “{what}”.",
    "Speaking for the {who}, I ask first about this: “{what}”.",
)
ASKING = (
    "I speak for the {who} and ask {what}.",
    "On behalf of the {who}: I want to know {what}.",
    "What counts for the {who} is {what}.",
    "I am here for the {who}, and what they would ask is {what}.",
    "{what}: that is what I look at, for the {who}.",
    "The {who} would ask {what}, and so do I.",
)
"""Where the perspective is a clause such as `whether harms stand beside benefits`."""

Lines = Mapping[Aspect, tuple[str, ...]]

PRAISE: Lines = {
    "support": (
        "I can trace “{quote}” back to “{near}”",
        "“{quote}” is borne out: it says “{near}” in the material",
        "“{quote}” claims no more than the material does",
    ),
    "coverage": (
        "it keeps what I need: “{kept}”",
        "the point “{kept}” is in it",
        "“{quote}” says the main thing",
    ),
    "fluency": ("“{quote}” can be read once and understood", "“{quote}” says it plainly"),
    "relevance": ("“{quote}” answers to “{asked}”", "it stays on the subject with “{quote}”"),
    "substance": ("“{quote}” gives me something to go on", "I can do something with “{quote}”"),
}
FAULT: Lines = {
    "support": (
        "“{quote}” goes further than the material, where the nearest is “{near}”",
        "I looked for “{quote}” in the material and found no more than “{near}”",
        "nothing that I was given carries “{quote}”",
        "“{quote}” is said as if it were known, and I cannot find it",
    ),
    "coverage": (
        "it leaves out “{missed}”",
        "I miss “{missed}”",
        "there is not a word of “{missed}”",
        "“{quote}” is only half of it",
    ),
    "fluency": ("“{quote}” has to be read twice", "I stumble over “{quote}”"),
    "relevance": (
        "“{asked}” is left hanging",
        "to “{asked}” it says “{quote}”, which is no answer",
        "“{quote}” is beside the point",
    ),
    "substance": ("“{quote}” tells me nothing that I could use", "after “{quote}” I know no more than before"),
}
HALF = (
    "“{quote}” is partly there: the material says “{near}”",
    "“{quote}” is half of what “{near}” says",
    "I find “{near}” in the material, and “{quote}” is near it without being it",
)
"""Of a claim that the material carries in part."""
PREFERENCE: Lines = {
    "support": (
        "{this} keeps to what was given with “{better}”, {that} goes further with “{worse}”",
        "“{better}” in {this} is nearer to what was given than “{worse}” in {that}",
    ),
    "coverage": (
        "{this} says more of what matters, “{better}”, where {that} says “{worse}”",
        "what counts is in {this}: “{better}”; {that} leaves it at “{worse}”",
    ),
    "fluency": ("{this} reads more easily: “{better}” against “{worse}” in {that}",),
    "relevance": ("{this} does what was asked with “{better}”, {that} less so with “{worse}”",),
    "substance": ("I can do more with “{better}” in {this} than with “{worse}” in {that}",),
}
"""Of a pair: `this` is the better output, `that` the other, by their letters."""
EVEN = (
    "“{better}” in {this} and “{worse}” in {that} come to the same",
    "between “{better}” in {this} and “{worse}” in {that} I see no difference that matters",
    "{this} and {that} say one thing: “{better}” here, “{worse}” there",
)

GRADED = (
    "For {dimension} I give {grade}: {reason}.",
    "On {dimension}, {reason}: I give {grade}.",
    "{Dimension}, for me, is a {grade}: {reason}.",
)
COMPARED = ("On {dimension} I take {grade}: {reason}.", "For {dimension} it is {grade}: {reason}.")
ANSWERING = (
    "{name}, you lean on “{theirs}”.",
    "{name}, you point to “{theirs}”.",
    "“{theirs}”, says {name}.",
    "I have read “{theirs}” too, {name}.",
)
DOUBTING = (
    "{name}, I do not follow you to {theirs} for {dimension}.",
    "{name}, {theirs} for {dimension} is not what I see.",
    "I cannot go to {theirs} for {dimension}, {name}.",
)
BUT = ("But {reason}.", "Still, {reason}.", "Against that: {reason}.", "What I see: {reason}.")
STAYING = (
    "So I stay at {grade} for {dimension}.",
    "That is why I keep {dimension} at {grade}.",
    "{grade} for {dimension}, then, and not {theirs}.",
)
QUESTIONS = (
    "{name}, how do you get to {theirs} for {dimension} when {reason}?",
    "What do you make of this, {name}: {reason}? I could not give {theirs} for {dimension} with that before me.",
    "{name}, you give {theirs} for {dimension}. Have you seen that {reason}?",
)
CONCEDING = (
    "{name} is right about “{theirs}”.",
    "I had passed over “{theirs}”; {name} has not.",
    "Yes, {name}: “{theirs}” weighs more than I allowed.",
    "{name}'s “{theirs}” makes me look again.",
)
FOLLOWING = ("{name} has convinced me on {dimension}.", "On {dimension} I come round to what {name} says.")
MOVING = ("I move {moves}.", "So I move {moves}.", "With that I move {moves}.")
CLAIMING = ("What decides it for me: {reason}.", "To begin with what I see: {reason}.", "My ground is this: {reason}.")
PASSING = (
    "I have nothing to add: {name} and I stand at the same grades.",
    "{name} says what I would say. I leave it there.",
)
HOLDING = (
    "I have heard {name} on “{theirs}”. Still, {reason}.",
    "“{theirs}” is a fair point of {name}'s, and yet {reason}.",
)
UNMOVED = (
    "Nothing that I heard outweighs this: {reason}.",
    "For the {who} it still comes to this: {reason}.",
    "After all that was said, {reason}.",
)
REREAD = ("I have read my reasons again, and they hold: {reason}.", "Asked again I see the same: {reason}.")
KEEPING = ("I stay with {grades}.", "My grades stand: {grades}.")
CONFORMING = (
    "Most of the others stand {way} on {dimension}, and I go along.",
    "The others' grades for {dimension} are {way} than mine; that makes me look again.",
)
DOUBTING_MYSELF = (
    "Reading my own reasons again, I was too {way} on {dimension}.",
    "I put {dimension} more carefully now: I had been too {way}.",
)
