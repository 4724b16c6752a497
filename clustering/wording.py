"""How English names a person who speaks: nouns for people, role phrases, and their short canonical form.

General linguistics only: endings of agent nouns, a list of everyday nouns for people, and sentence frames.
Nothing here knows a domain.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache


def words_of(text: str) -> frozenset[str]:
    """The words of a list written as text."""
    return frozenset(text.split())


_PEOPLE = words_of(
    """
    actor actress adult advocate agent aide ally ambassador amateur analyst anyone apprentice architect artist assistant athlete attendant
    attorney auditor aunt author baker bartender boss boy bride broker builder buyer captain caregiver carer cashier
    champion chef chief child citizen client clerk coach colleague commuter consumer contractor cook coordinator
    counsel counsellor counselor couple courier crew curator customer cyclist daughter dad dancer dean dentist
    deputy designer developer dev diabetic dietitian director doctor driver editor elder employee employer engineer
    entrepreneur executive expert family farmer father fellow firefighter fisherman folk folks founder freelancer
    friend gardener girl governor grandfather grandmother grandparent graduate guard guardian guest guide head
    host hobbyist husband infant inspector instructor intern investor janitor journalist judge juror keeper kid
    landlord lawyer lead leader learner lecturer lender librarian listener maintainer maker man manager marketer
    mechanic medic member mentor merchant midwife minister mother mom mum musician neighbor neighbour newcomer
    novice nurse observer officer official operator optician owner painter parent participant partner passenger
    patient outpatient inpatient survivor sufferer recipient respondent pedestrian people person pharmacist photographer physician physiotherapist pilot planner player plumber
    police practitioner president principal producer professional professor programmer provider psychologist
    publisher pupil rancher reader receptionist recruiter refugee regulator renter reporter representative
    researcher resident retailer retiree reviewer rider runner sailor salesperson scholar scientist secretary
    senior shopper sibling singer sister soldier solicitor son specialist spouse staff stakeholder
    steward student subscriber supervisor supplier surgeon surveyor sysadmin admin administrator teacher team
    teenager technician tenant therapist tourist trader trainee trainer translator traveller traveler treasurer
    trustee tutor undergraduate user vendor veteran veterinarian vet victim viewer villager visitor volunteer
    waiter warden watchman widow wife woman worker writer youth committer contributor adopter integrator
    magistrate concierge witness usher matron orderly physio operative stewardess hostess waitress seamstress understudy porter
    chauffeur flyer teller picker educator chemist dispatcher approver consultant accountant sre qa implementer implementor packager community client public industry personnel
    """
)
_IRREGULAR = {
    "people": "person", "children": "child", "men": "man", "women": "woman", "wives": "wife", "staff": "staff",
    "folks": "folk", "salespeople": "salesperson", "police": "police", "boss": "boss", "midwives": "midwife",
}  # fmt: skip
_AGENT_ENDINGS = ("er", "or", "ist", "ian", "eer", "ant", "man", "woman", "person", "ee", "smith", "wright", "maker")
_THINGS = words_of(
    """
    after another answer anchor arbor banner barrier battery behavior behaviour border bother buffer burner butter calendar
    center centre chapter character charter cluster color colour compiler computer constant consider container
    controller corner counter cover cursor debugger decoder denominator descriptor deter differ
    dinner discover either encoder engine enter error ever factor favor favour feather fever fewer fiber
    filter finger floor flower folder footer former further gather gender grammar hammer harbor harbour header helper
    honor however humor identifier importer indicator instant integer interpreter iterator jumper kernel labor
    labour larger later latter layer leather letter lever lighter linker liter loader locker logger longer lower major
    manner marker master matter meter minor mirror modifier monitor monster motor never newer number
    numerator odor offer older order other over paper parameter parser per plant pointer poster power
    predecessor prefer printer processor proper provisioner purpose quarter rather reactor record refer register regular
    relevant remainder remember render resistor restaurant river router rubber rumor scanner scheduler
    selector sensor server shelter shoulder shower significant silver simpler slower smaller sooner splitter
    spider starter sticker summer super supper sweater tensor terminator theater timer together
    toner tower tracer tractor transformer transistor tree trigger under upper validator vector verifier
    wallet water weather whatever whether wider winter wrapper fee degree free agree guarantee see three
    important constant elegant variant grant restaurant distant invariant redundant significant
    consistent list exist assist twist mist fist wrist resist persist insist human german roman common main
    iteration exporter importer watcher poller emitter dispatcher handler adapter connector allocator
    checker linter resolver decorator profiler discriminator initializer finalizer informer analyzer analyser tokenizer optimizer renderer autoscaler balancer hypervisor
    """
)

FUNCTION_WORDS = words_of(
    """
    a about above across after again amid among amongst whichever against all also although am an and another any are around as at away be because been
    before being below between both but by can could did do does doing down during each either else even ever every
    few fewer for from further had has have having he her here hers him his how however i if in into is it its just least
    less let like made make makes many may me might more most much must my neither never no nor not now of off often
    on once one only onto or other our ours out over own per perhaps quite rather really same she should since so some
    still such than that the their them then there these they this those though through thus to too toward towards
    two under unless until up upon us use used using very via was we well were what when where whether which while who whom
    whose why will with within without would yes yet you your yours allow allows give gives help helps let lets ask
    asks tell tells today currently sometimes usually always typically furthermore similarly additionally moreover
    new existing alongside time several different various certain particular specific typical
    """
)
"""Words that say how, not who or what; they end a noun phrase and name no group."""

_SYNONYMS = {"admin": "administrator", "admins": "administrator", "dev": "developer", "devs": "developer",
             "sysadmin": "system administrator", "ops": "operations", "doc": "doctor", "mum": "mother", "mom": "mother", "dad": "father"}  # fmt: skip
"""Everyday short forms, written out so that they meet their long form."""

GENERAL_NOUNS = words_of(
    "engineer officer worker specialist manager assistant technician analyst expert professional consultant practitioner"
    " inspector agent representative owner author staff lead coordinator"
)
"""Nouns for people that name no trade alone: a security engineer and a data engineer share a word, not an interest."""

STEWARDS = words_of("maintainer committer contributor reviewer approver chair")
"""Those who keep a common work going, in any community that writes one: they are a kind of their own even where each
document calls them something else."""

_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_ROLE_END = re.compile(
    r"\s+(?:who|whom|that|which|whose|where|when|while|because|since|if|by|via|through|after|before|until|so|but|as|to"
    r"|is|are|was|were|has|have|had|can|could|may|might|must|should|will|would|do|does|did"
    r"|with|without|from|in|on|at|for|under|inside|within|across|during"
    r"|(?!building|nursing|learning|driving|hearing|teaching|engineering|marketing|nothing|king|ring|spring|evening|morning|housing|banking|planning"
    r"|training|training|cleaning|catering|consulting|accounting|manufacturing|testing|visiting|working|leading|acting)"
    r"[a-z]{3,}ing)\b.*$",
    re.IGNORECASE | re.DOTALL,
)
_DETERMINER = re.compile(
    r"^(?:(?:an?|the|some|any|many|most|all|both|several|few|other|our|my|your|their|his|her|its|these|those|each|every"
    r"|one|two|three|four|five|of|us|more|fewer|affected|intended|interested|confused|experienced|different|various|certain|such|typical|and|or|for|when|if|because|that|since|while|also"
    r"|then|but|so|where|what|why|how|today|now|currently|often|not|only|even|existing|new)\s+)+",
    re.IGNORECASE,
)  # fmt: skip


_EITHER = re.compile(r"\s+(?:and|or)\s+|\s*(?<![A-Z])/\s*|\s*/(?![A-Z]{2})\s*|\s*[,;:–—]\s*")
"""Between two roles in one phrase; the stroke of "CI/CD" or "AI/ML" is none."""
_AGE = re.compile(r"(?:^|(?<=\s))(?:\d{1,3}|[a-z]+(?:-[a-z]+)?)[\s-]+years?[\s-]+olds?(?:\s+|$)", re.IGNORECASE)
"""How old somebody is names no stakeholder: "54-year-old nurse" is a nurse."""


@lru_cache(maxsize=50_000)
def singular(word: str) -> str:
    """A noun's singular, lower case; good enough to compare words, not to print them."""
    word = word.lower().replace("’", "'").removesuffix("'s").rstrip("'")
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


