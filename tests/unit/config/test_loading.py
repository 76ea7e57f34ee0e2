from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gptpath.config.ingest import InstalledDocs
from gptpath.config.loading import load_params, parse_params, profile_text
from gptpath.config.prompts import PromptTask
from gptpath.errors import ConfigError

ROOT = Path(__file__).parents[3]


def changed(*changes: str) -> str:
    return profile_text(ROOT / "profiles", "laptop", list(changes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("pretrain.step=3", r"pretrain\.step: unknown parameter; did you mean 'steps'\?"),
        ("tokeniser={}", r"tokeniser: unknown parameter; did you mean 'tokenizer'\?"),
        ("models.gpt1-laptop.shap={}", r"unknown parameter; did you mean 'shape'\?"),
        ("models.gpt1-laptop.shape={n_embd: 97}", "n_embd=97 is not divisible by n_head=3"),
        (
            "models.gpt1-laptop.shape={vocab_size: 4096}",
            "vocab_size=4096, but the tokenizer's is 2048; leave it out",
        ),
        ("models.gpt1-laptop.shape={width: 97}", "unknown key 'width'; known: .*n_embd"),
        ("models.gpt1-laptop.recipe={step: 97}", "unknown key 'step'; known: .*steps"),
        ("models.gpt1-laptop.shape={norm: Post}", "norm='Post'; expected Literal"),
        ("models.gpt1-laptop.shape={n_layer: 2.0}", r"n_layer=2\.0; expected .*int"),
        ("models.gpt1-laptop.recipe={log_every_steps: 2.5}", r"log_every_steps=2\.5; expected"),
        ("models.gpt1-laptop.recipe={recompute_activations: 'no'}", "activations='no'; expected"),
        ("models.gpt1-laptop.recipe={steps: '100'}", "steps='100'; expected"),
        ("models.gpt1-laptop.preset=gpt3", "unknown preset 'gpt3'; known: gpt1_117m"),
        ("pretrain.steps=many", "pretrain.steps: .*valid integer.*'many'"),
        ("pretrain.warmup_steps=100000", "warmup_steps=100000 must lie between 0 and steps"),
        ("pretrain.micro_batch_size_sequences=5", "not a multiple of"),
        ("tokenizer.vocab_size=100", "vocab_size=100 must be at least 257"),
        ("ingest.tasks_fraction=0.95", "leave at least 10 % for training"),
        ("ingest.sources=[]", "ingest.sources is empty"),
        ("ingest.sources=[{kind: web}]", r"sources\.0: unknown kind 'web'; known: .*'webtext'"),
        ("ingest.sources=[{name: a}]", r"ingest\.sources\.0\.kind: missing"),
        ("ingest.sources=[{kind: files, pth: a}]", r"unknown parameter; did you mean 'path'"),
        ("ingest.sources.0.packages=[]", "'installed-docs' needs packages"),
        ("encode.shard_tokens=0", "encode.shard_tokens=0 must be at least 1"),
        ("tokenizer.sample_bytes=0", "tokenizer.sample_bytes=0 must be at least 1"),
        ("contamination.ngram_words=0", "contamination.ngram_words=0 must be at least 1"),
        ("scaling.bootstrap_samples=0", "scaling.bootstrap_samples=0 must be at least 1"),
        ("scaling.models=[]", "scaling.models is empty; name one model at least"),
        ("zeroshot.max_items=-1", "zeroshot.max_items=-1 must be at least 1"),
        ("zeroshot.bootstrap_samples=0", "zeroshot.bootstrap_samples=0 must be at least 1"),
        ("finetune.max_test_examples=0", "finetune.max_test_examples=0 must be at least 1"),
        ("ingest.task_examples=0", "ingest.task_examples=0 must be at least 1"),
        ("pretrain.micro_batch_size_sequences=0", "sequences=0 must be at least 1"),
        ("pretrain.batch_size_sequences=0", "sequences=0 must be at least 1"),
        ("pretrain.published_checkpoints=-1", "published_checkpoints=-1 must be at least 0"),
        ("pretrain.grad_clip=0", "grad_clip=0.0 must be positive; null leaves gradients"),
        ("pretrain.learning_rate=.inf", "learning_rate=inf must be positive and finite"),
        ("pretrain.adam_eps=0", r"adam_eps=0\.0 must be positive"),
        ("models.lstm-laptop.shape={n_hidden: 0}", "n_hidden=0 must be at least 1"),
        ("pretrain.beta2=1", r"pretrain.beta2=1\.0 must be at least 0 and less than 1"),
        ("pretrain.min_learning_rate_fraction=2", "must lie between 0 and 1"),
        ("seed=-1", "seed=-1 must lie between 0"),
        ("seed.x=1", "seed=1234 has no settings below it"),
        ("ingest.sources.7.packages=[]", "no section '7'"),
        ("ingest.sources=[{kind: files}, {kind: files}]", "several sources named 'files'"),
        ("ingest.sources=[{kind: files, path: ../a}]", r"path='\.\./a'; .* below ingest\.raw"),
        ("ingest.sources=[{kind: files, path: /a}]", r"path='/a'; .* below ingest\.raw"),
        ("ingest.sources=[{kind: files, weight: 0}]", r"weight=0\.0; expected a positive number"),
        ("ingest.cleaning.min_chars=100000", "0 < min_chars=100000 < max_chars=100000"),
        ("parallel.engine=ray", "parallel.engine: .*'local' or 'dask'"),
        ("parallel.engine=dask", "dask needs address"),
        ("parallel.workers=0", "parallel.workers=0 must be at least 1"),
        ("parallel.address=tcp://host:8786", "belongs to engine=dask"),
        ("finetune.lstm=gpt1-laptop", "finetune.lstm an LSTM"),
        ("finetune.variants=[ful]", r"unknown finetune.variants \['ful'\]; known"),
        ("finetune.seeds=[1, 2, 1]", r"finetune\.seeds names one twice: \(1, 2, 1\)"),
        ("zeroshot.tasks=[cloze, heldout, cloze]", r"zeroshot\.tasks names cloze twice"),
        ("matrix.models=[gpt5]", "matrix.models names 'gpt5'; known: gpt1-laptop"),
        ("matrix.models=[gpt1-laptop, lstm-laptop]", "absent in matrix.models"),
        ("zeroshot.tasks=[coka]", r"unknown zeroshot.tasks \[.coka.\]"),
        ("zeroshot.prompts={piqa: mine.yaml}", "names of other tasks"),
        ("zeroshot.prompts={a/b: mine.yaml}", "'a/b' is no name"),
        ("zeroshot.prompts={a: {files: [a.jsonl], prompt: b, choices: c}}", "needs `answer`"),
        ("matrix.finetune_tasks=[colla]", "unknown finetune_tasks 'colla'; did you mean 'cola'"),
        ("stand_ins={pretrain.step: ours}", "unknown setting 'pretrain.step'; expected pretrain"),
        ("stand_ins={seed: ours}", "unknown setting 'seed'"),
        ("stand_ins={models.gpt3.steps: ours}", "no model 'gpt3' in models"),
        (
            "stand_ins={models.gpt1-laptop.width: ours}",
            "unknown setting 'models.gpt1-laptop.width'",
        ),
        ("stand_ins={pretrain.steps: ' '}", "pretrain.steps names no source"),
    ],
)
def test_an_impossible_parameter_is_refused_with_what_is_possible(
    change: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        changed(change)


def test_a_change_keeps_the_comments_of_the_profile() -> None:
    text = changed("pretrain.steps=3000")
    assert "steps: 3000" in text
    assert text.startswith("# The laptop profile")


def test_a_change_reaches_into_the_list_of_sources(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(changed("ingest.sources.0.packages=[python]"))
    [source] = load_params(tmp_path / "params.yaml").ingest.sources
    assert source == InstalledDocs(packages=("python",))


def test_a_change_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="key=value"):
        changed("pretrain.steps")


def test_a_change_to_an_unknown_section_is_refused() -> None:
    with pytest.raises(ConfigError, match="no section 'pretraining'"):
        changed("pretraining.steps=3")


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no profile 'huge'.*laptop"):
        profile_text(ROOT / "profiles", "huge", [])


def test_a_missing_file_and_broken_yaml_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no parameter file .*gptpath profile laptop"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("seed: [1")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_params(tmp_path / "params.yaml")


def test_a_missing_section_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("profile: x\nseed: 1\n")
    with pytest.raises(ConfigError, match="tokenizer: missing"):
        load_params(tmp_path / "params.yaml")


def test_numbers_in_scientific_notation_are_numbers(tmp_path: Path) -> None:
    text = changed("pretrain.learning_rate=6e-4")
    (tmp_path / "params.yaml").write_text(text)
    assert load_params(tmp_path / "params.yaml").pretrain.learning_rate == 6e-4


def test_a_model_takes_the_vocabulary_of_the_tokenizer_and_its_own_recipe(tmp_path: Path) -> None:
    text = changed("tokenizer.vocab_size=777", "models.gpt1-laptop.recipe={steps: 555}")
    (tmp_path / "params.yaml").write_text(text)
    params = load_params(tmp_path / "params.yaml")
    assert params.model_config("gpt1-laptop").vocab_size == 777
    assert params.recipe("gpt1-laptop").steps == 555
    assert params.recipe("gpt2-laptop-l") == params.pretrain


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        ("{kind: gpt2, vocab_size: 2048}", "kind=gpt2 has 50257"),
        ("{kind: gpt1, vocab_size: 40478}", "needs tokenizer.files"),
        ("{kind: trained, vocab_size: 300, files: x}", "belongs to kind gpt2 or gpt1"),
        ("{kind: gpt3, vocab_size: 300}", "tokenizer.kind"),
    ],
)
def test_a_tokenizer_that_cannot_be_is_refused(tokenizer: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        changed(f"tokenizer={tokenizer}")


def test_a_published_tokenizer_sets_the_vocabulary_of_the_models(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(changed("tokenizer={kind: gpt2, vocab_size: 50257}"))
    params = load_params(tmp_path / "params.yaml")
    assert params.model_config("gpt1-laptop").vocab_size == 50_257


def test_a_prompt_task_may_call_its_candidates_by_numbers_and_truth_values() -> None:
    task = "{files: [a.jsonl], prompt: p, choices: c, answer: a, answer_names: [false, 1, b]}"
    values = YAML(typ="safe").load(changed(f"zeroshot.prompts={{mine: {task}}}"))
    found = parse_params(values, where="here").zeroshot.prompts["mine"]
    assert isinstance(found, PromptTask)
    assert repr(found.answer_names) == "(False, 1, 'b')"
