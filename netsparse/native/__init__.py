"""Compiled code: built with the package where a C++ compiler is, loaded through ctypes, absent elsewhere.

Every function has a slower twin in Python that is used where the library is absent; nothing depends on it but speed.
"""

from netsparse.native.allocator import keep_freed_memory
from netsparse.native.loading import LEVELS, native_library, why_no_native

__all__ = ["LEVELS", "keep_freed_memory", "native_library", "why_no_native"]