@lru_cache(maxsize=50_000)
def names_people(word: str) -> bool:
    """Whether a noun, singular or plural, is one for people: `nurse`, `operators`, `volunteer`."""
    tail = word.rsplit("-", 1)[-1]
    if any(letter.isupper() for letter in tail[1:]) and not tail.isupper():
        return False  # camelCase names a thing
    noun = singular(tail)
    if noun in _PEOPLE:
        return True
    return noun not in _THINGS and len(noun) >= 6 and noun.endswith(_AGENT_ENDINGS)


def names_a_worker(word: str) -> bool:
    """The lenient test, for where only people can stand ("I am a loader", "we dispatchers"): any agent noun, even one
    that elsewhere names a machine."""
    noun = singular(word.rsplit("-", 1)[-1])
    return noun in _PEOPLE or (len(noun) >= 5 and noun.endswith(_AGENT_ENDINGS) and noun not in FUNCTION_WORDS)


def names_a_thing(word: str) -> bool:
    """Whether an agent noun is mostly one for machines and parts: `controller`, `parser`."""
    return singular(word.rsplit("-", 1)[-1]) in _THINGS


def is_everyday_person(word: str) -> bool:
    """The stricter test, without agent endings: `nurse`, `operators`, but not `closer` or `discriminator`."""
    return singular(word.rsplit("-", 1)[-1]) in _PEOPLE


