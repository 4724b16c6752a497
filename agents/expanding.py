"""From what the caller sent to what is heard: a dialogue judged at every turn is many items."""

from __future__ import annotations

from agents.item import DialogueItem, Item


def expand(item: Item) -> tuple[Item, ...]:
    """The items that one item is heard as: itself, or for `each_turn` one per judged utterance.

    Utterance 3 of dialogue `ID` becomes `ID#3` (counted from 1), judged in the context of those before it, in the
    cluster of its dialogue. Human scores of the whole dialogue are not scores of its utterances, and stay behind.
    """
    if not isinstance(item, DialogueItem) or item.judge != "each_turn":
        return (item,)
    return tuple(
        DialogueItem(
            id=f"{item.id}#{number}",
            cluster=item.cluster or item.id,
            system=item.system,
            turns=item.turns[:number],
            judge="response",
            knowledge=item.knowledge,
        )
        for number, utterance in enumerate(item.turns, start=1)
        if not item.speakers or utterance.speaker in item.speakers
    )
