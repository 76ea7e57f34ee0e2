"""Labelled text files are read where neither Polars nor the YAML tools are installed."""

import subprocess
import sys


def test_a_tsv_is_read_where_neither_polars_nor_the_yaml_tools_are(tmp_path):
    lines = [f"{i}\tp {i}\th {i}\t{'not_' * (i % 2)}entailment" for i in range(20)]
    for name, part in (("train.tsv", lines), ("dev.tsv", ["0\tp\th\tentailment"])):
        path = tmp_path / "RTE" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(["index\tsentence1\tsentence2\tlabel", *part]))
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "absent = {'prefect', 'mlflow', 'dvc', 'polars', 'pandas', 'pydantic', 'ruamel',\n"
        "          'datasets', 'sklearn', 'scipy'}\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in absent:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from gptpath.config.data_sets import DataSets\n"
        "from gptpath.finetune.suite.loading import load_published\n"
        "from gptpath.finetune.suite.table import TABLE\n"
        f"found = load_published(TABLE['rte'], Path({str(tmp_path)!r}), DataSets())\n"
        "sys.exit(0 if [len(rows) for rows in found.splits.values()] == [18, 2, 1] else 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