def is_plural(word: str) -> bool:
    """Whether a noun stands for several: `nurses`, `people`."""
    return singular(word) != word.lower()


def canonical_role(phrase: str) -> str | None:
    """A role phrase cut to its noun phrase: `security engineer investigating …` to `security engineer`.

    Lower case, singular head, no determiner; None where no noun is left or it is longer than six words.
    """
    text = " ".join(re.sub(r"[`*_\"“”<>\[\]]", " ", phrase).split()).strip(" -–—'’")
    text = re.sub(r"\bhelp desk\b", "helpdesk", text, flags=re.IGNORECASE)
    if "(" in text:
        text = re.sub(r"\s*\([^)]*\)?", "", text)
    text = _ROLE_END.sub("", _DETERMINER.sub("", _AGE.sub("", text)))
    parts = [part.strip(" .,'’-") for part in _EITHER.split(text)]
    text = parts[0]
    if len(parts) == 2 and text.isalpha() and not names_people(text) and is_everyday_person(parts[1].split(" ")[-1]):
        text = parts[1]  # "health and safety officer": the first part only qualifies
    words = text.split()
    if not words or len(words) > 6 or not _WORD.search(text):
        return None
    position = next((index for index, word in enumerate(words) if word.lower() == "of"), len(words))
    if position == 0:
        return None
    words[position - 1] = _one(words[position - 1])
    people = [word for word in words[:position] if names_people(word)]
    if people and not names_people(words[position - 1]):  # "sre responsible", "engineer doing"
        end = words.index(people[-1]) + 1
        if is_comparative(people[-1]) and end < len(words):
            return None  # "a cleaner alternative"
        words = words[:end]
    expanded = (_SYNONYMS.get(word.lower(), word.lower()) for word in _unhyphenated(words))
    return " ".join(expanded)


def is_comparative(word: str) -> bool:
    """Whether a noun for people is also the comparative of an adjective, which before a noun it is."""
    return word.lower() in {"cleaner", "senior", "junior", "elder", "simpler", "official", "professional", "public"}


def _one(word: str) -> str:
    """A head noun's singular, unless it is no plural of a noun that we know."""
    return singular(word) if names_people(word) or singular(word) in _PEOPLE else word


def _unhyphenated(words: list[str]) -> list[str]:
    """`cluster-admin` to `cluster admin`: a hyphen before a noun for people only joins it to its qualifier."""
    last = words[-1]
    return [*words[:-1], *last.split("-")] if "-" in last and names_people(last) else words


_INSIDE = re.compile(r"(?<=[a-z,;)] )(?:(?P<name>[A-Z]+[a-z][\w-]*)|(?P<word>[a-z][\w-]*))")
NAME_SHARE = 0.5
"""From this share of its places on, a word that is written with a capital inside of sentences is a name."""


def proper_names(texts: Iterable[str]) -> frozenset[str]:
    """Words, in lower case, that the texts write with a capital inside of sentences at least twice and mostly.

    All capitals do not count: they abbreviate trades ("ML engineer") as often as they name products.
    """
    names, words = Counter[str](), Counter[str]()
    for text in texts:
        for found in _INSIDE.finditer(" ".join(text.replace("*", " ").replace("`", " ").split())):
            if found["name"]:
                names[found["name"].lower()] += 1
            else:
                words[found["word"]] += 1
    return frozenset(
        word for word, count in names.items() if count >= 2 and count >= NAME_SHARE * (count + words[word])
    )


def head_noun(role: str) -> str:
    """The noun that a canonical role is about: `maintainer` of `maintainer of code generators`."""
    before = re.split(r"\s+of\s+", role)[0].split() or [role]
    people = [word for word in before if names_people(word)]
    return singular(people[-1] if people else before[-1])


def leading_role(roles: Counter[str]) -> str | None:
    """What a group of people is called: the most frequent role of the most frequent head noun; None for no roles.

    Ties go to the head that is named in more ways, then to the first.
    """
    if not roles:
        return None
    heads: Counter[str] = Counter()
    for role, count in roles.items():
        heads[head_noun(role)] += count
    ways = Counter(head_noun(role) for role in roles)
    best = max(heads, key=lambda head: (heads[head], ways[head]))
    own = [role for role in roles if head_noun(role) == best]
    if len(own) > 2 and max(roles[role] for role in own) == 1:
        return best  # everybody is called something else: "maintainer" says what they share
    first = max(own, key=lambda role: roles[role])
    qualified = [role for role in own if role != best and 2 * roles[role] >= roles[first] and roles[role] >= 3]
    return max(qualified, key=lambda role: roles[role]) if first == best and qualified else first
