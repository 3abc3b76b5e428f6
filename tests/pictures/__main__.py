"""Takes the pictures of every scene, or of some, and writes a page that shows them all.

`make pictures` runs this. It needs a Chromium.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console

from tests.pictures import account, background, calls, cards, causes, findings, forms, groups, outages, quiet, runs
from tests.pictures.album import write_album
from tests.pictures.stage import Stage, staged
from tests.sandbox.test_sandbox_page import BROWSER

Scene = Callable[[Stage], Awaitable[None]]
SCENES: dict[str, Scene] = {
    "empty_home": forms.empty_home,
    "failure_card": cards.failure_card,
    "muted_card": cards.muted_card,
    "causes": causes.causes,
    "logs": causes.logs,
    "causes_of_a_group": causes.causes_of_a_group,
    "background": background.background,
    "other_troubles": cards.other_troubles,
    "flapping": cards.flapping,
    "bounded_runs": runs.bounded_runs,
    "lag": findings.lag,
    "standstill": findings.standstill,
    "deployments": findings.deployments,
    "drift": findings.drift,
    "credits": account.account_credits,
    "later_calls": calls.later_calls,
    "several_at_once": calls.several_at_once,
    "outside_pagers": calls.outside_pagers,
    "drill": calls.drill,
    "small_group": groups.small_group,
    "shared_cause": groups.shared_cause,
    "large_group": groups.large_group,
    "slack_outage": outages.slack_outage,
    "goldrush_outage": outages.goldrush_outage,
    "mute_end": quiet.mute_end,
    "quiet_hours": quiet.quiet_hours,
    "handover": quiet.handover,
    "set_up": forms.set_up,
    "home_and_forms": forms.home_and_forms,
    "answers": forms.answers,
    "silent_bot": calls.silent_bot,
    "history": forms.history,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("scenes", nargs="*", choices=[*SCENES, []], help="all of them if none is named")
    parser.add_argument("--into", type=Path, default=Path("pictures"), help="a directory")
    chosen = parser.parse_args()
    if BROWSER is None:
        sys.stderr.write("No Chromium is installed. Set CHROMIUM to its path.\n")
        return 2
    chosen.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        failed = asyncio.run(_play(chosen.scenes or list(SCENES), Path(directory), chosen.into, BROWSER))
    return 1 if failed else 0


async def _play(names: list[str], directory: Path, into: Path, browser: str) -> list[str]:
    """Returns the scenes that failed. The others still have their pictures."""
    out, failed = Console(), []
    async with staged(directory, into, browser) as stage:
        for name in names:
            out.print(name)
            try:
                await SCENES[name](stage)
            except Exception:  # noqa: BLE001 (the other scenes matter too)
                out.print_exception()
                failed.append(name)
            if name != names[-1]:
                await stage.calm()
    write_album(into)
    out.print(f"Open {into / 'index.html'}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
