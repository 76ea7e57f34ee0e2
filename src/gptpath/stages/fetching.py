"""`gptpath fetch`: fills the archives of `webtext` sources, so that `ingest` finds all there."""

import logging
import re
from pathlib import Path

from gptpath.config.ingest import WebText
from gptpath.config.loading import load_params
from gptpath.errors import ConfigError
from gptpath.events import ignore
from gptpath.stages.runner import log_to_stdout
from gptpath.text.executors import open_executor
from gptpath.text.web.fetching import FetchReport, Share, fetch

logger = logging.getLogger(__name__)


def fetch_archives(root: Path, *, source: str | None, part: str, again: bool) -> None:
    """Fetch for the source of this name, or for all; `part` is like 0/4.

    Raises ConfigError if there is no such source, SystemExit when told to stop.
    """
    log_to_stdout()
    params = load_params(root / "params.yaml")
    ingest = params.ingest
    known = [entry for entry in ingest.sources if isinstance(entry, WebText)]
    chosen = [entry for entry in known if source in (None, entry.name)]
    if not chosen:
        names = ", ".join(entry.name for entry in known) or "none"
        raise ConfigError(
            f"ingest.sources has no entry of kind webtext{f' named {source!r}' if source else ''}; "
            f"those that could be fetched: {names}"
        )
    share = _share(part)
    for entry in chosen:
        with open_executor(params.parallel) as executor:
            report = fetch(
                entry, root / ingest.raw, executor=executor, emit=ignore, share=share, again=again
            )
        _tell(entry.name, report)


def _share(part: str) -> Share:
    match = re.fullmatch(r"(\d+)/(\d+)", part)
    if not match:
        raise ConfigError(f"--part {part} is no share; expected one like 0/4, the first of four")
    return Share(part=int(match[1]), parts=int(match[2]))


def _tell(name: str, report: FetchReport) -> None:
    links = report.links
    logger.info("%s: %d links in the list; left out before:", name, links.links)
    for reason, count in sorted(links.dropped.items()):
        logger.info("  %9d %s", count, reason)
    if not report.outcomes:
        logger.info("%s: nothing to fetch, all %d links have an outcome", name, report.already)
        return
    logger.info("%s: %d requests; outcomes of this run:", name, report.requests)
    for outcome, count in sorted(report.outcomes.items()):
        logger.info("  %9d %s", count, outcome)
