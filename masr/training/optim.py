"""AdamW, and learning rates as functions of the step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from masr.config import option
from masr.errors import ConfigError, near


@dataclass(frozen=True)
class Config:
    """How weights move."""

    peak_lr: float = option(2e-3, "learning rate at the end of the warm-up")
    schedule: Literal["noam", "tri_stage", "cosine", "constant"] = option(
        "noam", "after the warm-up: 1/sqrt(step); hold then exponential decay; half a cosine to zero; stay"
    )
    warmup_steps: int = option(1000, "steps of linear rise to the peak")
    hold_share: float = option(0.4, "tri_stage: share of all steps at the peak")
    final_scale: float = option(0.05, "tri_stage: learning rate at the end, as a share of the peak")
    betas: tuple[float, float] = option((0.9, 0.98), "decay of Adam's two averages")
    eps: float = option(1e-8, "Adam's epsilon")
    weight_decay: float = option(
        0.01, "on the weights of linear layers and convolutions; biases, norms and codebooks are spared"
    )
    clip_norm: float = option(1.0, "gradients longer than this are scaled down to it; 0 leaves them")
    scales: Mapping[str, float] = option(
        {}, "factor on the learning rate of parameters whose name begins so; 0 freezes"
    )

    layer_decay: float = option(
        1.0, "factor on the learning rate from each block of the encoder to the one below it; 1 leaves them alike"
    )
    frozen: Mapping[str, int] = option(
        {}, "step until which parameters whose name begins so stay as they are: {encoder: 200, encoder.blocks.0: 400}"
    )

    def __post_init__(self) -> None:
        if not 0 < self.layer_decay <= 1 or any(step < 0 for step in self.frozen.values()):
            raise ValueError("layer_decay is above 0 and at most 1, and steps in frozen are not negative")
        if self.peak_lr <= 0 or self.warmup_steps < 0:
            raise ValueError("peak_lr must be positive and warmup_steps not negative")


def learning_rate(config: Config, step: int, max_steps: int) -> float:
    """The rate of update number `step`, counted from 0."""
    done = step + 1
    if done < config.warmup_steps:
        return config.peak_lr * done / config.warmup_steps
    if config.schedule == "noam":
        return config.peak_lr * math.sqrt(max(1, config.warmup_steps) / done)
    if config.schedule == "constant":
        return config.peak_lr
    left = max_steps - config.warmup_steps
    progress = min(1.0, (done - config.warmup_steps) / left) if left > 0 else 1.0
    if config.schedule == "cosine":
        return config.peak_lr * 0.5 * (1 + math.cos(math.pi * progress))
    hold = config.hold_share * max_steps / left if left > 0 else 1.0
    if progress <= hold or hold >= 1:
        return config.peak_lr
    return float(config.peak_lr * config.final_scale ** ((progress - hold) / (1 - hold)))


def build_optimizer(model: nn.Module, config: Config) -> torch.optim.AdamW:
    """AdamW over groups that differ in weight decay and in the factor on their learning rate."""
    _check_prefixes(model, {"scales": config.scales, "frozen": config.frozen})
    depths = block_depths(model) if config.layer_decay < 1 else {}
    groups: dict[tuple[float, float, int], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        scale = of_longest(config.scales, name, 1.0) * config.layer_decay ** depths.get(name, 0)
        if scale == 0:
            parameter.requires_grad_(False)
        if not parameter.requires_grad:
            continue
        decay = config.weight_decay if parameter.ndim >= 2 and name.endswith("weight") else 0.0
        groups.setdefault((scale, decay, of_longest(config.frozen, name, 0)), []).append(parameter)
    if not groups:
        raise ConfigError("optim.scales leaves nothing to train", fix="give some parameters a factor above 0")
    if all(step for _, _, step in groups):
        raise ConfigError(
            "optim.frozen leaves nothing to train at the beginning", fix="leave some parameters out of it"
        )
    return torch.optim.AdamW(
        [
            {"params": p, "weight_decay": decay, "scale": scale, "frozen_until": step}
            for (scale, decay, step), p in groups.items()
        ],
        lr=config.peak_lr,
        betas=config.betas,
        eps=config.eps,
        fused=True,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float, step: int = 0, warmup_steps: int = 0) -> None:
    """Gives each group the rate times its own factor.

    After a group was frozen its rate rises again over `warmup_steps`, as it did for all at the beginning.
    """
    for group in optimizer.param_groups:
        since = step - group["frozen_until"] + 1
        rise = min(1.0, since / warmup_steps) if group["frozen_until"] and warmup_steps else 1.0
        group["lr"] = rate * group["scale"] * max(0.0, rise)


def step_where(optimizer: Any, used: Tensor) -> None:
    """One move of the weights, unless the step, (), is not `used`: the kernel then leaves weights and averages alone.

    That is what it has for gradients that a scaler found infinite.
    """
    optimizer.grad_scale, optimizer.found_inf = None, (~used).float()
    optimizer.step()
    del optimizer.grad_scale, optimizer.found_inf


def freeze(model: nn.Module, optimizer: torch.optim.Optimizer, config: Config, step: int, alone: bool = True) -> None:
    """Makes what the schedule keeps frozen in `step` a fixed function: no dropout, no running statistics.

    In one process (`alone`) the frozen weights ask for no gradient, so that there is no backward pass through them.
    Ranks that average gradients agreed, before the first step, on which weights have one; there `forget` takes the
    gradients of the frozen ones away.
    """
    if step > max(config.frozen.values(), default=-1):
        return
    frozen = {id(parameter) for parameter in _frozen(optimizer, step)}
    for parameter in (p for group in optimizer.param_groups for p in group["params"]):
        parameter.requires_grad_(not alone or id(parameter) not in frozen)
    for name, module in model.named_modules():
        resting = all(id(p) in frozen or not p.requires_grad for p in module.parameters())
        if resting and step < of_longest(config.frozen, f"{name}.", 0):
            module.eval()


def forget(optimizer: torch.optim.Optimizer, step: int) -> None:
    """Takes the gradients of frozen weights away, so that they count neither in its length nor in Adam's averages."""
    for parameter in _frozen(optimizer, step):
        parameter.grad = None


