"""Our multiple-choice head and losses against transformers' OpenAIGPTDoubleHeadsModel."""

from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from transformers import OpenAIGPTConfig, OpenAIGPTDoubleHeadsModel

from gptpath.config.model import ModelConfig
from gptpath.finetune.batches import collate
from gptpath.finetune.trainer import total_loss
from gptpath.finetune.transformations import Example
from gptpath.model.build import build_model
from gptpath.model.folder import load_weights
from gptpath.model.heads import TaskModel
from gptpath.model.interop import from_openai_gpt

VOCABULARY, CHOICES, ITEMS = 101, 4, 3
LABELS = (0, 3, 1)
CONFIG = ModelConfig(
    norm="post", n_layer=2, n_head=4, n_embd=32, context_length=40, vocab_size=VOCABULARY
)
START, DELIMITER, EXTRACT = VOCABULARY, VOCABULARY + 1, VOCABULARY + 2


@pytest.fixture
def theirs():
    """The special tokens are the last three rows of their vocabulary."""
    torch.manual_seed(1)
    model = OpenAIGPTDoubleHeadsModel(
        OpenAIGPTConfig(
            vocab_size=VOCABULARY + 3,
            n_positions=CONFIG.context_length,
            n_embd=CONFIG.n_embd,
            n_layer=CONFIG.n_layer,
            n_head=CONFIG.n_head,
            initializer_range=0.1,
            num_labels=1,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            summary_first_dropout=0.0,
        )
    )
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.eval()


def copied(theirs, kind="multiple-choice", n_labels=CHOICES):
    body = build_model(CONFIG, seed=0)
    state = {n: p for n, p in theirs.state_dict().items() if n.startswith("transformer.")}
    state["transformer.tokens_embed.weight"] = theirs.transformer.tokens_embed.weight[:VOCABULARY]
    state["lm_head.weight"] = state["transformer.tokens_embed.weight"]
    load_weights(body, from_openai_gpt(state), where="transformers")
    model = TaskModel(body, kind=kind, n_labels=n_labels, dropout=0.0, seed=0).eval()
    with torch.no_grad():
        model.special.weight.copy_(theirs.transformer.tokens_embed.weight[VOCABULARY:])
        if kind == "multiple-choice":
            model.head.weight.copy_(theirs.multiple_choice_head.summary.weight)
            model.head.bias.copy_(theirs.multiple_choice_head.summary.bias)
    return model


@pytest.fixture
def sequences():
    """Answers of different lengths, so that some rows of theirs are padded."""
    generator = torch.Generator().manual_seed(2)
    found = []
    for row in range(ITEMS * CHOICES):
        answer = 3 + row % 5
        text = torch.randint(0, VOCABULARY, (12 + answer,), generator=generator).tolist()
        found.append((START, *text[:12], DELIMITER, *text[12:], EXTRACT))
    return found


def packed(sequences, counts=(CHOICES,) * ITEMS, labels=LABELS):
    """What ours reads: items of so many sequences each."""
    following = iter(sequences)
    items = zip(counts, labels, strict=True)
    examples = [Example(sequences=tuple(islice(following, n)), label=label) for n, label in items]
    return collate(examples, text_below=VOCABULARY)


def padded(sequences):
    return torch.tensor([[*one, *[0] * (30 - len(one))] for one in sequences])


def predict(theirs, sequences):
    shape = (ITEMS, CHOICES, -1)
    return theirs(
        input_ids=padded(sequences).view(shape),
        mc_token_ids=torch.tensor([len(one) - 1 for one in sequences]).view(ITEMS, CHOICES),
        mc_labels=torch.tensor(LABELS),
    )


def scores_of(ours, batch):
    return ours(batch.tokens_N, batch.packing, batch.extracts_BS)


def text_loss(ours, batch):
    return ours.language_model_loss(ours.hidden(batch.tokens_N, batch.packing), batch.text)


