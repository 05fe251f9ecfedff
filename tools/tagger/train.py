"""Trains the tagger and writes it into the service: `python -m tools.tagger.train` (or `make tagger`).

The same on a GPU or a CPU, where it takes longer: `--texts` and `--minutes` say how much is generated and how long it
is trained on. Needs `pools`, `lexicon` and `silver` to have run.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from labelmill_anonymization.tagger import labels
from tools.tagger import dataset
from tools.tagger.dataset import UNLABELED, Rows
from tools.tagger.export import export
from tools.tagger.network import Network

MODEL = Path(labels.__file__).with_name("model.onnx")
VERSION = "1"

_ROW, _BATCH, _STEPS = 512, 64, 1_500
_RATE, _DECAY, _WARM_UP = 3e-3, 0.01, 300
_AVERAGE = 0.999
_DEVELOPMENT_SEED = 1_000_003
_CAUTION = 1.5  # development: a third fewer characters leak than at 0, precision falls by two points


def main() -> None:
    """Generates, trains, calibrates, exports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_500_000, help="generated texts")
    parser.add_argument("--minutes", type=float, default=240.0, help="of training at most")
    parser.add_argument("--steps", type=int, default=_STEPS, help="of training at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=MODEL)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_float32_matmul_precision("high")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    started = time.monotonic()
    training = _Batches(dataset.make(options.seed, options.texts, developing=False), device)
    development = _Batches(dataset.make(_DEVELOPMENT_SEED, 8_000, developing=True), device)
    _say(f"{training.tokens} tokens made in {time.monotonic() - started:.0f} s, on {device}")
    network = train(Network().to(device), training, development, options)
    temperature = calibrate(network, development)
    about = {"version": VERSION, "temperature": f"{temperature:.4f}", "caution": f"{_CAUTION}"}
    options.out.write_bytes(export(network.cpu(), about))
    _say(f"{options.out}: temperature {temperature:.3f}, {time.monotonic() - started:.0f} s in all")


class _Batches:
    """Rows on a device, in stretches of equal length."""

    def __init__(self, rows: Rows, device: torch.device) -> None:
        self.tokens = int(rows.there.sum())
        number = len(rows.there) // _ROW
        self._arrays = [
            torch.from_numpy(array[: number * _ROW].reshape(number, _ROW, *array.shape[1:])).to(device)
            for array in (rows.ids, rows.dense, rows.there, rows.labels)
        ]
        self.number = number

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        order = torch.randperm(self.number)
        for start in range(0, self.number, _BATCH):
            chosen = order[start : start + _BATCH].to(self._arrays[0].device)
            ids, dense, there, labels_ = (array[chosen] for array in self._arrays)
            yield ids.int(), dense.float(), there[..., None].float(), labels_.long()


def train(network: Network, training: _Batches, development: _Batches, options: argparse.Namespace) -> Network:
    """AdamW with a cosine of learning rates; returns the moving average of the weights."""
    decaying = [p for name, p in network.named_parameters() if name.endswith("weight") and "norm" not in name]
    others = [p for name, p in network.named_parameters() if not (name.endswith("weight") and "norm" not in name)]
    groups = [{"params": decaying, "weight_decay": _DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=_RATE, betas=(0.9, 0.98))
    average = copy.deepcopy(network)
    loss_of = nn.CrossEntropyLoss(ignore_index=UNLABELED)
    started, step, spent = time.monotonic(), 0, 0.0
    while spent < 1.0:
        for ids, dense, there, labels_ in training:
            spent = max(step / options.steps, (time.monotonic() - started) / (60 * options.minutes))
            if spent >= 1.0:
                break
            for group in optimizer.param_groups:
                group["lr"] = _RATE * min(1.0, (step + 1) / _WARM_UP) * (0.5 + 0.5 * float(np.cos(np.pi * spent)))
            loss = loss_of(network(ids, dense, there).flatten(0, 1), labels_.flatten())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            _move(average, network, step)
            step += 1
            if step % 500 == 0:
                _say(f"step {step}, loss {loss.item():.4f}, development {_loss(average, development):.4f}")
    _say(f"{step} steps, development loss {_loss(average, development):.4f}")
    return average


@torch.no_grad()
def _move(average: Network, network: Network, step: int) -> None:
    """Moves the average towards the weights of now: far at first, by a thousandth later."""
    share = max(1.0 - _AVERAGE, 9.0 / (10.0 + step))
    for mean, weight in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(weight, share)


@torch.no_grad()
def _answers(network: nn.Module, rows: _Batches) -> tuple[torch.Tensor, torch.Tensor]:
    network.eval()
    logits, truth = [], []
    for ids, dense, there, labels_ in rows:
        known = labels_ != UNLABELED
        logits.append(network(ids, dense, there)[known])
        truth.append(labels_[known])
    return torch.cat(logits), torch.cat(truth)


def _loss(network: nn.Module, rows: _Batches) -> float:
    loss = float(nn.functional.cross_entropy(*_answers(network, rows)))
    network.train()
    return loss


def calibrate(network: nn.Module, development: _Batches) -> float:
    """The temperature under which the development texts are likeliest (Guo et al. 2017)."""
    logits, truth = _answers(network, development)
    temperatures = np.geomspace(0.5, 4.0, 60).tolist()
    losses = [float(nn.functional.cross_entropy(logits / temperature, truth)) for temperature in temperatures]
    return float(temperatures[int(np.argmin(losses))])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