def _frozen(optimizer: torch.optim.Optimizer, step: int) -> Iterator[nn.Parameter]:
    for group in optimizer.param_groups:
        if step < group["frozen_until"]:
            yield from group["params"]


def block_depths(model: nn.Module) -> dict[str, int]:
    """Parameter's name -> how many blocks of the encoder lie above it; all of them for what comes before the blocks."""
    encoder = getattr(model, "encoder", model)
    places = {id(p): name for name, p in model.named_parameters()}
    depths: dict[str, int] = {}
    for stack in getattr(encoder, "sides", (encoder,)):  # one stack of blocks, or one for each direction
        depths |= _depths_in(stack, places)
    return depths


def _depths_in(encoder: nn.Module, places: dict[int, str]) -> dict[str, int]:
    count = int(getattr(encoder, "num_layers", 0))
    found = [name for name, m in encoder.named_modules() if isinstance(m, nn.ModuleList) and len(m) == count and name]
    if not found:
        raise ConfigError(
            "optim.layer_decay: this encoder is no stack of blocks", fix="leave it at 1 and use optim.scales"
        )
    blocks = found[0]
    depths, seen = {}, False
    for name, parameter in encoder.named_parameters():
        inside = name.startswith(f"{blocks}.")
        seen |= inside
        above = count - 1 - int(name.removeprefix(f"{blocks}.").split(".")[0]) if inside else (0 if seen else count)
        depths[places[id(parameter)]] = above
    return depths


def of_longest(table: Mapping[str, Any], name: str, nothing: Any) -> Any:
    """The value of the longest key that the name, as `written` gives it, begins with; `nothing` where none fits."""
    fitting = [prefix for prefix in table if written(name).startswith(prefix)]
    return table[max(fitting, key=len)] if fitting else nothing


def written(name: str) -> str:
    """A parameter's name as configurations have it: the same whatever the objective is wrapped in."""
    return name.removeprefix("objective.").removeprefix("objective.")


def _check_prefixes(model: nn.Module, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """ConfigError where a name begins no parameter's."""
    names = [written(name) for name, _ in model.named_parameters()]
    for table, prefixes in tables.items():
        for prefix in prefixes:
            if not any(name.startswith(prefix) for name in names):
                known = {".".join(name.split(".")[:depth]) for name in names for depth in (1, 2)}
                raise ConfigError(f"optim.{table}: no parameter's name begins with {prefix!r}", fix=near(prefix, known))
