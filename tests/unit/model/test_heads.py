import pytest
import torch
import torch.nn.functional as F

from gptpath.config.model import ModelConfig
from gptpath.finetune.batches import collate
from gptpath.finetune.transformations import Example
from gptpath.model.build import build_model
from gptpath.model.heads import DELIMITER, EXTRACT, START, TaskModel, TextTargets
from gptpath.model.packing import Packing

VOCABULARY = 50
SHAPES = {
    "transformer": ModelConfig(
        norm="post", n_layer=2, n_head=2, n_embd=16, context_length=24, vocab_size=VOCABULARY
    ),
    "lstm": ModelConfig(
        family="lstm", n_layer=1, n_embd=16, n_hidden=20, context_length=24, vocab_size=VOCABULARY
    ),
}


def make(kind="classification", n_labels=3, family="transformer", dropout=0.0, seed=5):
    body = build_model(SHAPES[family], seed=1)
    return TaskModel(body, kind=kind, n_labels=n_labels, dropout=dropout, seed=seed).eval()


def special(number):
    return VOCABULARY + number


def sequence(*parts):
    inner = [token for part in parts for token in (*part, special(DELIMITER))][:-1]
    return [special(START), *inner, special(EXTRACT)]


def packed(*sequences):
    """Ids end to end, longest first, and how they are packed."""
    in_order = sorted(sequences, key=len, reverse=True)
    tokens = torch.tensor([token for one in in_order for token in one])
    return tokens, Packing.of([len(one) for one in in_order])


def read(model, *examples):
    """Scores of examples, each a list of sequences."""
    batch = collate([Example(sequences=tuple(map(tuple, one)), label=0) for one in examples])
    return model(batch.tokens_N, batch.packing, batch.extracts_BS)


def test_only_a_head_and_three_embeddings_are_new():
    model = make(n_labels=3)
    new = {n: tuple(p.shape) for n, p in model.named_parameters() if "language_model" not in n}
    assert new == {"special.weight": (3, 16), "head.weight": (3, 16), "head.bias": (3,)}


def test_new_parameters_are_normal_with_std_0_02_and_a_zero_bias():
    wide = ModelConfig(n_layer=1, n_head=1, n_embd=1024, context_length=8, vocab_size=2)
    model = TaskModel(
        build_model(wide, seed=0), kind="classification", n_labels=4, dropout=0.0, seed=1
    )
    assert model.head.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.special.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert model.head.bias.abs().max() == 0


def test_the_seed_fixes_the_new_parameters_and_the_global_random_state_stays():
    state = torch.random.get_rng_state()
    first, again, other = make(seed=5), make(seed=5), make(seed=6)
    torch.testing.assert_close(first.head.weight, again.head.weight, atol=0, rtol=0)
    assert not torch.equal(first.head.weight, other.head.weight)
    assert not torch.equal(first.special.weight, other.special.weight)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("family", ["transformer", "lstm"])
def test_texts_without_special_tokens_have_the_language_models_states(family):
    model = make(family=family)
    tokens = torch.arange(12).view(2, 6)
    found = model.hidden(tokens.flatten(), Packing.of([6, 6]))
    torch.testing.assert_close(found.view(2, 6, -1), model.language_model.hidden(tokens))


@pytest.mark.parametrize("family", ["transformer", "lstm"])
def test_no_score_depends_on_the_other_examples(family):
    model = make(family=family)
    short, long = [sequence([1, 2])], [sequence([3, 4, 5, 6, 7])]
    together = read(model, short, long)
    torch.testing.assert_close(together[:1], read(model, short), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(together[1:], read(model, long), atol=1e-6, rtol=1e-5)


def test_similarity_does_not_depend_on_the_order_of_the_texts():
    model = make("similarity", 2)
    one, other = sequence([1, 2], [3]), sequence([3], [1, 2])
    torch.testing.assert_close(
        read(model, [one, other]), read(model, [other, one]), atol=1e-6, rtol=1e-5
    )


def test_multiple_choice_scores_each_answer_on_its_own():
    model = make("multiple-choice", 3)
    answers = [sequence([1, 2], [answer]) for answer in (3, 4, 5)]
    scores = read(model, answers)
    swapped = read(model, answers[::-1])
    assert scores.shape == (1, 3)
    torch.testing.assert_close(scores.flip(1), swapped, atol=1e-6, rtol=1e-5)


def test_all_answers_of_an_item_share_one_dropout_mask():
    model = make("multiple-choice", 2, dropout=0.5).train()
    torch.manual_seed(0)
    same = sequence([1], [2])
    scores = read(model, [same, same])
    torch.testing.assert_close(scores[:, 0], scores[:, 1])
    assert not torch.allclose(scores, read(model, [same, same]))


def test_the_auxiliary_loss_is_the_mean_of_each_texts_mean():
    model = make("entailment", 2)
    sequences = [sequence([1, 2, 3], [4]), sequence([5], [6])]
    tokens, packing = packed(*sequences)
    text = TextTargets.of(tokens, packing, VOCABULARY)
    loss = model.language_model_loss(model.hidden(tokens, packing), text)
    means = []
    for one in sequences:
        row = torch.tensor([one])
        hidden = model.hidden(row[0], Packing.of([len(one)]))
        logits = model.language_model.logits(hidden)[:-1]
        targets = row[0, 1:]
        text = targets < VOCABULARY
        means.append(F.cross_entropy(logits[text], targets[text]))
    torch.testing.assert_close(loss, torch.stack(means).mean())


def test_every_parameter_learns_from_the_total_loss():
    model = make("entailment", 2).train()
    examples = [sequence([1, 2, 3], [4]), sequence([5], [6, 7])]
    batch = collate(
        [Example(sequences=(tuple(one),), label=i) for i, one in enumerate(examples)],
        text_below=VOCABULARY,
    )
    hidden = model.hidden(batch.tokens_N, batch.packing)
    loss = F.cross_entropy(model.scores(hidden, batch.extracts_BS), batch.labels_B)
    (loss + 0.5 * model.language_model_loss(hidden, batch.text)).backward()
    still = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []
