"""Training on pairs: an authentic face and itself blended, degraded alike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pretraining.blending_network.architecture import BlendingNetwork
from pretraining.blending_network.augmentation import done, drawn_steps, drawn_view
from pretraining.blending_network.crops import ClipCrops
from pretraining.blending_network.self_blending import self_blended

MEAN, SCALE = 127.0, 128.0
"""Levels are moved and divided by these, as when the network was trained on ImageNet."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes
    ----------
    n_steps : int
        Batches.
    n_pairs : int
        Pairs in a batch.
    rate : float
        Highest learning rate, reached after `n_warm_up` steps; half a cosine leads from it to 0.
    n_warm_up : int
        Steps of rising rate.
    weight_decay : float
        Of AdamW.
    """

    n_steps: int = 1000
    n_pairs: int = 8
    rate: float = 4e-4
    n_warm_up: int = 30
    weight_decay: float = 0.02

    def rate_at(self, step: int) -> float:
        """Learning rate of a step, from 0."""
        if step < self.n_warm_up:
            return self.rate * (step + 1) / self.n_warm_up
        progress = (step - self.n_warm_up) / max(1, self.n_steps - self.n_warm_up)
        return self.rate * 0.5 * (1 + math.cos(math.pi * progress))


def drawn_pairs(
    clips: Sequence[ClipCrops], n_pairs: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Authentic crops and their blended counterparts, as the network reads them.

    Parameters
    ----------
    clips : sequence of ClipCrops
        Each is as likely to be drawn, however many pictures it has.
    n_pairs : int
        How many.
    rng : numpy.random.Generator
        Draws everything.

    Returns
    -------
    tuple of numpy.ndarray
        Two of ``(n_pairs, side, side, 3)`` uint8.
    """
    authentic, blended = [], []
    for _ in range(n_pairs):
        clip = clips[rng.integers(len(clips))]
        number = int(rng.integers(len(clip.pictures)))
        points_px = clip.points_px[number]
        pair = self_blended(clip.pictures[number], points_px, rng)
        steps = [*drawn_steps(rng), drawn_view(points_px, rng)]
        authentic.append(done(pair.authentic, steps))
        blended.append(done(pair.blended, steps))
    return np.stack(authentic), np.stack(blended)


def as_input(crops: np.ndarray) -> torch.Tensor:
    """``(n, side, side, 3)`` uint8 as what the network reads."""
    levels = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2))).float()
    return ((levels - MEAN) / SCALE).contiguous(memory_format=torch.channels_last)


def trained(clips: Sequence[ClipCrops], schedule: Schedule, seed: int) -> BlendingNetwork:
    """A network that has learnt from the clips.

    Parameters
    ----------
    clips : sequence of ClipCrops
        Authentic faces.
    schedule : Schedule
        How long and how fast.
    seed : int
        Of everything that is drawn. The same seed gives the same network on the same machine with
        the same number of threads.

    Returns
    -------
    BlendingNetwork
        Ready to be used.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = BlendingNetwork().train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay
    )
    truth = torch.cat([torch.zeros(schedule.n_pairs), torch.ones(schedule.n_pairs)])
    recent: list[float] = []
    for step in range(schedule.n_steps):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate_at(step)
        crops = np.concatenate(drawn_pairs(clips, schedule.n_pairs, rng))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(as_input(crops)), truth)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        recent.append(loss.item())
        if (step + 1) % 50 == 0:
            print(
                f"step {step + 1} of {schedule.n_steps}: loss {np.mean(recent[-50:]):.3f}",
                flush=True,
            )
    return network.eval()
