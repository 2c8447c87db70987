"""The publisher on libeigencam-client, by ctypes."""


def load():
    return None


def why_not():
    return "not there"
