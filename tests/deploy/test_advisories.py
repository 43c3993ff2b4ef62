"""What continuous integration says about published vulnerabilities where it can't ask for them."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.shell import ROOT

NOT_KNOWN = 75


@pytest.mark.skipif(not (ROOT / ".venv/bin/python").exists(), reason="there is no .venv: run make dev")
def test_a_service_that_is_not_reached_is_a_skip_and_no_pass() -> None:
    nowhere = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:1")
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"} | nowhere

    asked = subprocess.run([".ci/advisories"], cwd=ROOT, env=environment, check=False, capture_output=True, text=True)

    assert asked.returncode == NOT_KNOWN
    assert asked.stderr.startswith("SKIPPED: ")