def test_answer_scores_and_task_loss_agree(theirs, sequences):
    ours, batch = copied(theirs), packed(sequences)
    with torch.no_grad():
        expected = predict(theirs, sequences)
        scores = scores_of(ours, batch)
        loss = total_loss(ours, batch, 0.0)
    torch.testing.assert_close(scores, expected.mc_logits, atol=1e-5, rtol=0)
    torch.testing.assert_close(loss, expected.mc_loss, atol=1e-5, rtol=0)


def test_items_of_fewer_answers_have_the_scores_of_theirs_alone(theirs, sequences):
    ours, counts = copied(theirs), (2, CHOICES, 3)
    present = torch.arange(CHOICES) < torch.tensor(counts)[:, None]
    with torch.no_grad():
        expected = predict(theirs, sequences).mc_logits.masked_fill(~present, -torch.inf)
        kept = [one for one, there in zip(sequences, present.flatten(), strict=True) if there]
        fewer = packed(kept, counts)
        scores = scores_of(ours, fewer)
        loss = total_loss(ours, fewer, 0.0)
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)
    by_item = [
        F.cross_entropy(expected[i, :n], torch.tensor(LABELS[i])) for i, n in enumerate(counts)
    ]
    torch.testing.assert_close(loss, torch.stack(by_item).mean(), atol=1e-5, rtol=0)


def test_language_model_loss_is_theirs_averaged_by_sequence(theirs, sequences):
    ours = copied(theirs)
    with torch.no_grad():
        logits = predict(theirs, sequences).logits.flatten(0, 1)[..., :VOCABULARY]
        means = []
        for row, one in enumerate(sequences):
            targets = torch.tensor(one[1:])
            text = targets < VOCABULARY
            means.append(F.cross_entropy(logits[row, : len(one) - 1][text], targets[text]))
        loss = text_loss(ours, packed(sequences))
    torch.testing.assert_close(loss, torch.stack(means).mean(), atol=1e-5, rtol=0)


def test_language_model_loss_is_theirs_for_texts_of_one_length(theirs, sequences):
    """With embeddings as inputs their softmax, like ours, need not know the special tokens."""
    theirs_without = copied_vocabulary(theirs)
    ours = copied(theirs)
    tokens = padded(sequences)[:, :15]
    tokens[:, 1:] = tokens[:, 1:].clamp(max=VOCABULARY - 1)
    with torch.no_grad():
        expected = theirs_without(
            inputs_embeds=theirs.transformer.tokens_embed(tokens),
            labels=tokens.masked_fill(tokens >= VOCABULARY, -100),
        )
        loss = text_loss(ours, packed(tokens.tolist()))
    torch.testing.assert_close(loss, expected.loss, atol=1e-5, rtol=0)


def copied_vocabulary(theirs):
    """The same model with the vocabulary of the text alone."""
    config = OpenAIGPTConfig(**theirs.config.to_dict() | {"vocab_size": VOCABULARY})
    model = OpenAIGPTDoubleHeadsModel(config).eval()
    state = theirs.state_dict()
    for name in ("transformer.tokens_embed.weight", "lm_head.weight"):
        state[name] = state[name][:VOCABULARY]
    model.load_state_dict(state)
    return model


@pytest.mark.parametrize(
    ("kind", "rows_per_item"), [("classification", 1), ("entailment", 1), ("similarity", 2)]
)
def test_other_heads_equal_a_recomputation_from_their_hidden_states(
    theirs, sequences, kind, rows_per_item
):
    ours, tokens = copied(theirs, kind=kind, n_labels=5), padded(sequences)
    items = len(sequences) // rows_per_item
    labels = [i % 5 for i in range(items)]
    batch = packed(sequences, (rows_per_item,) * items, labels)
    with torch.no_grad():
        hidden = theirs.transformer(tokens).last_hidden_state
        states = hidden[tokens == EXTRACT].view(-1, rows_per_item, CONFIG.n_embd).sum(1)
        expected = states @ ours.head.weight.T + ours.head.bias
        scores = scores_of(ours, batch)
        loss = total_loss(ours, batch, 0.0)
        by_hand = -expected.log_softmax(-1)[torch.arange(items), labels].mean()
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(loss, by_hand, atol=1e-5, rtol=0)
