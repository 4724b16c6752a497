"""Intraclass correlations from the variance components.

Source: Shrout and Fleiss (1979), McGraw and Wong (1996). On complete tables they equal the ANOVA forms; on
incomplete ones they keep the components' independence of how often a cell was heard.
"""

from __future__ import annotations

from stability.measures.components import Coefficient, VarianceComponents


def one_way(parts: VarianceComponents, runs: float = 1) -> Coefficient:
    """ICC(1, runs): runs as raters inside one persona, or inside one arm's verdicts.

    parts: components of a one-persona table. Only ICC(1, .) has meaning here: run columns are exchangeable.
    """
    return Coefficient(parts.item, parts.run / runs)


def agreement(parts: VarianceComponents, personas: float = 1) -> Coefficient:
    """ICC(A, personas): personas as raters on cell means, harshness counted as error."""
    return Coefficient(parts.item, (parts.persona + parts.residual) / personas)


def consistency(parts: VarianceComponents, personas: float = 1) -> Coefficient:
    """ICC(C, personas): personas as raters on cell means, harshness forgiven."""
    return Coefficient(parts.item, parts.residual / personas)
