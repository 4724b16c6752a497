"""How much a sentence speaks: an opinion or need of somebody, against procedure and description.

A transparent score from word classes of general English; ranking by it puts "we lose an hour every morning" above
"run the following command". It orders evidence, it does not judge truth.
"""

from __future__ import annotations

import re

FIRST_PERSON = re.compile(
    r"\b(?:I(?!/O)|[Ww]e|[Mm]y|[Oo]ur|[Uu]s|[Mm]e|[Mm]yself|[Oo]urselves|I['’](?:m|ve|d|ll)|[Ww]e['’](?:re|ve|d|ll))\b"
)
_NEED = re.compile(
    r"\b(?:wants?|wanted|needs?|needed|would like|['’]d like|would love|wish(?:es)?|prefers?|hopes?|expects?|requires?"
    r"|should (?:be able|not have)|must be able|(?:can|could)(?:not|n['’]t| not)? (?:be sure|trust|rely|afford|tell|see|find|know)"
    r"|be able to|have to|having to|forced to|in order to|so that|matters?|cares? about|relies on|rely on|depends? on)\b",
    re.IGNORECASE,
)
_FEELING = re.compile(
    r"\b(?:worr(?:y|ies|ied|ying)|afraid|fear(?:s|ed)?|concern(?:s|ed)?|frustrat\w+|annoy\w+|painful|pain|hate[sd]?|love[sd]?|trust(?:s|ed)?"
    r"|struggl\w+|suffer\w*|difficult\w*|hard(?:er)?|confus\w+|surpris\w+|unexpected\w*|risk\w*|danger\w*|unsafe|safe(?:r|ly)?|secur\w+"
    r"|easier|easily|simpler|simple|tedious|cumbersome|error-prone|slow|waste[sd]?|wasting|expensive|unfair|fair|happy|glad|tired"
    r"|disappoint\w+|complain\w*|burden\w*|cannot|can['’]t|never|too (?:much|many|often|late|long)|impossible|useful|useless|helpful|important\w*"
    r"|critical|better|worse|best|worst|believe|feel|think|opinion|appreciate|grateful|lose|losing|lost|break(?:s|ing)?|missing|stuck)\b",
    re.IGNORECASE,
)
_PLAN = re.compile(
    r"\b(?:we (?:will|propose|plan|add|introduce|define|describe|use|can (?:add|use)|have (?:added|implemented))|(?:I|we)['’]ll add|will be|is (?:defined|set|called|implemented|performed)"
    r"|are (?:defined|set|called|implemented|performed)|this (?:proposal|document|section|enhancement|change|field|function|feature|pep|kep|rfc)"
    r"|(?:see|refer to|as described|described in|the following|for example:|note that|e\.g\.)|implementation|unit tests?|backwards?[- ]compatib\w+)\b",
    re.IGNORECASE,
)
IMPERATIVE = re.compile(
    r"^(?:add|apply|build|call|change|check|click|configure|copy|create|define|delete|deploy|disable|do|enable|ensure|execute|follow|generate"
    r"|implement|install|introduce|make|move|open|provide|remove|rename|replace|return|run|select|send|set|start|stop|test|update|use|verify|write)\b",
    re.IGNORECASE,
)  # fmt: skip
_CODE = re.compile(r"`[^`]*`|\w+\(\)|\b\w+[._/]\w+[._/]\w+|\b[a-z]+[A-Z]\w+|[{}=<>|\\]|https?://\S+|--\w+")
_TEMPLATE = re.compile(
    r"\[[^\]]{0,100}?(?:role|goal|reason|persona|user)[^\]]{0,100}\](?!\()|<[^>]{0,100}?(?:role|goal|persona)[^>]{0,100}>",
    re.IGNORECASE,
)


