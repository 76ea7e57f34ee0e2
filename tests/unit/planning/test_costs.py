from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.data_sets import DataSet, DataSets
from gptpath.config.launch import Launch
from gptpath.config.loading import load_params
from gptpath.config.params import Params
from gptpath.errors import ConfigError
from gptpath.model.build import flops_per_token
from gptpath.planning.corpus import Corpus
from gptpath.planning.costs import Plan, compose_plan, refuse_unfit
from gptpath.planning.machine import Machine
from gptpath.planning.measure import Rates, Speed
from gptpath.planning.stage_costs import START_SECONDS, StageCost

PROFILES = Path(__file__).parents[3] / "profiles"
CORPUS = Corpus(
    read_bytes=12e9, text_bytes=11e9, tokens=2.5e9, validation_tokens=1_000_000, measured=False
)
LAPTOP = Machine(cores=2, memory_bytes=8 * 10**9, disk_free_bytes=50 * 10**9, gpu=None)
GPU = Machine(
    cores=16,
    memory_bytes=128 * 10**9,
    disk_free_bytes=10**12,
    gpu="fake GPU",
    gpu_memory_bytes=140 * 10**9,
)


def plan(params: Params, machine: Machine, *, tokens_per_second: float = 1000.0) -> Plan:
    speed = Speed(tokens_per_second=tokens_per_second, measured=True)
    rates = Rates(matmul_flops=1e12, training=dict.fromkeys(params.matrix.models, speed))
    return compose_plan(params, corpus=CORPUS, machine=machine, rates=rates)


def stage(plan: Plan, name: str) -> StageCost:
    [found] = [cost for cost in plan.stages if cost.name == name]
    return found


def profile(name: str) -> Params:
    return load_params(PROFILES / f"{name}.yaml")


def test_pretraining_gpt2_small_by_hand() -> None:
    params = profile("gpt2-124m")
    cost = stage(plan(params, GPU), "pretrain@gpt2-124m")
    # 18,865 steps of 512 x 1024, a million held-out tokens at each of 77 measurements and the last
    trained, measured = 18_865 * 512 * 1024, 78 * 1_000_000
    assert cost.tokens == trained + measured
    assert cost.flops == pytest.approx(855_166_464 * (trained + measured / 3))
    assert cost.seconds == pytest.approx(START_SECONDS + (trained + measured / 3) / 1000.0)
    # final weights, 8 published ones, and two Adam moments with the weights to resume from
    assert cost.disk_bytes == 4 * 124_439_808 * (1 + 8 + 3)


@pytest.mark.parametrize("recompute", [False, True])
def test_a_micro_batch_left_to_the_training_is_planned_to_fill_the_gpu_and_no_more(
    recompute: bool,
) -> None:
    params = profile("gpt2-124m")

    def planned(micro: int | str) -> float:
        recipe = replace(
            params.pretrain,
            micro_batch_size_sequences=micro,
            recompute_activations=recompute,
        )
        return stage(plan(replace(params, pretrain=recipe), GPU), "pretrain@gpt2-124m").gpu_bytes

    need = planned("auto")
    sizes = [2**power for power in range(10)]
    assert need == max(planned(size) for size in sizes if planned(size) <= 0.8 * 140e9 - 6e8)
    if recompute:
        assert need == planned(512)


def test_fine_tuning_counts_every_variant_seed_and_sequence() -> None:
    params = profile("laptop")
    limits = replace(params.finetune, epochs=3, max_train_examples=800, max_test_examples=500)
    costs = plan(replace(params, finetune=limits), LAPTOP)
    # (3 epochs x (800 + 500 / 3) + 500 / 3) examples x 64 tokens x 3 seeds x 4 variants
    examples = 3 * (800 + 500 / 3) + 500 / 3
    assert stage(costs, "finetune@package").tokens == pytest.approx(examples * 64 * 12)
    single, four = stage(costs, "finetune@package"), stage(costs, "finetune@wording")
    assert four.flops == pytest.approx(4 * single.flops)


