"""The page: sections that tell the path as a story, with statements made from the numbers."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jinja2

from gptpath import __version__
from gptpath.report import figures, lineage, numbers, published, recipes, score_tables, tables
from gptpath.report.figures import Figure
from gptpath.report.finetune_tables import finetuning_tables
from gptpath.report.lineage import StageLineage
from gptpath.report.results import SUMMARIES, Record, Results, Sample
from gptpath.report.tables import Table
from gptpath.report.verdicts import Verdict, all_verdicts

_HERE = Path(__file__).parent
_TALLY = {
    "yes": "{} come out in this run",
    "partly": "{} in part",
    "no": "{} do not come out",
    "unknown": "{} could not be checked",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One chapter: what it shows, in figures and tables, and where its numbers come from."""

    anchor: str
    title: str
    lead: str
    statements: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    samples: tuple[Sample, ...] = ()
    absent: tuple[tuple[str, str], ...] = ()
    """(what, why) of everything that was asked for and is not there."""
    sources: tuple[str, ...] = ()
    """Files of this checkout that hold the section's numbers."""


def render_page(results: Results, stages: list[StageLineage]) -> str:
    """The whole page as HTML that needs nothing from outside itself."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    verdicts = all_verdicts(results)
    sections = [
        data_section(results),
        pretraining_section(results),
        finetuning_section(results),
        zeroshot_section(results),
        contamination_section(results),
        scaling_section(results),
        ledger_section(results),
    ]
    return environment.get_template("page.html").render(
        style=(_HERE / "style.css").read_text(encoding="utf-8"),
        profile=results.profile,
        version=__version__,
        verdicts=verdicts,
        tally=tally(verdicts),
        scale_note=scale_note(results),
        facts=headline_facts(results),
        sections=sections,
        lineage=[(stage, lineage.lineage_table(stage)) for stage in stages],
    )


def tally(verdicts: list[Verdict]) -> str:
    """How many claims came out, in part, or not."""
    counts = {status: sum(v.status == status for v in verdicts) for status in _TALLY}
    parts = [words.format(counts[status]) for status, words in _TALLY.items() if counts[status]]
    return f"Of {len(verdicts)} claims " + numbers.listing(parts) + "."


def scale_note(results: Results) -> str:
    """How far this run is from the papers in size and text."""
    largest = max(results.pretrain[m]["parameters"] for m in results.models)
    ratio = published.GPT2_LARGEST_PARAMETERS / largest
    train_bytes = results.encode["train"]["bytes"]
    text_ratio = published.WEBTEXT_BYTES / train_bytes
    return (
        f"The largest model here has {numbers.short(largest)} parameters, {_times(ratio)} the "
        f"largest GPT-2 ({numbers.short(published.GPT2_LARGEST_PARAMETERS)}); the training text "
        f"is {numbers.size(train_bytes)}, {_times(text_ratio)} WebText (40 GB). Published values "
        "stand beside ours to compare directions and orderings, never single numbers."
    )


def headline_facts(results: Results) -> list[tuple[str, str]]:
    """The few numbers at the top of the page."""
    wall = lineage.total(results, "wall_seconds")
    energy = lineage.total(results, "energy_joules")
    best = min(results.models, key=lambda m: results.pretrain[m]["final"]["loss"])
    return [
        ("training tokens", numbers.short(results.encode["train"]["tokens"])),
        ("models", str(len(results.models))),
        ("best held-out", f"{numbers.fixed(results.pretrain[best]['final']['bpb'])} bits per byte"),
        ("work, all stages", numbers.duration(wall)),
        ("energy", numbers.energy(energy)),
    ]


def data_section(results: Results) -> Section:
    """What the models read."""
    ingest = results.ingest
    dropped = sum(ingest["dropped"].values())
    return Section(
        anchor="data",
        title="Data",
        lead="GPT-1 read unpublished books for their long stretches of connected text; GPT-2 read "
        "eight million web pages. Every document that was left out is counted by its reason.",
        statements=(
            f"{numbers.count(ingest['read'])} documents were read, {numbers.count(dropped)} "
            f"dropped, {numbers.count(sum(ingest['documents'].values()))} kept.",
            f"The vocabulary has {numbers.count(results.tokenizer['vocab_size'])} entries; a token "
            f"stands for {numbers.fixed(results.tokenizer['bytes_per_token'], 2)} bytes of the "
            "training text.",
        ),
        tables=(
            tables.splits_table(results),
            tables.drops_table(results),
            tables.groups_table(results),
            tables.task_sizes_table(results),
        ),
        sources=("metrics/ingest.json", "metrics/tokenizer.json", "metrics/encode.json"),
    )


def pretraining_section(results: Results) -> Section:
    """Next-token prediction."""
    name = min(results.models, key=lambda m: results.pretrain[m]["final"]["loss"])
    worst = max(results.models, key=lambda m: results.pretrain[m]["final"]["loss"])
    best, last = (results.pretrain[m]["final"]["loss"] for m in (name, worst))
    return Section(
        anchor="pretraining",
        title="Pretraining",
        lead="Every model learns one thing: the next token. The count models know only how often "
        "tokens occur (unigram) and follow each other (bigram); a language model must beat them.",
        statements=(
            f"The lowest held-out loss is {numbers.fixed(best)} nats per token ({name}), the "
            f"highest {numbers.fixed(last)} ({worst}).",
            *recipes.statements(results),
        ),
        figures=(figures.loss_curves(results),),
        tables=(tables.pretraining_table(results), *recipes.recipe_tables(results)),
        sources=tuple(f"metrics/pretrain/{m}.json" for m in results.models),
    )


def finetuning_section(results: Results) -> Section:
    """GPT-1's supervised half."""
    return Section(
        anchor="fine-tuning",
        title="GPT-1: fine-tuning",
        lead="One pretrained model, a linear head, a few new tokens, a few epochs. The variants "
        "take away one thing each: the pretraining, the auxiliary language-model loss, the "
        "Transformer.",
        figures=(figures.finetune_ranges(results),),
        tables=finetuning_tables(results),
        absent=_absent_tasks(results),
        sources=tuple(f"metrics/finetune/{task}.json" for task in results.finetune),
    )


