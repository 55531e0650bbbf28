"""The run-time type checker of the tests: an int passes for a float, as in mypy."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
