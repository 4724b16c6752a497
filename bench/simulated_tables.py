"""Tables of ratings drawn from populations whose every figure is known exactly; `coverage.py` counts with them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from stability.layout import runs_before_looking
from stability.measures.alpha import ordinal_alpha
from stability.measures.features import Cells, Integers, cells
from stability.report import Universe

Floats = npt.NDArray[np.float64]
Scale = Literal["normal", "rounded", "ceiling"]
Adaptive = Literal["known", "observed"]

PERSONAS = 5
ITEM_SD, PERSONA_SD, INTERACTION_SD, RUN_SD = 0.7, 0.395, 0.3, 0.642
"""Near those of the recorded judge calls that the method was tried on."""
FIXED_BIAS = PERSONA_SD * np.array([-1.265, -0.632, 0.0, 0.632, 1.265])
"""Harshness of the five fixed personas; its unbiased variance is PERSONA_SD squared."""
CENTRE = {"normal": 3.0, "rounded": 3.0, "ceiling": 4.5}
CUTS = np.array([1.5, 2.5, 3.5, 4.5])
GRADES = np.arange(1.0, 6.0)
MANY_ITEMS, MANY_PERSONAS = 20_000, 300
# Re-running by *observed* noise: items whose first runs were quiet by luck are left quiet, which no function of all runs
# undoes, so the report takes its figures from every item's first runs.


class Setting(NamedTuple):
    """A kind of table."""

    items: int
    runs: int
    scale: Scale
    universe: Universe = "fixed"
    missing: float = 0.0
    """Share of calls lost."""
    adaptive: Adaptive | None = None
    """Half of the items are re-run three times as often: those known to be noisier, or whose first runs looked so."""
    cluster_size: int = 1
    persona_sd: float = PERSONA_SD
    interaction_sd: float = INTERACTION_SD
    item_sd: float = ITEM_SD

    def __str__(self) -> str:
        extras = [f"{self.missing:.0%} missing"] * (self.missing > 0) + [f"re-run by {self.adaptive} noise"] * (
            self.adaptive is not None
        )
        extras += [f"clusters of {self.cluster_size}"] * (self.cluster_size > 1)
        usual = {"item_sd": ITEM_SD, "persona_sd": PERSONA_SD, "interaction_sd": INTERACTION_SD}
        extras += [f"{name} {getattr(self, name):g}" for name, sd in usual.items() if getattr(self, name) != sd]
        return " ".join([f"{self.universe:6} I={self.items:<3} R={self.runs:<2} {self.scale:8}", *extras])


class Drawn(NamedTuple):
    """Latent cells: (items, personas) means and standard deviations of a call before it is rounded."""

    latent: Floats
    sd: Floats
    cluster: npt.NDArray[np.int64]


def draw(setting: Setting, items: int, personas: int, generator: np.random.Generator) -> Drawn:
    """Items anew; personas anew too where they are random."""
    cluster = np.arange(items) // setting.cluster_size
    half = setting.item_sd * np.sqrt(0.5)
    shared = generator.normal(0, half, cluster[-1] + 1)[cluster] if setting.cluster_size > 1 else 0.0
    own = half if setting.cluster_size > 1 else setting.item_sd
    bias = FIXED_BIAS * setting.persona_sd / PERSONA_SD
    if setting.universe == "random":
        drawn = personas == PERSONAS
        places = generator.random(personas) if drawn else (np.arange(personas) + 0.5) / personas
        bias = setting.persona_sd * special.ndtri(places)  # the population itself: evenly spaced, not drawn
    item = CENTRE[setting.scale] + shared + generator.normal(0, own, items)
    latent = item[:, None] + bias[None, :] + generator.normal(0, setting.interaction_sd, (items, personas))
    sd = RUN_SD * np.sqrt(generator.gamma(8, 1 / 8, items))
    return Drawn(latent, np.broadcast_to(sd[:, None], latent.shape), cluster)


def grade_probabilities(latent: Floats, sd: Floats) -> Floats:
    """(..., 5): chance of each grade of 1 to 5 when the latent score is rounded and cut."""
    below = special.ndtr((CUTS - latent[..., None]) / sd[..., None])
    return np.diff(below, axis=-1, prepend=0.0, append=1.0)


def moments(setting: Setting, drawn: Drawn) -> tuple[Floats, Floats, float | None]:
    """Mean and run variance of every cell, and the flip rate (None where scores are not graded), all exact."""
    if setting.scale == "normal":
        return drawn.latent, drawn.sd**2, None
    chances = grade_probabilities(drawn.latent, drawn.sd)
    mean = chances @ GRADES
    return mean, chances @ GRADES**2 - mean**2, float(1 - (chances**2).sum(axis=-1).mean())


def _runs_heard(setting: Setting) -> Integers:
    """(many, PERSONAS) runs that came back for an item's personas."""
    heard = np.random.default_rng(98).binomial(setting.runs, 1 - setting.missing, (MANY_ITEMS, PERSONAS))
    return heard.astype(np.int64)


