"""A process that uses an instance's connection once in every round, as a worker does; run by tests of rotating tokens.

Reads a line per round from its standard input, asks the org something, and answers "ok" or the code of the error.
"""

import sys

from sidecar.bootstrap import bootstrap
from sidecar.errors import SidecarError


def main(slug: str) -> None:
    app = bootstrap()
    instance = app.instances.get(slug)
    for _ in sys.stdin:
        side = app.connect_salesforce(instance)
        try:
            side.refresh_describe("Lead")
            said = "ok"
        except SidecarError as error:
            said = error.code
        finally:
            side.close()
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
