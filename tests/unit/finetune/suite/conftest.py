import csv
import json

import pytest


@pytest.fixture
def write(tmp_path):
    def to(name, rows, delimiter="\t", quoting=csv.QUOTE_NONE):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith((".jsonl", ".txt")) and isinstance(rows[0], dict):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            with path.open("w", newline="") as stream:
                csv.writer(
                    stream,
                    delimiter=delimiter,
                    quoting=quoting,
                    quotechar="\0" if quoting == csv.QUOTE_NONE else '"',
                    lineterminator="\n",
                ).writerows(rows)

    return to
