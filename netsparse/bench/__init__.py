"""Measuring speed and memory on this machine, with peers side by side: what `netsparse bench` prints."""
