"""A shell that has a curl, whether or not the machine has one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.serving import ROOT


def run_commands(text: str, folder: Path) -> None:
    """Run what "Copy as curl" gives, in a folder."""
    environment = dict(os.environ)
    if not shutil.which("curl"):
        curl = folder / "bin" / "curl"
        curl.parent.mkdir(exist_ok=True)
        curl.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tests.curl "$@"\n')
        curl.chmod(0o755)
        environment["PATH"] = f"{curl.parent}:{environment['PATH']}"
    shell = ["/bin/sh", "-e"]
    subprocess.run(shell, input=text, cwd=folder, env=environment, text=True, check=True)
