"""The build hook: a wheel made where a C++ compiler is carries the compiled libraries, any other is pure Python."""

from __future__ import annotations

import importlib.util
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeBuildHook(BuildHookInterface):
    """Compiles in place before the files are gathered, for editable installations too."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say in the wheel's tag that it belongs to this platform."""
        place = Path(self.root) / "netsparse" / "native" / "compiler.py"
        spec = importlib.util.spec_from_file_location("compiler", place)
        if self.target_name != "wheel" or spec is None or spec.loader is None:
            return
        compiler = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(compiler)
        built = compiler.compile_all()
        if built:
            build_data["artifacts"] += [f"/netsparse/native/{path.name}" for path in built]
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