def test_published_sets_and_own_files_count_with_their_own_rows_and_sequences() -> None:
    params = profile("laptop")
    own = DataSet(kind="regression", train="a.csv", score_range=(0, 1))
    tasks = ("rte", "qqp", "race-m", "mine")
    params = replace(
        params,
        matrix=replace(params.matrix, finetune_tasks=tasks),
        data_sets=DataSets(own={"mine": own}),
        finetune=replace(params.finetune, epochs=1, max_train_examples=None, max_test_examples=30),
    )
    costs = plan(params, LAPTOP)
    tokens = {task: stage(costs, f"finetune@{task}").tokens for task in tasks}
    per_row = 64 * 12  # tokens x 3 seeds x 4 variants
    assert tokens["rte"] == pytest.approx((2_490 + 20) * per_row)
    assert tokens["qqp"] == pytest.approx((364_000 + 20) * 2 * per_row)
    assert tokens["race-m"] == pytest.approx((25_400 + 20) * 4 * per_row)
    assert tokens["mine"] == pytest.approx((params.ingest.task_examples + 20) * 2 * per_row)


def test_zero_shot_is_forward_only() -> None:
    params = profile("laptop")
    cost = stage(plan(params, LAPTOP), "zeroshot@gpt2-laptop-l")
    per_token = flops_per_token(params.model_config("gpt2-laptop-l"))
    assert cost.flops == pytest.approx(cost.tokens * per_token / 3)


def test_the_plan_has_every_stage_of_the_graph_once() -> None:
    params = profile("laptop")
    names = [cost.name for cost in plan(params, LAPTOP).stages]
    assert len(names) == len(set(names)) == 3 + 5 + 4 + 5 + 3
    for cost in plan(params, LAPTOP).stages:
        assert set(cost.after) <= set(names)


def test_two_at_once_need_less_wall_time_but_more_memory() -> None:
    params = profile("laptop")
    one = plan(replace(params, compute=replace(params.compute, side_by_side=1)), LAPTOP)
    two = plan(params, LAPTOP)
    assert two.wall_seconds < one.wall_seconds
    assert two.at_once(lambda s: s.memory_bytes) > one.at_once(lambda s: s.memory_bytes)


def test_more_threads_than_cores_do_not_come_for_free() -> None:
    params = profile("laptop")
    crowded = replace(params, compute=replace(params.compute, threads=4))
    assert plan(crowded, LAPTOP).wall_seconds == pytest.approx(
        4 * plan(params, LAPTOP).wall_seconds
    )


def test_memory_of_the_data_stages_is_what_they_take_of_forty_gigabytes() -> None:
    """Ingest streams (docs/corpus.md: 9.9 GB with 16 workers); contamination fills a filter."""
    params = profile("gpt2-124m")
    speed = Speed(tokens_per_second=1000.0, measured=True)
    rates = Rates(matmul_flops=1e12, training=dict.fromkeys(params.matrix.models, speed))
    large = replace(CORPUS, read_bytes=40e9, text_bytes=40e9, tokens=9e9)
    costs = compose_plan(params, corpus=large, machine=GPU, rates=rates)
    assert 5e9 < stage(costs, "ingest").memory_bytes < 10e9
    assert stage(costs, "contamination").memory_bytes == pytest.approx(32.5e9, rel=0.02)
    refuse_unfit(costs)


def test_eight_gpus_pretrain_in_an_eighth_of_the_time() -> None:
    params = profile("gpt2-124m")
    many = replace(params, launch=Launch(nproc_per_node=4, nnodes=2, rdzv_endpoint="a:1"))
    for machine, times in ((GPU, 8), (replace(GPU, gpu=None), 1)):
        one, eight = (stage(plan(p, machine), "pretrain@gpt2-124m") for p in (params, many))
        assert one.seconds - START_SECONDS == pytest.approx(times * (eight.seconds - START_SECONDS))
        assert one.flops == eight.flops


def test_a_plan_that_fits_is_not_refused() -> None:
    refuse_unfit(plan(profile("gpt2-124m"), GPU))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gpu_memory_bytes": 10 * 10**9}, r"memory of fake GPU: needs about .* there are 10\.0"),
        ({"memory_bytes": 10**9}, r"memory: needs about .* GB at once, there are 1\.0 GB; lower"),
        ({"disk_free_bytes": 10**9}, r"free disk: needs about .* there are 1\.0 GB; free space"),
    ],
)
def test_what_cannot_fit_is_refused_with_numbers_and_advice(
    change: dict[str, int], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        refuse_unfit(plan(profile("gpt2-124m"), replace(GPU, **change)))


def test_all_that_does_not_fit_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as refusal:
        refuse_unfit(plan(profile("gpt2-1558m"), replace(LAPTOP, memory_bytes=10**9)))
    assert "free disk" in str(refusal.value)
    assert "\n  memory" in str(refusal.value)
