# The commands of every day. `.venv` is made by the commands of the README.
bin := .venv/bin

.PHONY: run quick test lint sbom check

# The whole site with its stand-ins.
run:
	$(bin)/python -m sandbox

# The tests that are done soon: no process, no whole site, of each the first case. A second worker would start as long.
quick:
	$(bin)/python -m pytest -q --once --no-migrations -m "not (slow or deep)" \
		tests/accounts tests/billing tests/couplets tests/credits_site tests/haikus tests/instant_admin

# All tests, as in the README.
test:
	$(bin)/python -m pytest -q -n 2

lint:
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	git ls-files -z 'templates/*.html' | xargs -0 $(bin)/djade --check --target-version 5.2
	$(bin)/mypy .
	! git grep -n -E '^(<<<<<<<|>>>>>>>)( |$$)'

# What is in the container besides this project, in CycloneDX.
sbom:
	$(bin)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-file sbom.json requirements-container.lock

# What must hold before a change lands.
check:
	.ci/run
