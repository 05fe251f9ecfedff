"""The network, in torch: embeddings of what is known of a token, then residual windows over its neighbours."""

from __future__ import annotations

import torch
from torch import nn

from labelmill_anonymization.tagger.features import COLUMNS, DENSE, TABLES
from labelmill_anonymization.tagger.labels import STATES

WIDTH = 128
DILATIONS = (1, 2, 4, 8, 1)
_SIZES = {"word": 64, "shape": 24}  # others: 16
_UNKNOWN = 0


class Block(nn.Module):
    """A window of three tokens, `dilation` apart, then a mix; added to what came in."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(WIDTH)
        self.window = nn.Linear(3 * WIDTH, WIDTH)
        self.mix = nn.Linear(WIDTH, WIDTH)

    def forward(self, hidden: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """`hidden` is [batch, tokens, WIDTH]; `there` is 1 for tokens and 0 for gaps."""
        normed = nn.functional.pad(self.norm(hidden) * there, (0, 0, self.dilation, self.dilation))
        size = hidden.shape[1]
        neighbours = [normed[:, k * self.dilation : k * self.dilation + size] for k in range(3)]
        added: torch.Tensor = self.mix(torch.relu(self.window(torch.cat(neighbours, -1))))
        return hidden + added


class Network(nn.Module):
    """Features of tokens to logits of states."""

    def __init__(self, dropout: float = 0.2, word_dropout: float = 0.2) -> None:
        super().__init__()
        names = [name for name in COLUMNS if name != "other_word"]  # both hashes of a word share one table
        self.tables = nn.ModuleDict(
            {name: nn.Embedding(TABLES[COLUMNS.index(name)], _SIZES.get(name, 16), padding_idx=0) for name in names}
        )
        for table in self.tables.values():
            nn.init.normal_(table.weight, std=0.05)  # type: ignore[arg-type]
        self.enter = nn.Linear(sum(_SIZES.get(name, 16) for name in names) + DENSE, WIDTH)
        self.blocks = nn.ModuleList([Block(dilation) for dilation in DILATIONS])
        self.norm = nn.LayerNorm(WIDTH)
        self.leave = nn.Linear(WIDTH, STATES)
        self.dropout = nn.Dropout(dropout)
        self.word_dropout = word_dropout

    def forward(self, ids: torch.Tensor, dense: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """`ids` [batch, tokens, columns], `dense` [batch, tokens, DENSE], `there` [batch, tokens, 1]."""
        if self.training:
            ids, dense = self._forget(ids, dense)
        parts = []
        for name, table in self.tables.items():
            part = table(ids[..., COLUMNS.index(name)])
            if name == "word":
                part = part + table(ids[..., COLUMNS.index("other_word")])
            parts.append(part)
        hidden = self.dropout(self.enter(torch.cat([*parts, dense], -1)))
        for block in self.blocks:
            hidden = self.dropout(block(hidden, there))
        logits: torch.Tensor = self.leave(self.norm(hidden))
        return logits

    def _forget(self, ids: torch.Tensor, dense: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Hides the word, or all that the lexicon knows of it, of some tokens, so that neither is leant on alone."""
        hidden = torch.rand(ids.shape[:2], device=ids.device) < self.word_dropout
        ids = ids.clone()
        ids[..., :2][hidden] = _UNKNOWN
        unlisted = torch.rand((*ids.shape[:2], 1), device=ids.device) < self.word_dropout
        return ids, dense.masked_fill(unlisted, 0.0)
