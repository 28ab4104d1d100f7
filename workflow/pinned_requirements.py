#!/usr/bin/env python3
"""Print what the project installs, each at its pinned version: the input of pip-compile."""

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def canonical(name):
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[;]", name)[0]).lower()


settings = configparser.ConfigParser()
settings.read(ROOT / "settings.ini")
kinds = ("requirements", "paper_requirements", "dev_requirements")
named = " ".join(settings["DEFAULT"][kind] for kind in kinds)
wanted = {canonical(name) for name in named.split()}
for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
    pin = line.split("#")[0].strip()
    if pin and canonical(pin) in wanted:
        print(pin)
