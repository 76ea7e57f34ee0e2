"""The losses of a packed batch against one padded by hand: values and gradients."""

import pytest
import torch
import torch.nn.functional as F

from gptpath.finetune.batches import collate
from gptpath.finetune.trainer import total_loss
from gptpath.finetune.transformations import Example
from gptpath.model.heads import spread

VOCABULARY, DELIMITER, EXTRACT = 257, 258, 259


def text(*lengths):
    """A sequence of as many parts, its ids told by their lengths."""
    parts = [(DELIMITER, *(7 * length + i for i in range(length))) for length in lengths]
    inner = [token for part in parts for token in part][1:]
    return (VOCABULARY, *inner, EXTRACT)


EXAMPLES = {
    "classification": [((text(3),), 1), ((text(19),), 0), ((text(1),), 2), ((text(8),), 1)],
    "similarity": [((text(3, 9), text(9, 3)), 1), ((text(2, 1), text(1, 2)), 0)],
    "regression": [((text(4, 5), text(5, 4)), 1.25), ((text(12, 1), text(1, 12)), 0.0)],
    "multiple-choice": [
        ((text(5, 2), text(5, 9)), 0),
        ((text(1, 1), text(1, 2), text(1, 14)), 2),
        ((text(6, 1), text(6, 3), text(6, 2), text(6, 8)), 1),
    ],
}


def padded_loss(model, examples, weight, fill):
    """GPT-1 eq. 5 on one right-padded grid, each example on its own."""
    rows = [one for example in examples for one in example.sequences]
    longest = max(map(len, rows))
    tokens = torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows])
    table = torch.cat([model.language_model.wte.weight, model.special.weight])
    hidden = model.language_model.hidden_from_embeddings(F.embedding(tokens, table))
    losses, texts, first = [], [], 0
    for example in examples:
        places = range(first, first := first + len(example.sequences))
        states = torch.stack([hidden[i, len(rows[i]) - 1] for i in places])
        if model.kind == "multiple-choice":
            scores = model.head(states).squeeze(1)
        else:
            scores = model.head(states.sum(0))
        if model.kind == "regression":
            target = spread(torch.tensor([example.label]), model.n_labels)[0]
        else:
            target = torch.tensor(example.label)
        losses.append(F.cross_entropy(scores, target))
        for i in places:
            ids = torch.tensor(rows[i][1:])
            real = ids < VOCABULARY
            logits = model.language_model.logits(hidden[i, : len(ids)][real])
            texts.append(F.cross_entropy(logits, ids[real]))
    return torch.stack(losses).mean() + weight * torch.stack(texts).mean()


@pytest.mark.parametrize("weight", [0.0, 0.5])
@pytest.mark.parametrize("kind", EXAMPLES)
def test_losses_and_gradients_are_those_of_a_padded_batch(task_model, kind, weight):
    model = task_model(kind, n_labels=3, dropout=0.0).train()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(
                parameter.shape, generator=torch.Generator().manual_seed(0)
            )
    examples = [Example(sequences=parts, label=label) for parts, label in EXAMPLES[kind]]
    names = [name for name, _ in model.named_parameters()]
    found = total_loss(model, collate(examples, text_below=VOCABULARY), weight)
    gradients = torch.autograd.grad(found, list(model.parameters()))
    for fill in (0, EXTRACT):
        expected = padded_loss(model, examples, weight, fill)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        others = torch.autograd.grad(expected, list(model.parameters()))
        for name, one, other in zip(names, gradients, others, strict=True):
            torch.testing.assert_close(
                one, other, atol=1e-5, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}"
            )