def _intraclass(setting: Setting, found: dict[str, float], mean: Floats, variance: Floats) -> dict[str, float]:
    """Personas as raters on their mean scores; and, of fixed personas, the runs of the last one, the most lenient."""
    heard = _runs_heard(setting)
    noise = found["run"] * float((1 / heard[heard > 0]).mean())
    residual = found["item_persona"] + noise
    told = {}
    for many, name in ((1, "single"), (PERSONAS, "average")):
        told[f"icc_agreement_{name}"] = found["item"] / (found["item"] + (found["persona"] + residual) / many)
        told[f"icc_consistency_{name}"] = found["item"] / (found["item"] + residual / many)
    if setting.universe == "fixed":
        signal, run = float(mean[:, -1].var(ddof=1)), float(variance[:, -1].mean())
        many_runs = heard[heard > 0].mean()
        told |= {"icc_runs_single": signal / (signal + run), "icc_runs_average": signal / (signal + run / many_runs)}
    return told


def _alphas(setting: Setting, drawn: Drawn) -> dict[str, float]:
    """Ordinal alpha of every call of an item; and, of fixed personas, of the last one's runs. Exact coincidences."""
    chances = grade_probabilities(drawn.latent, drawn.sd)
    many = chances.shape[1]
    same = np.einsum("ipc,ipk->ck", chances, chances) / many
    whole = chances.sum(axis=1)
    other = (whole.T @ whole - same * many) / (many * (many - 1))
    heard = _runs_heard(setting).astype(float)
    pairs_same, size = (heard * (heard - 1)).sum(axis=1), heard.sum(axis=1)
    weight = np.where(size >= 2, 1 / np.maximum(size - 1, 1), 0.0)
    pairs_other = size * (size - 1) - pairs_same
    every = (pairs_same * weight).mean() * same + (pairs_other * weight).mean() * other
    told = {"alpha_all": every}
    if setting.universe == "fixed":
        told["alpha_runs"] = chances[:, -1].T @ chances[:, -1]
    return {name: float(ordinal_alpha(1e3 * rows.reshape(1, -1), len(GRADES))[0]) for name, rows in told.items()}


def truth(setting: Setting) -> dict[str, float]:
    """Every figure's value in the population that the setting's tables are drawn from."""
    random = setting.universe == "random"
    items, personas = (2_000, MANY_PERSONAS) if random else (MANY_ITEMS, PERSONAS)
    drawn = draw(setting, items, personas, np.random.default_rng(99))
    mean, variance, flip = moments(setting, drawn)
    by_item, by_persona = mean.mean(axis=1), mean.mean(axis=0)
    residual = mean - by_item[:, None] - by_persona[None, :] + mean.mean()
    run = float(variance.mean())
    between = float((residual**2).sum() / (items - 1) / (personas - 1))
    if not setting.interaction_sd and not setting.persona_sd:
        between = 0.0
    persona = float(by_persona.var(ddof=1)) - (between / items) if setting.persona_sd else 0.0
    item = float(by_item.var(ddof=1)) - between / personas if setting.item_sd else 0.0
    signal = item + between / PERSONAS
    total = item + persona + between + run
    panel = signal / (signal + run / PERSONAS)
    if random:
        panel = item / (item + (persona + between + run) / PERSONAS)
    found = {"item": item, "persona": persona, "item_persona": between, "run": run}
    found |= {"delta": run - persona, "delta_ip": run - persona - between}
    found |= {
        "rho": run / persona if persona > 1e-6 else np.inf,
        "rho_ip": run / (persona + between) if persona + between > 1e-6 else np.inf,
    }
    found |= {"phi_single": item / total, "phi_panel": panel}
    found |= {f"share_{name}": max(found[name], 0.0) / total for name in ("item", "persona", "item_persona", "run")}
    found |= _intraclass(setting, found, mean, variance)
    return found if flip is None else found | {"flips": flip} | _alphas(setting, drawn)


def sample(setting: Setting, generator: np.random.Generator) -> tuple[Cells, Drawn, Floats]:
    """One table: its cells, what they were drawn from, and the scores (items, personas, runs), NaN where missing."""
    drawn = draw(setting, setting.items, PERSONAS, generator)
    most = setting.runs * (3 if setting.adaptive else 1)
    scores = drawn.latent[..., None] + drawn.sd[..., None] * generator.normal(size=(*drawn.latent.shape, most))
    if setting.scale != "normal":
        scores = np.clip(np.round(scores), 1, 5)
    if setting.adaptive:
        seen = scores[..., : setting.runs].var(axis=2, ddof=1).mean(axis=1)
        noise = drawn.sd[:, 0] if setting.adaptive == "known" else seen
        scores[noise <= np.median(noise), :, setting.runs :] = np.nan
        kept = runs_before_looking(np.where(noise <= np.median(noise), setting.runs, most))
        scores = scores[..., :kept]  # as the report does
    scores[generator.random(scores.shape) < setting.missing] = np.nan
    item, persona, _ = np.indices(scores.shape)
    table = cells(item.ravel(), persona.ravel(), scores.ravel(), (setting.items, PERSONAS))
    return table, drawn, scores
