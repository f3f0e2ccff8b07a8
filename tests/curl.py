"""What curl does with the options that examples and copied commands use; it may be absent.

`python -m tests.curl` takes curl's own arguments, so that a shell can have it for a curl.
"""

import sys
from pathlib import Path

import httpx

FAILED = 22  # curl's own status for an error of the server


def curl(words: list[str], folder: Path) -> int:
    """Send the request that curl's arguments describe, write the answer; return curl's status."""
    headers: dict[str, str] = {}
    files: dict[str, tuple[str, bytes]] = {}
    fields: dict[str, str] = {}
    body: bytes | None = None
    url = target = method = ""
    rest = iter(words)
    for word in rest:
        if word == "-H":
            name, value = next(rest).split(": ", 1)
            headers[name] = value
        elif word in ("--json", "--data-binary", "-d"):
            value = next(rest)
            is_file = value.startswith("@")
            body = (folder / value[1:]).read_bytes() if is_file else value.encode()
            if word == "--json":
                headers = {"Content-Type": "application/json", **headers}
        elif word == "-F":
            name, value = next(rest).split("=", 1)
            if value.startswith("@"):
                files[name] = (value[1:], (folder / value[1:]).read_bytes())
            else:
                fields[name] = value
        elif word == "-o":
            target = next(rest)
        elif word == "-X":
            method = next(rest)
        elif word not in ("-sS", "-N", "--fail-with-body"):
            url = word
    method = method or ("POST" if files or body is not None else "GET")
    given = {"files": files, "data": fields} if files else {"content": body}
    answer = httpx.request(method, url, headers=headers, **given)  # type: ignore[arg-type]
    if target:
        (folder / target).write_bytes(answer.content)
    return FAILED if answer.is_error else 0


if __name__ == "__main__":
    sys.exit(curl(sys.argv[1:], Path.cwd()))
