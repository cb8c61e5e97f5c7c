# The two commands: `make run` and `make test`. What they do is in setup/, in Python.

# The first python3 that really runs (a version manager's shim may lead nowhere).
SETUP := $(shell for p in python3 /usr/bin/python3 /usr/local/bin/python3; do \
	$$p -c '' >/dev/null 2>&1 && echo $$p && break; done) setup/tandem.py

.PHONY: help run stop test check bench soak fuzz manage replay backup restore lock clean wipe

help:  ## this list
	@echo 'make run      start Tandem with a demo city on http://localhost:8000 (Ctrl-C stops it)'
	@echo '              PORT=8001  HOST=0.0.0.0  DEMO=no  CITY=/path/city.osm.pbf  PYTHON=/path/python3.13'
	@echo 'make test     every test, browser tests included; ARGS="-k verdict tests/geo" for some'
	@echo 'make check    linters and types'
	@echo 'make manage   a management command: make manage DO="import_roads --help"'
	@echo 'make replay   a recorded folder through the product: DIR=/path/folder OUT=/path/answers'
	@echo 'make backup   the database into one file: FILE=/path/tandem.backup'
	@echo 'make restore  the database from such a file: FILE=/path/tandem.backup SURE=yes'
	@echo 'make bench    the figures of docs/benchmarks.md, measured here; ONLY=verdicts for one'
	@echo 'make soak     minutes of load from simulated phones: MINUTES=5 PHONES=2000'
	@echo 'make fuzz     bytes of all kinds through the readers of phone formats: MINUTES=2'
	@echo 'make stop     stop what runs from this folder'
	@echo 'make lock     renew the lock files from requirements/*.in and frontend/package.json'
	@echo 'make clean    remove what was installed into this folder; the database stays'
	@echo 'make wipe     remove the database of this folder too: SURE=yes'

run stop test check bench soak fuzz manage replay backup restore lock clean wipe:
	@$(SETUP) $@

.DEFAULT_GOAL := help