_PERSON = r"(?:I|[Ww]e|(?:[Mm]y|[Oo]ur)\s+[\w\s/-]{1,60}?|[\w-]*(?:ers|ors|ists|people|nurses|patients|staff|folks|residents)|[Ee]verybody|[Nn]obody)"
_STANCE = re.compile(
    rf"\b(?P<who>{_PERSON})(?:['’](?:m|d|re|ve))?\s+(?:(?:also|really|just|only|often|always|still|simply|all|do|does|am|are|is|was|were)\s+)*(?:not\s+|never\s+)?"
    r"(?:wants?|wanted|needs?|needed|would|like|likes|rather|wish(?:es)?|prefers?|hopes?|hoping|expects?|insists?|fears?|worr(?:y|ied|ies)|afraid|cares?"
    r"|hates?|loves?|trusts?|believes?|feels?|thinks?|concerned|frustrated|tired|happy|glad|struggles?|suffers?|rely|relies|depends?|lose|cannot|can['’]t|(?P<modal>can"
    r"|could|must|should)|have\s+to|had\s+to|don['’]t|didn['’]t|won['’]t|never)\b"
)
_ALREADY_SAID = re.compile(
    r"^[\s*_>\-\"“]*(?:(?:and|but|or|so|yet|then|however|therefore|thus|hence|also|instead|alternatively|otherwise|additionally|furthermore|moreover"
    r"|similarly|likewise|first|second|third|firstly|secondly|finally|lastly|meanwhile|nevertheless|unlike|for\s+(?:example|instance|this|that|these)|in\s+(?:addition|contrast"
    r"|such|this|that|these|those|both|other\s+words)|during\s+(?:these|those|this|that)|at\s+(?:this|that)|as\s+(?:such|a\s+(?:result|consequence))|because\s+of\s+(?:this|that)"
    r"|with\s+(?:this|that|these)|on\s+the\s+other\s+hand|note\s+that|this|that|these|those|it|they|he|she|such)\b"
    r"|(?:if|when|while|since|because|once|after|before)\s+(?:I|we|you|they|he|she)\s+[\w'’]+\s+(?:it|this|that|them|these|those)\b"
    r"|(?:I|we)\s+(?:also|then|therefore|thus|too)\b|(?:worse|second(?:ly)?|in\s+the\s+end|by\s+default)\b)",
    re.IGNORECASE,
)

_MEANT_BEFORE = re.compile(
    r"\bsuch\s+an?\s+\w|\b(?:both|all|any|either|neither)\s+of\s+(?:these|those)\b|\bthese\s+two\b", re.IGNORECASE
)
"""What was meant before, wherever it stands: "such a restriction", "both of these roles"."""


def takes_a_stance(text: str) -> bool:
    """Whether somebody in the text wants, needs, fears or thinks something, rather than reports what is done."""
    return any(not found["modal"] or FIRST_PERSON.match(found["who"]) for found in _STANCE.finditer(text))


def leans_on_context(text: str) -> bool:
    """Whether only its neighbours explain a text: it opens with "However, …", "If I make it …", "In such cases …", or
    speaks of "such a restriction"."""
    return bool(_ALREADY_SAID.match(text) or _MEANT_BEFORE.search(text))


def names_code(text: str) -> bool:
    """Whether a text holds code, a path or an identifier."""
    return bool(_CODE.search(text))


def voice(text: str) -> float:
    """0 (procedure) to 1 (an opinion or need in the first person); 0.5 is about "somebody wants something".

    Additive over signs, so that every score can be explained: first person, need, feeling or judgement, against
    plans, imperatives and code.
    """
    words = max(1, len(text.split()))
    if words < 4 or _TEMPLATE.search(text):
        return 0.0
    score = 0.1
    score += 0.35 * bool(FIRST_PERSON.search(text))
    score += 0.3 * bool(_NEED.search(text))
    score += min(0.3, 0.15 * len(_FEELING.findall(text)))
    score -= min(0.5, 0.25 * len(_PLAN.findall(text)))
    score -= 0.3 * bool(IMPERATIVE.match(text.lstrip(" *-")))
    score -= min(0.4, 1.5 * len(_CODE.findall(text)) / words)
    return round(min(1.0, max(0.0, score)), 3)
