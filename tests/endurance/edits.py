"""Edit a kernel 1,000 times and look for memory that grows: of the page, and of its server.

`make edits` opens the lab on a photo, presses arrow keys in a cell of the kernel, and waits for
each picture. The page's memory is counted after its garbage is collected, from the 600th edit on,
when what is bounded, as undo is, has its size, and at rest. Ends with status 1 where either grows
by more than it may.
"""

import sys
from dataclasses import dataclass

from playwright.sync_api import CDPSession, Page

from benchmarks.load import resident, server
from tests.chromium import chromium

WARM_UP = 600
EDITS = 1000
STEP = 500  # edits after which the page forgets its marks of time
# Less than half a kilobyte for each; what the server keeps is bounded, but comes and goes.
MOST_PAGE_BYTES = 512_000
MOST_SERVER_MIB = 16
PAINTED = """(edited) => performance.getEntriesByName('painted').at(-1)?.startTime > edited"""


EXACT = "() => document.querySelector('[data-testid=exact]')?.textContent === 'exact'"


@dataclass(frozen=True)
class Count:
    """Memory after so many edits: of scripts, of the browser behind them, of their arrays."""

    edits: int
    script_bytes: int
    browser_bytes: int
    buffer_bytes: int
    nodes: int
    listeners: int
    server_mib: float

    def page_bytes(self) -> int:
        """Return what the page's own code holds.

        Not what the browser holds behind it: while it is watched, Chromium keeps a third of a
        kilobyte of every request, whoever sends it.
        """
        return self.script_bytes + self.buffer_bytes

    def row(self) -> str:
        """Return a row of the table."""
        sizes = (self.script_bytes, self.browser_bytes, self.buffer_bytes)
        megabytes = " | ".join(f"{size / 1e6:.3f} MB" for size in sizes)
        return (
            f"| {self.edits} | {megabytes} | {self.nodes} | {self.listeners} "
            f"| {self.server_mib:.1f} MiB |"
        )


def count(session: CDPSession, pid: int, edits: int) -> Count:
    for _ in range(2):  # what the first collection has freed may hold more
        session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    parts = [
        int(usage[name]) for name in ("usedSize", "embedderHeapUsedSize", "backingStorageSize")
    ]
    told = session.send("Performance.getMetrics")["metrics"]
    values = {one["name"]: int(one["value"]) for one in told}
    nodes, listeners = values["Nodes"], values["JSEventListeners"]
    return Count(edits, *parts, nodes, listeners, resident(pid))


def edit(page: Page, key: str) -> None:
    """Press a key in the cell that is focused, and wait for the picture."""
    now = page.evaluate("performance.now()")
    page.keyboard.press(key)
    page.wait_for_function(PAINTED, arg=now, polling=5)


def run(base_url: str, pid: int) -> list[Count]:
    counts = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, service_workers="block")
        page.goto(base_url)
        page.get_by_test_id("kernel-1-1").click()
        session = page.context.new_cdp_session(page)
        for domain in ("HeapProfiler", "Runtime", "Performance"):
            session.send(f"{domain}.enable")
        for number in range(1, WARM_UP + EDITS + 1):
            # Values that come back, and others that do not.
            edit(page, "ArrowUp" if number % 3 else "ArrowDown")
            if number >= WARM_UP and (number - WARM_UP) % STEP == 0:
                page.wait_for_function(EXACT)
                counts.append(count(session, pid, number - WARM_UP))
                print(counts[-1].row(), flush=True)
    return counts


def main() -> int:
    """Edit, print a table, and judge it."""
    print(f"| edits | scripts | browser | arrays | nodes | listeners | server |\n|{7 * ' --- |'}")
    with server() as (port, pid):
        first, *_, last = run(f"http://127.0.0.1:{port}", pid)
    page_bytes = last.page_bytes() - first.page_bytes()
    server_mib = last.server_mib - first.server_mib
    print(f"\nOver {EDITS} edits the page grew by {page_bytes / 1e3:.0f} kB, the server by "
          f"{server_mib:.1f} MiB.")  # fmt: skip
    return int(page_bytes > MOST_PAGE_BYTES or server_mib > MOST_SERVER_MIB)


if __name__ == "__main__":
    sys.exit(main())
