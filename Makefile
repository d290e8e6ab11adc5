# The few commands of this repository. `make` alone explains them.

.DEFAULT_GOAL := help
.PHONY: help run build test test-more tour soak bench bench-backup bench-edge bench-exporter bench-gateway bench-load bench-pages bench-waterfall

help: ## Explains these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Sets up, builds and starts PicUp on port 8080 with its data in ./data  [LISTEN=… DATA_DIR=… ARGS="…"]
	@scripts/run $(ARGS)

build: ## Builds target/release/picup with the pages in it
	@scripts/build

test: ## Everything a change must pass; prints the time of each suite  [SUITES="rust web"]
	@scripts/test $(SUITES)

test-more: ## Slower tests: 5 GB in and out, 100 GB of zeros, many kills, MySQL  [SUITES="large copies sparse kills mariadb mysql garage e2e benches"]
	@scripts/test-more $(SUITES)

tour: ## Five minutes through every promised capability, on real services
	@scripts/system-packages --tests
	@scripts/fetch-samples
	@scripts/build
	@cargo test --release --locked --quiet -p picup --test tour

soak: ## An hour of use and abuse at once, on the release: memory, descriptors and latency must stay flat  [MINUTES=60]
	@scripts/build
	@cargo test --workspace --locked --quiet --test soak -- --minutes $(or $(MINUTES),60) --binary $(CURDIR)/target/release/picup

bench: ## Comparisons with peers; docs/benchmarks.md has what they measured
	@scripts/system-packages --tests
	@scripts/build
	@bench/import
	@bench/backup
	@bench/edge
	@bench/exporter
	@bench/gateway

bench-edge: ## The edge beside nginx: the processor's time from memory and disk, and a crowd before a cold cache
	@scripts/system-packages --tests
	@scripts/build
	@bench/edge

bench-exporter: ## Counting nginx's log beside mtail: the processor's time and memory
	@scripts/system-packages --tests
	@scripts/build
	@bench/exporter

bench-gateway: ## The gateway beside nginx before the same API: the processor's time for a request, and p99 at half the load
	@scripts/system-packages --tests
	@scripts/build
	@bench/gateway

bench-backup: ## Copies to a second bucket beside rclone's copy and check
	@scripts/system-packages --tests
	@scripts/build
	@bench/backup

bench-load: ## Six scenarios of a photo service, 30 million assets: makes them first, 30 GB in half an hour  [SIZE=1m]
	@scripts/system-packages --tests
	@scripts/build
	@bench/load

bench-pages: ## What a page costs among 10 thousand, 1 million and 30 million assets
	@scripts/system-packages --tests
	@scripts/build
	@bench/seed
	@bench/pages

bench-waterfall: ## The timeline in Chromium over HTTP/1.1 and HTTP/2, at three networks, with two pictures of it
	@scripts/system-packages --tests
	@scripts/build
	@bench/waterfall