def zeroshot_section(results: Results) -> Section:
    """Tasks without training."""
    others = tuple(m for m in results.models if m not in (results.gpt1, results.lstm))
    curves = partial(figures.zeroshot_curves, results)
    asked = [curves((results.gpt1, results.lstm), first=True)]
    if others:
        asked.append(curves(others, first=False))
    shown = [score_tables.zeroshot_table(results)]
    shown += [table] if (table := score_tables.figure2_table(results)) else []
    summaries = [score_tables.summaries_table(results, task) for task in SUMMARIES]
    if any(summaries):
        summaries.append(tables.published_table(published.GPT2_SUMMARIES))
    shown += [table for table in summaries if table is not None]
    return Section(
        anchor="zero-shot",
        title="Zero-shot",
        lead="Nothing is trained here. A task is put as text, and the model's own probabilities "
        "answer. GPT-1 watched such scores rise while it pretrained, GPT-2 made them the point.",
        figures=tuple(figure for figure in asked if figure.panels),
        tables=tuple(shown),
        samples=tuple(results.samples),
        absent=score_tables.left_out(results),
        sources=tuple(f"metrics/zeroshot/{m}/results.json" for m in results.models),
    )


def contamination_section(results: Results) -> Section:
    """How much of the tests the models have seen."""
    sets = results.contamination["sets"]
    worst = max(sets, key=lambda item: item["share"], default=None)
    return Section(
        anchor="contamination",
        title="Contamination",
        lead="A test that stands in the training text measures memory. GPT-2 counted 8-grams of "
        "lower-cased words that its tests share with its corpus.",
        statements=(_worst_overlap(worst),) if worst else ("No test set could be measured.",),
        tables=(
            tables.overlap_table(results),
            tables.published_table(published.GPT2_OVERLAP),
        ),
        absent=tuple(results.contamination.get("absent", {}).items()),
        sources=("metrics/contamination.json",),
    )


def scaling_section(results: Results) -> Section:
    """Loss and scores against size."""
    size_figures = (figures.loss_against_size(results), figures.scores_against_size(results))
    return Section(
        anchor="scaling",
        title="GPT-2: scaling",
        lead="Four sizes, one recipe: GPT-2 reports that every size was still underfitting "
        "and that zero-shot scores grow about with the logarithm of size.",
        statements=_fit_statements(results.scaling),
        figures=tuple(figure for figure in size_figures if figure.panels),
        tables=(
            *([slopes] if (slopes := score_tables.slopes_table(results)) else []),
            tables.published_table(published.GPT2_LANGUAGE_MODELLING),
        ),
        sources=("metrics/scaling.json",),
    )


def ledger_section(results: Results) -> Section:
    """Price and provenance."""
    return Section(
        anchor="ledger",
        title="Compute and lineage",
        lead="The GPT-2 paper prints no hardware, time or energy. Here every stage leaves a "
        "record; below it stands the md5 of everything that went in and came out.",
        tables=(lineage.compute_table(results),),
        sources=("ledger/", "dvc.lock"),
    )


def _times(ratio: float) -> str:
    return f"1/{ratio:,.0f} of" if ratio >= 1.5 else f"{1 / ratio:.1f} times"


def _absent_tasks(results: Results) -> tuple[tuple[str, str], ...]:
    return tuple(
        (task, str(record["absent"]))
        for task, record in results.finetune.items()
        if record.get("absent")
    )


def _worst_overlap(item: Record) -> str:
    return (
        f"The largest overlap is that of {item['name']}: {numbers.percent(item['share'], 2)} of "
        f"its n-grams stand in the training text, touching "
        f"{numbers.count(item['items_overlapping'])} of {numbers.count(item['items'])} items."
    )


def _fit_statements(scaling: Record) -> tuple[str, ...]:
    fit = scaling.get("loss_fit") or {}
    if fit.get("exponent") is None:
        return (f"No power law was fitted: {fit.get('note') or 'too few sizes'}.",)
    low, high = fit.get("low"), fit.get("high")
    interval = f" [{numbers.fixed(low)}, {numbers.fixed(high)}]" if low is not None else ""
    falls = "falls" if fit["exponent"] > 0 else "does not fall"
    told = [
        f"Loss {falls} with size: exponent {numbers.fixed(fit['exponent'])}{interval} from "
        f"{fit['points']} sizes."
    ]
    if fit.get("note"):
        told.append(f"How it was fitted: {fit['note']}")
    guess = scaling.get("prediction") or {}
    if guess.get("predicted_loss") is not None:
        told.append(
            f"From the smaller sizes alone {guess['model']} should reach "
            f"{numbers.fixed(guess['predicted_loss'])}; it reached "
            f"{numbers.fixed(guess['actual_loss'])}, the prediction is off by "
            f"{numbers.percent(guess['relative_error'], 2)}."
        )
    elif guess.get("note"):
        told.append(f"No prediction of the largest size: {guess['note']}.")
    return tuple(told)
