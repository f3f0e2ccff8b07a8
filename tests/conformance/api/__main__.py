"""`make fuzz`: Schemathesis, all checks on, asks a server of its own more than 10,000 times.

It lives in an environment of its own: the first argument is its command, further ones go to it as
they are, e.g. `--seed 7`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.serving import serving

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# Examples an operation beyond those of the schema's corners, of which there are thousands.
EXAMPLES = 400


def main(command: str, *options: str) -> int:
    """Run it and return its exit status."""
    with tempfile.TemporaryDirectory() as store, serving(CONVSCOPE_STORE_DIR=store) as base_url:
        description = f"{base_url}/api/v1/openapi.json"
        asked = ["--checks", "all", "--max-examples", str(EXAMPLES), *options]
        run = [command, "--config-file", str(CONFIGURATION), "run", description, *asked]
        return subprocess.run(run, check=False).returncode


sys.exit(main(*sys.argv[1:]))
