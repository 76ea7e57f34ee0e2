"""CoQA's published JSON -> one row per question, with the conversation before it."""

from pathlib import Path
from typing import Any

from gptpath.errors import CorpusError
from gptpath.zeroshot.benchmarks.files import parse_json, read_text


def read_conversations(path: Path) -> list[dict[str, Any]]:
    """Rows of `story`, `history` ((question, answer) pairs), `question`, `answers`, `source`.

    `answers` holds the answer and the additional ones of the development set. Raises CorpusError
    if the file is no CoQA release.
    """
    try:
        stories = parse_json(read_text(path))["data"]
        return [row for story in stories for row in _rows(story)]
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{path} is not CoQA's JSON with `data` ({error!r})") from None


def _rows(story: Any) -> list[dict[str, Any]]:
    try:
        questions = [str(turn["input_text"]) for turn in story["questions"]]
        answers = [str(turn["input_text"]) for turn in story["answers"]]
        others = [
            [str(turn["input_text"]) for turn in turns]
            for _, turns in sorted((story.get("additional_answers") or {}).items())
        ]
        return [
            {
                "id": f"{story['id']}#{n:02d}",
                "story": str(story["story"]),
                "history": list(zip(questions[:n], answers[:n], strict=True)),
                "question": questions[n],
                "answers": [answers[n], *(turns[n] for turns in others)],
                "source": str(story.get("source", "")),
            }
            for n in range(len(questions))
        ]
    except (KeyError, IndexError, TypeError, AttributeError):
        return [{}]
