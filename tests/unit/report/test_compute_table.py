from pathlib import Path

from gptpath.report.lineage import compute_table
from gptpath.report.results import load_results
from tests.unit.report.fake_run import change, laptop_params, ledger, write, write_run


def test_what_an_earlier_profile_cost_counts_nowhere(tmp_path: Path) -> None:
    write_run(tmp_path)
    alone = compute_table(load_results(tmp_path, laptop_params()))
    path = "ledger/pretrain/earlier.json"
    write(tmp_path, path, ledger("pretrain", "earlier", 9e6, 8.3e19))
    change(
        tmp_path,
        path,
        lambda entry: entry.update(
            tokens=10**12,
            peak_memory_bytes=10**12,
            energy_source="nvml",
            machine={"cpu": "another", "cores": 1},
        ),
    )
    assert compute_table(load_results(tmp_path, laptop_params())) == alone
