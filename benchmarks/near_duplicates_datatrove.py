"""datatrove's MinHash pipeline on a folder of parquet shards: its four stages on two workers.

    python benchmarks/near_duplicates_datatrove.py SHARDS WORK_FOLDER RESULT.json

Runs in an environment with `datatrove[processing]`, spacy, pyarrow and orjson. RESULT.json gets
the seconds of each stage and the ids that were kept. With sha1, as its default hash, xxhash, fails
with current releases of that package.
"""

import json
import sys
import time
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig

WORKERS = 2


def main() -> None:
    """Run the stages one after the other."""
    shards, work, result = map(Path, sys.argv[1:])
    config = MinhashConfig(hash_config=HashConfig(hash_fc="sha1"))
    tasks = len(list(shards.glob("*.parquet")))
    reader = ParquetReader(str(shards), glob_pattern="*.parquet")
    signatures, buckets, removed, kept = (
        str(work / name) for name in ("signatures", "buckets", "removed", "kept")
    )
    writer = JsonlWriter(kept, output_filename="${rank}.jsonl", compression=None)
    stages = {
        "signatures": (tasks, [reader, MinhashDedupSignature(signatures, config=config)]),
        "buckets": (
            config.num_buckets,
            [MinhashDedupBuckets(signatures, buckets, config=config, only_dedup_in_index=False)],
        ),
        "cluster": (1, [MinhashDedupCluster(buckets, removed, config=config)]),
        "filter": (tasks, [reader, MinhashDedupFilter(removed), writer]),
    }
    seconds: dict[str, float] = {}
    for name, (count, pipeline) in stages.items():
        start = time.perf_counter()
        logs = str(work / "logs" / name)
        LocalPipelineExecutor(pipeline, tasks=count, workers=WORKERS, logging_dir=logs).run()
        seconds[name] = time.perf_counter() - start
    lines = (
        line for path in Path(kept).glob("*.jsonl") for line in path.read_text("utf-8").splitlines()
    )
    ids = sorted(json.loads(line)["id"] for line in lines)
    result.write_text(json.dumps({"seconds": seconds, "kept": ids}))


if __name__ == "__main__":
    main()
