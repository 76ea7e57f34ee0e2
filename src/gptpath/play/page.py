"""The page itself, a Streamlit script: `streamlit run page.py -- ROOT [MODEL]` (`gptpath play`)."""

import html
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from gptpath.config.data_sets import TEXTS
from gptpath.errors import GptPathError
from gptpath.finetune.folder import Classifier, load_classifier, read_description
from gptpath.model.device import resolve_device
from gptpath.model.folder import LanguageModel, load_model
from gptpath.model.sampling import Sampling
from gptpath.play.choices import ModelChoice, model_choices
from gptpath.play.continuing import Continuation, continue_prompt
from gptpath.tokens.encoding import Encoding, load_encoding

NATS_OF_FULL_COLOUR = 8.0
"""Log-probability at which a token's background is darkest: one in 3000."""
TITLES = {"text_a": "first text", "text_b": "second text"}
FIRST_PROMPT = "The function returns"


def main(root: Path, wanted: str | None) -> None:
    """Draw the page; Streamlit calls the script anew after each input."""
    st.set_page_config(page_title="gptpath: play", page_icon="✍️", layout="centered")
    st.title("Play with the models")
    choices = model_choices(root, wanted)
    writers = [choice for choice in choices if not choice.classifies]
    classifiers = [choice for choice in choices if choice.classifies]
    continuing, classifying = st.tabs(["Continue a prompt", "Classify a text"])
    with continuing:
        if writers:
            _continue_tab(root, writers)
        else:
            st.info("No language model is trained here yet: `make run` trains some.")
    with classifying:
        if classifiers:
            _classify_tab(root, classifiers)
        else:
            st.info("No model is fine-tuned here yet: `make run` does it.")


def _continue_tab(root: Path, choices: list[ModelChoice]) -> None:
    choice = _choose(choices, key="writer")
    with st.form("prompt", border=False):
        prompt = st.text_area("Prompt", FIRST_PROMPT, height=110)
        left, middle, right = st.columns(3)
        samples = left.slider("Samples", 1, 8, 3)
        tokens = middle.slider("New tokens", 1, 256, 40, help="at most; a text may end before")
        temperature = right.slider("Temperature", 0.0, 2.0, 0.8, 0.05, help="0: likeliest token")
        left, middle, right = st.columns(3)  # a second row: on a phone they follow one another
        top_k = left.number_input("Top-k", 0, 100_000, 40, help="likeliest tokens kept; 0: all")
        top_p = middle.slider("Top-p", 0.05, 1.0, 1.0, 0.05, help="share of probability kept")
        seed = right.number_input("Seed", 0, 2**31, 0, help="the same seed, the same samples")
        asked = st.form_submit_button("Continue", type="primary")
    if not asked:
        return
    model, encoding = _writer(*_version(choice.folder(root)))
    with st.spinner("Writing"):
        written = continue_prompt(
            model,
            encoding,
            prompt,
            sampling=Sampling(temperature=temperature, top_k=top_k or None, top_p=top_p),
            samples=samples,
            max_new_tokens=tokens,
            seed=int(seed),
        )
    for number, continuation in enumerate(written, start=1):
        with st.container(border=True):
            st.caption(_caption(number, continuation))
            st.html(sample_html(prompt, continuation))
    st.caption(
        "Grey: the prompt. The redder a token, the less probable the model found it; point at it "
        "for its log-probability in nats."
    )


def _classify_tab(root: Path, choices: list[ModelChoice]) -> None:
    choice = _choose(choices, key="classifier")
    folder = choice.folder(root)
    kind = read_description(folder).kind
    row: dict[str, Any] = {}
    with st.form(f"row of {kind}", border=False):
        for column in TEXTS[kind]:
            title = TITLES.get(column, column).capitalize()
            if column == "choices":
                text = st.text_area("Choices, one a line", key=column, height=110)
                row[column] = [line for line in text.splitlines() if line.strip()]
            else:
                row[column] = st.text_area(title, key=column, height=110)
        asked = st.form_submit_button("Classify", type="primary")
    if not asked:
        return
    [prediction] = _classifier(*_version(folder)).predict([row])
    if "score" in prediction:
        st.metric("Score", f"{prediction['score']:.2f}")
    names = _names_of_labels(row, prediction["probabilities"])
    st.markdown(f"Most probable: **{names[prediction['label']]}**")
    ordered = sorted(prediction["probabilities"].items(), key=lambda one: -one[1])
    for label, probability in ordered:
        st.progress(probability, text=f"{names[label]}: {probability:.1%}")


def _names_of_labels(row: Mapping[str, Any], labels: Mapping[str, float]) -> dict[str, str]:
    """What to call each label; an answer of a multiple choice by its text."""
    answers = row.get("choices")
    return {label: answers[int(label)] if answers else label for label in labels}


def _choose(choices: list[ModelChoice], *, key: str) -> ModelChoice:
    labels = {choice.label: choice for choice in choices}
    return labels[st.selectbox("Model", list(labels), key=key)]


def _caption(number: int, continuation: Continuation) -> str:
    mean = continuation.mean_log_prob
    if mean is None:
        return f"Sample {number}: the model ended the text at once"
    return f"Sample {number}: {continuation.tokens} tokens, {mean:.2f} nats each"


def sample_html(prompt: str, continuation: Continuation) -> str:
    """The prompt and its continuation; each token says its log-probability when pointed at."""
    spans = "".join(
        f'<span title="{log_prob:.2f} nats" style="background: rgba(214, 69, 65, '
        f'{min(1.0, -log_prob / NATS_OF_FULL_COLOUR) * 0.55:.2f})">{html.escape(piece)}</span>'
        for piece, log_prob in continuation.pieces
    )
    return (
        '<div style="white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.6">'
        f'<span style="opacity: 0.6">{html.escape(prompt)}</span>{spans}</div>'
    )


def _version(folder: Path) -> tuple[str, int]:
    """What a loaded model is remembered by: its folder, and when its weights were written."""
    weights = folder / "model.safetensors"
    return str(folder), weights.stat().st_mtime_ns if weights.is_file() else 0


@st.cache_resource(show_spinner="Loading the model", max_entries=2)
def _writer(folder: str, written: int) -> tuple[LanguageModel, Encoding]:
    del written
    path = Path(folder)
    return load_model(path, device=resolve_device("auto")), load_encoding(path / "tokenizer")


@st.cache_resource(show_spinner="Loading the model", max_entries=2)
def _classifier(folder: str, written: int) -> Classifier:
    del written
    return load_classifier(Path(folder), device=resolve_device("auto"))


def _told(draw: Callable[[], None]) -> None:
    """Draw; what the user can act on is shown as one sentence."""
    try:
        draw()
    except GptPathError as error:
        st.error(str(error))


if __name__ == "__main__":
    _told(lambda: main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
