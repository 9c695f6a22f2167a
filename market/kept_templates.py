"""Templates as bytecode beside themselves, as Python keeps that of its modules: to compile all of them takes seconds.

Where nothing may be written, or bytecode is not wanted, each process compiles what it needs.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket


class KeptTemplates(jinja2.FileSystemBytecodeCache):
    """The bytecode of the templates in one folder. A change to a template or to `made_by`, which names the module that
    sets up the environment, makes it anew.
    """

    def __init__(self, templates: Path, made_by: str) -> None:
        mark = sha256(Path(made_by).read_bytes()).hexdigest()[:12]
        super().__init__(str(templates / "__pycache__"), f"{mark}-%s.cache")

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)
