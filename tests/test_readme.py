"""The README's Python runs as printed, and its commands are the ones that exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_ten_lines_run_and_write_what_they_say(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) == 10
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Threshold(" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["digits.graphml"]


def test_the_two_commands_and_every_named_option_exist():
    first, second = re.search(r"```bash\n(.*?)\n(.*?)\n```", README).groups()
    assert first.split("#")[0].strip() == "pip install -c constraints.txt . && netsparse run"
    assert second.split("#")[0].strip() == 'pip install -c constraints.txt ".[test]" && pytest'
    assert second.split("#")[0].strip() in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    shown = subprocess.run([sys.executable, "-m", "netsparse", "run", "--help"], capture_output=True, text=True).stdout
    ours = re.sub(r"`pytest [^`]*`", "", README)
    for option in set(re.findall(r"--[a-z][a-z-]+", ours)) - {"--help"}:
        assert option in shown, option


def test_every_local_link_and_picture_is_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target
