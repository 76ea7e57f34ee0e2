"""Write what a change does to parameters, metrics and curves, against a base revision.

    python ci/report.py origin/main comparison.md

The file is what a pull request shows as a comment; in GitHub's runner it is also the job summary.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from gptpath.errors import GptPathError  # noqa: E402
from tasks.base_branch import snapshot_at, snapshot_here  # noqa: E402
from tasks.changes import render_changes  # noqa: E402


def main() -> int:
    """Write the file; 1 with one sentence when the base cannot be read."""
    parser = argparse.ArgumentParser(description="This checkout against a base revision.")
    parser.add_argument("base", help="a branch, tag or commit")
    parser.add_argument("to", type=Path, help="the Markdown file to write")
    options = parser.parse_args()
    try:
        text = render_changes(snapshot_at(ROOT, options.base), snapshot_here(ROOT))
    except GptPathError as error:
        print(f"ci/report.py: {error}", file=sys.stderr)
        return 1
    options.to.write_text(text, encoding="utf-8")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(summary, "a", encoding="utf-8") as file:
            file.write(text)
    print(f"written to {options.to}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
